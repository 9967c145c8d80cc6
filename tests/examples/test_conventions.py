"""How documents write money and dates decides what a reader must understand."""

from datetime import date
from decimal import Decimal

import pytest

from examples.conventions import Convention, plain_number, round_to, write_date


@pytest.mark.parametrize(
    ("group", "point", "currency", "value", "written"),
    [
        (",", ".", "USD", "1234567.50", "1,234,567.50"),
        (".", ",", "EUR", "1234.50", "1.234,50"),
        ("", ",", "EUR", "1234.50", "1234,50"),
        ("'", ".", "CHF", "1234.05", "1'234.05"),
        ("\xa0", ",", "EUR", "12345.00", "12\xa0345,00"),
        (",", ".", "JPY", "120000", "120,000"),
    ],
)
def test_amounts_follow_the_convention(
    group: str, point: str, currency: str, value: str, written: str
) -> None:
    """Grouping and point are independent of the language."""
    convention = Convention("en", currency, group, point, "{amount} X", "iso")
    assert convention.amount(Decimal(value)) == written
    assert convention.cash(Decimal(value)) == f"{written} X"


@pytest.mark.parametrize(
    ("style", "language", "written"),
    [
        ("iso", "en", "2026-03-14"),
        ("d.m.y", "de", "14.03.2026"),
        ("d/m/y", "fr", "14/03/2026"),
        ("m/d/y", "en", "03/14/2026"),
        ("d month y", "ms", "14 Mac 2026"),
        ("month d, y", "en", "March 14, 2026"),
        ("d. month y", "de", "14. März 2026"),
    ],
)
def test_dates_follow_style_and_language(style: str, language: str, written: str) -> None:
    """Month names are the language's own."""
    assert write_date(date(2026, 3, 14), style, language) == written  # type: ignore[arg-type]


def test_no_date_is_written_so_that_day_and_month_could_be_swapped_in_the_us() -> None:
    """A truth that nobody could read is no truth."""
    convention = Convention("en", "USD", ",", ".", "${amount}", "m/d/y")
    assert convention.date(date(2026, 3, 4)) == "March 4, 2026"
    assert convention.date(date(2026, 3, 14)) == "03/14/2026"


def test_halves_round_up_to_the_minor_unit() -> None:
    """Invoices round half up; Python's default would not."""
    assert round_to(Decimal("0.125"), "EUR") == Decimal("0.13")
    assert round_to(Decimal("0.5"), "JPY") == Decimal(1)


@pytest.mark.parametrize(("value", "text"), [("2.50", "2.5"), ("10", "10"), ("100.0", "100")])
def test_quantities_have_no_trailing_zeros(value: str, text: str) -> None:
    """The zeros of ten must stay."""
    assert plain_number(Decimal(value)) == text
