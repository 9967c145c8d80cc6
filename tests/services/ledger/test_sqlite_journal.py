"""The SQLite journal as a file: durable, append-only by its own word, erasable, shared."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.sql import SqlJournal
from services.ledger.adapters.tables import metadata
from services.ledger.chart import Chart
from services.ledger.drafting import fingerprint_of
from services.ledger.erasure import record_erasure
from shared.database import migrations
from shared.database.migrations import config_of
from shared.database.sqlite import open_sqlite
from shared.events.results import Summary
from shared.keys.port import TenantPurpose
from tests.services.ledger.conftest import TENANT, House, a_summary, document


@pytest.fixture
def sql_house(sql_journal: SqlJournal, chart: Chart) -> House:
    """Return a ledger on SQLite with one sealed post."""
    house = House(sql_journal, chart)
    house.books("a")
    house.sequencer.step()
    return house


ATTACKS = [
    "UPDATE entries SET kind = 'memo'",
    "UPDATE entries SET leaf = x'00'",
    "UPDATE entries SET log_index = 7",
    "UPDATE entries SET log_index = NULL",
    "DELETE FROM entries",
    "UPDATE postings SET amount = amount * 2",
    "DELETE FROM postings",
    "UPDATE outbox SET document_id = 'x'",
    "DELETE FROM outbox",
    "UPDATE checkpoints SET root = x'00'",
    "DELETE FROM checkpoints",
    "INSERT OR REPLACE INTO checkpoints SELECT tenant, size, x'00', note, 0 FROM checkpoints",
    "UPDATE intents SET root = x'00'",
    "UPDATE intents SET note = 'another'",
    "UPDATE intents SET note = NULL",
    "DELETE FROM intents",
    "INSERT OR REPLACE INTO intents SELECT tenant, size, x'00', NULL FROM intents",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_database_itself_refuses_to_change_history(
    sql_house: House, sqlite_file: Path, attack: str
) -> None:
    """Whoever connects, with whatever client: history is append-only."""
    assert sql_house.publisher.events
    with sqlite3.connect(sqlite_file) as connection:
        before = list(connection.iterdump())
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(attack)
        assert list(connection.iterdump()) == before
    connection.close()


def test_the_file_is_durable_and_forgets(sql_journal: SqlJournal) -> None:
    """WAL, synchronous=FULL (2), secure_delete: read back from a connection of ours."""
    with sql_journal._database.reading() as connection:
        told = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "recursive_triggers")
        ]
    assert told == ["wal", 2, 1, 1]


def test_an_erased_fingerprint_is_nowhere_in_the_file(
    sql_house: House, sqlite_file: Path, summary: Callable[..., Summary]
) -> None:
    """SQLite keeps deleted rows in free pages and the WAL unless told otherwise."""
    key = sql_house.keyring.tenant_key(TENANT, TenantPurpose.IDS)
    fingerprint = fingerprint_of(key, summary())
    assert fingerprint is not None

    def found() -> bool:
        with sqlite3.connect(sqlite_file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        connection.close()
        files = sqlite_file.parent.glob("ledger.sqlite*")
        return any(fingerprint.encode() in file.read_bytes() for file in files)

    assert found()
    record_erasure(TENANT, document("a"), journal=sql_house.journal, keyring=sql_house.keyring)
    assert not found()


def test_migrations_and_tables_say_the_same(sql_journal: SqlJournal) -> None:
    """The statements are written against the tables, the database is made by the migrations."""
    with sql_journal._database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


def test_the_newest_revision_is_the_newest() -> None:
    """Opening skips Alembic by this constant; stale, it would skip a migration."""
    script = ScriptDirectory.from_config(config_of(JOURNAL))
    assert script.get_current_head() == JOURNAL.newest


def test_opening_again_migrates_nothing(
    sql_journal: SqlJournal, sqlite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of the CLI opens the journal: it must not write."""
    assert repr(sql_journal) == "SqlJournal(sqlite)"
    monkeypatch.setattr(migrations, "migrate", None)
    open_sqlite(sqlite_file, JOURNAL).close()


def test_writers_at_once_lose_nothing(sql_journal: SqlJournal, chart: Chart) -> None:
    """Several workers share the file; each entry stands once."""
    house = House(sql_journal, chart)
    events = [house.arrives(f"d{n}", a_summary(invoice_id=str(n))) for n in range(24)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(house.handle, events * 2))
    assert len(list(sql_journal.all_entries(TENANT))) == 24


def test_the_same_invoice_at_once_posts_once(sql_journal: SqlJournal, chart: Chart) -> None:
    """Two files of one invoice, two workers, one instant."""
    house = House(sql_journal, chart)
    events = [house.arrives(f"d{n}", a_summary()) for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(house.handle, events))
    assert len(sql_journal.open_holds(TENANT)) == 7
