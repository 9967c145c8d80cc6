"""Text as pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.text import count_pages
from services.ocr.plain_text import PAGE_LINES, decoded, pages_of, text_page


def test_words_stand_where_their_columns_put_them() -> None:
    """Geometry must work on text as on paper: a value right of its label is right of it."""
    page = text_page(["Total     12.00", "", "Thanks"], number=1)
    total, amount, thanks = page.words
    assert total.box[1] == amount.box[1] < thanks.box[1]
    assert total.box[2] < amount.box[0]
    assert (total.line, amount.line, thanks.line) == (0, 0, 2)


def test_long_text_breaks_into_pages() -> None:
    """A page of evidence must stay findable."""
    assert [len(page) for page in pages_of("x\n" * (PAGE_LINES + 5))] == [PAGE_LINES, 5]


def test_a_form_feed_begins_a_page() -> None:
    """Printers' files say where their pages end; what follows the last feed is none."""
    assert pages_of("one\ftwo\f\n") == [["one"], ["two"]]


def test_tabs_move_to_columns_and_controls_have_no_width() -> None:
    """Terminal escapes must not travel on."""
    assert pages_of("a\tb\x1b[31m") == [["a       b[31m"]]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbfna\xc3\xafve", "naïve"),
        ("für".encode("utf-16"), "für"),
        ("für".encode("cp1252"), "für"),
        (b"\x81", "\ufffd"),
    ],
)
def test_any_encoding_is_read(content: bytes, text: str) -> None:
    """Text never fails to be read."""
    assert decoded(content) == text


@given(st.text(alphabet="ab \n\r\f\t", max_size=400))
def test_pages_are_counted_as_ingest_counts_them(text: str) -> None:
    """Pages in = pages read, or every long text would be quarantined."""
    assert len(pages_of(text)) == count_pages(text)


@pytest.mark.parametrize(
    "sign", ["\u202a", "\u202b", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068"]
)
def test_text_that_turns_its_direction_round_is_read_without_confidence(sign: str) -> None:
    """The attack: ``51.21`` is shown as ``12.15``, and both add up."""
    page = text_page(["Total", f"{sign}51.21"], number=1)
    assert {word.confidence for word in page.words} == {0.0}
    assert {word.confidence for word in text_page(["Total 51.21"], number=1).words} == {1.0}
