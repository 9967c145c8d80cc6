"""The published log beside bare SHA-256: appending in batches, verifying from the first leaf.

``python tests/bench/bench_log.py`` prints the figures. Appending is the publication alone (no
journal): hashing, tiles, signature, every file synced to the disk. The limit hashes the same leaves
and as many tree nodes with ``hashlib`` in a plain loop, and does nothing else.
"""

import hashlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_files import DirectoryFiles
from services.ledger.publication import Publication
from shared.tlog.reader import DirectoryReader
from shared.tlog.signer import Ed25519Signer
from shared.tlog.verify import verify_log

LEAVES: Final = 200_000
LEAF_BYTES: Final = 600
"""About the size of a posted invoice's canonical JSON."""

BATCHES: Final = (200, 1_000, 10_000)
ORIGIN: Final = "docledger.example/log/bench"


def measured(count: int, work: Callable[[], object]) -> tuple[float, float]:
    """Return how many a second, by the clock and by CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return count / (time.perf_counter() - wall), count / (time.process_time() - cpu)


def bare_sha256(leaves: list[bytes]) -> None:
    """Hash every leaf, and one node a leaf."""
    sha256 = hashlib.sha256
    pair = bytes(64)
    for leaf in leaves:
        sha256(b"\x00" + leaf).digest()
        sha256(b"\x01" + pair).digest()


def bare_files(root: Path, files: int) -> None:
    """Write and sync as many files of a tile's size, one after the other."""
    root.mkdir()
    for number in range(files):
        with (root / str(number)).open("wb") as file:
            file.write(bytes(8192))
            file.flush()
            os.fsync(file.fileno())


def append(root: Path, leaves: list[bytes], batch: int) -> None:
    """Publish the leaves, a checkpoint a batch."""
    signer = Ed25519Signer.open_or_create(root / "key.pem", ORIGIN)
    intents = MemoryIntents()
    log = Publication(
        origin=ORIGIN, files=DirectoryFiles(root / "log"), signer=signer, intents=intents
    )
    for start in range(0, len(leaves), batch):
        log.extend(leaves[start : start + batch], first_index=start)


def report(name: str, rates: tuple[float, float], limit: tuple[float, float]) -> None:
    """Print one line: the rate, and its share of the limit by CPU time."""
    share = f"{rates[1] / limit[1]:6.1%} of bare SHA-256 by CPU"
    print(f"{name:<38} {rates[0]:>10,.0f}/s   {rates[1]:>10,.0f}/CPU-s   {share}")


def main() -> None:
    """Print every figure beside its limit."""
    dice = random.Random(7)
    leaves = [dice.randbytes(LEAF_BYTES) for _ in range(LEAVES)]
    limit = measured(LEAVES, lambda: bare_sha256(leaves))
    print(f"{LEAVES:,} leaves of {LEAF_BYTES} bytes")
    report("bare SHA-256, leaf and node", limit, limit)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = measured(500, lambda: bare_files(root / "files", 500))
        print(f"{'bare synced files of 8 KiB, in turn':<38} {files[0]:>10,.0f}/s")
        for batch in BATCHES:
            some = leaves[: min(LEAVES, batch * 100)]
            where = root / str(batch)
            where.mkdir()
            rates = measured(len(some), lambda: append(where, some, batch))  # noqa: B023 - called here
            report(f"append, batches of {batch:,}", rates, limit)
        key = Ed25519Signer.open_or_create(where / "key.pem", ORIGIN).key
        reader = DirectoryReader(where / "log")
        rates = measured(LEAVES, lambda: verify_log(reader, key))
        report("verify", rates, limit)


if __name__ == "__main__":
    main()
