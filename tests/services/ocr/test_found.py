"""Entities as canonical fields."""

import pytest

from services.ocr.found import extraction_in, merged
from services.ocr.processors import load_table
from shared.events.payloads import DocumentType
from shared.events.results import Extraction
from tests.emulators.documentai_answers import document, invoice, recorded

PROCESSORS = load_table().processors


def values(extraction: Extraction | None) -> dict[str, str]:
    """Return the values by name."""
    assert extraction is not None
    return {name: field.value for name, field in extraction.fields.items()}


def test_entities_become_canonical_fields() -> None:
    """Dates and amounts as we write them; of two the surer; what is no field of ours is left."""
    found = extraction_in(invoice(), PROCESSORS["invoice"], before=0)
    assert values(found) == {
        "supplier_name": "Mill Ltd",
        "invoice_id": "R-17",
        "invoice_date": "2026-04-01",
        "currency": "EUR",
        "net_amount": "100",
        "total_tax_amount": "19.00",
        "total_amount": "119.5",
    }
    assert found is not None
    assert found.document_type is DocumentType.INVOICE


def test_a_date_that_could_not_be_normalized_is_no_date() -> None:
    """``due_date: soon`` must not reach the books as text."""
    found = extraction_in(invoice(), PROCESSORS["invoice"], before=0)
    assert "due_date" not in values(found)


def test_every_field_has_its_evidence() -> None:
    """Page, box, text, engine, confidence."""
    found = extraction_in(invoice(), PROCESSORS["invoice"], before=15)
    assert found is not None
    (seen,) = found.fields["supplier_name"].evidence
    assert (seen.page, seen.text, seen.engine, seen.confidence) == (
        16,
        "Mill Ltd",
        "documentai",
        0.91,
    )
    assert seen.box == pytest.approx((0.1, 0.2, 0.4, 0.3))
    assert found.fields["supplier_name"].confidence == 0.91


def test_line_items_have_their_parts() -> None:
    """Each with evidence of its own."""
    found = extraction_in(invoice(), PROCESSORS["invoice"], before=0)
    assert found is not None
    (line,) = found.line_items
    parts = (line.description, line.quantity, line.unit_price, line.amount)
    assert [part and part.value for part in parts] == ["Flour", "2", "50", "100"]


def test_a_processor_may_call_fields_otherwise() -> None:
    """The table says how; whoever reads the result knows one name."""
    answer = document([["Receipt"]])
    answer["entities"] = [
        {
            "type": "receipt_date",
            "mentionText": "2 May 2026",
            "confidence": 0.8,
            "normalizedValue": {"dateValue": {"year": 2026, "month": 5, "day": 2}},
        }
    ]
    found = extraction_in(answer, PROCESSORS["expense"], before=0)
    assert values(found) == {"invoice_date": "2026-05-02"}
    assert extraction_in(answer, PROCESSORS["ocr"], before=0) is None


@pytest.mark.parametrize("text", ["1.234,50", "1,234.50", "about 5", "NaN", "1e5", ""])
def test_an_amount_that_must_be_guessed_at_is_none(text: str) -> None:
    """A comma is a thousand in one country and a decimal in the next."""
    answer = document([["x"]])
    answer["entities"] = [{"type": "total_amount", "mentionText": text, "confidence": 1.0}]
    assert extraction_in(answer, PROCESSORS["invoice"], before=0) is None


def test_parts_of_a_document_are_put_together() -> None:
    """Of two values for one field the surer; lines in the order of the parts."""
    one = extraction_in(invoice(), PROCESSORS["invoice"], before=0)
    assert one is not None
    surer = one.fields["total_amount"].model_copy(update={"value": "7", "confidence": 1.0})
    other = Extraction(fields={"total_amount": surer}, line_items=one.line_items)
    both = merged([None, one, other])
    assert both is not None
    assert both.fields["total_amount"].value == "7"
    assert both.fields["supplier_name"].value == "Mill Ltd"
    assert len(both.line_items) == 2
    assert merged([None, None]) is None


def test_a_real_identity_document_has_no_fields_of_ours() -> None:
    """Names and birthdays that nobody asked for stay out of the result."""
    answer = recorded("images/dl3-0.json")
    if answer is None:
        pytest.skip("no recorded outputs beside the project: see tests/emulators")
    assert extraction_in(answer, PROCESSORS["invoice"], before=0) is None


@pytest.mark.parametrize("page", ["-1", "-9", "1", "99"])
def test_what_was_seen_on_no_page_was_not_seen(page: str) -> None:
    """Evidence names a page that a person can open."""
    answer = document([["Total 12.00"]])
    anchor = {"pageRefs": [{"page": page}]}
    answer["entities"] = [
        {"type": "total_amount", "mentionText": "12.00", "confidence": 0.9, "pageAnchor": anchor}
    ]
    assert extraction_in(answer, PROCESSORS["invoice"], before=0) is None


def test_figures_of_another_script_are_not_guessed_at() -> None:
    """An amount is written as we write them, or it is none."""
    answer = document([["Total"]])
    answer["entities"] = [{"type": "total_amount", "mentionText": "\u0661\u0662", "confidence": 1}]
    assert extraction_in(answer, PROCESSORS["invoice"], before=0) is None
