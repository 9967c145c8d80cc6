"""The embedded bus beside bare SQLite: events per second, one by one and in batches.

``python tests/bench/bench_bus.py`` prints them. The limit is what SQLite itself does in the same
run, on the same disk: one insert of an event's size in a transaction under ``synchronous=FULL``. An
event takes three transactions: it is published, leased and settled; leasing alone is not synced.

Events per second depend on the disk and on who else uses the machine. CPU time and bytes written an
event do not, or less: compare by them.
"""

import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from shared.bus.sqlite import SqliteBus
from shared.bus.topology import load_topology
from shared.events.envelope import Event, make_event
from shared.events.payloads import DocumentSummarized, DocumentType, Reference

SUBSCRIPTION: Final = "ledger.document-summarized"
ONE_BY_ONE: Final = 2_000
BATCHED: Final = 20_000
BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast something was.

    Attributes:
        rate: how many a second.
        cpu_us: user and system time for each, in microseconds.
        written: bytes that were handed to the kernel for each; None where it does not tell.
    """

    rate: float
    cpu_us: float
    written: float | None

    @property
    def costs(self) -> str:
        """What one costs whatever else the machine does."""
        written = "" if self.written is None else f", {self.written / 1000:.1f} KB written"
        return f"{self.cpu_us:.0f} CPU-µs{written}"


def make(number: int) -> Event:
    """Return an event of ordinary size that one worker and the register hear."""
    document_id = f"{number:040x}"
    reference = Reference(
        name=f"results/summarize/{document_id}/0", generation=1, digest="ab" * 32, size=900
    )
    return make_event(
        DocumentSummarized(
            document_id=document_id,
            original=reference,
            result=reference,
            pages=1,
            document_type=DocumentType.INVOICE,
        ),
        tenant_key=b"k" * 32,
        tenant="bench",
        source="summarize",
        subject=document_id,
        jobid=document_id,
        traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
        time=datetime.now(UTC),
    )


def rate(count: int, work: Callable[[], None]) -> Speed:
    """Do ``work`` on ``count`` events and return how fast it went."""
    wall, cpu, written = time.perf_counter(), time.process_time(), _written()
    work()
    seconds, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    after = _written()
    return Speed(
        rate=count / seconds,
        cpu_us=cpu_s / count * 1_000_000,
        written=None if written is None or after is None else (after - written) / count,
    )


def _written() -> int | None:
    """Return how many bytes this process has written so far, where there is /proc."""
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar:"))


def bare(path: Path, batch: int, count: int) -> Speed:
    """Insert rows of an event's size into bare SQLite, ``batch`` a transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE rows (a INTEGER PRIMARY KEY, b BLOB)")
    row = (b"x" * 1_000,)

    def work() -> None:
        for _ in range(count // batch):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO rows (b) VALUES (?)", [row] * batch)
            connection.execute("COMMIT")

    figures = rate(count, work)
    connection.close()
    return figures


def through_the_bus(path: Path, batch: int, count: int) -> Speed:
    """Publish, pull and acknowledge ``count`` events, ``batch`` at a time."""
    bus = SqliteBus(path, load_topology())
    events = [make(number) for number in range(count)]

    def work() -> None:
        for first in range(0, count, batch):
            bus.publish(events[first : first + batch])
            bus.acknowledge(bus.pull(SUBSCRIPTION, most=batch, lease_s=60))

    figures = rate(count, work)
    bus.close()
    return figures


def main() -> None:
    """Print each figure beside its limit."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("DOCLEDGER_BENCH_DIR")) as folder:
        root = Path(folder)
        for name, batch, count in (
            ("one by one", 1, ONE_BY_ONE),
            (f"batches of {BATCH}", BATCH, BATCHED),
        ):
            limit = bare(root / f"bare-{batch}.sqlite", batch, count)
            ours = through_the_bus(root / f"bus-{batch}.sqlite", batch, count)
            print(
                f"bus, {name:15} {ours.rate:9,.0f} events/s, {ours.costs} each   "
                f"bare SQLite {limit.rate:9,.0f} rows/s, {limit.costs} each   "
                f"share {ours.rate / limit.rate:.0%}"
            )


if __name__ == "__main__":
    main()
