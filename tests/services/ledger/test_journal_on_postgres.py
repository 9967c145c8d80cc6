"""The journal on PostgreSQL: who may do what, what nobody may, and what two workers may at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import errors

from services.ledger.adapters.grants import AUDITOR, GRANTS, READER, SEQUENCER, WORKER
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.tables import metadata
from services.ledger.audit import check_books
from services.ledger.chart import Chart
from services.ledger.erasure import record_erasure
from services.ledger.proposals import Ended, How
from services.ledger.sequencer import LEASE_S
from shared.database.migrations import migrate
from shared.database.postgres import connect
from shared.errors import TransientError, UserError
from shared.telemetry.reasons import HeldReason
from tests.services.ledger.conftest import TENANT, House, a_summary, document
from tests.services.ledger.papers import a_proposal
from tests.services.ledger.postgres_journals import EVERYBODY, LOGINS, OWNER, JournalDatabase

MISTAKES = [
    "UPDATE entries SET kind = 'memo'",
    "UPDATE entries SET leaf = ''",
    "UPDATE entries SET kind = kind WHERE false",
    "UPDATE entries SET log_index = 7",
    "UPDATE entries SET log_index = NULL",
    "INSERT INTO entries SELECT * FROM entries ON CONFLICT (seq) DO UPDATE SET leaf = ''",
    "MERGE INTO entries e USING entries o ON e.seq = o.seq WHEN MATCHED THEN DELETE",
    "DELETE FROM entries",
    "TRUNCATE entries",
    "UPDATE postings SET amount = amount * 2",
    "DELETE FROM postings",
    "TRUNCATE postings",
    "UPDATE outbox SET document_id = 'x'",
    "DELETE FROM outbox",
    "TRUNCATE outbox",
    "UPDATE checkpoints SET root = ''",
    "UPDATE checkpoints SET recorded_at = 0",
    "DELETE FROM checkpoints",
    "TRUNCATE checkpoints, intents, entries CASCADE",
    (
        "INSERT INTO checkpoints SELECT * FROM checkpoints ON CONFLICT (tenant, size) "
        "DO UPDATE SET root = ''"
    ),
    "UPDATE intents SET root = ''",
    "UPDATE intents SET note = 'another'",
    "UPDATE intents SET note = NULL",
    "DELETE FROM intents",
    "TRUNCATE intents",
    "UPDATE entries SET approver = 'b'",
    "UPDATE proposals SET drafted = '[]'",
    "UPDATE proposals SET expires_at = expires_at + 1",
    "DELETE FROM proposals",
    "TRUNCATE proposals",
    "UPDATE proposal_ends SET how = 'approved'",
    "DELETE FROM proposal_ends",
    "TRUNCATE proposal_ends",
]

SET_ONCE = ("SET log_index", "SET note")  # granted to the sequencer; the triggers see to the once

TRESPASSES = [
    *(
        (role, mistake)
        for role in LOGINS
        for mistake in MISTAKES
        if role != SEQUENCER or not any(granted in mistake for granted in SET_ONCE)
    ),
    (WORKER, "INSERT INTO entries (seq, log_index) VALUES (99, 0)"),
    (WORKER, "INSERT INTO outbox (seq, published_at) VALUES (99, 0)"),
    (WORKER, "SELECT * FROM intents"),
    (WORKER, "INSERT INTO checkpoints VALUES ('acme', 9, '', '', 0)"),
    (WORKER, "UPDATE sequencer SET fence = 0"),
    (WORKER, "UPDATE fingerprints SET fingerprint = ''"),
    (SEQUENCER, "SELECT * FROM fingerprints"),
    (SEQUENCER, "INSERT INTO entries (seq) VALUES (99)"),
    (SEQUENCER, "INSERT INTO postings VALUES (1, 9, 'acme', '5000', 'EUR', 1)"),
    (SEQUENCER, "INSERT INTO outbox (seq) VALUES (99)"),
    (SEQUENCER, "DELETE FROM sequencer"),
    (SEQUENCER, "INSERT INTO intents VALUES ('acme', 9, '', 'a note of the attacker')"),
    (READER, "SELECT * FROM fingerprints"),
    (READER, "INSERT INTO intents VALUES ('acme', 9, '')"),
    (READER, "SELECT * FROM sequencer FOR UPDATE"),
    (READER, "UPDATE outbox SET published_at = NULL"),
    (READER, "INSERT INTO postings VALUES (1, 9, 'acme', '5000', 'EUR', 1)"),
    (AUDITOR, "SELECT document_id FROM entries"),
    (AUDITOR, "SELECT leaf FROM entries"),
    (AUDITOR, "SELECT * FROM outbox"),
    (AUDITOR, "SELECT * FROM fingerprints"),
    (AUDITOR, "SELECT * FROM intents"),
    *(
        (role, attack)
        for role in LOGINS
        for attack in (
            "DROP TABLE postings",
            "ALTER TABLE entries DISABLE TRIGGER ALL",
            "DROP TRIGGER entries_stay ON entries",
            "CREATE TABLE ledger.entries2 (seq int)",
            (
                "CREATE OR REPLACE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql "
                "AS 'BEGIN RETURN NEW; END'"
            ),
            "SET session_replication_role = replica",
            "UPDATE alembic_version SET version_num = '0'",
            f"SET ROLE {OWNER}",
        )
    ),
]


@pytest.fixture
def sealed(journal_database: JournalDatabase, chart: Chart) -> JournalDatabase:
    """Return a database with a sealed post and a hold."""
    house = House(journal_database.journal(), chart)
    house.books("a")
    house.books("h", a_summary(doubts=(HeldReason.LOW_CONFIDENCE,)))
    house.sequencer.step()
    proposed = a_proposal()
    house.journal.propose(proposed)
    ended = Ended(How.WITHDRAWN, proposed.proposer, proposed.proposed_at)
    house.journal.end_proposal(proposed.proposal_id, ended)
    return journal_database


def attacked(database: JournalDatabase, user: str, statement: str, *before: str) -> None:
    """Run a statement in the journal's schema as a user, with any client; commit."""
    with psycopg.connect(database.url(user)) as connection:
        connection.execute("SET search_path = ledger")
        for one in before:
            connection.execute(one)
        connection.execute(statement)


