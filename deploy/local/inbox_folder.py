"""An inbox folder: what is dropped in becomes submissions."""

from collections.abc import Iterator
from pathlib import Path

from deploy.local.entrance import Entrance, RefusedAtTheDoorError
from deploy.local.files import expand
from shared.telemetry.reasons import RefusedReason

TAKEN = ".taken"
REFUSED = ".refused"

_State = tuple[int, int]


class InboxFolder:
    """Takes files in once they have stopped growing, and moves them aside.

    A file is taken when two looks in a row find the same size and time. Its bytes are durable in
    the store before it is moved to ``.taken/``; what is refused goes to ``.refused/``.

    Args:
        folder: to watch.
        entrance: takes the files.
    """

    def __init__(self, folder: Path, entrance: Entrance) -> None:
        self._folder = folder
        self._entrance = entrance
        self._seen: dict[Path, _State] = {}

    def look(self) -> Iterator[tuple[Path, RefusedReason | None]]:
        """Take what is ready; yield each file with the reason if it was refused.

        Raises:
            TransientError: the store or the bus is unavailable; the file stays for the next look.
        """
        now: dict[Path, _State] = {}
        for path in expand([self._folder]):
            state = _state(path)
            if state is None or path == self._folder:
                continue
            if self._seen.get(path) != state:
                now[path] = state
                continue
            reason = None
            try:
                self._entrance.submit(path)
            except RefusedAtTheDoorError as refused:
                reason = refused.reason
            self._move(path, REFUSED if reason else TAKEN)
            yield path, reason
        self._seen = now

    def _move(self, path: Path, to: str) -> None:
        target = self._folder / to / path.relative_to(self._folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        number = 0
        free = target
        while free.exists():
            number += 1
            free = target.with_name(f"{target.name}.{number}")
        path.rename(free)


def _state(path: Path) -> _State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
