"""A sequencer that is killed or paused at any moment of its step while another takes over.

A moment is right before, inside (its transaction written and not committed) or right after a call
of a port. The journal is on PostgreSQL; two sequencers have connections of their own.
"""

import json
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, event

from services.ledger.adapters.public_files import DirectoryFiles, MemoryFiles
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.sql import SqlJournal
from services.ledger.drafting import Paper
from services.ledger.entries import Booking, Posting, Trail
from services.ledger.publication import Publication
from services.ledger.sequencer import Sequencer
from shared.clock import Clock, FakeClock
from shared.database.database import WRITES
from shared.database.postgres import open_postgres
from shared.errors import TransientError
from shared.events.envelope import Event
from shared.events.payloads import DocumentType, EntryKind, EntryPosted
from shared.keys.memory import MemoryKeyring
from shared.tlog.checkpoint import Checkpoint, open_checkpoint
from shared.tlog.reader import iter_leaves, read_checkpoint
from shared.tlog.signer import Ed25519Signer
from shared.tlog.verify import verify_log
from tests.services.ledger.conftest import TRACE, document

TRAIL = Trail("job", TRACE)
POSTINGS = (Posting("5000", "EUR", 500), Posting("1000", "EUR", -500))
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


class Moments:
    """Counts the moments of a step and does something at one of them.

    Args:
        act: what.
        at: at which moment, from 0, or at the first with that name; None at none.
    """

    def __init__(self, act: Callable[[str], object] = str, at: int | str | None = None) -> None:
        self.seen: list[str] = []
        self._inside = ""
        self._act = act
        self._at = at

    def tell(self, moment: str) -> None:
        """Note one; perhaps it is the one."""
        self.seen.append(moment)
        if self._at in {len(self.seen) - 1, moment}:
            self._at = None
            self._act(moment)

    def call(self, name: str, method: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Call a port's method and tell the moments around it."""
        self.tell(f"before {name}")
        self._inside = name
        result = method(*args, **named)
        self._inside = ""
        self.tell(f"after {name}")
        return result

    def committing(self, connection: Connection) -> None:
        """Hear that a transaction is about to be committed."""
        if connection.get_execution_options().get(WRITES) and self._inside:
            self.tell(f"in {self._inside}")


heard: WeakKeyDictionary[SqlJournal, Moments] = WeakKeyDictionary()
"""Who hears of a journal's commits."""


def opened(url: str) -> SqlJournal:
    """Return a journal whose commits are told to the sequencer that uses it."""
    journal = SqlJournal(open_postgres(url, JOURNAL, connections=2))

    def committing(connection: Connection) -> None:
        heard[journal].committing(connection)

    event.listen(journal._database.engine, "commit", committing)
    return journal


class Observed:
    """A port whose calls are told."""

    def __init__(self, port: object, name: str, moments: Moments) -> None:
        self._port, self._name, self._moments = port, name, moments

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._port, attribute)
        if not callable(value):
            return value

        def call(*args: Any, **named: Any) -> Any:
            name = f"{self._name}.{attribute}"
            return self._moments.call(name, value, *args, **named)

        return call


class Told:
    """A publisher into a file of one line an event, with the size that was published by then."""

    def __init__(self, path: Path, covered: Callable[[], int]) -> None:
        self._path, self._covered = path, covered

    def publish(self, events: Sequence[Event]) -> None:
        """Keep them."""
        lines = []
        for one in events:
            assert isinstance(one.data, EntryPosted)
            facts = {"id": one.id, "entry": one.data.entry_id, "index": one.data.index}
            lines.append(json.dumps({**facts, "covered": self._covered()}))
        with self._path.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))


