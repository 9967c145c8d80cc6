"""What both kinds of database promise: turns for writers, one state for readers, honest errors."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from services.ingest.register_schema import REGISTER
from shared.database.database import Database
from shared.database.migrations import migrate
from shared.database.opening import open_database
from shared.database.postgres import connect, open_postgres
from shared.database.revisions import revision_of
from shared.database.sqlite import open_sqlite
from shared.errors import UNKNOWN_ERROR_ATTEMPTS, TransientError, UserError, Verdict, decide
from tests.emulators.postgres import Postgres, postgres_folder

ONE = text("INSERT INTO flow VALUES (:slot, 't', 's', 1, 0)")
ALL = text("SELECT count(*) FROM flow")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give a migrated schema of each kind."""
    if request.param == "sqlite":
        opened = open_sqlite(tmp_path / "new" / "x.sqlite", REGISTER)
    else:
        opened = connect(request.getfixturevalue("postgres"), REGISTER)
        migrate(opened)
    yield opened
    opened.close()


def count(database: Database) -> int:
    """Return how many rows there are."""
    with database.reading() as connection:
        return int(connection.execute(ALL).scalar_one())


def test_writers_take_turns(database: Database) -> None:
    """Who numbers by what it read must be alone while it does."""

    def number(_: int) -> None:
        with database.writing() as connection:
            connection.execute(ONE, {"slot": connection.execute(ALL).scalar_one()})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(number, range(40)))
    assert count(database) == 40


def test_a_reader_sees_one_state_and_waits_for_nobody(database: Database) -> None:
    """Sums from two queries must be of one moment."""
    with database.writing() as writer:
        writer.execute(ONE, {"slot": 1})
        assert count(database) == 0
    with database.reading() as reader:
        assert reader.execute(ALL).scalar_one() == 1
        with database.writing() as writer:
            writer.execute(ONE, {"slot": 2})
        assert reader.execute(ALL).scalar_one() == 1


def test_an_exception_undoes_all(database: Database) -> None:
    """Half a batch is none."""

    def fail() -> None:
        with database.writing() as connection:
            connection.execute(ONE, {"slot": 1})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert count(database) == 0


def test_a_refused_statement_is_no_outage_and_shows_no_values(database: Database) -> None:
    """Waiting would not help: it is a fault of ours, and its values are nobody's."""

    def double() -> None:
        with database.writing() as connection:
            connection.execute(ONE, {"slot": 4711})
            connection.execute(ONE, {"slot": 4711})

    with pytest.raises(IntegrityError) as caught:
        double()
    assert "parameters hidden" in str(caught.value)


def test_down_to_nothing_and_up_again(database: Database) -> None:
    """A release that went wrong is taken back; twice is no error."""
    assert migrate(database, to="0001") == REGISTER.newest
    assert migrate(database, to="0001") == "0001"
    assert migrate(database, to="base") == "0001"
    assert migrate(database) is None
    with database.reading() as connection:
        assert revision_of(connection, REGISTER) == REGISTER.newest


def test_no_revision_is_said_so(database: Database) -> None:
    """A slip of the keyboard must not be taken for the base."""
    with pytest.raises(UserError, match="77 is no revision of the register: 0001"):
        migrate(database, to="77")


def test_a_newer_versions_tables_are_left_alone(database: Database) -> None:
    """An older docledger must not guess at them, nor take them away."""
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match="newer version"):
        migrate(database, to="base")


def test_several_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    """All workers of a machine start together; whoever is second finds it migrated."""
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: open_sqlite(tmp_path / "x", REGISTER), range(4)))
    for one in opened:
        one.close()


def test_several_may_migrate_a_server_at_once(postgres: str) -> None:
    """Two releases at once do it once."""
    several = [connect(postgres, REGISTER) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        before = sorted(str(one) for one in pool.map(migrate, several))
    assert before == [REGISTER.newest, REGISTER.newest, "None"]
    for one in several:
        one.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "nowhere", "sqlite:///x"])
def test_only_postgresql_is_a_server(url: str) -> None:
    """Said in one line, which does not repeat what may hold a password."""
    with pytest.raises(UserError, match="is no postgresql:// URL") as caught:
        connect(url, REGISTER)
    assert url not in str(caught.value)


