"""Asking for one of many."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, String, Table, select

from services.ingest.register_schema import REGISTER
from shared.database.among import among
from shared.database.database import Database
from shared.database.migrations import migrate
from shared.database.postgres import connect
from shared.database.sqlite import open_sqlite

THINGS = Table("things", MetaData(), Column("name", String(20), primary_key=True))
HOSTILE = ["{}", '"', "a,b", "NULL", "\\", "é", "%(x)s"]


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
        connection.execute(THINGS.insert(), [{"name": name} for name in [*HOSTILE, "other"]])
    yield opened
    opened.close()


@pytest.mark.parametrize("wanted", [[], HOSTILE, ["nobody", "{}"], ["x"] * 500])
def test_what_is_among_them_is_found_and_nothing_else(
    database: Database, wanted: list[str]
) -> None:
    """An array has a syntax of its own, which no value may break out of."""
    with database.reading() as connection:
        query = select(THINGS.c.name).where(among(connection, THINGS.c.name, wanted))
        found = set(connection.execute(query).scalars())
    assert found == set(wanted) & {*HOSTILE, "other"}
