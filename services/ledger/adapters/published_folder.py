"""Published logs in a folder, for who may only read: nothing is made, no key is opened."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from services.ledger.api_log import PublishedLog
from shared.errors import TransientError
from shared.tlog.errors import MalformedError, NotFoundError
from shared.tlog.key_history import KEYS_SUFFIX, keys_of
from shared.tlog.note import VerifierKey
from shared.tlog.tiles import MOST_FILE_BYTES

T = TypeVar("T")

_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class PublishedFolder:
    """Finds logs as ``DirectoryFiles`` leaves them: ``<tenant>/``, ``<tenant>.vkey``, ``….keys``.

    Args:
        root: of all logs.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, PublishedLog] = {}

    def log_of(self, tenant: str) -> PublishedLog | None:
        """Return the log of a tenant; None where there is none, whatever the string is.

        Raises:
            TlogError: its public key is none, or its key history does not hold.
            TransientError: the folder cannot be read.
        """
        if not _TENANT.fullmatch(tenant):
            return None
        history = self._beside(tenant, KEYS_SUFFIX)
        log = self._known.get(tenant)
        if log is None or log.history != history:
            line = self._beside(tenant, ".vkey")
            if line is None:
                return None
            key = keys_of(VerifierKey.parse(line.decode("ascii", "replace")), history)
            log = PublishedLog(files=_Folder(self._root / tenant), key=key, history=history)
            self._known[tenant] = log
        return log

    def _beside(self, tenant: str, suffix: str) -> bytes | None:
        """Return a file beside the log's folder; None where there is none."""
        try:
            return _translated((self._root / f"{tenant}{suffix}").read_bytes)
        except NotFoundError:
            return None

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
    """The files of one log."""

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
