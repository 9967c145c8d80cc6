"""The tables of second persons, conversions and closes: guarded, kept on the way back."""

import datetime as dt
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from services.ledger.adapters.grants import READER, SEQUENCER, WORKER
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.sql import SqlJournal
from services.ledger.audit import FindingCode, check_books
from services.ledger.fx import Rate
from services.ledger.periods import Period
from services.ledger.proposals import Action, Ask
from shared.database.database import Database
from shared.database.migrations import migrate
from shared.database.postgres import connect
from shared.database.sqlite import open_sqlite
from tests.services.ledger.conftest import TENANT, House, a_summary, document
from tests.services.ledger.papers import person
from tests.services.ledger.postgres_journals import LOGINS, OWNER, JournalDatabase

ALICE, BOB = person("alice"), person("bob")

ATTACKS = [
    "UPDATE entries SET links = NULL",
    "UPDATE entries SET approver = 'x'",
    "UPDATE entries SET particulars = '{}'",
    "UPDATE proposals SET drafted = '[]'",
    "UPDATE proposals SET expires_at = 9e18",
    "DELETE FROM proposals",
    "INSERT OR REPLACE INTO proposals SELECT * FROM proposals",
    "UPDATE proposal_ends SET how = 'approved'",
    "DELETE FROM proposal_ends",
    "INSERT OR REPLACE INTO proposal_ends SELECT * FROM proposal_ends",
    (
        "INSERT INTO entries SELECT seq + 100, 'e', tenant, 'd', revision, kind, ordinal, "
        "commitment, document_type, date, reason, NULL, 'alice', leaf, NULL, links, 'alice', "
        "particulars FROM entries LIMIT 1"
    ),
]


def lived_in(house: House) -> House:
    """Let a journal have a conversion, an approved reversal, a rejected proposal and a close."""
    house.clock.sleep((dt.datetime(2026, 3, 5, tzinfo=dt.UTC) - house.clock.now()).total_seconds())
    house.books("a", a_summary(currency="USD"))
    house.books("b", a_summary(net_amount="50000.00", total_tax_amount="0", total_amount="50000"))
    rate = Rate("USD", "EUR", "0.9215", "ECB", dt.date(2026, 1, 30))
    house.desk.convert(TENANT, document("a"), actor=ALICE, rate=rate)
    for decide in (house.desk.reject, house.desk.approve):
        asked = house.desk.propose(TENANT, Ask(Action.REVERSE, document("b")), actor=ALICE)
        decide(TENANT, asked.proposal_id, actor=BOB)
        house.clock.sleep(1)
    house.sequencer.step()
    house.periods.close(TENANT, Period(2026, 1), actor=ALICE)
    house.sequencer.step()
    assert check_books(house.journal, house.log) == []
    return house


@pytest.fixture
def books(house_on_sqlite: House) -> House:
    """A ledger on SQLite that has one of each."""
    return lived_in(house_on_sqlite)


@pytest.fixture
def house_on_sqlite(sql_journal: SqlJournal, memory_house: House) -> House:
    """A whole ledger on SQLite."""
    return House(sql_journal, memory_house.chart)


def test_the_database_refuses_to_change_what_was_decided(books: House, sqlite_file: Path) -> None:
    """Whoever connects, with whatever client; one person twice is refused by the table as well."""
    assert books.publisher.events
    connection = sqlite3.connect(sqlite_file)
    before = list(connection.iterdump())
    for attack in ATTACKS:
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(attack)
    assert list(connection.iterdump()) == before
    connection.close()


def test_an_entry_slipped_into_a_closed_period_is_found(books: House, sqlite_file: Path) -> None:
    """Written behind the journal's back, balanced, and never counted in what was filed."""
    connection = sqlite3.connect(sqlite_file)
    connection.execute(
        "INSERT INTO entries SELECT seq + 100, 'slipped', tenant, 'd', revision, kind, ordinal, "
        "commitment, document_type, date, reason, NULL, actor, leaf, NULL, links, approver, "
        "particulars FROM entries WHERE kind = 'post' LIMIT 1"
    )
    connection.execute(
        "INSERT INTO postings SELECT seq + 100, line, tenant, account, currency, amount "
        "FROM postings WHERE seq = (SELECT min(seq) FROM entries WHERE kind = 'post')"
    )
    connection.commit()
    connection.close()
    [(booked, _)] = books.periods.closed(TENANT)
    found = [
        one
        for one in check_books(books.journal, books.log)
        if one.code is FindingCode.CLOSE_DIFFERS
    ]
    assert [one.index for one in found] == [booked.index]


def back_and_up(database: Database, books: House) -> None:
    """Take the journal to the revision before and back; everything is as it was."""
    before = books.journal.proposals(TENANT), list(books.journal.all_entries(TENANT))
    with database.reading() as connection:
        version = connection.execute(text("SELECT count(*) FROM proposals")).scalar()
    assert version == 2
    assert migrate(database, to="0001") == JOURNAL.newest
    assert migrate(database) == "0001"
    assert (books.journal.proposals(TENANT), list(books.journal.all_entries(TENANT))) == before
    assert check_books(books.journal, books.log) == []
    assert migrate(database) == JOURNAL.newest


def test_a_release_is_taken_back_and_brought_again(books: House, sqlite_file: Path) -> None:
    """Leaves keep what columns lose, and proposals wait."""
    database = open_sqlite(sqlite_file, JOURNAL)
    back_and_up(database, books)
    database.close()


@pytest.mark.integration
def test_a_release_is_taken_back_and_brought_again_on_a_server(
    journal_database: JournalDatabase, memory_house: House
) -> None:
    """With data in place, by the owner of the tables; the roles may do their work afterwards."""
    journal = journal_database.journal()
    books = lived_in(House(journal, memory_house.chart))
    owner = connect(journal_database.url(OWNER), JOURNAL)
    back_and_up(owner, books)
    owner.close()
    books.books("later", a_summary(invoice_date="2026-02-02", invoice_id="later"))
    assert books.kinds("later") == ["post"]


@pytest.mark.integration
def test_the_workers_role_is_enough_for_the_desk(
    journal_database: JournalDatabase, memory_house: House
) -> None:
    """Converting, proposing, approving and closing need no more than booking does."""
    house = House(journal_database.journal(LOGINS[WORKER]), memory_house.chart)
    house.clock.sleep((dt.datetime(2026, 3, 5, tzinfo=dt.UTC) - house.clock.now()).total_seconds())
    house.books("a", a_summary(currency="USD"))
    rate = Rate("USD", "EUR", "0.9215", "ECB", dt.date(2026, 1, 30))
    house.desk.convert(TENANT, document("a"), actor=ALICE, rate=rate)
    asked = house.desk.propose(TENANT, Ask(Action.REVERSE, document("a")), actor=ALICE)
    house.desk.approve(TENANT, asked.proposal_id, actor=BOB)
    house.journal = journal_database.journal(LOGINS[SEQUENCER])
    sequencer = house.another_sequencer("only")
    sequencer.step()
    house.periods.close(TENANT, Period(2026, 1), actor=ALICE)  # the desk is still the worker's
    sequencer.step()
    reading = journal_database.journal(LOGINS[READER])
    assert check_books(reading, house.log) == []
    assert [one.status(house.clock.now()) for one in reading.proposals(TENANT)] == ["approved"]
    assert reading.size_at(TENANT, house.clock.now()) == 5