def test_an_unmigrated_server_says_what_to_do(postgres: str, tmp_path: Path) -> None:
    """A worker's role may not migrate; it must not work on old tables either."""
    with pytest.raises(UserError, match="run 'docledger database migrate'"):
        open_database(postgres, tmp_path / "unused", REGISTER)
    owner = connect(postgres, REGISTER)
    migrate(owner, to="0001")
    with pytest.raises(UserError, match=f"revision 0001, this version needs {REGISTER.newest}"):
        open_postgres(postgres, REGISTER)
    migrate(owner)
    owner.close()
    open_database(postgres, tmp_path / "unused", REGISTER).close()
    assert not list(tmp_path.iterdir())


def test_two_schemas_share_a_database_and_no_lock(postgres: str) -> None:
    """The register's writers do not wait for the journal's."""
    ours, theirs = connect(postgres, REGISTER), connect(postgres, replace(REGISTER, name="ledger"))
    migrate(ours)
    migrate(theirs)
    with ours.writing() as mine, theirs.writing() as other:
        mine.execute(ONE, {"slot": 1})
        other.execute(ONE, {"slot": 1})
    ours.close()
    theirs.close()


def test_a_reader_cannot_write_on_a_server(postgres: str) -> None:
    """Whoever only looks is held to it."""
    database = connect(postgres, REGISTER)
    migrate(database)
    with pytest.raises(TransientError, match="25006"), database.reading() as connection:
        connection.execute(ONE, {"slot": 1})
    database.close()


@pytest.mark.integration
def test_a_server_that_dies_is_transient_and_forgets_nothing() -> None:
    """Documents wait until it is back; what was committed is there."""
    with postgres_folder() as folder:
        server = Postgres(folder)
        database = connect(server.url(), REGISTER)
        migrate(database)
        with database.writing() as connection:
            connection.execute(ONE, {"slot": 1})
        server.kill()
        with pytest.raises(TransientError, match="the register is unavailable"):
            count(database)
        server.start()
        assert count(database) == 1
        database.close()
        server.stop()


def test_a_role_without_a_grant_waits_for_it(postgres: str) -> None:
    """It is the installation's fault: its documents wait, and go on when somebody has mended it."""
    owner = connect(postgres, REGISTER)
    migrate(owner)
    owner.close()
    role = "docledger_test_stranger"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {role}")
        connection.execute(f"CREATE ROLE {role} LOGIN")
        stranger = connect(postgres.replace("postgres@", f"{role}@"), REGISTER)
        for refused, grant in (
            ("42P01", f"GRANT USAGE ON SCHEMA register TO {role}"),
            ("42501", f"GRANT SELECT ON register.flow TO {role}"),
        ):
            with pytest.raises(TransientError, match=f"register refuses us .{refused}") as caught:
                count(stranger)
            assert decide(caught.value, UNKNOWN_ERROR_ATTEMPTS).verdict is Verdict.RETRY
            connection.execute(grant)
        assert count(stranger) == 0
        stranger.close()
        connection.execute(f"DROP OWNED BY {role}")
        connection.execute(f"DROP ROLE {role}")


def test_an_account_that_may_not_log_in_waits(postgres: str) -> None:
    """A login that nobody made yet, or that was locked: no document is at fault."""
    for nobody in ("docledger_test_nobody", "docledger_test_locked"):
        with psycopg.connect(postgres, autocommit=True) as connection:
            if nobody.endswith("locked"):
                connection.execute(f"CREATE ROLE {nobody} NOLOGIN")
        database = connect(postgres.replace("postgres@", f"{nobody}@"), REGISTER)
        with pytest.raises(TransientError, match="the register is unavailable"):
            count(database)
        database.close()
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP ROLE {nobody}")


def test_what_a_trigger_refuses_is_no_missing_grant(postgres: str) -> None:
    """It keeps what was booked, by the same code: waiting would hide a fault of ours."""
    database = connect(postgres, REGISTER)
    migrate(database)

    def prune() -> None:
        with database.writing() as connection:
            connection.execute(
                text("CREATE TRIGGER stays BEFORE DELETE ON flow EXECUTE FUNCTION booked_stays()")
            )
            connection.execute(text("DELETE FROM flow"))

    with pytest.raises(ProgrammingError, match="keeps what was booked"):
        prune()
    database.close()
