"""SQLite on one machine: durable, forgetful of what was deleted, brought up to date when opened."""

import sqlite3
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL

from shared.database.database import WRITES, Database
from shared.database.revisions import require_current, require_known, revision_of, suits
from shared.database.schema import Schema
from shared.errors import TransientError
from shared.sqlite import turn_to_wal

BUSY_S: Final = 30.0

_PRAGMAS: Final = (
    "PRAGMA synchronous=FULL",  # a commit that returned survives the power cut
    "PRAGMA secure_delete=ON",  # a deleted row is gone from the file as well
    "PRAGMA recursive_triggers=ON",  # or INSERT OR REPLACE would delete past the delete triggers
    "PRAGMA wal_autocheckpoint=8000",  # 32 MB: a batch of thousands does not copy the WAL twice
)


def connect_sqlite(path: Path, schema: Schema, *, busy_s: float = BUSY_S) -> Database:
    """Return the database in the file at ``path``, in whichever revision; nothing is asked yet.

    Raises:
        TransientError: the file's folder cannot be made now.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise TransientError(f"the folder of {schema.called} is unavailable") from err
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_s, "isolation_level": None},
        hide_parameters=True,
        paramstyle="named",  # so that rows can be handed to the driver as they are
    )
    event.listen(engine, "connect", partial(_prepare, busy_s=busy_s))
    event.listen(engine, "begin", _begin)
    return Database(engine, schema)


def open_sqlite(path: Path, schema: Schema, *, busy_s: float = BUSY_S) -> Database:
    """Return the database in the file at ``path``, made and migrated where necessary.

    Args:
        path: its file; folders on the way are made.
        schema: whose tables.
        busy_s: how long to wait for another process's transaction.

    Raises:
        TransientError: the file cannot be opened now.
        UserError: a newer version made it.
    """
    database = connect_sqlite(path, schema, busy_s=busy_s)
    try:
        with database.reading() as connection:
            revision = revision_of(connection, schema)
        if not suits(revision, schema):
            require_known(revision, schema)
            from shared.database.migrations import migrate  # noqa: PLC0415 - takes longer than opening what is current

            migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def look_into_sqlite(path: Path, schema: Schema, *, busy_s: float = BUSY_S) -> Database:
    """Return the database in the file at ``path`` for who may only read: SQLite itself refuses.

    Raises:
        TransientError: there is no such file yet, or it cannot be opened now.
        UserError: its tables are at another revision than the code.
    """
    engine = create_engine(
        URL.create(
            "sqlite",
            database=f"file:{quote(str(path.absolute()))}",
            query={"mode": "ro", "uri": "true"},
        ),
        connect_args={"timeout": busy_s, "isolation_level": None, "check_same_thread": False},
        hide_parameters=True,
    )
    event.listen(engine, "begin", _begin)
    database = Database(engine, schema)
    return require_current(database, remedy="a worker brings it there when it starts")


def _prepare(connection: sqlite3.Connection, _record: object, *, busy_s: float) -> None:
    turn_to_wal(connection, busy_s=busy_s)
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
