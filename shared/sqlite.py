"""What every SQLite file of ours needs, whoever owns it."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PAUSE_S: Final = 0.02
_PRIMARY: Final = 0xFF  # the low byte of an extended result code


def turn_to_wal(connection: sqlite3.Connection, *, busy_s: float = 30.0) -> None:
    """Turn the file to write-ahead logging; it stays turned.

    SQLite's own busy timeout does not hold here: while another process opens the file, or is the
    last to close it, turning fails at once. So it is tried again until ``busy_s`` are over.

    Raises:
        sqlite3.OperationalError: it stayed busy, or failed for another reason.
    """
    until = time.monotonic() + busy_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as err:
            busy = err.sqlite_errorcode & _PRIMARY == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > until:
                raise
            time.sleep(PAUSE_S)
        else:
            return


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Hold one write transaction: committed at the end, rolled back by any exception.

    Raises:
        sqlite3.Error: the file is locked, full or broken; nothing was written.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself rolls back when it is full
            connection.execute("ROLLBACK")
        raise


@contextmanager
def unsynced(connection: sqlite3.Connection) -> Iterator[None]:
    """Do not wait for the disk at the commits within, on a connection that is else under FULL.

    They survive a process that is killed. A power cut may take the latest of them, but none that a
    synced commit came after: the log is one, and is synced up to its end. Under WAL it damages
    nothing (https://www.sqlite.org/pragma.html#pragma_synchronous).
    """
    # Not execute(): it keeps prepared statements, and these act while they are being prepared.
    connection.executescript("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        connection.executescript("PRAGMA synchronous = FULL")
