"""Small objects in one SQLite file, for what need not outlive a power cut: leases.

The port's promise is kept but for one word: what a write left is there for every process at once
and outlives ``kill -9`` of its writer, but the last writes may be gone after a power cut (WAL,
``synchronous=NORMAL``: the file itself is whole). Of leases that is enough: a power cut ends every
holder, and one start the less is counted. What a document needs belongs in the directory.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Final

from shared.clock import Clock, SystemClock
from shared.errors import TransientError
from shared.objects.names import checked_name, checked_prefix
from shared.objects.port import (
    AlreadyExistsError,
    GenerationMismatchError,
    NotFoundError,
    ObjectInfo,
    StoredObject,
)
from shared.sqlite import turn_to_wal, writing

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PREPARE: Final = (
    "PRAGMA synchronous = NORMAL",
    """CREATE TABLE IF NOT EXISTS objects
       (name TEXT PRIMARY KEY, generation INTEGER NOT NULL, data BLOB NOT NULL) WITHOUT ROWID""",
)
_READ: Final = "SELECT generation, data FROM objects WHERE name = ?"
_STAT: Final = "SELECT generation, length(data) FROM objects WHERE name = ?"
_LIST: Final = (
    "SELECT name, generation, length(data) FROM objects "
    "WHERE name >= ? AND substr(name, 1, length(?)) = ? ORDER BY name"
)
_CREATE: Final = "INSERT OR IGNORE INTO objects (name, generation, data) VALUES (?, ?, ?)"
_REPLACE: Final = "UPDATE objects SET generation = ?, data = ? WHERE name = ? AND generation = ?"
_DELETE: Final = (
    "DELETE FROM objects WHERE name = :name AND (:generation IS NULL OR generation = :generation)"
)


class SqliteObjects:
    """An object store for small things that change often. Safe for several processes and threads.

    Names are flat here: ``a`` and ``a/b`` may both be. What is deleted leaves the answers at once
    and the file whenever SQLite uses the page again: nothing that must be gone belongs here.

    An object's generation is the time of its write in microseconds, always growing.

    Args:
        path: its file, made on first use, readable for its owner alone.
        clock: stamps objects.
        busy_s: how long to wait for another process's transaction.

    Raises:
        TransientError: the file is unavailable.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None, busy_s: float = 30.0) -> None:
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._last = 0
        with _translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(
                path, timeout=busy_s, isolation_level=None, check_same_thread=False
            )
            try:
                turn_to_wal(self._connection, busy_s=busy_s)
                for statement in _PREPARE:
                    self._connection.execute(statement)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def create(self, name: str, data: bytes) -> ObjectInfo:
        """Write ``data`` if nothing is there.

        Raises:
            AlreadyExistsError: the name is taken; what is there is unchanged.
            ValueError: no object can have that name.
        """
        checked_name(name)
        with self._writing() as run:
            generation = self._next_generation()
            if run.execute(_CREATE, (name, generation, data)).rowcount == 0:
                raise AlreadyExistsError
        return _info(name, generation, len(data))

    def replace(self, name: str, data: bytes, *, generation: int) -> ObjectInfo:
        """Write ``data`` over exactly ``generation``.

        Raises:
            GenerationMismatchError: the object is at another generation, or gone.
        """
        checked_name(name)
        with self._writing() as run:
            later = self._next_generation(after=generation)
            if run.execute(_REPLACE, (later, data, name, generation)).rowcount == 0:
                raise GenerationMismatchError
        return _info(name, later, len(data))

    def read(self, name: str) -> StoredObject:
        """Return the object.

        Raises:
            NotFoundError: there is none.
        """
        rows = self._rows(_READ, checked_name(name))
        if not rows:
            raise NotFoundError
        generation, data = rows[0]
        return StoredObject(_info(name, generation, len(data)), data)

    def stat(self, name: str) -> ObjectInfo | None:
        """Return what is at ``name``, or None."""
        rows = self._rows(_STAT, checked_name(name))
        return _info(name, *rows[0]) if rows else None

    def delete(self, name: str, *, generation: int | None = None) -> None:
        """Remove the object; no error when there is none."""
        checked_name(name)
        with self._lock, _translated():
            self._connection.execute(_DELETE, {"name": name, "generation": generation})

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose name starts with ``prefix``, ordered by name."""
        checked_prefix(prefix)
        found = [_info(*row) for row in self._rows(_LIST, prefix, prefix, prefix)]
        return (info for info in found if self.stat(info.name) is not None)

    def _next_generation(self, after: int = 0) -> int:
        now = (self._clock.now() - _EPOCH) // _MICROSECOND
        self._last = max(now, self._last + 1, after + 1)
        return self._last

    def _rows(self, sql: str, *parameters: str) -> Sequence[tuple[Any, ...]]:
        with self._lock, _translated():
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated(), writing(self._connection) as run:
            yield run


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what SQLite and the file system raise into ``TransientError``."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except (sqlite3.Error, OSError) as err:
        code = getattr(err, "sqlite_errorname", type(err).__name__)
        raise TransientError(f"the store of small objects is unavailable ({code})") from err


def _info(name: str, generation: int, size: int) -> ObjectInfo:
    return ObjectInfo(name, generation, size, _EPOCH + timedelta(microseconds=generation))
