"""Peak memory of all processes together while OCR runs on two workers.

``python -m tests.bench.bench_memory [DATA]`` prints it. PSS (proportional set size): what processes
share is counted once. Looked at every 50 ms and more. DATA holds ``sroie-dev/img/*.jpg``; without
them our own drawn receipts are read.
"""

import os
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Final

from examples.receipts import draw_receipt, make_receipt
from tests.bench.site_run import SiteRun

RECEIPTS: Final = 10
WORKERS: Final = 2
SEED: Final = 7


def receipts(data: Path, folder: Path) -> tuple[list[Path], str]:
    """Return scanned receipts, and what they are."""
    found = sorted((data / "sroie-dev" / "img").glob("*.jpg"))[:RECEIPTS]
    if found:
        return found, "SROIE receipts"
    folder.mkdir(parents=True)
    random = Random(SEED)
    drawn = []
    for serial in range(RECEIPTS):
        path = folder / f"{serial}.png"
        path.write_bytes(draw_receipt(make_receipt(random, "MY", serial=serial)))
        drawn.append(path)
    return drawn, "drawn receipts"


def measure(root: Path, data: Path) -> tuple[float, str]:
    """Return the peak in MB, and what was read."""
    paths, what = receipts(data, root / "receipts")
    run = SiteRun(root / "site", workers=WORKERS)
    with run.started():
        run.submit(paths)
        run.wait_for(len(paths), weigh=True)
    return run.peak_mb, f"{len(paths)} {what}"


def main(data: Path) -> None:
    """Print the peak."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("DOCLEDGER_BENCH_DIR")) as folder:
        peak, what = measure(Path(folder), data)
    print(f"peak memory of all processes, {what} on {WORKERS} workers: {peak:,.0f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else os.environ.get("DOCLEDGER_DATA", "../shared/data")))
