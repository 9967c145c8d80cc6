"""What only the register on SQLite promises: migrations, several processes, honest errors."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError

from services.ingest.register_opened import open_register
from services.ingest.register_schema import METADATA, REGISTER, SUBMISSIONS
from services.ingest.register_sql import SqlRegister
from services.ingest.registered import SubmissionStatus
from shared.bus.topology import load_topology
from shared.database.migrations import config_of, migrate
from shared.database.sqlite import open_sqlite
from shared.errors import TransientError, UserError
from shared.events.envelope import Event, make_event
from shared.events.payloads import DocumentReceived, MediaType, Reference, UploadArrived

DEADLINES = load_topology().deadline
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOC = "d0" * 20

WORKER = """
import sys
from pathlib import Path
from services.ingest.register_opened import open_register
from shared.bus.topology import load_topology
print("ready", flush=True)
sys.stdin.readline()
register = open_register(Path(sys.argv[1]), load_topology().deadline)
print(len(register.documents()))
"""


def upload(number: int) -> Event:
    """Return the arrival of the ``number``-th job."""
    job = f"{number:040x}"
    reference = Reference(name=f"inbox/acme/{job}", generation=1, digest="ab" * 32, size=1)
    return make_event(
        UploadArrived(upload=reference, entrance="cli"),
        tenant_key=b"k" * 32,
        tenant="acme",
        source="entrance",
        subject=job,
        jobid=job,
        traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
        time=NOW,
    )


def received(number: int) -> Event:
    """Return the news that the ``number``-th document was taken in."""
    job, at = f"{number:040x}", NOW + timedelta(seconds=number)
    reference = Reference(name=f"originals/{job}", generation=1, digest="ab" * 32, size=1)
    return make_event(
        DocumentReceived(
            document_id=job, revision=0, original=reference, media_type=MediaType.PDF, pages=1
        ),
        tenant_key=b"k" * 32,
        tenant="acme",
        source="ingest",
        subject=job,
        jobid=job,
        traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
        time=at,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Say where the register lies."""
    return tmp_path / "data" / "register.sqlite"


@pytest.fixture
def register(path: Path) -> Iterator[SqlRegister]:
    """Give an empty register."""
    opened = SqlRegister(open_sqlite(path, REGISTER, busy_s=0.05), DEADLINES)
    yield opened
    opened.close()


@pytest.fixture
def behind(register: SqlRegister, path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection behind the register's back."""
    assert register
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def test_the_migrations_make_the_tables_that_the_code_uses(register: SqlRegister) -> None:
    """A column that only the code knows would fail in production alone."""
    with register.database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_newest_migration_is_the_one_the_code_expects() -> None:
    """Opening compares with it, without importing Alembic."""
    script = ScriptDirectory.from_config(config_of(REGISTER))
    assert script.get_heads() == [REGISTER.newest]


def test_an_open_register_is_left_as_it_is(register: SqlRegister, path: Path) -> None:
    """Every command opens it."""
    register.accept(upload(1), document_id=DOC, pages=1)
    again = open_register(path, DEADLINES)
    assert again.documents() == register.documents()
    again.close()


def test_a_register_of_a_newer_version_is_refused(
    register: SqlRegister, behind: sqlite3.Connection, path: Path
) -> None:
    """An older docledger must not guess at newer tables."""
    assert register
    behind.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UserError, match="newer version"):
        open_register(path, DEADLINES)


@pytest.mark.integration
def test_processes_may_open_a_new_register_at_once(path: Path) -> None:
    """All workers of a machine start together on an empty folder."""
    path.parent.mkdir()
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    assert [worker.communicate()[0] for worker in workers] == ["0\n"] * 3


def test_of_many_jobs_with_the_same_bytes_one_becomes_the_document(path: Path) -> None:
    """Who is first is decided in one transaction, whoever asks."""
    register = open_register(path, DEADLINES)
    with ThreadPoolExecutor(4) as pool:
        booked = list(
            pool.map(
                lambda number: register.accept(upload(number), document_id=DOC, pages=1), range(40)
            )
        )
    accepted = [one for one in booked if one.status is SubmissionStatus.ACCEPTED]
    assert len(accepted) == 1
    assert {one.first_job for one in booked if one not in accepted} == {accepted[0].job_id}
    assert register.counts(NOW).balanced
    register.close()


def test_a_locked_register_is_transient(register: SqlRegister, behind: sqlite3.Connection) -> None:
    """Another process's long transaction is no reason to quarantine a document."""
    behind.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransientError, match="SQLITE_BUSY"):
        register.accept(upload(1), document_id=DOC, pages=1)
    assert register.counts(NOW).submissions == 0
    behind.execute("ROLLBACK")


