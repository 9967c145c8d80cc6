"""PostgreSQL dies under load, a worker sleeps in a transaction: what was acknowledged is there."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from services.ledger.adapters.grants import SEQUENCER, WORKER
from services.ledger.sequencer import LEASE_S
from shared.clock import FakeClock
from shared.errors import TransientError
from tests.emulators.postgres import Postgres, postgres_folder
from tests.services.ledger.conftest import document
from tests.services.ledger.failing_over import Log, book, check, finish, opened
from tests.services.ledger.postgres_journals import LOGINS, JournalDatabase, JournalTemplate
from tests.waiting import wait_until

ENOUGH = 40
"""Acknowledged entries under which it is killed."""


class Load:
    """Threads that book until the database is gone, and remember what was acknowledged."""

    def __init__(self, database: JournalDatabase, tenant: str) -> None:
        self.acknowledged: list[str] = []
        self._journal = database.journal(LOGINS[WORKER])
        self._tenant = tenant

    def run(self, thread: int) -> None:
        """Book one by one; return when the database does not take it."""
        number = 0
        while True:
            name = f"{thread}-{number}"
            try:
                book(self._journal, self._tenant, name)
            except TransientError:
                return
            self.acknowledged.append(name)
            number += 1


@pytest.mark.integration
def test_what_was_acknowledged_survives_the_death_of_the_server(tmp_path: Path) -> None:
    """Every process of it gets SIGKILL while threads book and a sequencer seals.

    Every acknowledged entry is there, every published checkpoint stands, and the log goes on.
    """
    clock = FakeClock()
    with postgres_folder() as folder:
        server = Postgres(folder)
        with JournalTemplate(server).copied() as database:
            log = Log("acme", tmp_path)
            sealing = opened(database.url(LOGINS[SEQUENCER]))
            sequencer = log.sequencer(sealing, "first", clock)
            stopped = threading.Event()

            def seal() -> None:
                while not stopped.is_set():
                    try:
                        sequencer.step()
                    except TransientError:
                        return

            load = Load(database, "acme")
            with ThreadPoolExecutor(4) as pool:
                working = [pool.submit(seal), *(pool.submit(load.run, n) for n in range(3))]
                wait_until(lambda: len(load.acknowledged) >= ENOUGH, what="the load runs")
                server.kill()
                stopped.set()
                for one in working:
                    one.result()
            acknowledged = set(load.acknowledged)
            before = log.files.read("checkpoint")
            server.start()

            journal = database.journal()
            names = {f"{t}-{n}" for t in range(3) for n in range(len(load.acknowledged) + 1)}
            by_document = {document(name): name for name in names}
            there = [by_document[one.entry.document_id] for one in journal.all_entries("acme")]
            assert acknowledged <= set(there)
            assert len(set(there) - acknowledged) <= 3  # committed, and the answer was lost
            clock.sleep(LEASE_S + 1)
            finish(log.sequencer(sealing, "second", clock))
            check(journal, log, there)
            assert int(before.split(b"\n")[1]) <= len(there)
            sealing.close()
        server.stop()


def test_who_sleeps_in_a_transaction_is_ended_and_the_others_go_on(
    journal_database: JournalDatabase,
) -> None:
    """A paused process must not keep the one write lock: the server itself sees to it."""
    sleeper, other = journal_database.journal(), journal_database.journal()

    def oversleep() -> None:
        with sleeper._database.writing() as connection:
            connection.execute(text("SET idle_in_transaction_session_timeout = '50ms'"))
            book(other, "acme", "a")  # waits for the lock until the server has ended the sleeper
            connection.execute(text("DELETE FROM fingerprints"))

    with pytest.raises(TransientError):
        oversleep()
    assert len(list(other.all_entries("acme"))) == 1
    book(sleeper, "acme", "b")
    assert len(list(other.all_entries("acme"))) == 2


def test_the_server_ends_who_sleeps_long(journal_database: JournalDatabase) -> None:
    """Every connection asks for it, and a commit is durable before it returns."""
    with journal_database.journal()._database.reading() as connection:
        shown = [
            connection.execute(text(f"SHOW {name}")).scalar()
            for name in ("idle_in_transaction_session_timeout", "synchronous_commit")
        ]
    assert shown == ["20s", "on"]
