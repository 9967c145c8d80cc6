"""The fixed set is made once for all tests, and pages are read the way a person would."""

from collections.abc import Callable
from decimal import Decimal

import pypdfium2
import pytest

from examples.conventions import plain_number
from examples.fixed import fixed_examples
from examples.truth import Example

Reader = Callable[[bytes], list[str]]


@pytest.fixture(scope="session")
def fixed() -> dict[str, Example]:
    """The fixed set by file name."""
    return {example.name: example for example in fixed_examples()}


@pytest.fixture(scope="session")
def page_texts() -> Reader:
    """A function from a PDF to the text of its pages, blanks made even."""

    def read(pdf: bytes) -> list[str]:
        document = pypdfium2.PdfDocument(pdf)
        try:
            return [
                " ".join(page.get_textpage().get_text_bounded().replace("\xa0", " ").split())
                for page in document
            ]
        finally:
            document.close()

    return read


def check_arithmetic(example: Example) -> None:
    """Assert that lines, net, tax and total of a truth agree."""
    fields, lines = example.truth.fields, example.truth.line_items
    net, tax = Decimal(fields["net_amount"]), Decimal(fields["total_tax_amount"])
    assert net + tax == Decimal(fields["total_amount"])
    summed = sum((Decimal(line.amount) for line in lines), Decimal(0))
    assert summed in {net, net + tax}
    for line in lines:
        exact = Decimal(line.quantity) * Decimal(line.unit_price)
        assert abs(exact - Decimal(line.amount)) <= Decimal("0.5")
        assert line.quantity == plain_number(Decimal(line.quantity))


@pytest.fixture(scope="session")
def adds_up() -> Callable[[Example], None]:
    """A function that asserts that a truth adds up."""
    return check_arithmetic


def amount_forms(amount: str) -> set[str]:
    """Return every way in which our documents write an amount, blanks made even."""
    english = f"{Decimal(amount):,}"
    forms = set()
    for group, point in ((",", "."), (".", ","), ("", ","), ("", "."), (" ", ","), ("'", ".")):
        whole, _, fraction = english.partition(".")
        whole = whole.replace(",", group)
        forms.add(f"{whole}{point}{fraction}" if fraction else whole)
    return forms


@pytest.fixture(scope="session")
def shows() -> Callable[[Example, str], None]:
    """A function that asserts that a text holds what an example's truth says."""

    def check(example: Example, text: str) -> None:
        fields = example.truth.fields
        named = (
            fields["supplier_name"],
            fields.get("receiver_name", ""),
            fields["supplier_tax_id"],
            fields["invoice_id"],
        )
        for value in named:
            assert " ".join(value.split()) in text
        for part in fields["supplier_address"].split(", "):
            assert part in text
        for amount in (fields["net_amount"], fields["total_amount"]):
            assert any(form in text for form in amount_forms(amount))
        for line in example.truth.line_items:
            assert line.description in text
            assert any(form in text for form in amount_forms(line.amount))

    return check
