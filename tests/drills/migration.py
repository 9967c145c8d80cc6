"""The migration drill: down one revision after another and up again with data, and one that breaks.

What the older version knew must be what it was; what only the newer one knew is named.
"""

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from services.ingest.register_schema import METADATA as REGISTER_TABLES
from services.ingest.register_schema import REGISTER
from services.ledger.adapters.log_reader import PublishedLogs
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.sql import SqlJournal
from services.ledger.audit import check_books
from services.ledger.sequencer import LEASE_S, Sequencer
from shared.clock import FakeClock
from shared.database.database import Database
from shared.database.migrations import config_of, migrate
from shared.database.postgres import connect, open_postgres
from shared.database.schema import Schema
from shared.tlog.verify import verify_log
from tests.drills.backups import version
from tests.drills.evidence import Evidence
from tests.emulators.postgres import Postgres
from tests.services.ledger.failing_over import Log, book_many, finish
from tests.services.ledger.postgres_journals import OWNER, JournalDatabase, JournalTemplate

TENANT: Final = "acme"

Content = dict[str, dict[str, str]]
"""By table and column, a digest of all its values in the order of the rows."""

BREAKS: Final = '''
"""A migration that fails half way."""
import sqlalchemy as sa
from alembic import op
revision = "9999"
down_revision = "{newest}"
def upgrade() -> None:
    op.add_column("{table}", sa.Column("half", sa.Integer))
    op.execute("UPDATE {table} SET half = 1 / 0")
'''


class Drill:
    """One drill.

    Args:
        server: where a database of its own is made.
        folder: for the log, and a copy of migrations.
        entries: how many are in the journal, and half as many rows in each table of the register.
    """

    def __init__(self, server: Postgres, folder: Path, entries: int) -> None:
        self._server = server
        self._folder = folder
        self._entries = entries
        self._clock = FakeClock()
        self._log = Log(TENANT, folder)
        self._evidence = Evidence("migration")

    def run(self) -> Evidence:
        """Do it all; an ``AssertionError`` is a drill that failed."""
        self._evidence.said["PostgreSQL"] = version(self._server)
        with JournalTemplate(self._server).copied() as database:
            self._fill(database)
            for schema in (JOURNAL, REGISTER):
                self._down_and_up(database, schema)
            self._broken(database, JOURNAL, "postings")
            self._broken(database, REGISTER, "submissions")
            self._goes_on(database)
        return self._evidence

    def _fill(self, database: JournalDatabase) -> None:
        journal = database.journal()
        book_many(journal, TENANT, 0, self._entries)
        finish(self._sequencer(journal))
        with connected(database, REGISTER) as register:
            migrate(register)
            with register.writing() as connection:
                for table in REGISTER_TABLES.sorted_tables:
                    rows = [
                        {
                            column.name: column.type.python_type(number)
                            for column in table.c
                            if not column.nullable
                        }
                        for number in range(self._entries // 2)
                    ]
                    connection.execute(table.insert(), rows)
        self._evidence.figure("entries in the journal, sealed", self._entries, "entries")

    def _down_and_up(self, database: JournalDatabase, schema: Schema) -> None:
        """Go down to the first revision and up again, one at a time."""
        steps = [
            one.revision for one in ScriptDirectory.from_config(config_of(schema)).walk_revisions()
        ]
        with connected(database, schema) as owner:
            before = content_of(owner)
            begun = time.perf_counter()
            known = before
            for revision in steps[1:]:
                migrate(owner, to=revision)
                older = content_of(owner)
                assert older == common(known, older), f"{schema.called} changed at {revision}"
                gone = missing(older, known)
                if gone:
                    self._evidence.note(f"{schema.called} at {revision} does not know {gone}")
                known = older
            for revision in steps[::-1][1:]:
                migrate(owner, to=revision)
            took = time.perf_counter() - begun
            after = content_of(owner)
            assert {t: set(c) for t, c in after.items()} == {t: set(c) for t, c in before.items()}
            assert common(after, known) == known
        path = " → ".join([*steps, *steps[::-1][1:]])
        self._evidence.note(f"{schema.called} {path}: what the oldest knew is as it was")
        self._evidence.figure(f"{schema.called}, down and up", took, "s")

    def _broken(self, database: JournalDatabase, schema: Schema, table: str) -> None:
        """Migrate by one that fails after it changed a table and began to change rows."""
        copied = self._folder / schema.name
        shutil.copytree(schema.migrations, copied)
        script = BREAKS.format(newest=schema.newest, table=table)
        (copied / "versions" / "9999_breaks.py").write_text(script)
        with connected(database, schema) as owner:
            before = content_of(owner)
            with connected(database, replace(schema, migrations=copied)) as breaking:
                try:
                    migrate(breaking)
                except Exception as error:  # noqa: BLE001 - whatever it is, it must be undone
                    told = type(error).__name__
                else:
                    raise AssertionError("the migration did not break")
            assert content_of(owner) == before
        open_postgres(database.url(OWNER), schema).close()
        self._evidence.note(
            f"{schema.called}: a migration that broke half way ({told}) left no trace"
        )

    def _goes_on(self, database: JournalDatabase) -> None:
        """Book and seal as the roles that may, and compare everything with the published log."""
        journal = database.journal()
        book_many(journal, TENANT, self._entries, 1)
        finish(self._sequencer(journal))
        logs = PublishedLogs(lambda _tenant: (self._log.files, self._log.signer.key))
        assert check_books(journal, logs) == []
        assert verify_log(self._log.files, self._log.signer.key).size == self._entries + 1
        self._evidence.note("afterwards the roles book and seal; journal, outbox and log agree")

    def _sequencer(self, journal: SqlJournal) -> Sequencer:
        self._clock.sleep(LEASE_S + 1)
        return self._log.sequencer(journal, "drill", self._clock)


@contextmanager
def connected(database: JournalDatabase, schema: Schema) -> Iterator[Database]:
    """Give a schema of the database as its owner, in whichever revision."""
    owner = connect(database.url(OWNER), schema)
    yield owner
    owner.close()


def content_of(database: Database) -> Content:
    """Return what is in every table, Alembic's own aside."""
    found: Content = {}
    with database.reading() as connection:
        tables = inspect(connection).get_multi_columns(schema=database.schema.name)
        keys = inspect(connection).get_multi_pk_constraint(schema=database.schema.name)
        for (schema, table), columns in tables.items():
            if table == "alembic_version":
                continue
            order = ", ".join(f'"{name}"' for name in keys[schema, table]["constrained_columns"])
            for column in columns:
                query = text(f'SELECT "{column["name"]}"::text FROM "{table}" ORDER BY {order}')
                digest = hashlib.sha256()
                for (value,) in connection.execute(query):
                    digest.update(repr(value).encode())
                found.setdefault(table, {})[column["name"]] = digest.hexdigest()
    return found


def common(content: Content, other: Content) -> Content:
    """Return ``content``'s digests of the columns that ``other`` has."""
    return {
        table: {name: content[table][name] for name in columns if name in content.get(table, {})}
        for table, columns in other.items()
    }


def missing(content: Content, other: Content) -> str:
    """Return the tables and columns of ``other`` that ``content`` does not have."""
    tables = [table for table in other if table not in content]
    columns = [
        f"{table}.{name}"
        for table in other
        if table in content
        for name in other[table]
        if name not in content[table]
    ]
    return ", ".join(sorted((*tables, *columns)))


def drill(server: Postgres, folder: Path, entries: int = 5_000) -> Evidence:
    """Take releases back and forth with data in place."""
    return Drill(server, folder, entries).run()
