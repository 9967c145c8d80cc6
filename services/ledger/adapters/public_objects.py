"""Public files of a log in an object store: a bucket that can be served as it is.

Nothing is locked: create-only, and compare-and-swap on an object's generation, hold between any
number of processes and machines. A write that returned is durable; one whose answer got lost is
found done by whoever tries again.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

from services.ledger.publication import FileConflictError
from shared.errors import TransientError
from shared.objects.port import (
    AlreadyExistsError,
    GenerationMismatchError,
    ObjectStore,
)
from shared.objects.port import NotFoundError as NoObjectError
from shared.tlog.errors import NotFoundError
from shared.tlog.prefetch import Prefetch
from shared.tlog.reader import Reader

REQUESTS_AT_ONCE: Final = 16
"""Uploads and looks that wait for the store at the same time; half of a connection's sockets."""

_TRIES: Final = 16

T = TypeVar("T")
U = TypeVar("U")


class PublicObjects:
    """Public files at the objects below a prefix.

    Args:
        store: safe to share by threads.
        prefix: of the objects' names; empty, or ending with a slash.
    """

    def __init__(self, store: ObjectStore, prefix: str = "") -> None:
        self._store = store
        self._prefix = prefix

    def read(self, path: str) -> bytes:
        """Return the file at ``path``.

        Raises:
            NotFoundError: there is none.
            TransientError: the store is unavailable.
        """
        try:
            return self._store.read(self._prefix + path).data
        except NoObjectError:
            raise NotFoundError(f"{path}: there is no such file") from None

    @contextmanager
    def ahead(self, paths: Iterator[str]) -> Iterator[Reader]:
        """Read these files before they are asked for, a bounded number of bytes ahead."""
        with Prefetch(self, paths, threads=REQUESTS_AT_ONCE) as near:
            yield near

    def create_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write files that must not change ever after; all are durable on return.

        Every file is looked for before the first is written. One that somebody else creates in
        between counts as written, if it is the same.

        Raises:
            FileConflictError: a file is there with other content. If it was there before, nothing
                is written.
            TransientError: the store is unavailable; some may be written.
        """
        there = _side_by_side(lambda file: self._stands(*file), files)
        missing = [file for file, stands in zip(files, there, strict=True) if not stands]
        _side_by_side(lambda file: self._create(*file), missing)

    def replace_larger(self, path: str, data: bytes, *, size: Callable[[bytes], int]) -> bytes:
        """Write ``data`` if it is larger by ``size``; return what is there afterwards.

        What was compared is what is replaced: whoever was faster is compared with, too.

        Raises:
            TransientError: the store is unavailable, or others are always faster.
        """
        name = self._prefix + path
        for _ in range(_TRIES):
            try:
                current = self._store.read(name)
                if size(data) <= size(current.data):
                    return current.data
                self._store.replace(name, data, generation=current.info.generation)
            except NoObjectError:
                try:
                    self._store.create(name, data)
                except AlreadyExistsError:
                    continue
            except GenerationMismatchError:
                continue
            return data
        raise TransientError(f"{path} is replaced by others all the time")

    def _stands(self, path: str, data: bytes) -> bool:
        """Tell whether a file is there; with other content it must not be."""
        try:
            if self._store.read(self._prefix + path).data == data:
                return True
        except NoObjectError:
            return False
        raise FileConflictError(f"{path} is published with other content")

    def _create(self, path: str, data: bytes) -> None:
        try:
            self._store.create(self._prefix + path, data)
        except AlreadyExistsError:
            if not self._stands(path, data):
                raise TransientError(f"{path} came and went") from None


def _side_by_side(work: Callable[[T], U], items: Sequence[T]) -> list[U]:
    """Do the work for every item; the first error is raised when none is under way any more."""
    if len(items) <= 1:
        return [work(item) for item in items]
    pool = ThreadPoolExecutor(min(REQUESTS_AT_ONCE, len(items)), thread_name_prefix="publish")
    try:
        return [future.result() for future in [pool.submit(work, item) for item in items]]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
