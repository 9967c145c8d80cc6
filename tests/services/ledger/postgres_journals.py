"""Journals on a real PostgreSQL: migrated once a session by their owner, copied for each test."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest

from services.ledger.adapters.grants import AUDITOR, READER, SEQUENCER, WORKER
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.sql import SqlJournal
from shared.database.migrations import migrate
from shared.database.postgres import connect, open_postgres
from tests.emulators.postgres import Postgres

OWNER = "t_owner"
EVERYBODY = "t_everybody"  # works as worker, sequencer and reader; owns nothing
LOGINS = {
    WORKER: "t_worker",
    SEQUENCER: "t_sequencer",
    READER: "t_reader",
    AUDITOR: "t_auditor",
}


class JournalDatabase:
    """One database with a migrated journal.

    Args:
        server: where it is.
        name: of the database.
    """

    def __init__(self, server: Postgres, name: str) -> None:
        self._server = server
        self._name = name
        self._open: list[SqlJournal] = []

    def url(self, user: str) -> str:
        """Return its address as one of its users."""
        return self._server.url(self._name, user=user)

    def journal(self, user: str = EVERYBODY) -> SqlJournal:
        """Open the journal as one of its users."""
        opened = SqlJournal(open_postgres(self.url(user), JOURNAL))
        self._open.append(opened)
        return opened

    def close(self) -> None:
        """Give every connection back."""
        for journal in self._open:
            journal.close()


class JournalTemplate:
    """A database that each test's own is copied from: a copy costs a fraction of a migration.

    Args:
        server: where.

    Attributes:
        name: of the database.
    """

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self.name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(server.url(), autocommit=True) as connection:
            for login in (OWNER, EVERYBODY, *LOGINS.values()):
                with suppress(psycopg.errors.DuplicateObject):  # another template made them
                    connection.execute(f"CREATE ROLE {login} LOGIN")
            connection.execute(f"ALTER ROLE {OWNER} CREATEROLE")
            connection.execute(f"CREATE DATABASE {self.name} OWNER {OWNER}")
            owner = connect(server.url(self.name, user=OWNER), JOURNAL)
            migrate(owner)
            owner.close()
            for role, login in LOGINS.items():
                connection.execute(f"GRANT {JOURNAL.role(role)} TO {login}, {EVERYBODY}")

    @contextmanager
    def copied(self) -> Iterator[JournalDatabase]:
        """Give a database of one's own."""
        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(self._server.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {self.name} OWNER {OWNER}")
        database = JournalDatabase(self._server, name)
        try:
            yield database
        finally:
            database.close()
            self._server.drop(name)


@pytest.fixture(scope="session")
def journal_template(postgres_server: Postgres) -> JournalTemplate:
    """Return what each test's database is copied from."""
    return JournalTemplate(postgres_server)


@pytest.fixture
def journal_database(journal_template: JournalTemplate) -> Iterator[JournalDatabase]:
    """Give a database with an empty journal."""
    with journal_template.copied() as database:
        yield database