class Log:
    """One tenant's log and events, outside the database: what both sequencers write to.

    Args:
        tenant: whose.
        folder: where its events are told, and its files too.
        files: where its files are instead.
    """

    def __init__(self, tenant: str, folder: Path, files: MemoryFiles | None = None) -> None:
        self.tenant = tenant
        self.events = folder / f"{tenant}.events"
        self.moment = folder / f"{tenant}.moment"
        self.signer = Ed25519Signer(f"test.example/log/{tenant}", KEY)
        self.files = files or DirectoryFiles.open(folder, tenant, self.signer.key)

    def sequencer(
        self, journal: SqlJournal, holder: str, clock: Clock, moments: "Moments | None" = None
    ) -> Sequencer:
        """Return a sequencer whose moments are told."""
        moments = moments or Moments()
        heard[journal] = moments

        def covered() -> int:
            return read_checkpoint(self.files, self.signer.key).checkpoint.size

        def publication(tenant: str) -> Publication:
            return Publication(
                origin=self.signer.key.name,
                files=Observed(self.files, "files", moments),
                signer=Observed(self.signer, "signer", moments),
                intents=Observed(journal.intents(tenant), "intents", moments),
            )

        return Sequencer(
            journal=Observed(_OfTenant(journal, self.tenant), "journal", moments),
            log_of=publication,
            publisher=Observed(Told(self.events, covered), "publisher", moments),
            keyring=MemoryKeyring(),
            clock=clock,
            holder=holder,
        )


class _OfTenant:
    """A journal that shows the sequencer one tenant: trials share a database."""

    def __init__(self, journal: SqlJournal, tenant: str) -> None:
        self._journal, self._tenant = journal, tenant

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._journal, attribute)

    def tenants_waiting(self) -> list[str]:
        return [one for one in self._journal.tenants_waiting() if one == self._tenant]


def book(journal: SqlJournal, tenant: str, *names: str) -> None:
    """Append a post for each name."""
    for name in names:
        journal.append(_booking(tenant, name))


def book_many(journal: SqlJournal, tenant: str, first: int, count: int) -> None:
    """Append that many posts in batches, named by numbers from ``first`` on."""
    for start in range(first, first + count, 1_000):
        numbers = range(start, min(start + 1_000, first + count))
        journal.append_many([_booking(tenant, str(number)) for number in numbers])


def _booking(tenant: str, name: str) -> Booking:
    paper = Paper(tenant, tenant.encode(), document(name), 0, DocumentType.RECEIPT, "c" * 64)
    return Booking((paper.entry(EntryKind.POST, postings=POSTINGS),), TRAIL)


def sequence_until(
    url: str, tenant: str, folder: Path, now: datetime, at: int | str, signal_: int
) -> None:
    """Be the first sequencer, in a process of its own, which a signal meets at a moment."""
    log = Log(tenant, folder)
    journal = opened(url)

    def meet(moment: str) -> None:
        log.moment.write_text(moment)
        os.kill(os.getpid(), signal_)

    finish(log.sequencer(journal, "a process", FakeClock(now), Moments(meet, at)))
    journal.close()


def end_idle_transactions(url: str) -> None:
    """Do what the server does with whoever sleeps in a transaction, without the wait."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'idle in transaction'"
        )


def finish(sequencer: Sequencer) -> None:
    """Step until nothing is left; a connection that was cut costs one step."""
    for _attempt in range(3):
        try:
            while sequencer.step():
                pass
        except TransientError:
            continue
        return
    raise AssertionError("the sequencer does not come to an end")


def check(journal: SqlJournal, log: Log, names: Sequence[str]) -> None:
    """No fork, no gap, no double: journal, log, every checkpoint ever signed, and events agree."""
    booked = list(journal.all_entries(log.tenant))
    assert [one.index for one in booked] == list(range(len(names)))
    assert [one.entry.document_id for one in booked] == [document(name) for name in names]
    signed = [intent.note for intent in journal.intents(log.tenant).after(0)]
    kept = [one.note for one in journal.checkpoints(log.tenant)]
    assert set(kept) <= set(signed)
    known = [open_checkpoint(note, log.signer.key).checkpoint for note in signed if note]
    assert len({one.size for one in known}) == len(known)
    verified = verify_log(log.files, log.signer.key, known=_before(known, len(names)))
    assert verified.size == len(names)
    assert list(iter_leaves(log.files, verified.size)) == [one.entry.leaf for one in booked]
    told = [json.loads(line) for line in log.events.read_text().splitlines()]
    assert {(one["entry"], one["index"]) for one in told} == {
        (one.entry.entry_id, one.index) for one in booked
    }
    assert len({one["id"] for one in told}) == len(names)
    assert all(one["index"] < one["covered"] for one in told)
    assert all(row.published for row in journal.outbox(log.tenant))


def _before(known: Sequence[Checkpoint], size: int) -> list[Checkpoint]:
    return [one for one in known if one.size < size]
