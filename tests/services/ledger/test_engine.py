"""The SQLite journal as a file: durable, append-only by its own word, erasable, shared."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from services.ledger.adapters import engine as engine_module
from services.ledger.adapters.engine import MIGRATIONS, NEWEST_REVISION, open_sqlite, reading
from services.ledger.adapters.sql import SqlJournal
from services.ledger.adapters.tables import metadata
from services.ledger.chart import Chart
from services.ledger.drafting import fingerprint_of
from services.ledger.erasure import record_erasure
from shared.errors import TransientError
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
    with reading(sql_journal._engine) as connection:
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
    with reading(sql_journal._engine) as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


def test_the_newest_revision_is_the_newest(tmp_path: Path) -> None:
    """Opening skips Alembic by this constant; stale, it would skip a migration."""
    del tmp_path
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST_REVISION


def test_opening_again_migrates_nothing(
    sql_journal: SqlJournal, sqlite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of the CLI opens the journal: it must not write."""
    assert repr(sql_journal) == "SqlJournal(sqlite)"
    monkeypatch.setattr(engine_module, "writing", None)
    open_sqlite(sqlite_file).dispose()


def test_two_processes_may_open_a_new_journal_at_once(sqlite_file: Path) -> None:
    """Whoever is second finds it migrated."""
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(open_sqlite, [sqlite_file] * 4))
    for engine in engines:
        engine.dispose()


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


def test_a_database_that_is_gone_is_transient(tmp_path: Path) -> None:
    """The worker backs off; nothing is quarantined for a disk."""
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(TransientError):
        open_sqlite(tmp_path / "ledger.sqlite")


def test_a_lost_race_is_transient(sql_house: House) -> None:
    """Where a database lets two writers in, its constraints decide and the loser looks again."""
    assert isinstance(sql_house.journal, SqlJournal)
    [booked] = sql_house.journal.history(TENANT, document("a"))
    with (
        pytest.raises(TransientError),
        engine_module.writing(sql_house.journal._engine) as connection,
    ):
        connection.exec_driver_sql(
            "INSERT INTO entries SELECT seq + 1, entry_id, tenant, document_id, revision, kind,"
            " ordinal + 1, commitment, document_type, date, reason, settles, actor, leaf, NULL"
            " FROM entries"
        )
    assert sql_house.journal.history(TENANT, document("a")) == [booked]
