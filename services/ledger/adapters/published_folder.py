"""Published logs in a folder, for who may only read."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from services.ledger.adapters.published import Published
from shared.errors import TransientError
from shared.tlog.errors import MalformedError, NotFoundError
from shared.tlog.tiles import MOST_FILE_BYTES

T = TypeVar("T")


class PublishedFolder(Published):
    """Finds logs as ``DirectoryFiles`` leaves them.

    Args:
        root: of all logs.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(_Folder(root), lambda tenant: _Folder(root / tenant))
        self._root = root

    def check(self) -> None:
        """Ask the folder something, for ``/ready``. Before the first entry there is none.

        Raises:
            TransientError: it cannot be listed.
        """
        try:
            next(self._root.iterdir(), None)
        except FileNotFoundError:
            return
        except OSError as err:
            raise TransientError("the published logs are unavailable") from err


class _Folder:
    """The files of one log, or those beside the logs."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> bytes:
        """Return the file at ``path``, which lies in the folder for certain.

        Raises:
            NotFoundError: there is none, or it is elsewhere.
            MalformedError: it is larger than any file of a log.
            TransientError: it cannot be read now.
        """
        return _translated(lambda: self._within(path))

    def _within(self, path: str) -> bytes:
        target = (self._root / path).resolve(strict=True)
        if not target.is_relative_to(self._root.resolve()) or not target.is_file():
            raise NotFoundError(f"{path}: there is no such file")
        with target.open("rb") as file:
            data = file.read(MOST_FILE_BYTES + 1)
        if len(data) > MOST_FILE_BYTES:
            raise MalformedError(f"{path}: is larger than any file of a log")
        return data


def _translated(read: Callable[[], T]) -> T:
    try:
        return read()
    except (FileNotFoundError, NotADirectoryError, ValueError) as err:
        raise NotFoundError("there is no such file") from err
    except (OSError, RuntimeError) as err:  # RuntimeError: pathlib's word for a loop of links
        raise TransientError(f"the published log is unavailable: {type(err).__name__}") from err
