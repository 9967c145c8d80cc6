"""Rows go in by the driver's fastest way, and are refused like any others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    select,
)
from sqlalchemy.exc import IntegrityError

from services.ingest.register_schema import REGISTER
from shared.database.database import Database
from shared.database.inserting import insert_rows
from shared.database.migrations import migrate
from shared.database.postgres import connect
from shared.database.sqlite import open_sqlite
from shared.errors import TransientError

THINGS = Table(
    "things",
    MetaData(),
    Column("key", Integer, primary_key=True),
    Column("name", String(20), nullable=False),
    Column("bytes", LargeBinary),
)
ABSENT = Table("absent", MetaData(), Column("at", DateTime))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give a database of each kind, with a table."""
    if request.param == "sqlite":
        opened = open_sqlite(tmp_path / "x.sqlite", REGISTER)
    else:
        opened = connect(request.getfixturevalue("postgres"), REGISTER)
        migrate(opened)
    with opened.writing() as connection:
        THINGS.create(connection)
    yield opened
    opened.close()


def read(connection: Connection) -> list[tuple[object, ...]]:
    """Return every row."""
    return [tuple(row) for row in connection.execute(select(THINGS).order_by(THINGS.c.key))]


def test_values_arrive_as_they_are(database: Database) -> None:
    """COPY has an escaping of its own: tabs, backslashes, NULL and bytes must survive it."""
    hostile = [
        (1, "\\N", b"\\x00\t\n\xff"),
        (2, "a\tb\\.\n", None),
        (3, "", b""),
        (4, "%s %(n)s", b"%"),
    ]
    rows = [dict(zip(("key", "name", "bytes"), one, strict=True)) for one in hostile]
    with database.writing() as connection:
        insert_rows(connection, THINGS, [])
        insert_rows(connection, THINGS, rows)
        assert read(connection) == hostile


def test_a_row_that_is_there_is_refused(database: Database) -> None:
    """A double must be an error of the same kind on both, and undo all of it."""

    def double() -> None:
        with database.writing() as connection:
            insert_rows(connection, THINGS, [{"key": key, "name": "n"} for key in (1, 2, 1)])

    with pytest.raises(IntegrityError):
        double()
    with database.reading() as connection:
        assert read(connection) == []


def test_no_table_is_waited_for(postgres: str) -> None:
    """The driver's own error would pass by whoever tells what waits from what does not."""
    database = connect(postgres, REGISTER)

    def insert() -> None:
        with database.writing() as connection:
            insert_rows(connection, ABSENT, [{"at": None}])

    with pytest.raises(TransientError, match="42P01"):
        insert()
    database.close()