def rows_of(database: JournalDatabase) -> list[object]:
    """Return every row of every table."""
    with psycopg.connect(database.url("postgres")) as connection:
        connection.execute("SET search_path = ledger")
        return [connection.execute(f"TABLE {name} ORDER BY 1, 2").fetchall() for name in _TABLES]


_TABLES = [table.name for table in metadata.sorted_tables]


def refused(
    database: JournalDatabase, attacks: list[tuple[str, str]], error: type[psycopg.Error]
) -> None:
    """Make every attack; each is refused with that error and changes no row."""
    before = rows_of(database)
    assert all(before)
    for user, statement in attacks:
        with pytest.raises(error):
            attacked(database, user, statement)
    assert rows_of(database) == before


def test_the_owner_is_refused_by_triggers(sealed: JournalDatabase) -> None:
    """Whoever migrates has every privilege: the tables themselves must refuse."""
    refused(sealed, [(OWNER, mistake) for mistake in MISTAKES], psycopg.IntegrityError)


def test_a_superuser_is_refused_where_triggers_are_off_for_replicas(
    sealed: JournalDatabase,
) -> None:
    """The usual way around triggers (a restore's, a replication tool's) must not be one."""
    for mistake in MISTAKES:
        with pytest.raises(psycopg.IntegrityError):
            attacked(sealed, "postgres", mistake, "SET session_replication_role = replica")


def test_every_role_is_refused_by_grants(sealed: JournalDatabase) -> None:
    """A worker that was taken over can do its own job and nothing else."""
    attacks = [(LOGINS[role], statement) for role, statement in TRESPASSES]
    refused(sealed, attacks, errors.InsufficientPrivilege)


def test_what_the_sequencer_sets_once_it_cannot_set_again(sealed: JournalDatabase) -> None:
    """Its grants reach two columns; an index that could move would be a second history."""
    again = [one for one in MISTAKES if any(granted in one for granted in SET_ONCE)]
    assert len(again) == 4
    refused(sealed, [(LOGINS[SEQUENCER], one) for one in again], psycopg.IntegrityError)


def test_roles_are_refused_by_triggers_where_grants_would_allow(
    journal_database: JournalDatabase, sealed: JournalDatabase
) -> None:
    """A slip in the grants must not be the end of history: each guard holds without the other."""
    with psycopg.connect(journal_database.url("postgres")) as connection:
        connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA ledger TO {EVERYBODY}")
    refused(sealed, [(EVERYBODY, mistake) for mistake in MISTAKES], psycopg.IntegrityError)


def test_migrating_takes_back_what_was_granted_by_hand(sealed: JournalDatabase) -> None:
    """What one evening's emergency granted is gone with the next release."""
    role = JOURNAL.role(WORKER)
    with psycopg.connect(sealed.url(OWNER)) as connection:
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA ledger TO PUBLIC")
        connection.execute(f"GRANT DELETE, UPDATE (leaf) ON ledger.entries TO {role}")
    owner = connect(sealed.url(OWNER), JOURNAL)
    migrate(owner)
    owner.close()
    attacks = ["UPDATE entries SET leaf = ''", "DELETE FROM entries", "SELECT * FROM intents"]
    refused(sealed, [(LOGINS[WORKER], one) for one in attacks], errors.InsufficientPrivilege)


