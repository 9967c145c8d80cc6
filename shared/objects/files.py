"""The few file operations that the directory store is made of.

Each is durable when it returns, unless its name says ``unsynced``.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from shared.errors import TransientError
from shared.objects.port import AlreadyExistsError

T = TypeVar("T")


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the file system raises (full, denied, broken) into ``TransientError``."""
    try:
        yield
    except OSError as err:
        code = errno.errorcode.get(err.errno or 0, "unknown")
        raise TransientError(f"the object store is unavailable ({code})") from err


def write_whole(descriptor: int, data: bytes, generation: int) -> None:
    """Write and sync ``data``, with ``generation`` as the modification time."""
    write_unsynced(descriptor, data, generation)
    os.fsync(descriptor)  # not fdatasync: the time is part of the object


def write_unsynced(descriptor: int, data: bytes, generation: int) -> None:
    """Write ``data``, with ``generation`` as the modification time; the caller syncs it."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.utime(descriptor, ns=(generation, generation))


def link_new(temporary: Path, path: Path) -> None:
    """Give a file its name, once; on any failure the name is free again.

    Raises:
        AlreadyExistsError: another process was first.
        ValueError: the name is a folder.
    """
    link_unsynced(temporary, path)
    try:
        sync_folder(path.parent)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


def link_unsynced(temporary: Path, path: Path) -> None:
    """Give a file its name, once; the caller syncs the folder.

    Raises:
        AlreadyExistsError: another process was first.
        ValueError: the name is a folder.
    """
    try:
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        if path.is_dir():
            raise ValueError("an object's name is not a folder of another's") from None
        raise AlreadyExistsError from None


def side_by_side(pool: Executor, sync: Callable[[T], None], things: Collection[T]) -> None:
    """Sync all of ``things`` at once: the disk commits together what it is asked for together.

    Measured on ext4 with 64 files: 126 ms one after the other, 22 ms by eight threads.

    Raises:
        OSError: one could not be synced; all were tried.
    """
    if len(things) == 1:
        sync(next(iter(things)))
        return
    tried = [pool.submit(sync, thing) for thing in things]
    wait(tried)
    for one in tried:
        one.result()


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def overwrite_file(path: Path) -> None:
    """Write zeros over a file's bytes, in place."""
    with path.open("r+b", buffering=0) as file:
        rest = os.fstat(file.fileno()).st_size
        while rest > 0:
            rest -= file.write(bytes(min(rest, 1 << 20)))
        os.fsync(file.fileno())


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file against every other process and thread."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode=0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
