"""The auditor API under many readers at once, beside the same server answering ``/health``.

The API runs as it is deployed, in a process of its own; its readers share another. Each one asks,
waits for the whole answer, and asks again: what takes long holds nobody else up, as with people.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from deploy.local.ports import unused_port
from services.ledger.adapters.schema import JOURNAL
from shared.database.sqlite import open_sqlite
from tests.bench.readers import Asked, read_all
from tests.deploy.cloudrun.wire import healthy
from tests.services.ledger.auditing import keep
from tests.waiting import wait_until

TENANT: Final = "bench"
ENTRIES: Final = 100_000
SEALED: Final = 5_000
READERS: Final = 50
EACH: Final = 40


def questions(size: int, count: int, seed: int) -> list[str]:
    """Return what one reader asks: lists, filters, entries, proofs, tiles and the checkpoint."""
    chance = random.Random(seed)
    at = f"/v1/tenants/{TENANT}"

    def one() -> str:
        place = chance.randrange(size)
        return chance.choice(
            (
                f"{at}/entries?since={place}&limit=50",
                f"{at}/entries?order=newest&limit=50",
                f"{at}/entries?kind=hold&status=open&since={place}&limit=20",
                f"{at}/entries?account=6007&min_amount={place}&since={place // 2}&limit=20",
                f"{at}/entries?account=9999&since={place}",
                f"{at}/entries/{place}",
                f"{at}/entries/{place}/proof",
                f"{at}/checkpoints?after={place}&limit=10",
                f"/log/{TENANT}/tile/0/{_group(place // 256)}",
                f"/log/{TENANT}/checkpoint",
            )
        )

    return [one() for _ in range(count)]


def _group(tile: int) -> str:
    return f"{tile:03}" if tile < 1000 else f"x{tile // 1000:03}/{tile % 1000:03}"


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes:
        asked: every answer's time, by kind of question.
        cpu_s: of the server.
        wall_s: of the run.
    """

    asked: Asked
    cpu_s: float
    wall_s: float


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Run the API over a folder; give its port and process."""
    port = unused_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.cloudrun.api", "ledger-api", "--port", str(port)],
        env=os.environ
        | {
            "DOCLEDGER_PROJECT": "docledger-bench",
            "DOCLEDGER_OBJECTS_BUCKET": "docledger-bench",
            "DOCLEDGER_DATA_DIR": str(folder),
            "DOCLEDGER_UNSAFE_NO_API_AUTH": "true",
            "DOCLEDGER_LEDGER_API_READERS": f"anybody={TENANT}",
            "DOCLEDGER_LEDGER_API_MOST_EACH": str(READERS),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: healthy(port), what="the API answers")
        yield port, psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def publish(folder: Path, entries: int) -> None:
    """Publish a log with its journal."""
    database = open_sqlite(folder / "ledger.sqlite", JOURNAL)
    keep(folder, database, TENANT, range(SEALED, entries + 1, SEALED))
    database.close()


def measured(port: int, server: psutil.Process, plans: Sequence[Sequence[str]]) -> Measured:
    """Let the readers ask at once."""
    before, begun = sum(server.cpu_times()[:2]), time.perf_counter()
    asked = asyncio.run(read_all(port, plans))
    return Measured(asked, sum(server.cpu_times()[:2]) - before, time.perf_counter() - begun)


def run(folder: Path, entries: int = ENTRIES) -> tuple[Measured, Measured]:
    """Return the mixed run, and the same many answers of ``/health``."""
    if not (folder / "ledger.sqlite").exists():
        publish(folder, entries)
    with served(folder) as (port, server):
        measured(port, server, [questions(entries, 5, seed) for seed in range(8)])  # warms up
        mixed = measured(
            port, server, [questions(entries, EACH, 100 + seed) for seed in range(READERS)]
        )
        bare = measured(port, server, [["/health"] * EACH for _ in range(READERS)])
    return mixed, bare


def main() -> None:
    """Measure in the folder that the command line names; print what the bench reads."""
    folder, entries = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else ENTRIES
    mixed, bare = run(folder, entries)
    print(
        json.dumps(
            {
                "p50_ms": mixed.asked.quantile(0.50) * 1000,
                "p99_ms": mixed.asked.quantile(0.99) * 1000,
                "bare_p99_ms": bare.asked.quantile(0.99) * 1000,
                "requests": mixed.asked.count,
                "refused": mixed.asked.refused,
                "per_s": mixed.asked.count / mixed.wall_s,
                "cpu_ms": mixed.cpu_s / mixed.asked.count * 1000,
                "bare_cpu_ms": bare.cpu_s / bare.asked.count * 1000,
                "slowest": mixed.asked.slowest(),
            }
        )
    )


if __name__ == "__main__":
    main()