def test_each_role_can_do_its_job(journal_database: JournalDatabase, chart: Chart) -> None:
    """Least privilege, and enough: book, hold, decide, erase; seal, tell; audit, export."""
    house = House(journal_database.journal(LOGINS[WORKER]), chart)
    house.books("a")
    house.books("a", a_summary(total_amount="129.00", net_amount="110.00"), revision=1)
    house.books("h", a_summary(invoice_id="H", doubts=(HeldReason.LOW_CONFIDENCE,)))
    house.handle(house.arrives("a", a_summary()))
    house.desk.post(TENANT, document("h"), actor=house.actor)
    house.desk.reverse(TENANT, document("h"), actor=house.actor)
    record_erasure(TENANT, document("h"), journal=house.journal, keyring=house.keyring)
    house.journal = journal_database.journal(LOGINS[SEQUENCER])
    sequencer = house.another_sequencer("only")
    while sequencer.step():
        pass
    reading = journal_database.journal(LOGINS[READER])
    assert check_books(reading, house.log) == []
    assert sum(balance.amount for balance in reading.trial_balance(TENANT)) == 0
    assert len(list(reading.entries(TENANT))) == len(house.publisher.events) == 7
    assert len(reading.checkpoints(TENANT)) == 1
    with pytest.raises(TransientError, match="42501"):
        reading.claim("reader", now=house.clock.now(), lease_s=LEASE_S)


def test_every_grant_is_used_or_gone() -> None:
    """Each privilege once, each with its reason."""
    assert len({(g.role, g.privilege, g.table) for g in GRANTS}) == len(GRANTS)
    assert all(g.why for g in GRANTS)
    assert {g.role for g in GRANTS} == set(LOGINS)
    assert {g.table for g in GRANTS if g.privilege == "SELECT"} == set(_TABLES)
    unwritten = {"entries", "postings", "checkpoints", "intents"}
    assert not [g for g in GRANTS if g.privilege == "DELETE" and g.table in unwritten]
    updates = {(g.table, g.columns) for g in GRANTS if g.privilege == "UPDATE"}
    assert {columns for table, columns in updates if table in unwritten} == {
        ("log_index",),
        ("note",),
    }


def test_the_roles_see_no_other_schema(sealed: JournalDatabase) -> None:
    """The register may lie in the same database: its tables are not the journal's affair."""
    with psycopg.connect(sealed.url(OWNER)) as connection:
        connection.execute("CREATE SCHEMA register")
        connection.execute("CREATE TABLE register.submissions (job_id text)")
    for login in LOGINS.values():
        with pytest.raises(errors.InsufficientPrivilege):
            attacked(sealed, login, "SELECT * FROM register.submissions")


def test_migrations_and_tables_say_the_same(journal_database: JournalDatabase) -> None:
    """The statements are written against the tables, the database is made by the migrations."""
    journal = journal_database.journal(OWNER)
    with journal._database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


def test_a_journal_with_entries_is_not_taken_away(sealed: JournalDatabase) -> None:
    """A slip of the keyboard must not empty the books; an empty journal may go."""
    before = rows_of(sealed)
    owner = connect(sealed.url(OWNER), JOURNAL)
    with pytest.raises(UserError, match="the journal holds entries"):
        migrate(owner, to="base")
    owner.close()
    assert rows_of(sealed) == before


def test_an_empty_journal_goes_and_comes_back(journal_database: JournalDatabase) -> None:
    """A first release that went wrong is taken back whole: tables, triggers, function."""
    owner = connect(journal_database.url(OWNER), JOURNAL)
    assert migrate(owner, to="base") == JOURNAL.newest
    assert migrate(owner) is None
    owner.close()
    assert journal_database.journal().tenants() == []


@pytest.fixture
def houses(journal_database: JournalDatabase, chart: Chart) -> Callable[[], House]:
    """Return what makes workers, each with connections of its own, which share keys and papers."""
    first = House(journal_database.journal(LOGINS[WORKER]), chart)

    def another() -> House:
        house = House(journal_database.journal(LOGINS[WORKER]), chart)
        house.keyring, house.summaries = first.keyring, first.summaries
        return house

    return another


def test_workers_at_once_lose_nothing_and_double_nothing(
    houses: Callable[[], House],
) -> None:
    """Several workers share the journal; each delivery twice, each entry once."""
    workers = [houses() for _ in range(3)]
    events = [workers[0].arrives(f"d{n}", a_summary(invoice_id=str(n))) for n in range(16)]
    with ThreadPoolExecutor(6) as pool:
        jobs = [(workers[i % 3], event) for i, event in enumerate(events * 2 + events)]
        list(pool.map(lambda job: job[0].handle(job[1]), jobs))
    found = list(workers[0].journal.all_entries(TENANT))
    assert len(found) == len({one.entry.entry_id for one in found}) == 16


def test_the_same_invoice_at_once_posts_once(houses: Callable[[], House]) -> None:
    """Two files of one invoice, two workers, one instant."""
    workers = [houses() for _ in range(3)]
    events = [workers[0].arrives(f"d{n}", a_summary()) for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        jobs = [(workers[i % 3], event) for i, event in enumerate(events)]
        list(pool.map(lambda job: job[0].handle(job[1]), jobs))
    assert len(workers[0].journal.open_holds(TENANT)) == 5
