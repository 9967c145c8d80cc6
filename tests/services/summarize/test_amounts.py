"""Numbers in every convention, and numbers that are no amounts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.summarize.amounts import decimal_separator, find_amounts, parse_number, written


@pytest.mark.parametrize(
    ("text", "value", "mark"),
    [
        ("RM 14.10", "14.10", "RM"),
        ("-RM0.02", "-0.02", "RM"),
        ("(0.02)", "-0.02", None),
        ("1.234,56 €", "1234.56", "€"),
        ("1 234,56 €", "1234.56", "€"),
        ("CHF 1'818.37", "1818.37", "CHF"),
        ("$8.20", "8.20", "$"),
        ("559,84-", "-559.84", None),
        ("12. 50", "12.50", None),
        ("53.00S", "53.00", None),
        ("-7,840.00", "-7840.00", None),
        ("¥1,440,150", "1440150", "¥"),
        (".50", "0.50", None),
    ],
)
def test_an_amount_is_read_in_its_convention(text: str, value: str, mark: str | None) -> None:
    """Every convention that occurs in the wild gives the one exact value."""
    separator = decimal_separator([text])
    money = [item for item in find_amounts(text, separator) if item.is_money]
    assert [(item.value, item.mark) for item in money] == [(Decimal(value), mark)]


@pytest.mark.parametrize(
    "text",
    ["05.03.2018", "18:24", "19,00 %", "SS21/1A", "03-51213881", "A4 210/30.50", "1.2.3.4"],
)
def test_what_is_no_amount_is_not_taken_for_one(text: str) -> None:
    """A date, a time, a rate or a code must not become money."""
    assert [item for item in find_amounts(text, ".") if item.is_money] == []


@pytest.mark.parametrize(
    "text",
    [
        "£1 2 5 6 . 7 6",
        "GBP 2 ,5 8 1 . 6 8",
        "GBP 2, 129. 4 0",
        "GBP 5 108. 5 0",
        "£1,627.9 2",
        "£1 300.50",
        "7 18 1 .5 5",
    ],
)
def test_a_number_with_gaps_is_no_amount_and_neither_are_its_pieces(text: str) -> None:
    """A person sees one number; where it begins is not for a rule to guess."""
    assert [item for item in find_amounts(text, ".") if item.is_money] == []


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("2 37.50 75.00", ["37.50", "75.00"]),
        ("1. 5 9.00", ["9.00"]),
        ("7.5 37.50 281.25", ["37.50", "281.25"]),
        ("100.00, 200.00", ["100.00", "200.00"]),
        ("12. 50", ["12.50"]),
    ],
)
def test_numbers_side_by_side_are_each_their_own(text: str, values: list[str]) -> None:
    """A row of a table is no number with gaps."""
    money = [item.value for item in find_amounts(text, ".") if item.is_money]
    assert money == [Decimal(value) for value in values]


@pytest.mark.parametrize(
    ("digits", "separator", "value"),
    [
        ("1.234", ",", "1234"),
        ("1.234", ".", "1.234"),
        ("1,234", ".", "1234"),
        ("1,234,567", ".", "1234567"),
        ("9.000", ".", "9.000"),
        ("0.125", ",", "0.125"),
    ],
)
def test_three_digits_behind_one_separator_follow_the_document(
    digits: str, separator: str, value: str
) -> None:
    """The same characters are a thousand in one document and a thousandth in another."""
    assert parse_number(digits, separator) == Decimal(value)  # type: ignore[arg-type] # literals


def test_a_number_with_broken_groups_is_no_number() -> None:
    """Guessing at a damaged number would invent an amount."""
    assert parse_number("1.23.45", ".") is None
    assert parse_number("abc", ".") is None


@given(
    st.decimals(min_value=0, max_value=10**9, places=2), st.sampled_from(["en", "de", "fr", "ch"])
)
def test_what_a_locale_writes_is_read_back_exactly(value: Decimal, locale: str) -> None:
    """Formatting and reading are inverse, or a ledger would drift by what it misread."""
    plain = f"{value:,.2f}"
    spelled = {
        "en": plain,
        "de": plain.translate(str.maketrans(",.", ".,")),
        "fr": plain.replace(",", " ").replace(".", ","),
        "ch": plain.replace(",", "'"),
    }[locale]
    separator = "," if locale in {"de", "fr"} else "."
    assert [item.value for item in find_amounts(f"{spelled} EUR", separator)] == [value]  # type: ignore[arg-type] # literals


@given(st.text(max_size=60))
def test_no_text_breaks_the_search(text: str) -> None:
    """Foreign text of any kind comes out as amounts inside it, or as none."""
    for item in find_amounts(text, "."):
        assert 0 <= item.start < item.end <= len(text)


def test_a_decimal_string_keeps_what_is_finer() -> None:
    """Nothing is rounded on the way to the ledger, which holds what is too fine."""
    assert written(Decimal(300)) == "300.00"
    assert written(Decimal("1.2345")) == "1.2345"
    assert written(Decimal("1584165.00"), 0) == "1584165"
    assert written(Decimal("-0.5")) == "-0.50"
