"""What only the register on PostgreSQL promises: it is migrated apart, shared, and guarded."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.ingest.register_grants import ERASER, READER, WORKER
from services.ingest.register_opened import open_register
from services.ingest.register_schema import METADATA, REGISTER
from services.ingest.register_sql import SqlRegister
from services.ingest.registered import SubmissionStatus
from services.ingest.settings import RegisterSettings
from shared.database.database import Database
from shared.database.migrations import migrate
from shared.database.postgres import connect, open_postgres
from shared.errors import TransientError, UserError
from shared.events.payloads import DocumentErased
from tests.emulators.postgres import Postgres, postgres_folder
from tests.services.ingest.lifecycle import JOB, event, quarantined
from tests.services.ingest.lifecycle import upload as upload_of
from tests.services.ingest.test_register_sqlite import DEADLINES, DOC, NOW, received, upload
from tests.waiting import wait_until


@pytest.fixture
def own(postgres: str) -> Iterator[Database]:
    """Give a migrated register that a test may migrate back."""
    database = connect(postgres, REGISTER)
    migrate(database)
    yield database
    database.close()


def opened(url: str) -> SqlRegister:
    """Open a register as a worker does."""
    return SqlRegister(open_postgres(url, REGISTER), DEADLINES)


def test_the_migrations_make_the_tables_that_the_code_uses(register_database: Database) -> None:
    """A column that only the code knows would fail in production alone."""
    with register_database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []


def test_the_settings_name_the_server(postgres: str, tmp_path: Path) -> None:
    """A file that nobody asked for would be a second register."""
    file = tmp_path / "register.sqlite"
    settings = RegisterSettings(database=postgres)
    with pytest.raises(UserError, match="docledger database migrate"):
        open_register(file, DEADLINES, settings=settings)
    owner = connect(postgres, REGISTER)
    migrate(owner)
    owner.close()
    register = open_register(file, DEADLINES, settings=settings)
    register.accept(upload(1), document_id=DOC, pages=1)
    register.close()
    assert not file.exists()


def test_documents_survive_each_migration_in_both_directions(own: Database) -> None:
    """An upgrade that went wrong is taken back, with the documents of a year in place."""
    register = SqlRegister(own, DEADLINES)
    register.apply([received(number) for number in range(1500)])
    documents, counts = register.documents(), register.counts(NOW)
    for revision in ("0002", "0001"):
        migrate(own, to=revision)
        with own.reading() as connection:
            kept = connection.execute(text("SELECT count(*) FROM documents")).scalar_one()
        assert kept == len(documents)
    migrate(own, to="0002")
    migrate(own)
    assert register.documents() == documents
    assert register.counts(NOW) == counts
    assert register.flow(NOW, window=timedelta(minutes=5))[1].waiting == len(documents)


def test_an_older_version_goes_on_while_a_newer_one_migrates(own: Database) -> None:
    """Workers are replaced one after the other."""
    with own.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO documents"
                " (tenant, document_id, job_id, revision, replay, stage, erased, pages, deadline,"
                " last_event) VALUES ('acme', 'd', 'j', 0, 0, 'ocr', false, 1, 5, '')"
            )
        )
    register = SqlRegister(own, DEADLINES)
    assert register.flow(NOW, window=timedelta(minutes=5))[1].waiting == 1


def test_of_many_workers_with_the_same_bytes_one_makes_the_document(
    postgres_register: SqlRegister, register_database: Database
) -> None:
    """Who is first is decided in one transaction, whichever worker asks."""
    url = register_database.engine.url.set(drivername="postgresql")
    workers = [opened(url.render_as_string(hide_password=False)) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        booked = list(
            pool.map(
                lambda number: workers[number % 4].accept(upload(number), document_id=DOC, pages=1),
                range(40),
            )
        )
    for worker in workers:
        worker.close()
    accepted = [one for one in booked if one.status is SubmissionStatus.ACCEPTED]
    assert len(accepted) == 1
    assert {one.first_job for one in booked if one not in accepted} == {accepted[0].job_id}
    counts = postgres_register.counts(NOW)
    assert counts.balanced
    assert (counts.submissions, counts.documents) == (40, 1)


Attack = Callable[[SqlRegister], str]


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM documents",
        "DELETE FROM submissions",
        "UPDATE documents SET erased = false",
        "DELETE FROM reservations",
        "UPDATE reservations SET pages = 0",
        "DELETE FROM spent",
        "UPDATE spent SET pages = pages - 1",
    ],
)
def test_what_was_booked_cannot_be_taken_back(
    postgres_register: SqlRegister, register_database: Database, attack: str
) -> None:
    """Even whoever owns the tables must first take the guard away."""
    postgres_register.apply([received(1), event(DocumentErased(document_id=f"{1:040x}"))])
    postgres_register.apply([event(DocumentErased(document_id=DOC))])
    with (
        pytest.raises(ProgrammingError, match="keeps what was booked"),
        register_database.writing() as connection,
    ):
        connection.execute(text(attack))
    assert postgres_register.counts(NOW).erased == 2


def test_what_stood_in_for_a_document_goes(
    postgres_register: SqlRegister, register_database: Database
) -> None:
    """The guard knows it by its name: the job's."""
    postgres_register.apply([received(1)])  # its document is called as its job
    with register_database.writing() as connection:
        assert connection.execute(text("DELETE FROM documents")).rowcount == 1


@pytest.fixture(scope="session")
def logins(register_database: Database, postgres_server: Postgres) -> dict[str, str]:
    """Give the address of the register by role, for a login that has that role alone."""
    name = register_database.engine.url.database
    assert name is not None
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        for role in (WORKER, READER, ERASER):
            connection.execute(f"DROP ROLE IF EXISTS t_register_{role}")
            connection.execute(f"CREATE ROLE t_register_{role} LOGIN")
            connection.execute(f"GRANT {REGISTER.role(role)} TO t_register_{role}")
    return {
        role: postgres_server.url(name, user=f"t_register_{role}")
        for role in (WORKER, READER, ERASER)
    }


