"""Which currency, by what stands beside amounts or by country."""

from collections import Counter

import pytest

from services.summarize.currency import iso_4217, resolve, scale_of
from services.summarize.page_reading import PageReading
from tests.services.summarize.writing import reading


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (["Total | RM 9.00"], "MYR"),
        (["Total | 9,00 €"], "EUR"),
        (["Currency: GBP", "Total | 9.00"], "GBP"),
        (["Acme Sdn Bhd, Johor", "Total | $9.00"], "MYR"),
        (["Acme Pte Ltd, Singapore", "Total | $9.00"], "SGD"),
        (["Acme Inc.", "Total | $9.00"], "USD"),
        (["Acme Sdn Bhd", "Total | 9.00"], "MYR"),
        (["Muster GmbH", "Gesamt | 9,00"], "EUR"),
        (["Total | ¥1,200"], "JPY"),
    ],
)
def test_the_currency_is_found(rows: list[str], code: str) -> None:
    """A dollar is not the same dollar everywhere, and a receipt may name no currency at all."""
    found = PageReading(reading(rows).pages).currency
    assert found is not None
    assert found.code == code
    assert found.evidence.text


def test_nothing_says_which_currency() -> None:
    """Then there is none: a guess would post a wrong entry."""
    assert PageReading(reading(["Total | 9.00"]).pages).currency is None


def test_marks_and_scales() -> None:
    """An unknown code is no currency; yen have no cents."""
    assert resolve("XYZ", Counter()) is None
    assert resolve("kr", Counter({"NO": 1})) == "NOK"
    assert "EUR" in iso_4217()
    assert scale_of("JPY") == 0


def test_of_marks_that_differ_the_countrys_own_counts() -> None:
    """A euro sign that OCR saw in a number is not a Malaysian shop's currency."""
    rows = ["Acme Sdn Bhd, Johor", "95568€ 1 8.90", "Amt (RM) Tax (RM)", "Total | 8.90"]
    found = PageReading(reading(rows).pages).currency
    assert found is not None
    assert found.code == "MYR"