def test_a_full_disk_is_transient_and_books_nothing(register: SqlRegister) -> None:
    """A batch is applied whole or not at all."""
    with register.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        for number in range(200):
            register.accept(upload(number), document_id=f"{number:040x}", pages=1)

    with pytest.raises(TransientError, match="SQLITE_FULL"):
        fill()
    assert register.counts(NOW).balanced


def test_a_folder_that_cannot_be_made_is_transient(tmp_path: Path) -> None:
    """A volume that is not mounted yet may come."""
    (tmp_path / "file").write_text("")
    with pytest.raises(TransientError):
        open_register(tmp_path / "file" / "register.sqlite", DEADLINES)


def test_a_damaged_file_is_transient(path: Path) -> None:
    """Documents wait until the file is restored; none is blamed."""
    path.parent.mkdir()
    path.write_bytes(b"this is no database, but long enough to be taken for a header" * 20)
    with pytest.raises(TransientError, match="SQLITE_NOTADB"):
        open_register(path, DEADLINES)


def test_every_transaction_reaches_the_disk(register: SqlRegister) -> None:
    """A power cut takes no acceptance that was acted upon."""
    with register.database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_looking_waits_for_no_writer(register: SqlRegister, behind: sqlite3.Connection) -> None:
    """``docledger status`` answers while the workers work."""
    register.accept(upload(1), document_id=DOC, pages=1)
    behind.execute("BEGIN IMMEDIATE")
    assert len(register.documents()) == 1
    behind.execute("ROLLBACK")


def test_a_row_deleted_behind_the_back_unbalances_the_sums(
    register: SqlRegister, behind: sqlite3.Connection
) -> None:
    """The audit sees that a document or a submission is gone."""
    register.accept(upload(1), document_id=DOC, pages=1)
    assert register.counts(NOW).balanced
    behind.execute("DELETE FROM documents")
    assert not register.counts(NOW).balanced
    register.accept(upload(1), document_id=DOC, pages=1)
    assert register.counts(NOW).balanced
    behind.execute("DELETE FROM submissions")
    assert not register.counts(NOW).balanced
    assert register.accept(upload(1), document_id=DOC, pages=1).status is SubmissionStatus.ACCEPTED
    assert register.counts(NOW).balanced


def test_an_error_shows_no_values(register: SqlRegister) -> None:
    """What is in a row stays in the row."""
    row = {
        "job_id": "x",
        "tenant": "ACME GmbH",
        "status": "accepted",
        "received_at": 1,
    }
    engine = register.database.engine
    with pytest.raises(IntegrityError) as caught, engine.begin() as connection:  # noqa: PT012 - the second one fails
        connection.execute(SUBMISSIONS.insert(), [row])
        connection.execute(SUBMISSIONS.insert(), [row])
    assert "ACME" not in str(caught.value)


def migrated(path: Path, version: str) -> None:
    """Bring a register's file to some version, whichever it has."""
    database = open_sqlite(path, replace(REGISTER, newest=migration_of(path)))
    migrate(database, to=version)
    database.close()


def migration_of(path: Path) -> str:
    """Return the version that a register's file has."""
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute(VERSION).fetchone()[0])


VERSION = "SELECT version_num FROM alembic_version"


def test_documents_survive_each_migration_in_both_directions(
    register: SqlRegister, behind: sqlite3.Connection, path: Path
) -> None:
    """An upgrade that went wrong is taken back, with the documents of a year in place."""
    register.apply([received(number) for number in range(1500)])
    documents, counts = register.documents(), register.counts(NOW)
    register.close()
    migrated(path, "0001")
    assert "since" not in str(behind.execute("SELECT sql FROM sqlite_master").fetchall())
    migrated(path, "head")
    assert register.documents() == documents
    assert register.counts(NOW) == counts
    assert register.flow(NOW, window=timedelta(minutes=5))[1].waiting == 1500


def test_a_document_whose_event_is_broken_is_migrated_too(
    register: SqlRegister, behind: sqlite3.Connection, path: Path
) -> None:
    """An audit names it; the upgrade is no place to fail at."""
    register.accept(upload(1), document_id=DOC, pages=1)
    register.close()
    migrated(path, "0001")
    behind.execute("UPDATE documents SET last_event = x'ff'")
    migrated(path, "head")
    (document,) = register.documents()
    assert document.since == document.deadline


def test_an_older_version_goes_on_while_a_newer_one_migrates(
    register: SqlRegister, behind: sqlite3.Connection
) -> None:
    """Workers are replaced one after the other."""
    behind.execute(
        "INSERT INTO documents"
        " (tenant, document_id, job_id, revision, replay, stage, erased, pages, deadline,"
        " last_event) VALUES ('acme', 'd', 'j', 0, 0, 'ocr', 0, 1, 5, x'00')"
    )
    assert register.flow(NOW, window=timedelta(minutes=5))[1].waiting == 1
