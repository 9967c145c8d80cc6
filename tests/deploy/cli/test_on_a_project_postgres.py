"""The jobs' commands with logins that have the database roles of infra/iam.yaml and no others."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import psycopg
import pytest
from sqlalchemy import MetaData, inspect, text

from deploy.iam.stated import load_stated
from services.ingest.register_schema import REGISTER
from services.ledger.adapters.schema import JOURNAL
from shared.database.database import Database
from shared.database.migrations import migrate
from shared.database.opening import open_database
from shared.database.postgres import connect
from shared.database.schema import Schema
from shared.database.sqlite import connect_sqlite
from tests.deploy.cli.projects import Project, as_a_job, project, quarantined
from tests.deploy.conftest import Ran
from tests.emulators.postgres import Postgres

__all__ = ["project"]

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

MARK: Final = secrets.token_hex(4)
"""Logins are the server's, not a database's: those of one process are its own."""

FILES: Final = {"register.sqlite": REGISTER, "ledger.sqlite": JOURNAL}

ROLES: Final = load_stated().databases["books"].roles

Login = Callable[[str], None]


@pytest.fixture(scope="module")
def books(ran: Ran, postgres_server: Postgres) -> Iterator[str]:
    """Give a database with what was run, and a login for each identity of the jobs."""
    name = postgres_server.create()
    url = postgres_server.url(name)
    for file, schema in FILES.items():
        there = connect(url, schema)
        migrate(there)
        _copy(ran.docledger.data / file, there)
        there.close()
    with psycopg.connect(url, autocommit=True) as owner:
        for identity in sorted({one for members in ROLES.values() for one in members}):
            owner.execute(f'CREATE ROLE "{_login(identity)}" LOGIN')
        for role, members in ROLES.items():
            for identity in members:
                owner.execute(f'GRANT {role} TO "{_login(identity)}"')
    yield name
    postgres_server.drop(name)


def _login(identity: str) -> str:
    return f"t-{MARK}-{identity}"


def _copy(file: Path, there: Database) -> None:
    """Copy every row, past the triggers that would have each booked one by one."""
    here = connect_sqlite(file, there.schema)
    tables = MetaData()
    with here.reading() as source, there.writing() as target:
        target.execute(text("SET LOCAL session_replication_role = replica"))
        found = inspect(target).get_table_names(schema=there.schema.name)
        tables.reflect(target, schema=there.schema.name, only=found)
        for table in tables.sorted_tables:
            known = inspect(source).has_table(table.name) and "version" not in table.name
            rows = source.execute(text(f"SELECT * FROM {table.name}")) if known else None
            values = [dict(row) for row in rows.mappings()] if rows is not None else []
            if values:
                target.execute(table.insert(), values)
    here.close()


@pytest.fixture
def login(
    project: Project, books: str, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Login]:
    """Give what leads the commands to the database as an identity, in a job."""
    with ExitStack() as stack:
        for module in ("services.ingest.register_opened", "services.ledger.main"):
            monkeypatch.setattr(f"{module}.open_database", partial(_opened, stack))

        def as_identity(identity: str) -> None:
            url = postgres_server.url(books, user=_login(identity))
            for variable in ("REGISTER", "LEDGER"):
                monkeypatch.setenv(f"DOCLEDGER_{variable}_DATABASE", url)

        for file in FILES:
            (project.docledger.data / file).unlink()
        as_a_job(monkeypatch)
        yield as_identity


def _opened(stack: ExitStack, url: str | None, file: Path, schema: Schema) -> Database:
    """Open a database, to be closed with the others: a process would just end."""
    assert url is not None
    database = open_database(url, file, schema)
    stack.callback(database.close)
    return database


def test_the_operator_may_ask_what_its_commands_ask(
    login: Login, project: Project, ran: Ran
) -> None:
    """Whoever is on call finds out at night what nobody granted by day."""
    login("operator")
    email = ran.row("mail-with-attachments.eml")["document_id"]
    for words in (
        ("status",),
        ("status", "--format", "json"),
        ("trace", ran.row("invoice-once.pdf")["document_id"]),
        ("trace", email[:12]),
        ("audit",),
        ("quarantine", "list"),
        ("quarantine", "show", quarantined(ran)),
        ("quarantine", "replay", quarantined(ran)),
    ):
        told = project.docledger(*words)
        assert (told.code, told.err) == (0, ""), (words, told)
        assert told.out, words


def test_the_eraser_may_ask_what_its_commands_ask(
    login: Login, project: Project, ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure that stops half-way is one that was promised."""
    monkeypatch.setattr("deploy.cli.erase.PROJECT_WAIT_S", 0.0)
    policy = tmp_path / "retention.yaml"
    policy.write_text("keep_days: {invoice: 1, letter: 1, unread: 1}\n")
    login("eraser")
    for words in (
        ("erase", ran.row("mail-with-attachments.eml")["document_id"], "--yes"),
        ("retention", "--policy", str(policy), "--dry-run"),
        ("retention", "--policy", str(policy)),
    ):
        told = project.docledger(*words)
        assert (told.code, told.err) == (0, ""), (words, told)


def test_the_keeper_may_ask_what_its_commands_ask(login: Login, project: Project) -> None:
    """A key that was stolen is exchanged now, or too late."""
    login("keeper")
    for words in (
        ("keys", "show"),
        ("keys", "rotate"),
        ("keys", "rollback"),
        ("keys", "rewrap", "--renew", "--destroy-old"),
    ):
        told = project.docledger(*words)
        assert told.code == 0, (words, told)


@pytest.mark.parametrize(
    ("identity", "words"),
    [("keeper", ("status",)), ("eraser", ("status",)), ("operator", ("database", "migrate"))],
    ids=str,
)
def test_a_command_in_another_jobs_place_is_one_line(
    identity: str, words: tuple[str, ...], login: Login, project: Project
) -> None:
    """Whoever picked the wrong job, or forgot a membership, is told so; nothing was done."""
    login(identity)
    told = project.docledger(*words)
    assert (told.code, told.out, told.err.count("\n")) == (1, "", 1)
    assert "the database refused this login" in told.err


@pytest.mark.parametrize("identity", ["operator", "eraser", "keeper"])
def test_no_job_may_write_to_books_or_register(
    identity: str, books: str, postgres_server: Postgres, login: Login
) -> None:
    """They tell deployables, which book: whoever starts a job could otherwise book by it."""
    login(identity)
    with psycopg.connect(postgres_server.url(books, user=_login(identity))) as connection:
        may = connection.execute(
            "SELECT n.nspname, c.relname, p FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace, "
            "unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p "
            "WHERE n.nspname IN ('register', 'ledger') AND c.relkind IN ('r', 'v', 'p') "
            "AND CASE p WHEN 'DELETE' THEN has_table_privilege(c.oid, p) "
            "WHEN 'TRUNCATE' THEN has_table_privilege(c.oid, p) "
            "ELSE has_any_column_privilege(c.oid, p) END"
        ).fetchall()
    assert may == []
