"""Benches and property tests stand on the stream: its truth must be on the page, every time."""

from collections.abc import Callable

import pypdfium2

from examples.conventions import COUNTRIES
from examples.layouts import LAYOUTS
from examples.layouts.sheet import A4, Sheet
from examples.stream import invoice_stream, stream_invoice
from examples.truth import Example

COUNT = 250


def overlaps_and_clips(pdf: bytes) -> list[str]:
    """Return what is wrong with how text lies on the pages."""
    wrong = []
    document = pypdfium2.PdfDocument(pdf)
    for page in document:
        width, height = page.get_size()
        text = page.get_textpage()
        boxes = [text.get_rect(index) for index in range(text.count_rects())]
        for index, (left, bottom, right, top) in enumerate(boxes):
            if left < 10 or bottom < 10 or right > width - 10 or top > height - 10:
                wrong.append("clipped")
            for other in boxes[:index]:
                across = min(right, other[2]) - max(left, other[0])
                down = min(top, other[3]) - max(bottom, other[1])
                if across > 0.5 and down > 1:
                    wrong.append("overlaps")
    document.close()
    return wrong


def test_truth_is_on_the_page(
    page_texts: Callable[[bytes], list[str]],
    shows: Callable[[Example, str], None],
    adds_up: Callable[[Example], None],
) -> None:
    """A truth that is not on the page would blame a good reader."""
    for example in invoice_stream(5, COUNT):
        (text,) = page_texts(example.content)
        shows(example, text)
        adds_up(example)


def test_nothing_overlaps_or_is_cut_off() -> None:
    """Words on top of each other are unreadable for reasons that no real document has."""
    for example in invoice_stream(6, COUNT):
        assert overlaps_and_clips(example.content) == [], example.about


def test_fixed_pages_do_not_overlap_either(fixed: dict[str, Example]) -> None:
    """The fixed set is drawn by other code too: statements, contracts, letters."""
    drawn = [e for e in fixed.values() if e.fast and e.truth.pages and e.name.endswith(".pdf")]
    assert len(drawn) > 15
    for example in drawn:
        assert overlaps_and_clips(example.content) == [], example.name


def test_the_check_for_overlaps_finds_them() -> None:
    """The guard above must not pass because it sees nothing."""
    sheet = Sheet(A4)
    sheet.text(100, 100, "one line of words")
    sheet.text(120, 103, "another line of words")
    sheet.text(590, 300, "cut off")
    assert set(overlaps_and_clips(sheet.finish())) == {"overlaps", "clipped"}


def test_stream_is_deterministic_and_a_longer_one_begins_with_the_shorter() -> None:
    """A failing document must come again from its seed and index alone."""
    short, long = list(invoice_stream(1, 5)), list(invoice_stream(1, 8))
    assert short == long[:5]
    assert stream_invoice(1, 7) == long[7]
    assert list(invoice_stream(2, 5)) != short


def test_stream_is_varied() -> None:
    """A bench on one layout would measure that layout."""
    examples = list(invoice_stream(1, 200))
    kinds = {example.about for example in examples}
    assert len({kind.split(", ")[0] for kind in kinds}) == len(LAYOUTS)
    assert len({kind.split(", ")[1] for kind in kinds}) == len(COUNTRIES)
    assert len({example.truth.fields["invoice_id"] for example in examples}) == 200


def test_repr_of_an_invoice_example_holds_no_content() -> None:
    """Test output must not spill documents."""
    example = stream_invoice(1, 0)
    assert example.truth.fields["supplier_name"] not in repr(example)
