"""Where all logs of a site are published: a folder, or a bucket.

Either holds ``<tenant>/checkpoint`` and ``<tenant>/tile/…``, and beside them ``<tenant>.vkey``, the
log's first public key, and ``<tenant>.keys``, the history of its keys once there are several.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from services.ledger.adapters.public_files import DirectoryFiles
from services.ledger.adapters.public_objects import PublicObjects
from services.ledger.publication import PublicFiles
from services.ledger.settings import LogPlaceSettings
from shared.errors import TransientError
from shared.objects.port import ObjectStore
from shared.tlog.errors import NotFoundError
from shared.worker.built import nothing

LOG_FOLDER: Final = "log"
"""In a data folder."""


class Place(Protocol):
    """Where logs are published. Raises ``TransientError`` when it is unavailable."""

    def find(self, name: str) -> bytes | None:
        """Return a file that lies beside the logs, if it is there; nothing is made."""
        ...

    def beside(self) -> PublicFiles:
        """Return the files beside the logs, to be written."""
        ...

    def log(self, tenant: str) -> PublicFiles:
        """Return the files of a tenant's log; its id was checked."""
        ...

    def close(self) -> None:
        """Hang up, where it was a server."""
        ...


class FolderPlace:
    """Logs in a folder.

    Args:
        root: ``log/`` of a data folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, name: str) -> bytes | None:
        """Return a file that lies beside the logs, if it is there."""
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as err:
            raise TransientError("a file beside the published logs cannot be read") from err

    def beside(self) -> DirectoryFiles:
        """Return the files beside the logs."""
        return DirectoryFiles(self._root)

    def log(self, tenant: str) -> DirectoryFiles:
        """Return the files of a tenant's log."""
        return DirectoryFiles(self._root / tenant)

    def close(self) -> None:
        """Nothing is open."""


class BucketPlace:
    """Logs in a bucket that holds nothing else.

    Args:
        store: the bucket.
        close: hangs up.
    """

    def __init__(self, store: ObjectStore, *, close: Callable[[], None] = nothing) -> None:
        self._store = store
        self.close = close

    def find(self, name: str) -> bytes | None:
        """Return an object that lies beside the logs, if it is there."""
        try:
            return self.beside().read(name)
        except NotFoundError:
            return None

    def beside(self) -> PublicObjects:
        """Return the objects beside the logs."""
        return PublicObjects(self._store)

    def log(self, tenant: str) -> PublicObjects:
        """Return the objects of a tenant's log."""
        return PublicObjects(self._store, f"{tenant}/")


def open_place(data_dir: Path, settings: LogPlaceSettings | None = None) -> Place:
    """Return where the logs of a data folder are published; nothing is asked yet.

    Args:
        data_dir: its ``log/`` is the place where the settings name no bucket.
        settings: read from the environment when None.

    Raises:
        UserError: the environment is wrong.
    """
    settings = settings or LogPlaceSettings.from_environment()
    if settings.bucket is None:
        return FolderPlace(data_dir / LOG_FOLDER)
    from services.ledger.adapters.log_bucket import open_bucket  # noqa: PLC0415 - half a second

    store = open_bucket(settings.bucket, settings.kms_key)
    return BucketPlace(store, close=store.close)
