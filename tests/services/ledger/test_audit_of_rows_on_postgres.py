"""On PostgreSQL, whoever owns the server can turn triggers off: the audit still finds out."""

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any, Final, LiteralString, cast

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.tables import metadata
from services.ledger.audit import check_books
from services.ledger.chart import Chart
from tests.services.ledger.conftest import House
from tests.services.ledger.postgres_journals import JournalDatabase
from tests.services.ledger.sealed import CHECKED, SAYS_NOTHING, a_sealed_house, names

pytestmark = pytest.mark.integration

UPDATE: Final = "UPDATE {} SET {} = %s WHERE ctid = %s RETURNING ctid"

Hand = psycopg.Connection[dict[str, Any]]


@pytest.fixture
def house(journal_database: JournalDatabase, chart: Chart) -> House:
    """A sealed ledger on PostgreSQL."""
    return a_sealed_house(journal_database.journal(), chart)


@pytest.fixture
def hand(house: House, journal_database: JournalDatabase) -> Iterator[Hand]:
    """The superuser, with the triggers turned off."""
    del house
    url = journal_database.url("postgres")
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        connection.execute(f"SET search_path = {JOURNAL.name}")
        for table in CHECKED:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        yield connection


def flipped(value: object, dice: random.Random) -> object:
    """Return the value with one bit flipped; text stays text."""
    if isinstance(value, int):
        return value ^ (1 << dice.randrange(31))
    if isinstance(value, dt.date):
        return value + dt.timedelta(days=1 << dice.randrange(10))
    data = bytearray(value.encode() if isinstance(value, str) else cast("bytes", value))
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(7)
    return data.decode("utf-8", "replace") if isinstance(value, str) else bytes(data)


def test_a_flipped_bit_in_every_value_of_every_row_is_found(house: House, hand: Hand) -> None:
    """The same as in a file: each value of the books is sealed, or held against one that is."""
    dice = random.Random(5)
    assert check_books(house.journal, house.log) == []
    index_of = {
        row["seq"]: row["log_index"] for row in hand.execute("SELECT seq, log_index FROM entries")
    }
    tried = 0
    for table in CHECKED:
        columns = [column.name for column in metadata.tables[table].columns]
        for row in hand.execute(query("SELECT ctid, * FROM {}", table)).fetchall():
            index = row["size"] - 1 if "size" in row else index_of[row["seq"]]
            for column in columns:
                value = row[column]
                if value in {None, ""} or (table, column) in SAYS_NOTHING:
                    continue
                change = query(
                    "UPDATE {} SET {} = %s WHERE ctid = %s RETURNING ctid", table, column
                )
                try:
                    moved = hand.execute(change, (flipped(value, dice), row["ctid"])).fetchone()
                except (psycopg.IntegrityError, psycopg.DataError):
                    continue  # the database refuses it by itself
                assert moved is not None
                found = check_books(house.journal, house.log)
                back = hand.execute(change, (value, moved["ctid"])).fetchone()
                assert back is not None
                row["ctid"] = back["ctid"]
                assert names(found, index), (table, column, found)
                tried += 1
    assert check_books(house.journal, house.log) == []
    assert tried > len(CHECKED) * 5


def query(text: LiteralString, *identifiers: str) -> sql.Composed:
    """Return a statement with names in it."""
    return sql.SQL(text).format(*map(sql.Identifier, identifiers))
