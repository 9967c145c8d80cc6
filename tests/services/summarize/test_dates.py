"""Dates in every order and language."""

from datetime import date

import pytest
from babel.dates import format_date
from hypothesis import given
from hypothesis import strategies as st

from services.summarize.dates import date_order, find_dates, months


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("05 MAR 2018 18:24", date(2018, 3, 5)),
        ("25/12/2018 8:13:39 PM", date(2018, 12, 25)),
        ("2018-03-23", date(2018, 3, 23)),
        ("04:54 PM, 27 MARCH, 2018", date(2018, 3, 27)),
        ("12. März 2024", date(2024, 3, 12)),
        ("1er février 2023", date(2023, 2, 1)),
        ("March 5th, 2021", date(2021, 3, 5)),
        ("3 Ogos 2020", date(2020, 8, 3)),
        ("14-12-16", date(2016, 12, 14)),
        ("von 18.10.2015.", date(2015, 10, 18)),
        ("29/12/201711:41", date(2017, 12, 29)),
        ("20180305", date(2018, 3, 5)),
        ("31.12.99", date(1999, 12, 31)),
    ],
)
def test_a_date_is_found_as_people_write_it(text: str, day: date) -> None:
    """A date that is not recognised holds a document that is fine."""
    assert [found.read("dmy") for found in find_dates(text)] == [day]


@pytest.mark.parametrize("text", ["1.2.3.4", "0122536936", "99/99/2020", "31.02.2020", "12.50", ""])
def test_what_is_no_date_is_not_taken_for_one(text: str) -> None:
    """A version, a phone number or the 31st of February is no date."""
    assert find_dates(text) == []


def test_the_document_shows_its_order() -> None:
    """One date whose day is over twelve settles all the others."""
    ambiguous, american = find_dates("11/03/2017 and 11/17/2017")
    assert ambiguous.is_ambiguous
    order, shown = date_order([ambiguous, american], "dmy")
    assert (order, shown) == ("mdy", True)
    assert ambiguous.read(order) == date(2017, 11, 3)


def test_without_a_sign_the_default_order_is_a_guess() -> None:
    """The caller must know that it guesses, to be less sure."""
    assert date_order(find_dates("01/02/2020"), "dmy") == ("dmy", False)
    assert date_order(find_dates("25/02/2020"), "mdy") == ("dmy", True)


@given(
    st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 12, 31)),
    st.sampled_from(["en_GB", "en_US", "de", "fr", "ms"]),
)
def test_long_dates_of_every_language_are_read_back(day: date, locale: str) -> None:
    """Month names come from CLDR, so what CLDR writes must be read."""
    assert [found.read("dmy") for found in find_dates(format_date(day, "long", locale))] == [day]


@given(st.text(max_size=60))
def test_no_text_breaks_the_search(text: str) -> None:
    """Foreign text of any kind has dates inside it, or none."""
    for found in find_dates(text):
        assert 0 <= found.start < found.end <= len(text)


def test_month_names_are_folded() -> None:
    """OCR and typists lose accents."""
    assert months()["fevrier"] == 2
    assert months()["marz"] == 3
