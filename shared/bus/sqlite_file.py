"""How the SQLite bus opens its file, and what its errors mean.

A transaction writes whole pages, and one event touches a handful: small pages are less to write,
smaller ones still would hold no event. The log is short enough to be written over soon: a disk is
quicker to sync what does not grow.
"""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from shared.bus import statements
from shared.errors import TransientError, UserError
from shared.sqlite import turn_to_wal

PAGE_BYTES: Final = 2048
LOG_PAGES: Final = 1000


@contextmanager
def translated() -> Iterator[None]:
    """Turn what SQLite raises when it is locked, full or broken into ``TransientError``.

    A misuse of SQLite is a bug of ours and stays what it is.
    """
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
        raise
    except sqlite3.Error as err:
        code = getattr(err, "sqlite_errorname", type(err).__name__)
        raise TransientError(f"the bus is unavailable ({code})") from err


def open_bus_file(path: Path, subscriptions: list[str], *, busy_s: float) -> sqlite3.Connection:
    """Open the bus's file, made on first use, and note subscriptions that are new.

    Raises:
        TransientError: the folder or the file is unavailable.
        UserError: the file was made by another version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One at a time makes the tables, or finds them made.
        with path.with_name(path.name + ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _opened(path, subscriptions, busy_s)
    except OSError as err:
        raise TransientError("the bus's folder is unavailable") from err


def _opened(path: Path, subscriptions: list[str], busy_s: float) -> sqlite3.Connection:
    with translated():
        connection = sqlite3.connect(
            path, timeout=busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a file that is new
            turn_to_wal(connection, busy_s=busy_s)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                connection.executescript(
                    f"BEGIN IMMEDIATE; {statements.TABLES} {statements.SET_VERSION}; COMMIT;"
                )
            elif version != statements.VERSION:
                _refuse(path, version)
            connection.executemany(statements.NEW_SUBSCRIPTION, [(name,) for name in subscriptions])
        except BaseException:
            connection.close()
            raise
    return connection


def _refuse(path: Path, version: int) -> NoReturn:
    whose = "an older" if version < statements.VERSION else "a newer"
    raise UserError(
        f"{path.name} was made by {whose} version of docledger (format {version}, this one uses "
        f"{statements.VERSION}): use that version on {path.parent}, or start a new folder with "
        "--data-dir"
    )
