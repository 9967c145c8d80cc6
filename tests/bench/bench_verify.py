"""Verifying and proving at 1,000,000 entries: speed, memory, milliseconds a proof.

``python -m tests.bench.bench_verify`` prints the figures. Each verification runs in a process of
its own, whose peak memory is told. The limit hashes leaves of the same size, and as many tree
nodes, with ``hashlib`` in a plain loop, in the same run.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from shared.tlog.checkpoint import Checkpoint
from shared.tlog.edge import RightEdge
from shared.tlog.note import VerifierKey
from shared.tlog.proof import prove
from shared.tlog.reader import DirectoryReader, read_checkpoint
from shared.tlog.signer import Ed25519Signer
from shared.tlog.tiles import (
    CHECKPOINT_PATH,
    TILE_WIDTH,
    bundle_path,
    encode_bundle,
    hash_leaves,
    tile_path,
)
from shared.tlog.verify import verify_log
from tests.bench import bench_log
from tests.bench.figure import Figure, Place

SIZES: Final = (100_000, 1_000_000)
PROOFS: Final = 500
LIMIT_LEAVES: Final = 50_000

_MB: Final = 1024.0


def write_log(folder: Path, size: int) -> VerifierKey:
    """Write a log of random leaves as it would be published, but for syncing the disk."""
    signer = Ed25519Signer.open_or_create(folder.with_suffix(".pem"), bench_log.ORIGIN)
    dice = random.Random(7)
    edge = RightEdge()

    def put(path: str, data: bytes) -> None:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    for start in range(0, size, TILE_WIDTH):
        count = min(TILE_WIDTH, size - start)
        leaves = [dice.randbytes(bench_log.LEAF_BYTES) for _ in range(count)]
        put(bundle_path(start // TILE_WIDTH, count), encode_bundle(leaves))
        for tile in edge.append(hash_leaves(leaves)):
            put(tile_path(tile.level, tile.index), tile.hashes)
    for tile in edge.partial_tiles():
        put(tile_path(tile.level, tile.index, tile.width), tile.hashes)
    checkpoint = Checkpoint(bench_log.ORIGIN, size, edge.root())
    put(CHECKPOINT_PATH, signer.sign(checkpoint).encode())
    return signer.key


def verified(folder: Path, key: VerifierKey) -> tuple[float, float, float]:
    """Verify in a process of its own; return seconds, CPU seconds and its peak memory in MB."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_verify", str(folder), str(key)],
        check=True,
        capture_output=True,
        text=True,
    )
    wall, cpu, peak = json.loads(ran.stdout)
    return wall, cpu, peak


def _peak_kb() -> int:
    """Return this program's peak; what getrusage tells begins with that of whoever started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


def proofs(folder: Path, key: VerifierKey) -> list[float]:
    """Return the milliseconds of proofs of random entries, sorted; nothing is kept in between."""
    reader = DirectoryReader(folder)
    signed = read_checkpoint(reader, key)
    dice = random.Random(11)
    took: list[float] = []
    for _ in range(PROOFS):
        index = dice.randrange(signed.checkpoint.size)
        begun = time.perf_counter()
        prove(reader, signed, index)
        took.append((time.perf_counter() - begun) * 1000)
    return sorted(took)


def verifier(place: Place) -> list[Figure]:
    """Verify and prove in a log of a million entries."""
    dice = random.Random(7)
    some = [dice.randbytes(bench_log.LEAF_BYTES) for _ in range(LIMIT_LEAVES)]
    limit = bench_log.measured(LIMIT_LEAVES, lambda: bench_log.bare_sha256(some))
    peaks: list[float] = []
    for size in SIZES:
        folder = place.folder / str(size)
        key = write_log(folder, size)
        wall, cpu, peak = verified(folder, key)
        peaks.append(peak)
    took = proofs(folder, key)
    return [
        Figure(
            *("verify 1,000,000 leaves", SIZES[-1] / wall, "leaves/s", 200_000, "more"),
            limit=limit[0],
            limit_name="bare SHA-256, leaf and node",
            notes=(
                f"{SIZES[-1] / cpu:,.0f} leaves/CPU-s, {SIZES[-1] / cpu / limit[1]:.0%} of bare",
                f"peak memory {peaks[0]:.1f} MB at {SIZES[0]:,}, {peaks[-1]:.1f} MB at all",
            ),
        ),
        Figure("verify: memory from 100,000 on", peaks[-1] - peaks[0], "MB", 2.0, "less"),
        Figure(
            *("proof at 1,000,000 entries, p50", took[PROOFS // 2], "ms", 2.0, "less"),
            notes=(f"p99 {took[PROOFS * 99 // 100]:.2f} ms",),
        ),
    ]


def main() -> None:
    """Print the figures; with a folder and a key, verify that and print what it took."""
    if sys.argv[1:]:
        folder, key = sys.argv[1:]
        wall, cpu = time.perf_counter(), time.process_time()
        verify_log(DirectoryReader(Path(folder)), VerifierKey.parse(key))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = _peak_kb() / _MB
        print(json.dumps([wall, cpu, peak]))
        return
    with tempfile.TemporaryDirectory() as temporary:
        for figure in verifier(Place(Path(temporary), Path())):
            print(f"{figure.name}: {figure.shown} (target {figure.shown_target})")
            for note in figure.notes:
                print(f"  {note}")


if __name__ == "__main__":
    main()
