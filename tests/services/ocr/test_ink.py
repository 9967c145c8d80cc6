"""A text layer is believed only where a person sees its words."""

from collections.abc import Iterator
from decimal import Decimal

import pypdfium2
import pytest

from examples.hostile.outcomes import sound_invoice
from examples.injected.asked import FAKE_TOTAL, Injected
from examples.injected.hidden import hidden
from examples.injected.page import draw, lines
from examples.injected.replaced import replaced
from services.ocr.adapters import pdf
from services.ocr.adapters.ink import Ink
from services.ocr.adapters.text_objects import TextObjects
from services.ocr.adapters.text_page import frame

INVOICE = sound_invoice(950)


def words_of(content: bytes) -> list[str]:
    """Return the words of the first page."""
    with pdf.opened(content) as document:
        read = pdf.read_page(document, 1)
    assert read.engine == "text_layer"
    return [word.text for word in read.words]


@pytest.mark.parametrize("document", hidden(), ids=lambda one: one.about)
def test_what_nobody_sees_is_not_read(document: Injected) -> None:
    """A forged total in white would post as if it stood there."""
    words = words_of(document.content)
    assert FAKE_TOTAL not in words
    assert "Ignore" not in words
    assert document.truth.fields["invoice_id"] in words
    assert document.truth.fields["total_amount"] in "".join(words).replace(",", "")


@pytest.mark.parametrize(
    ("background", "gray"),
    [(0.0, 1.0), (0.3, 0.9), (1.0, 0.0), (1.0, 0.5), (1.0, 0.75), (0.8, 1.0)],
)
def test_what_stands_out_is_read(background: float, gray: float) -> None:
    """White heads on dark bars, grey small print: people read them, so must we."""

    def added(canvas: object) -> None:
        canvas.setFillGray(background)  # type: ignore[attr-defined] # reportlab has no types
        canvas.rect(40, 150, 500, 40, stroke=0, fill=1)  # type: ignore[attr-defined] # same
        lines(("Standing out",), gray=gray, size=7)(canvas)

    assert words_of(draw(INVOICE, added))[-2:] == ["Standing", "out"]


@pytest.fixture
def ink() -> Iterator[Ink]:
    """Give the ink of an invoice's page."""
    document = pypdfium2.PdfDocument(draw(INVOICE))
    page = document[0]
    yield Ink(page, TextObjects(page), frame(page))
    page.close()
    document.close()


def test_what_a_thick_line_covers_borrows_no_ink_of_it() -> None:
    """The attack: a line is as wide as it is drawn, and a second one in it looks like ink."""

    def added(canvas: object) -> None:
        lines(("Covered",), y=200, size=10)(canvas)
        for width, gray in ((60, 0.5), (3, 0.0)):
            canvas.setLineWidth(width)  # type: ignore[attr-defined] # reportlab has no types
            canvas.setStrokeGray(gray)  # type: ignore[attr-defined] # same
            canvas.line(40, 203, 540, 203)  # type: ignore[attr-defined] # same

    assert "Covered" not in words_of(draw(INVOICE, added))


def test_a_layer_that_is_mostly_unseen_is_not_believed_at_all(ink: Ink) -> None:
    """Then the page is read from its picture."""
    told = [ink.is_most]
    assert not ink.shows((500, 700, 560, 710), None)
    told.append(ink.is_most)
    assert ink.shows((56, 50, 200, 62), None)
    told.append(ink.is_most)
    assert told == [True, False, True]


@pytest.mark.parametrize("box", [(-90, 10, -20, 20), (700, 10, 800, 20), (10, 2000, 20, 2010)])
def test_what_is_outside_the_page_is_no_matter_of_ink(
    ink: Ink, box: tuple[float, float, float, float]
) -> None:
    """Whoever makes words of a page drops it there."""
    assert ink.shows(box, None)


@pytest.mark.parametrize(
    "document", [one for one in replaced() if "scan" not in one.name], ids=lambda one: one.about
)
def test_what_a_layer_says_otherwise_is_not_read(document: Injected) -> None:
    """The attack: no word of it is hidden from whoever looks for contrast."""
    with pdf.opened(document.content) as opened:
        read = pdf.read_page(opened, 1)
    words = "".join(word.text for word in read.words).replace(",", "")
    total = Decimal(document.truth.fields["total_amount"])
    assert str(total * 8) not in words
    assert document.truth.fields["invoice_id"] in words


@pytest.mark.parametrize(
    ("said", "replaced"),
    [
        ("fi", False),
        ("\u00ad", False),
        ("ffi", False),
        ("9", True),
        ("Evil Ltd", True),
        ("x" * 400, True),
    ],
)
def test_text_that_stands_in_for_other_text_is_noticed(said: str, *, replaced: bool) -> None:
    """Hyphens and ligatures are replaced by honest software; numbers and words are not."""

    def added(canvas: object) -> None:
        canvas._code.append(f"/Span <</ActualText <feff{said.encode('utf-16-be').hex()}>>> BDC")  # type: ignore[attr-defined] # reportlab has no types
        lines(("Visible",))(canvas)
        canvas._code.append("EMC")  # type: ignore[attr-defined] # same

    document = pypdfium2.PdfDocument(draw(INVOICE, added))
    page = document[0]
    assert TextObjects(page).is_replaced is replaced
    page.close()
    document.close()
