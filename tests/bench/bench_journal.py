"""Batched append to the journal beside bare SQLite inserts of the same rows, in the same run.

Counted: entries, postings, outbox, fingerprints and the assigned index, durable, in batches.
"""

import datetime as dt
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from services.ledger.adapters.rows import entry_row, posting_rows
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.sql import SqlJournal
from services.ledger.drafting import Paper
from services.ledger.entries import Booking, Entry, Posting, Trail
from shared.database.sqlite import open_sqlite
from shared.events.ids import keyed_id
from shared.events.payloads import DocumentType, EntryKind

TENANT = "bench"
TRAIL = Trail("j" * 40, "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
POSTINGS = (
    Posting("5000", "EUR", 10000),
    Posting("1400", "EUR", 1900),
    Posting("2000", "EUR", -11900),
)


def made(count: int) -> list[Booking]:
    """Return that many invoices, each ready to be appended."""
    key = b"k" * 32
    bookings = []
    for number in range(count):
        document = keyed_id(key, number)
        paper = Paper(TENANT, key, document, 0, DocumentType.INVOICE, "c" * 64)
        entry = paper.entry(EntryKind.POST, date=NOW.date(), postings=POSTINGS)
        bookings.append(Booking((entry,), TRAIL, fingerprint=keyed_id(key, "print", number)))
    return bookings


def appended(folder: Path, bookings: list[Booking], batch: int) -> tuple[float, float]:
    """Append and sequence through the journal; return wall and CPU seconds."""
    journal = SqlJournal(open_sqlite(folder / "journal.sqlite", JOURNAL))
    fence = journal.claim("bench", now=NOW, lease_s=3600)
    assert fence is not None
    wall, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(bookings), batch):
        journal.append_many(bookings[start : start + batch])
        journal.assign(TENANT, fence=fence, most=batch)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    assert journal.sequenced(TENANT) == len(bookings)
    journal.close()
    return spent


def bare(folder: Path, bookings: list[Booking], batch: int) -> tuple[float, float]:
    """Insert the same rows with the driver alone, same schema; return wall and CPU seconds."""
    path = folder / "bare.sqlite"
    open_sqlite(path, JOURNAL).close()
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    wall, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(bookings), batch):
        chunk = bookings[start : start + batch]
        entries: list[Entry] = [booking.subject for booking in chunk]
        connection.execute("BEGIN IMMEDIATE")
        numbered = list(enumerate(entries, start=start + 1))
        rows = [(*_values(entry_row(entry, seq)), seq - 1) for seq, entry in numbered]
        marks = ",".join("?" * 15)
        connection.executemany(
            "INSERT INTO entries (seq,entry_id,tenant,document_id,revision,kind,ordinal,commitment,"
            f"document_type,date,reason,settles,actor,leaf,log_index) VALUES ({marks})",
            rows,
        )
        connection.executemany(
            "INSERT INTO postings VALUES (?,?,?,?,?,?)",
            [_values(row) for seq, entry in numbered for row in posting_rows(entry, seq)],
        )
        connection.executemany(
            "INSERT INTO outbox VALUES (?,?,?,?,?,?,NULL)",
            [
                (seq, e.entry_id, e.tenant, e.document_id, TRAIL.jobid, TRAIL.traceparent)
                for seq, e in numbered
            ],
        )
        connection.executemany(
            "INSERT INTO fingerprints VALUES (?,?,?)",
            [(b.subject.tenant, b.subject.document_id, b.fingerprint) for b in chunk],
        )
        connection.execute("COMMIT")
    spent = time.perf_counter() - wall, time.process_time() - cpu
    connection.close()
    return spent


def _values(row: dict[str, object]) -> tuple[object, ...]:
    return tuple(
        value.isoformat() if isinstance(value, dt.date) else value for value in row.values()
    )


def main(count: int = 40_000, batch: int = 1_000) -> None:
    """Print both rates and their ratio."""
    bookings = made(count)
    with tempfile.TemporaryDirectory() as folder:
        ours, ours_cpu = appended(Path(folder), bookings, batch)
        limit, limit_cpu = bare(Path(folder), bookings, batch)
    print(f"journal append, batches of {batch}: {count / ours:,.0f} entries/s")
    print(f"bare sqlite3, the same rows:        {count / limit:,.0f} entries/s")
    print(f"ratio {limit / ours:.2f}; CPU s {ours_cpu:.2f} and {limit_cpu:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