def test_a_worker_can_do_its_own_job(
    postgres_register: SqlRegister, logins: dict[str, str]
) -> None:
    """Taking in, moving on, standing in and being replaced, erasing, counting: as itself."""
    worker = opened(logins[WORKER])
    stands_in = event(quarantined(JOB), job=JOB)
    worker.apply([stands_in])
    worker.accept(upload_of(JOB), document_id=DOC, pages=1)
    worker.apply([event(DocumentErased(document_id=DOC), job=JOB)])
    worker.reserve(upload_of(JOB), document_id=DOC, revision=1, pages=1)
    worker.postpone(worker.documents(), deadline=NOW)
    assert worker.counts(NOW) == postgres_register.counts(NOW)
    assert [one.document_id for one in worker.documents()] == [DOC]
    assert worker.flow(NOW, window=timedelta(minutes=5))
    worker.close()


@pytest.mark.parametrize("role", [READER, ERASER])
def test_who_looks_can_look(
    postgres_register: SqlRegister, logins: dict[str, str], role: str
) -> None:
    """Whose uploads to remove, and how far a document is."""
    postgres_register.accept(upload(1), document_id=DOC, pages=1)
    looking = opened(logins[role])
    assert looking.submissions_of("acme", DOC) == looking.submissions()
    assert len(looking.documents()) == 1
    looking.close()


@pytest.mark.parametrize(
    ("role", "attack"),
    [
        (WORKER, "DELETE FROM submissions"),
        (WORKER, "DELETE FROM documents"),
        (WORKER, "DELETE FROM reservations"),
        (WORKER, "UPDATE reservations SET pages = 0"),
        (WORKER, "DELETE FROM spent"),
        (WORKER, "UPDATE spent SET pages = 0"),
        (WORKER, "TRUNCATE documents"),
        (WORKER, "ALTER TABLE documents DISABLE TRIGGER ALL"),
        (WORKER, "DROP TRIGGER documents_stay ON documents"),
        (WORKER, "DROP TABLE documents"),
        (WORKER, "CREATE TABLE mine (a int)"),
        (WORKER, "SET session_replication_role = replica"),
        (WORKER, "UPDATE alembic_version SET version_num = '0001'"),
        (READER, "UPDATE documents SET pages = 0"),
        (READER, "DELETE FROM flow"),
        (ERASER, "UPDATE documents SET erased = true"),
        (ERASER, "DELETE FROM submissions"),
        (READER, "SELECT * FROM reservations"),
        (READER, "UPDATE spent SET pages = 0"),
        (ERASER, "SELECT * FROM flow"),
        (ERASER, "SELECT * FROM spent"),
    ],
)
def test_a_role_is_refused_what_is_not_its_job(
    postgres_register: SqlRegister, logins: dict[str, str], role: str, attack: str
) -> None:
    """The database itself says no, whatever a worker was talked into."""
    postgres_register.accept(upload(1), document_id=DOC, pages=1)
    attacker = opened(logins[role])
    with (
        pytest.raises(
            (TransientError, ProgrammingError), match=r"refuses us|keeps what was booked"
        ),
        attacker.database.writing() as connection,
    ):
        connection.execute(text(attack))
    attacker.close()
    assert postgres_register.counts(NOW).documents == 1


def test_a_lost_server_loses_nothing_acknowledged() -> None:
    """Killed under the load of several workers, it has every job that one of them was told of."""
    with postgres_folder() as folder:
        server = Postgres(folder)
        try:
            url = server.url(server.create())
            owner = connect(url, REGISTER)
            migrate(owner)
            owner.close()
            told = _killed_under_load(server, url)
            server.start()
            register = opened(url)
            booked = {one.job_id for one in register.submissions()}
            assert told <= booked
            assert len(booked) - len(told) <= WORKERS  # whose answers got lost on the way
            assert register.counts(NOW).balanced
            register.close()
        finally:
            server.stop()


WORKERS = 4
ENOUGH = 200


def _killed_under_load(server: Postgres, url: str) -> set[str]:
    """Return the jobs whose acceptance returned before the server was gone."""
    told: set[str] = set()

    def work(number: int) -> None:
        register = opened(url)
        try:
            for count in range(number, 100_000, WORKERS):
                name = f"{count:040x}"
                told.add(register.accept(upload(count), document_id=name, pages=1).job_id)
        except TransientError:
            return
        finally:
            register.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        ended = [pool.submit(work, number) for number in range(WORKERS)]
        wait_until(lambda: len(told) >= ENOUGH, what="there is load")
        server.kill()
        for one in ended:
            one.result()
    return told


def test_a_server_that_restarts_costs_nobody_the_register(own: Database) -> None:
    """Connections that the server cut are made anew without an error."""
    register = SqlRegister(own, DEADLINES)
    register.accept(upload(1), document_id=DOC, pages=1)
    name = own.engine.url.database
    url = own.engine.url.set(drivername="postgresql", database="postgres")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as admin:
        cut = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        ).fetchall()
    assert cut
    assert register.counts(NOW).documents == 1


def test_a_newer_register_is_refused(own: Database) -> None:
    """An older docledger must not guess at newer tables."""
    with pytest.raises(UserError, match="newer version"):
        open_postgres(
            own.engine.url.set(drivername="postgresql").render_as_string(hide_password=False),
            replace(REGISTER, newest="0004", migrations=Path(__file__).parent),
        )
