"""Objects in a directory: one file each, under its own name, for any number of processes.

A file appears whole or not at all: it is written and synced beside the others, then linked to its
name, which fails if the name is taken. A write that returned has reached the disk, its folders
included. Files are never written in place, so a reader holds on to the version it opened.

An object's generation is its file's modification time in nanoseconds, set by us and always
growing. Whoever copies the directory keeps the times (``cp -a``, ``rsync -a``, tar).

Replacing and deleting take a lock on one of a few files in ``~locks``; ``~tmp`` holds what is being
written. Neither can be an object's name.
"""

import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Final

from shared.clock import Clock, SystemClock
from shared.objects.files import (
    link_new,
    link_unsynced,
    locked,
    overwrite_file,
    side_by_side,
    sync_folder,
    translated,
    write_unsynced,
    write_whole,
)
from shared.objects.names import checked_name, checked_prefix, folders_of
from shared.objects.port import (
    AlreadyExistsError,
    GenerationMismatchError,
    NotFoundError,
    ObjectInfo,
    StoredObject,
)

_TEMPORARY: Final = "~tmp"
_LOCKS: Final = "~locks"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_REMEMBERED: Final = 10_000
_SYNCS_AT_ONCE: Final = 8


class DirectoryObjects:
    """The embedded object store.

    No object's name is a folder of another's (``a`` and ``a/b``); a folder stays one.

    Args:
        root: the directory, made on first use. Readable for its owner alone.
        clock: stamps objects.
        overwrite: whether deleting writes over the bytes first, for stores whose bytes are not
            encrypted. A file system that copies on write may keep the old blocks all the same.

    Raises:
        TransientError: the directory is unavailable.
    """

    def __init__(self, root: Path, *, clock: Clock | None = None, overwrite: bool = False) -> None:
        self._root = root
        self._clock = clock or SystemClock()
        self._overwrite = overwrite
        self._last = 0
        self._lock = Lock()
        self._durable: set[str] = set()
        self._syncs = ThreadPoolExecutor(_SYNCS_AT_ONCE, thread_name_prefix="sync")
        with translated():
            for folder in (root, root / _TEMPORARY, root / _LOCKS):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()

    def create(self, name: str, data: bytes) -> ObjectInfo:
        """Write ``data`` if nothing is there.

        Raises:
            AlreadyExistsError: the name is taken; what is there is unchanged.
            ValueError: no object can have that name (a folder of others has it, for one).
        """
        path = self._path(name)
        with translated():
            if self.stat(name) is not None:
                raise AlreadyExistsError  # the ordinary redelivery: nothing need be written
            fresh = self._make_folders([name])
            for folder in fresh:
                sync_folder((self._root / folder).parent)
            self._remember(fresh)
            generation = self._next_generation()
            with self._temporary_file() as (descriptor, temporary):
                write_whole(descriptor, data, generation)
                try:
                    link_new(temporary, path)
                except FileNotFoundError:
                    self._durable.clear()  # somebody removed a folder; the next try makes it again
                    raise
        return _info(name, len(data), generation)

    def stamped(self, name: str, data: bytes) -> StoredObject:
        """Return the object that ``create_all`` would write now; nothing is written yet."""
        checked_name(name)
        return StoredObject(_info(name, len(data), self._next_generation()), data)

    def create_all(self, objects: Sequence[StoredObject]) -> None:
        """Write several new objects; on return all of them have reached the disk.

        None of them can be read before its bytes have reached the disk, as with ``create``; but
        files and folders are each synced side by side, which takes little longer than one.

        Args:
            objects: as ``stamped`` made them, of different names; what is referred to comes first.

        Raises:
            AlreadyExistsError: a name was taken meanwhile. What stands before it is written; what
                comes after it may refer to it, and is not.
            TransientError: the directory is unavailable; none of them can be read.
        """
        taken = False
        with translated(), ExitStack() as written:
            fresh = self._make_folders(one.info.name for one in objects)
            files = [written.enter_context(self._temporary_file()) for _ in objects]
            for (descriptor, _), one in zip(files, objects, strict=True):
                write_unsynced(descriptor, one.data, one.info.generation)
            side_by_side(self._syncs, os.fsync, [descriptor for descriptor, _ in files])
            linked: list[Path] = []
            try:
                for (_, temporary), one in zip(files, objects, strict=True):
                    try:
                        link_unsynced(temporary, self._root / one.info.name)
                    except AlreadyExistsError:
                        taken = True
                        break
                    linked.append(self._root / one.info.name)
                folders = {path.parent for path in linked}
                folders |= {(self._root / folder).parent for folder in fresh}
                side_by_side(self._syncs, sync_folder, folders)
            except (OSError, ValueError):
                self._durable.clear()  # where somebody removed a folder, the next try makes it
                for path in linked:
                    with suppress(OSError):
                        path.unlink()
                raise
            self._remember(fresh)
        if taken:
            raise AlreadyExistsError

    def confirm(self, names: Iterable[str]) -> None:
        """Make sure that objects which can be read have reached the disk with their names.

        A writer names what it has synced, then syncs the folders; for a moment others can read
        what a power cut could still take. Whoever destroys something because these objects are
        there must ask first. A name that is not there is passed over.
        """
        folders = {
            (self._root / folder).parent
            for name in names
            for folder in (*folders_of(checked_name(name)), name)
        }
        with translated():
            side_by_side(self._syncs, sync_folder, [one for one in folders if one.is_dir()])

    def replace(self, name: str, data: bytes, *, generation: int) -> ObjectInfo:
        """Write ``data`` over exactly ``generation``.

        Raises:
            GenerationMismatchError: the object is at another generation, or gone.
        """
        path = self._path(name)
        later = self._next_generation(after=generation)
        with translated():
            self._expect(name, generation)
            with self._temporary_file() as (descriptor, temporary):
                write_whole(descriptor, data, later)
                with self._locked(name):
                    self._expect(name, generation)
                    temporary.rename(path)
                    sync_folder(path.parent)
        return _info(name, len(data), later)

    def read(self, name: str) -> StoredObject:
        """Return the object.

        Raises:
            NotFoundError: there is none.
        """
        path = self._path(name)
        with translated():
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError):
                raise NotFoundError from None
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise NotFoundError
            with os.fdopen(descriptor, "rb") as file:
                seen = os.fstat(descriptor)
                return StoredObject(_info(name, seen.st_size, seen.st_mtime_ns), file.read())

    def stat(self, name: str) -> ObjectInfo | None:
        """Return what is at ``name``, or None."""
        path = self._path(name)
        with translated():
            try:
                seen = os.lstat(path)
            except (FileNotFoundError, NotADirectoryError):
                return None
        if not stat.S_ISREG(seen.st_mode):
            return None
        return _info(name, seen.st_size, seen.st_mtime_ns)

    def delete(self, name: str, *, generation: int | None = None) -> None:
        """Remove the object so that its bytes are gone; no error when there is none."""
        path = self._path(name)
        if self.stat(name) is None:
            return
        with translated(), self._locked(name), suppress(FileNotFoundError):
            now = self.stat(name)
            if generation is not None and (now is None or now.generation != generation):
                return
            if not self._overwrite:
                path.unlink()
                sync_folder(path.parent)
                return
            # Moved aside first: nobody reads half of what is being written over.
            aside = self._temporary()
            path.rename(aside)
            sync_folder(path.parent)
            overwrite_file(aside)
            aside.unlink()

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose name starts with ``prefix``, ordered by name."""
        checked_prefix(prefix)
        folder = prefix.rpartition("/")[0]
        return self._walk(folder + "/" if folder else "", prefix)

    def _walk(self, folder: str, prefix: str) -> Iterator[ObjectInfo]:
        found: list[tuple[str, ObjectInfo | None]] = []
        with (
            translated(),
            suppress(FileNotFoundError, NotADirectoryError),
            os.scandir(self._root / folder) as entries,
        ):
            for entry in entries:
                name = folder + entry.name
                if "~" in entry.name or not name.startswith(prefix[: len(name)]):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    found.append((name + "/", None))  # sorts where its objects do
                elif name.startswith(prefix) and (info := self.stat(name)) is not None:
                    found.append((name, info))
        for name, info in sorted(found, key=lambda pair: pair[0]):
            if info is None:
                yield from self._walk(name, prefix)
            else:
                yield info

    def _path(self, name: str) -> Path:
        return self._root / checked_name(name)

    def _next_generation(self, after: int = 0) -> int:
        now = (self._clock.now() - _EPOCH) // timedelta(microseconds=1) * 1000
        with self._lock:
            self._last = max(now, self._last + 1, after + 1)
            return self._last

    def _expect(self, name: str, generation: int) -> None:
        there = self.stat(name)
        if there is None or there.generation != generation:
            raise GenerationMismatchError

    def _make_folders(self, names: Iterable[str]) -> Sequence[str]:
        """Make the folders of ``names``; return those whose names may not be durable yet.

        Those that another process just made are among them.
        """
        fresh = {
            folder: None
            for name in names
            for folder in folders_of(name)
            if folder not in self._durable
        }
        for folder in fresh:
            try:
                (self._root / folder).mkdir(mode=0o700, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise ValueError("an object's name is not a folder of another's") from None
        return list(fresh)

    def _remember(self, durable: Sequence[str]) -> None:
        if len(self._durable) + len(durable) > _MOST_REMEMBERED:
            self._durable.clear()
        self._durable.update(durable)

    def _temporary(self) -> Path:
        return self._root / _TEMPORARY / secrets.token_hex(16)

    @contextmanager
    def _temporary_file(self) -> Iterator[tuple[int, Path]]:
        """Give an empty file that is gone afterwards, unless it was renamed.

        Its writer holds a lock on it, by which ``_sweep`` knows it from what the dead left.
        """
        descriptor, temporary = self._new_temporary()
        try:
            yield descriptor, temporary
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
            os.close(descriptor)

    def _new_temporary(self) -> tuple[int, Path]:
        """Make a file and lock it; again, where a sweep took it for a dead writer's in between."""
        while True:
            temporary = self._temporary()
            descriptor = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode=0o600
            )
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink > 0:
                return descriptor, temporary
            os.close(descriptor)

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        stripe = hashlib.sha256(name.encode()).hexdigest()[:2]
        with locked(self._root / _LOCKS / stripe):
            yield

    def _sweep(self) -> None:
        """Remove what writers left that died before they were done."""
        for path in (self._root / _TEMPORARY).iterdir():
            with suppress(FileNotFoundError, BlockingIOError), path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._overwrite:
                    overwrite_file(path)
                path.unlink()


def _info(name: str, size: int, generation: int) -> ObjectInfo:
    updated = _EPOCH + timedelta(microseconds=generation // 1000)
    return ObjectInfo(name, generation, size, updated)
