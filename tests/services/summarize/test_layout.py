"""Rows and columns from boxes."""

from services.summarize.layout import lay_out
from shared.events.results import Page, Word
from tests.services.summarize.writing import page


def test_a_wide_gap_separates_columns_and_a_space_does_not() -> None:
    """Label and value of one line are two things; the words of a name are one."""
    sheet = lay_out([page([[(0.05, "Total amount"), (0.7, "119.00 EUR")]])])
    assert [segment.text for segment in sheet.segments] == ["Total amount", "119.00 EUR"]
    assert [segment.column for segment in sheet.segments] == [0, 1]


def test_lines_of_different_number_at_one_height_are_one_row() -> None:
    """A reader may call label and value two lines; a person sees one."""
    words = (
        Word("Total", (0.1, 0.5, 0.2, 0.52), 1.0, 7),
        Word("9.00", (0.8, 0.501, 0.85, 0.521), 1.0, 2),
    )
    sheet = lay_out([Page(number=1, width=0, height=0, engine="rapidocr", words=words)])
    assert [row.text for row in sheet.rows] == ["Total  9.00"]


def test_the_order_of_the_words_does_not_matter() -> None:
    """Readers order words differently; the place of a word is what counts."""
    made = page([[(0.05, "one two")], [(0.05, "three"), (0.6, "four")]])
    shuffled = made.model_copy(update={"words": tuple(reversed(made.words))})
    assert [row.text for row in lay_out([made]).rows] == [
        row.text for row in lay_out([shuffled]).rows
    ]


def test_evidence_covers_exactly_the_words_that_it_names() -> None:
    """A figure's box must not be its whole line."""
    segment = lay_out([page([[(0.1, "pay EUR 9.00 now")]])]).segments[0]
    at = segment.text.index("EUR")
    evidence = segment.evidence(at, at + len("EUR 9.00"))
    assert evidence.text == "EUR 9.00"
    assert evidence.box is not None
    assert segment.box[0] < evidence.box[0] < evidence.box[2] < segment.box[2]


def test_a_page_without_words_has_no_rows() -> None:
    """A blank page is no error."""
    sheet = lay_out([Page(number=1, width=10, height=10, engine="rapidocr", words=())])
    assert sheet.rows == ()
    assert sheet.body_height == 0


def test_a_bullet_keeps_an_address_line_together() -> None:
    """The sender's line of a letter is one thing, however wide its bullets stand."""
    cells = [(0.05, "Muster GmbH"), (0.145, "●"), (0.17, "Ecke 12")]
    assert len(lay_out([page([cells])]).segments) == 1
