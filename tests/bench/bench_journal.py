"""Sealing entries on SQLite and PostgreSQL, beside bare inserts of the same rows in the same run.

Sealed: entries, postings, outbox, fingerprints durable, indices given, the log grown and its
checkpoint signed, published and recorded. Bare: the same rows, index included, by the driver alone
(executemany on SQLite, COPY on PostgreSQL), as many to a transaction.

``python -m tests.bench.bench_journal [ENTRIES [BATCH]]``
"""

import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from services.ledger.adapters.public_files import DirectoryFiles
from services.ledger.adapters.rows import entry_row, posting_rows
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.sql import SqlJournal
from services.ledger.drafting import Paper
from services.ledger.entries import Booking, Posting, Trail
from services.ledger.publication import Publication
from shared.database.migrations import migrate
from shared.database.postgres import connect
from shared.database.sqlite import open_sqlite
from shared.events.ids import keyed_id
from shared.events.payloads import DocumentType, EntryKind
from shared.tlog.signer import Ed25519Signer
from tests.emulators.postgres import Postgres, postgres_folder

TENANT: Final = "bench"
TRAIL: Final = Trail("j" * 40, "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
POSTINGS: Final = (
    Posting("5000", "EUR", 10000),
    Posting("1400", "EUR", 1900),
    Posting("2000", "EUR", -11900),
)
ONE_BY_ONE: Final = 300
TABLES: Final = ("entries", "postings", "outbox", "fingerprints")

CpuTime = Callable[[], float]
"""Tells the CPU-seconds that a server spent so far."""

Rows = dict[str, list[dict[str, Any]]]
"""By table, the rows of one batch."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took: seconds by the clock, of this process's CPU, and of the server's."""

    count: int
    wall: float
    cpu: float
    server: float

    @property
    def rate(self) -> float:
        """Entries a second."""
        return self.count / self.wall

    @property
    def costs(self) -> str:
        """CPU-microseconds an entry, here and in the server."""
        ours, theirs = (1e6 * spent / self.count for spent in (self.cpu, self.server))
        return f"{ours:.0f} + {theirs:.0f}" if theirs else f"{ours:.0f}"


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of single entries, one after the other: until durable, until covered."""

    durable: list[float]
    covered: list[float]

    def line(self) -> str:
        """Return the four figures."""
        said = []
        for name, found in (("durable", self.durable), ("covered", self.covered)):
            ordered = sorted(found)
            half, most = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
            said.append(f"{name} p50 {half:.1f} ms, p99 {most:.1f} ms")
        return "; ".join(said)


@dataclass(frozen=True, slots=True)
class Measured:
    """All about one kind of database."""

    sealed: Cost
    bare: Cost
    one_by_one: Latency

    def lines(self) -> tuple[str, ...]:
        """Return what rates do not say."""
        costs = f"CPU-µs an entry {self.sealed.costs}, bare {self.bare.costs}"
        return costs, f"one by one: {self.one_by_one.line()}"


def made(count: int, *, first: int = 0) -> list[Booking]:
    """Return that many invoices, each ready to be appended."""
    key = b"k" * 32
    bookings = []
    for number in range(first, first + count):
        document = keyed_id(key, number)
        paper = Paper(TENANT, key, document, 0, DocumentType.INVOICE, "c" * 64)
        entry = paper.entry(EntryKind.POST, date=NOW.date(), postings=POSTINGS)
        bookings.append(Booking((entry,), TRAIL, fingerprint=keyed_id(key, "print", number)))
    return bookings


class Sealing:
    """A journal and its log.

    Args:
        journal: empty.
        folder: for the log.
    """

    def __init__(self, journal: SqlJournal, folder: Path) -> None:
        self._journal = journal
        signer = Ed25519Signer.open_or_create(folder / "key.pem", "bench.example/log/bench")
        self._log = Publication(
            origin=signer.key.name,
            files=DirectoryFiles.open(folder, TENANT, signer.key),
            signer=signer,
            intents=journal.intents(TENANT),
        )
        self._sealed = 0

    def append(self, bookings: list[Booking]) -> None:
        """Make them durable."""
        self._journal.append_many(bookings)

    def cover(self, most: int) -> None:
        """Do what the sequencer does until a checkpoint covers them."""
        fence = self._journal.claim("bench", now=NOW, lease_s=timedelta(hours=1).total_seconds())
        assert fence is not None
        end = self._sealed + self._journal.assign(TENANT, fence=fence, most=most)
        leaves = self._journal.leaves(TENANT, self._sealed, end)
        signed = self._log.extend(leaves, first_index=self._sealed)
        self._journal.record_checkpoint(TENANT, signed, at=NOW)
        assert signed.checkpoint.size == end
        self._sealed = end


def sealed(sealing: Sealing, bookings: list[Booking], batch: int, server: CpuTime) -> Cost:
    """Append and seal in batches."""

    def work() -> None:
        for start in range(0, len(bookings), batch):
            sealing.append(bookings[start : start + batch])
            sealing.cover(batch)

    return _cost(len(bookings), work, server)


def one_by_one(sealing: Sealing, bookings: list[Booking]) -> Latency:
    """Append and seal single entries, each as soon as the one before is sealed."""
    latency = Latency([], [])
    for booking in bookings:
        begun = time.perf_counter()
        sealing.append([booking])
        latency.durable.append((time.perf_counter() - begun) * 1e3)
        sealing.cover(1)
        latency.covered.append((time.perf_counter() - begun) * 1e3)
    return latency


def rows_of(bookings: list[Booking], first: int) -> Rows:
    """Return what the journal writes for a batch, indices included."""
    rows: Rows = {table: [] for table in TABLES}
    for seq, booking in enumerate(bookings, start=first + 1):
        entry = booking.subject
        rows["entries"].append({**entry_row(entry, seq), "log_index": seq - 1})
        rows["postings"] += posting_rows(entry, seq)
        whose = {"tenant": entry.tenant, "document_id": entry.document_id}
        trail = {"jobid": TRAIL.jobid, "traceparent": TRAIL.traceparent}
        rows["outbox"].append({"seq": seq, "entry_id": entry.entry_id, **whose, **trail})
        rows["fingerprints"].append({**whose, "fingerprint": booking.fingerprint})
    return rows


def bare(
    bookings: list[Booking], batch: int, insert: Callable[[Rows], None], server: CpuTime
) -> Cost:
    """Insert the same rows with the driver alone, a transaction a batch."""

    def work() -> None:
        for start in range(0, len(bookings), batch):
            insert(rows_of(bookings[start : start + batch], start))

    return _cost(len(bookings), work, server)


@contextmanager
def bare_sqlite(path: Path) -> Iterator[Callable[[Rows], None]]:
    """Give what inserts a batch by executemany, as durable as the journal."""
    open_sqlite(path, JOURNAL).close()
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()

    def insert(rows: Rows) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for table, its in rows.items():
            names = ",".join(its[0])
            marks = ",".join("?" * len(its[0]))
            statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
            connection.executemany(statement, [tuple(row.values()) for row in its])
        connection.execute("COMMIT")

    yield insert
    connection.close()


@contextmanager
def bare_postgres(url: str) -> Iterator[Callable[[Rows], None]]:
    """Give what inserts a batch by COPY."""
    with psycopg.connect(url) as connection:
        connection.execute("SET search_path = ledger")
        connection.commit()

        def insert(rows: Rows) -> None:
            for table, its in rows.items():
                names = ",".join(its[0])
                with connection.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                    for row in its:
                        copy.write_row(tuple(row.values()))
            connection.commit()

        yield insert


def on_sqlite(folder: Path, count: int, batch: int) -> Measured:
    """Measure on a file."""
    bookings = made(count)
    journal = SqlJournal(open_sqlite(folder / "journal.sqlite", JOURNAL))
    sealing = Sealing(journal, folder / "log-of-sqlite")
    whole = sealed(sealing, bookings, batch, nobodys)
    with bare_sqlite(folder / "bare.sqlite") as insert:
        limit = bare(bookings, batch, insert, nobodys)
    latency = one_by_one(sealing, made(ONE_BY_ONE, first=count))
    journal.close()
    return Measured(whole, limit, latency)


def on_postgres(folder: Path, count: int, batch: int) -> Measured:
    """Measure on a server of its own, which waits for the disk."""
    bookings = made(count)
    with postgres_folder() as data:
        server = Postgres(data)
        urls = [server.url(server.create()) for _ in range(2)]
        databases = [connect(url, JOURNAL) for url in urls]
        for database in databases:
            migrate(database)
        sealing = Sealing(SqlJournal(databases[0]), folder / "log-of-postgres")
        whole = sealed(sealing, bookings, batch, server.cpu_s)
        with bare_postgres(urls[1]) as insert:
            limit = bare(bookings, batch, insert, server.cpu_s)
        latency = one_by_one(sealing, made(ONE_BY_ONE, first=count))
        for database in databases:
            database.close()
        server.stop()
    return Measured(whole, limit, latency)


KINDS: Final = {"SQLite": on_sqlite, "PostgreSQL": on_postgres}


def nobodys() -> float:
    """Return the CPU time of no server."""
    return 0.0


def _cost(count: int, work: Callable[[], None], server: CpuTime) -> Cost:
    wall, cpu, theirs = time.perf_counter(), time.process_time(), server()
    work()
    return Cost(count, time.perf_counter() - wall, time.process_time() - cpu, server() - theirs)


def main(count: int = 40_000, batch: int = 5_000) -> None:
    """Print both rates, their ratio, and latencies, on each kind."""
    for kind, measure in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder), count, batch)
        rate, limit = found.sealed.rate, found.bare.rate
        print(f"{kind}, batches of {batch:,}: sealed {rate:,.0f} entries/s", end=", ")
        print(f"bare {limit:,.0f} entries/s, {rate / limit:.2f} of it")
        for line in found.lines():
            print(f"{kind}, {line}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
