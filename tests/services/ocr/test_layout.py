"""Words and rows from marks."""

from hypothesis import given
from hypothesis import strategies as st

from services.ocr.layout import Mark, rows, words

boxes = st.tuples(st.floats(0, 500), st.floats(0, 500), st.floats(0.1, 80), st.floats(0.1, 20)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


def test_marks_of_one_height_are_one_row_from_left_to_right() -> None:
    """A label and its value far to the right must meet on one line."""
    found = words(
        [Mark("9.00", (300, 11, 330, 21)), Mark("Total", (10, 10, 50, 20))], width=400, height=100
    )
    assert [(word.text, word.line) for word in found] == [("Total", 0), ("9.00", 0)]


def test_rows_are_read_from_top_to_bottom() -> None:
    """The order of the file says nothing about the page."""
    found = words([Mark("b", (0, 50, 9, 60)), Mark("a", (0, 5, 9, 15))], width=100, height=100)
    assert [(word.text, word.line) for word in found] == [("a", 0), ("b", 1)]


def test_a_bent_line_stays_one_row() -> None:
    """A photo's lines climb: neighbours decide, not the row's first word."""
    bent = [Mark(str(n), (n * 40.0, 50 - n * 3.0, n * 40 + 30.0, 60 - n * 3.0)) for n in range(9)]
    assert len(rows(bent)) == 1


def test_what_lies_outside_the_page_is_left_out() -> None:
    """Text that no reader can see is no evidence."""
    outside = [Mark("gone", (-50, 5, -20, 15)), Mark("below", (5, 120, 25, 130))]
    assert words(outside, width=100, height=100) == ()


def test_blank_marks_are_left_out() -> None:
    """A word is never empty."""
    assert words([Mark(" ", (1, 1, 5, 5))], width=10, height=10) == ()


@given(st.lists(boxes, max_size=30))
def test_every_mark_becomes_one_word_inside_the_page(found: list[tuple[float, ...]]) -> None:
    """Nothing is lost or doubled by grouping, and every box is a fraction."""
    marks = [Mark("x", (b[0], b[1], b[2], b[3])) for b in found]
    made = words(marks, width=600, height=600)
    assert len(made) == len(marks)
    assert all(0 <= edge <= 1 for word in made for edge in word.box)
    assert [word.line for word in made] == sorted(word.line for word in made)
