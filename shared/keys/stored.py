"""Where wrapped keys lie: a port, and a folder behind it.

Names are ``<document_id>`` and ``tenants/<tenant>.<purpose>``. Destroying a key and writing it anew
(under another version of the KEK) exclude each other: what was destroyed never comes back.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from shared.errors import TransientError, UserError
from shared.keys.port import KeyMissingError

TENANTS: Final = "tenants"


class StoredKeys(Protocol):
    """Wrapped keys by name.

    Every method raises ``TransientError`` when the place is unavailable.
    """

    def read(self, name: str) -> bytes:
        """Return what is stored.

        Raises:
            KeyMissingError: nothing is, or it was destroyed.
        """
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Store ``data`` durably if nothing is there; return whether it was this call."""
        ...

    def replace(self, name: str, old: bytes, new: bytes) -> bool:
        """Store ``new`` where ``old`` is, if it still is; return whether it was."""
        ...

    def destroy(self, name: str) -> None:
        """Make what is stored unreadable for good; no error when nothing is."""
        ...

    def has(self, name: str) -> bool:
        """Tell whether something is stored, for who may not read it."""
        ...

    def names(self) -> Iterator[str]:
        """Return the names of the keys that are there, tenants' first."""
        ...


class KeyFolder:
    """Wrapped keys as files (0600) in a folder (0700), for any number of processes.

    Destroying overwrites the file in place before it is unlinked; so does replacing with the file
    that it replaces. A file system that copies on write, or a drive that remaps blocks, may keep
    the old block; it holds the key in wrapped form only.

    Args:
        folder: for keys alone; made if it is not there. Keep it out of backups that live long.

    Raises:
        UserError: the folder is somebody else's.
        TransientError: it cannot be made now.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            (folder / TENANTS).mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except PermissionError as error:
            raise UserError(
                "the folder of keys is not ours to use: change its owner to this user"
            ) from error
        except OSError as error:
            raise TransientError("the folder of keys is unavailable") from error

    def __repr__(self) -> str:
        return "KeyFolder()"

    def read(self, name: str) -> bytes:
        """Return what is stored; see ``StoredKeys``."""
        path = self._folder / name
        for _look in range(2):
            try:
                stored = path.read_bytes()
            except FileNotFoundError:
                raise KeyMissingError("there is no such key: destroyed, or never made") from None
            except OSError as error:
                raise TransientError("the key could not be read") from error
            if any(stored):
                return stored
            # Overwritten: destroyed and about to be unlinked, or replaced by a file that is there.
        raise KeyMissingError("there is no such key: destroyed")

    def create(self, name: str, data: bytes) -> bool:
        """Store ``data`` durably if nothing is there; see ``StoredKeys``."""
        try:
            return create_file(self._folder / name, data)
        except OSError as error:
            raise TransientError("the key could not be stored") from error

    def replace(self, name: str, old: bytes, new: bytes) -> bool:
        """Store ``new`` where ``old`` is, if it still is; see ``StoredKeys``."""
        path = self._folder / name
        try:
            with self._locked(), path.open("r+b") as replaced:
                if replaced.read() != old:
                    return False
                unfinished = _unfinished(path)
                unfinished.unlink(missing_ok=True)
                _write(unfinished, new)
                unfinished.replace(path)
                sync_folder(path.parent)
                replaced.seek(0)
                replaced.write(bytes(len(old)))
                replaced.flush()
                os.fsync(replaced.fileno())
        except FileNotFoundError:
            return False
        except OSError as error:
            raise TransientError("the key could not be stored") from error
        return True

    def destroy(self, name: str) -> None:
        """Make what is stored unreadable for good; see ``StoredKeys``."""
        try:
            with self._locked():
                path = self._folder / name
                destroy_file(path)
                destroy_file(_unfinished(path))  # what a replacement left that was killed
        except OSError as error:
            raise TransientError("the key could not be destroyed yet") from error

    def has(self, name: str) -> bool:
        """Tell whether something is stored; see ``StoredKeys``."""
        try:
            self.read(name)
        except KeyMissingError:
            return False
        return True

    def names(self) -> Iterator[str]:
        """Return the names of the keys that are there, tenants' first."""
        for folder, prefix in ((self._folder / TENANTS, f"{TENANTS}/"), (self._folder, "")):
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        kek = not prefix and entry.name == "kek"
                        if not kek and not entry.name.startswith(".") and entry.is_file():
                            yield prefix + entry.name
            except OSError as error:
                raise TransientError("the folder of keys is unavailable") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)  # gives the lock back


def create_file(path: Path, data: bytes) -> bool:
    """Write ``data`` durably if nothing is at ``path``; return whether it was this call.

    A hard link is atomic and never replaces. Should the process die before the second name is
    gone, the two share one inode, and destroying one overwrites both.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(temporary, data)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def destroy_file(path: Path) -> None:
    """Overwrite every byte of a file in place, on the disk, and unlink it; none is no error."""
    try:
        with path.open("r+b") as file:
            file.write(bytes(os.fstat(file.fileno()).st_size))
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Let a folder's names reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unfinished(path: Path) -> Path:
    """Return where a replacement is written; one at a time, under the folder's lock."""
    return path.with_name(f".{path.name}.new")


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
