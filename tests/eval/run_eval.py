"""How well documents are read: ``python -m tests.eval.run_eval FOLDER [--readings FOLDER]``.

FOLDER holds ``sroie-dev/`` (receipts: img/, key/) or ``einvoice-dev/`` (PDFs with embedded XML), or
both. For each it prints right/labelled per field with Wilson bounds, the AUROC of the confidences,
and of what would be posted without a person, the share and how many have the right total. PDFs are
read twice: with their XML, and with the XML ignored. How values are compared: ``comparison.py``.

Nothing is kept, unless ``--readings`` names a folder (outside the project) for the words that OCR
read; it is used again the next time.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.ocr.adapters.task import read_document
from services.summarize.doctype import POSTING
from services.summarize.rules import RulesSummarizer
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.events.results import Reading, Summary
from tests.eval.comparison import same
from tests.eval.labels import Labelled, einvoice_truth, receipts
from tests.eval.measures import Share, auroc


@dataclass
class Tally:
    """What one dataset adds up to."""

    title: str
    fields: dict[str, list[tuple[float | None, bool]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    documents: int = 0
    posted: list[bool] = field(default_factory=list)
    unread: int = 0
    seconds: float = 0.0

    def add(self, summary: Summary, truth: dict[str, str]) -> None:
        """Count one document."""
        self.documents += 1
        right: dict[str, bool] = {}
        for name, value in truth.items():
            found = summary.fields.get(name)  # type: ignore[call-overload] # labels are strings
            right[name] = found is not None and same(name, found.value, value)
            self.fields[name].append((found.confidence if found else None, right[name]))
        if not summary.doubts and summary.document_type in POSTING:
            self.posted.append(right.get("total_amount", False))

    def lines(self) -> Iterable[str]:
        """Yield the report."""
        yield f"{self.title}: {self.documents} documents, {self.unread} not read"
        pooled: list[tuple[float, bool]] = []
        for name, results in self.fields.items():
            scored = [(sure, right) for sure, right in results if sure is not None]
            pooled += scored
            share = Share(sum(right for _, right in results), len(results))
            yield f"  {name:<18}{share}  AUROC {_shown(auroc(scored))}"
        yield f"  {'all fields':<18}{'':<30}  AUROC {_shown(auroc(pooled))}"
        yield f"  {'posted':<18}{Share(len(self.posted), self.documents)}"
        yield f"  {'posted, total right':<18}{Share(sum(self.posted), len(self.posted))}"
        if self.documents:
            yield f"  summarizing took {1000 * self.seconds / self.documents:.1f} CPU-ms a document"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _reading(path: Path, media_type: MediaType, kept: Path | None) -> Reading:
    """Read a document, or take the words that were kept of it."""
    place = kept / f"{path.parent.parent.name}-{path.stem}.json" if kept else None
    if place is not None and place.is_file():
        return Reading.model_validate_json(place.read_bytes())
    reading = read_document(path.read_bytes(), media_type)
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(reading.model_dump_json(), encoding="utf-8")
    return reading


def _measure(tally: Tally, reading: Reading, truth: dict[str, str]) -> None:
    start = time.process_time()
    summary = RulesSummarizer().summarize(reading)
    tally.seconds += time.process_time() - start
    tally.add(summary, truth)


def _receipts(documents: Sequence[Labelled], kept: Path | None) -> Tally:
    tally = Tally("receipts (sroie-dev)")
    for number, document in enumerate(documents, start=1):
        sys.stderr.write(f"\rreceipt {number}/{len(documents)}")
        try:
            _measure(tally, _reading(document.path, document.media_type, kept), document.truth)
        except PermanentError:
            tally.unread += 1
    sys.stderr.write("\n")
    return tally


def _einvoices(paths: Sequence[Path]) -> tuple[Tally, Tally]:
    exact, ignored = Tally("e-invoices (einvoice-dev), with XML"), Tally("the same, XML ignored")
    for path in paths:
        try:
            reading = _reading(path, MediaType.PDF, None)  # fast: nothing to keep
        except PermanentError:
            exact.unread += 1
            ignored.unread += 1
            continue
        if reading.einvoice is None:
            exact.unread += 1
            ignored.unread += 1
            continue
        truth = einvoice_truth(reading.einvoice)
        _measure(exact, reading, truth)
        _measure(ignored, reading.model_copy(update={"einvoice": None}), truth)
    return exact, ignored


def evaluate(folder: Path, kept: Path | None = None) -> list[Tally]:
    """Return the tally of every dataset that ``folder`` holds."""
    tallies: list[Tally] = []
    if (folder / "einvoice-dev").is_dir():
        tallies += _einvoices(sorted((folder / "einvoice-dev").glob("*.pdf")))
    if (folder / "sroie-dev").is_dir():
        tallies.append(_receipts(list(receipts(folder / "sroie-dev")), kept))
    return tallies


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the evaluation; 2 where the folder holds no labelled documents."""
    parser = argparse.ArgumentParser(prog="run_eval", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="holds sroie-dev/ and einvoice-dev/")
    parser.add_argument("--readings", type=Path, help="keep the words that were read here")
    options = parser.parse_args(arguments)
    if options.folder is None or not options.folder.is_dir():
        sys.stderr.write("no labelled documents: name their folder, make eval DATA=folder\n")
        return 2
    tallies = evaluate(options.folder, options.readings)
    if not tallies:
        sys.stderr.write("neither sroie-dev/ nor einvoice-dev/ is in that folder\n")
        return 2
    for tally in tallies:
        sys.stdout.write("\n".join(tally.lines()) + "\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
