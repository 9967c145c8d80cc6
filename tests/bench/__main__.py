"""Every figure that we promise, beside its target and a limit that was measured in the same run.

``python -m tests.bench DATA``: DATA holds ``sroie-dev`` (scanned receipts); what needs it and does
not find it is told and passed over. ``--only WORD`` runs the figures whose name has the word.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.bench.figure import Absent, Figure, Place
from tests.bench.figures import FIGURES

_HEAD: Final = ("figure", "measured", "target", "", "limit in the same run", "of the limit")
_WIDTHS: Final = (34, 20, 22, 6, 44, 12)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--only", default="", metavar="WORD")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    _row(*_HEAD)
    notes: list[str] = []
    for measure in FIGURES:
        name = measure.__name__.replace("_", " ")
        if options.only in name:
            _measure(measure, name, options.data, notes)
    print()
    for note in notes:
        print(note)
    print(f"load at the end {os.getloadavg()[0]:.1f}; CPU figures are of the processes alone")


def _measure(
    measure: Callable[[Place], list[Figure]], name: str, data: Path, notes: list[str]
) -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("DOCLEDGER_BENCH_DIR")) as folder:
        try:
            figures = measure(Place(Path(folder), data))
        except Absent as absent:
            _row(name, "not measured", "", "", str(absent), "")
            notes.append(f"absent: {absent}")
            return
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit_name}: {figure.shown_limit}"
        share = "" if figure.share is None else f"{figure.share:.2f}x"
        met = {True: "met", False: "MISSED", None: ""}[figure.met]
        _row(figure.name, figure.shown, figure.shown_target, met, limit, share)
        notes.extend(f"{figure.name}: {note}" for note in figure.notes)


def _row(*cells: str) -> None:
    padded = (cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
    print(" ".join(padded).rstrip(), flush=True)


if __name__ == "__main__":
    main()
