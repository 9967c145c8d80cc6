"""Public files of a log: a directory that survives a crash, and memory that forgets."""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from services.ledger.publication import FileConflictError
from shared.errors import TransientError
from shared.tlog.errors import NotFoundError
from shared.tlog.note import VerifierKey

SYNCS_AT_ONCE: Final = 8
"""Syncs that wait for the disk at the same time; measured ten times faster than in turn."""


class MemoryFiles:
    """Public files in this process; for tests and the simulation."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, path: str) -> bytes:
        """Return the file at ``path``.

        Raises:
            NotFoundError: there is none.
        """
        try:
            return self.files[path]
        except KeyError:
            raise NotFoundError(f"{path}: there is no such file") from None

    def create_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write files that must not change ever after.

        Raises:
            FileConflictError: a file is there with other content; nothing is written.
        """
        for path, data in files:
            if self.files.get(path, data) != data:
                raise FileConflictError(f"{path} is published with other content")
        self.files.update(files)

    def replace_larger(self, path: str, data: bytes, *, size: Callable[[bytes], int]) -> bytes:
        """Write ``data`` if it is larger by ``size``; return what is there afterwards."""
        current = self.files.get(path)
        if current is None or size(data) > size(current):
            self.files[path] = data
        return self.files[path]


class DirectoryFiles:
    """Public files in a directory, to be served or copied as they are.

    A file appears whole or not at all (written beside, synced, renamed); a lock on the directory
    makes create-only and replace-larger hold between processes.

    Args:
        root: the log's prefix; made if absent.

    Raises:
        TransientError: ``root`` can't be made.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        with _translated():
            root.mkdir(parents=True, exist_ok=True)
            _sync_all({root.absolute().parent})

    @classmethod
    def open(cls, data_dir: Path, tenant: str, key: VerifierKey) -> Self:
        """Return the log of one tenant, its vkey line in ``<data-dir>/log/<tenant>.vkey``.

        Args:
            data_dir: the data directory.
            tenant: a checked tenant id; it becomes a file name.
            key: the log's public key.

        Raises:
            FileConflictError: another public key is published.
            TransientError: the directory is unavailable.
        """
        DirectoryFiles(data_dir / "log").create_all([(f"{tenant}.vkey", f"{key}\n".encode())])
        return cls(data_dir / "log" / tenant)

    def read(self, path: str) -> bytes:
        """Return the file at ``path``.

        Raises:
            NotFoundError: there is none.
            TransientError: it can't be read.
        """
        with _translated():
            data = _read(self._root / path)
        if data is None:
            raise NotFoundError(f"{path}: there is no such file")
        return data

    def create_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write files that must not change ever after.

        The files are synced side by side, which lets the disk commit them together. Directories
        above are synced even if they were there: a crash may have come in between.

        Raises:
            FileConflictError: a file is there with other content; nothing is written.
            TransientError: the directory is unavailable or full.
        """
        with _translated(), self._locked():
            missing: dict[Path, bytes] = {}
            for path, data in files:
                current = _read(self._root / path)
                if current is None:
                    missing[self._root / path] = data
                elif current != data:
                    raise FileConflictError(f"{path} is published with other content")
            _write_all(missing)
            _sync_all({self._root / above for path, _ in files for above in Path(path).parents})

    def replace_larger(self, path: str, data: bytes, *, size: Callable[[bytes], int]) -> bytes:
        """Write ``data`` if it is larger by ``size``; return what is there afterwards.

        Raises:
            TransientError: the directory is unavailable or full.
        """
        target = self._root / path
        with _translated(), self._locked():
            current = _read(target)
            if current is not None and size(data) <= size(current):
                return current
            _write_all({target: data})
            _sync_all({target.parent})
            return data

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._root, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)  # gives the lock back


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise TransientError(f"the published log is unavailable: {type(err).__name__}") from err


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write_all(files: dict[Path, bytes]) -> None:
    """Make each path hold its bytes; the lock makes the fixed names beside them safe to reuse."""
    beside = {target: target.with_name(f".{target.name}.new") for target in files}
    try:
        for directory in {target.parent for target in files}:
            directory.mkdir(parents=True, exist_ok=True)
        _side_by_side(lambda target: _write(beside[target], files[target]), sorted(files))
        for target in files:
            beside[target].replace(target)
    except OSError:
        for unfinished in beside.values():
            with suppress(OSError):
                unfinished.unlink()
        raise


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_all(directories: set[Path]) -> None:
    _side_by_side(_sync_directory, sorted(directories))


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _side_by_side(work: Callable[[Path], None], paths: list[Path]) -> None:
    """Do the work for every path; the first error is raised after all were tried."""
    if len(paths) == 1:
        work(paths[0])
    elif paths:
        with ThreadPoolExecutor(min(SYNCS_AT_ONCE, len(paths))) as pool:
            for future in [pool.submit(work, path) for path in paths]:
                future.result()
