"""The evaluation runs, on what is there, and says so when nothing is."""

import os
from pathlib import Path

import pytest

from examples.stream import invoice_stream
from services.ocr.adapters.task import read_document
from services.summarize.rules import RulesSummarizer
from shared.events.payloads import MediaType
from shared.events.results import Reading
from tests.eval.comparison import same
from tests.eval.run_eval import evaluate, main

RECEIPT = (
    b"ACME SDN BHD",
    b"Receipt no. 77",
    b"Date: 25/12/2018",
    b"Total   RM 9.00",
    b"Cash    RM 10.00",
    b"Change  RM 1.00",
)

DATA = Path(os.environ.get("DOCLEDGER_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))


@pytest.mark.parametrize("arguments", [[], ["nowhere/at/all"], ["{empty}"]])
def test_without_documents_it_says_so(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is absent is not 0 % right."""
    assert main([argument.format(empty=tmp_path) for argument in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "folder" in said.err


def test_receipts_are_measured_against_their_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kept words are used again, so a second evaluation needs no OCR."""
    (tmp_path / "sroie-dev" / "key").mkdir(parents=True)
    label = '{"company": "ACME SDN BHD", "date": "25/12/2018", "address": "X", "total": "RM9.00"}'
    (tmp_path / "sroie-dev" / "key" / "000.json").write_text(label, encoding="utf-8")
    text = b"\n".join(RECEIPT)
    words = read_document(text, MediaType.TEXT)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "sroie-dev-000.json").write_text(words.model_dump_json(), encoding="utf-8")
    assert main([str(tmp_path), "--readings", str(kept)]) == 0
    report = capsys.readouterr().out
    for line in ("supplier_name", "total_amount", "invoice_date", "posted, total right"):
        (found,) = (row for row in report.splitlines() if line in row)
        assert "1/1" in found


def test_generated_invoices_of_every_layout_and_country_post_with_the_right_total() -> None:
    """Documents that another part of the project makes, in eight countries and four layouts."""
    for example in invoice_stream(3, 24):
        reading = read_document(example.content, MediaType.PDF)
        summary = RulesSummarizer().summarize(
            Reading.model_validate_json(reading.model_dump_json())
        )
        assert summary.doubts == (), example.about
        for name in ("total_amount", "invoice_date", "invoice_id", "currency"):
            assert same(name, summary.fields[name].value, example.truth.fields[name]), example.about


@pytest.mark.skipif(
    not (DATA / "einvoice-dev").is_dir(), reason="labelled documents are absent: set DOCLEDGER_DATA"
)
def test_the_floors_hold_on_e_invoices(tmp_path: Path) -> None:
    """With XML everything is right; without, totals and dates of at least 85 %."""
    (tmp_path / "einvoice-dev").symlink_to((DATA / "einvoice-dev").resolve())
    exact, ignored = evaluate(tmp_path)
    for results in exact.fields.values():
        assert all(right for _, right in results)
    assert all(exact.posted)
    for name in ("total_amount", "invoice_date"):
        results = ignored.fields[name]
        assert sum(right for _, right in results) >= 0.85 * len(results)
    assert len(ignored.posted) >= 0.5 * ignored.documents
    assert sum(ignored.posted) >= 0.95 * len(ignored.posted)
