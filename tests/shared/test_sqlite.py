"""Opening a file that other processes open and close."""

import sqlite3
import threading
from pathlib import Path

import pytest

from shared.sqlite import turn_to_wal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file in the old journal mode, with a row."""
    path = tmp_path / "a.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    return path


def held(path: Path) -> sqlite3.Connection:
    """Return a connection that keeps the file to itself."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    return other


def test_turning_waits_for_who_has_the_file(path: Path) -> None:
    """A command that opens the file while another closes it must not fail for that."""
    other = held(path)
    mine = sqlite3.connect(path, timeout=0)
    with pytest.raises(sqlite3.OperationalError):
        mine.execute("PRAGMA journal_mode = WAL").fetchone()
    release = threading.Timer(0.1, other.rollback)
    release.start()
    turn_to_wal(mine, busy_s=20)
    assert mine.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    release.join()
    mine.close()
    other.close()


def test_turning_gives_up_in_the_end(path: Path) -> None:
    """Somebody who never lets go is an outage, not a wait for ever."""
    other = held(path)
    mine = sqlite3.connect(path, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        turn_to_wal(mine, busy_s=0)
    mine.close()
    other.close()


def test_another_error_is_told_at_once(tmp_path: Path) -> None:
    """A file that is no database does not become one by waiting."""
    path = tmp_path / "no.sqlite"
    path.write_bytes(b"not a database, but long enough to be looked at as one" * 20)
    mine = sqlite3.connect(path)
    with pytest.raises(sqlite3.DatabaseError):
        turn_to_wal(mine)
    mine.close()
