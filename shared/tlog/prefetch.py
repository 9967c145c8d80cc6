"""Reading ahead: several files are on their way while one is being hashed."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

from shared.tlog.reader import Reader

MOST_AHEAD: Final = 24
"""Files that wait to be asked for."""

MOST_AHEAD_BYTES: Final = 8 << 20
"""What they may weigh together, going by the largest file so far."""


class Prefetch:
    """A reader over another one that is asked in a known order, and is safe to share by threads.

    Args:
        reader: where the files are.
        paths: what will be asked for, in that order; consumed lazily.
        threads: how many files are read at once.
    """

    def __init__(self, reader: Reader, paths: Iterator[str], *, threads: int) -> None:
        self._reader = reader
        self._paths = paths
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="prefetch")
        self._waiting: deque[tuple[str, Future[bytes]]] = deque()
        self._ahead = 2
        self._largest = 1

    def __enter__(self) -> Self:
        self._fill()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def read(self, path: str) -> bytes:
        """Return the file at ``path``; a path that is not the next one is read at once.

        Raises:
            TlogError: as the reader beneath.
        """
        if not self._waiting or self._waiting[0][0] != path:
            return self._reader.read(path)
        _, future = self._waiting.popleft()
        data = future.result()
        self._largest = max(self._largest, len(data))
        self._ahead = max(1, min(self._ahead * 2, MOST_AHEAD, MOST_AHEAD_BYTES // self._largest))
        self._fill()
        return data

    def _fill(self) -> None:
        while len(self._waiting) < self._ahead:
            path = next(self._paths, None)
            if path is None:
                return
            self._waiting.append((path, self._pool.submit(self._reader.read, path)))
