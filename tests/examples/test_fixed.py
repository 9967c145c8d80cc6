"""The fixed set is what the demo, the kill tests and the acceptance tests run on."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pypdfium2
import pytest

from examples.fixed import fast_examples, fixed_examples, markdown_table
from examples.truth import Example
from shared.events.payloads import DocumentType

README = Path(__file__).parents[2] / "examples" / "README.md"


def test_same_seed_gives_the_same_bytes(fixed: dict[str, Example]) -> None:
    """Byte for byte: documents are known by their content."""
    again = fixed_examples()
    assert [e.name for e in again] == list(fixed)
    assert [e.name for e in again if e != fixed[e.name]] == []


def test_leaving_out_pictures_changes_nothing_else(fixed: dict[str, Example]) -> None:
    """A test on the fast subset must see what the demo sees."""
    fast = fast_examples()
    assert {e.name for e in fast} == {e.name for e in fixed.values() if e.fast}
    assert [e.name for e in fast if e != fixed[e.name]] == []


def test_another_seed_gives_other_documents_of_the_same_kinds(fixed: dict[str, Example]) -> None:
    """A reader tuned to one seed must be found out by the next."""
    for example in fast_examples(2):
        same = fixed[example.name]
        assert (example.status, example.reason) == (same.status, same.reason)
        if example.truth.fields:
            assert example.content != same.content


def test_contents_differ_except_for_the_planned_duplicate(fixed: dict[str, Example]) -> None:
    """An accidental duplicate would shift every count."""
    copies = [e for e in fixed.values() if e.truth.duplicate_of]
    assert len(copies) == 1
    original = fixed[copies[0].truth.duplicate_of or ""]
    assert copies[0].content == original.content
    assert original.name < copies[0].name, "a run in the order of names meets the original first"
    assert len({e.content for e in fixed.values()}) == len(fixed) - 1


def test_no_invoice_is_sent_twice_by_accident(fixed: dict[str, Example]) -> None:
    """The same supplier, number and total in two files is held."""
    fields = [e.truth.fields for e in fixed.values() if not e.truth.duplicate_of]
    keys = [(f["supplier_name"], f["invoice_id"], f["total_amount"]) for f in fields if f]
    assert len(keys) == len(set(keys)) + 1
    first, second = fixed["invoice-once.pdf"], fixed["invoice-twice.pdf"]
    assert first.truth.fields == second.truth.fields
    assert (first.truth.resends, second.truth.resends) == (second.name, first.name)
    assert first.content != second.content


def test_figures_add_up_unless_they_must_not(
    fixed: dict[str, Example], adds_up: Callable[[Example], None]
) -> None:
    """Everything that is to be posted balances; the wrong ones are wrong in one way only."""
    whole = [e for e in fixed.values() if e.truth.fields]
    whole += fixed["mail-with-attachments.eml"].attachments
    assert len(whole) > 25
    for example in whole:
        if "wrong" not in example.name:
            adds_up(example)
    wrong = fixed["invoice-wrong-total.pdf"].truth
    fields = {name: wrong.fields[name] for name in wrong.fields if name.endswith("_amount")}
    amounts = {name: Decimal(value) for name, value in fields.items()}
    lines = sum(Decimal(line.amount) for line in wrong.line_items)
    assert lines == amounts["net_amount"]
    assert amounts["net_amount"] + amounts["total_tax_amount"] == amounts["total_amount"] - 90
    wrong = fixed["invoice-wrong-lines.pdf"].truth
    lines = sum(Decimal(line.amount) for line in wrong.line_items)
    assert Decimal(wrong.fields["net_amount"]) == lines + 75
    assert Decimal(wrong.fields["net_amount"]) + Decimal(
        wrong.fields["total_tax_amount"]
    ) == Decimal(wrong.fields["total_amount"])


def test_pdfs_hold_their_truth_as_text(
    fixed: dict[str, Example],
    page_texts: Callable[[bytes], list[str]],
    shows: Callable[[Example, str], None],
) -> None:
    """What the truth says must stand on the pages, and there must be as many as it says."""
    for example in fixed.values():
        if example.fast and example.truth.pages and example.content.startswith(b"%PDF"):
            pages = page_texts(example.content)
            assert len(pages) == example.truth.pages, example.name
            if example.truth.fields:
                shows(example, " ".join(pages))


def test_long_invoice_has_its_total_on_the_last_page_only(
    fixed: dict[str, Example], page_texts: Callable[[bytes], list[str]]
) -> None:
    """Whoever reads the first page only must not find a total that fits."""
    example = fixed["invoice-many-pages.pdf"]
    pages = page_texts(example.content)
    total = f"{Decimal(example.truth.fields['total_amount']):,}".translate({44: 46, 46: 44})
    assert len(pages) >= 3
    assert [total in page for page in pages] == [False] * (len(pages) - 1) + [True]
    assert "Übertrag" in pages[0]


@pytest.mark.parametrize("name", ["corrupt.pdf", "encrypted.pdf"])
def test_unreadable_pdfs_cannot_be_opened(fixed: dict[str, Example], name: str) -> None:
    """A parser that repairs the file would make the truth a lie."""
    assert fixed[name].content.startswith(b"%PDF")
    with pytest.raises(pypdfium2.PdfiumError, match="password" if "enc" in name else "format"):
        pypdfium2.PdfDocument(fixed[name].content)


def test_plain_text_holds_its_truth(
    fixed: dict[str, Example], shows: Callable[[Example, str], None]
) -> None:
    """Text invoices are read without pages."""
    example = fixed["invoice-plain-text.txt"]
    shows(example, " ".join(example.content.decode().split()))


def test_set_covers_what_was_promised(fixed: dict[str, Example]) -> None:
    """Kinds, languages, currencies and ends: each must be there."""
    truths = [e.truth for e in fixed.values()]
    assert {t.document_type for t in truths} >= {
        DocumentType.INVOICE,
        DocumentType.CREDIT_NOTE,
        DocumentType.RECEIPT,
        DocumentType.CONTRACT,
        DocumentType.LETTER,
        DocumentType.BANK_STATEMENT,
    }
    assert {t.language for t in truths} >= {"en", "de", "fr", "ms"}
    currencies = {t.fields.get("currency") for t in truths}
    assert currencies >= {"EUR", "USD", "GBP", "MYR", "JPY", "CHF"}
    assert {e.status for e in fixed.values()} == {
        "posted",
        "held",
        "quarantined",
        "refused",
        "duplicate",
        "expanded",
    }


def test_readme_shows_the_set_as_it_is(fixed: dict[str, Example]) -> None:
    """A table that is out of date is worse than none."""
    found = re.search(r"<!-- fixed set -->\n(.*)<!-- end -->", README.read_text("utf-8"), re.DOTALL)
    assert found is not None
    assert found[1] == markdown_table(list(fixed.values()))


def test_an_example_accepts_its_ends_and_no_others(fixed: dict[str, Example]) -> None:
    """Tests of the pipeline ask through this."""
    scan = fixed["scan-skewed.pdf"]
    assert scan.accepts("posted", None)
    assert scan.accepts("held", "low_confidence")
    assert not scan.accepts("quarantined", "unreadable")
    assert not fixed["invoice-wrong-total.pdf"].accepts("posted", None)
