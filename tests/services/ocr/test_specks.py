"""What is drawn in a figure, or beside it, changes what a person reads: no text layer tells."""

from collections.abc import Callable

import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from services.ocr.adapters import page_reader, pdf
from services.ocr.adapters.image_types import Image as Picture
from shared.events.results import Page, Word

X, Y, SIZE = 300.0, 600.0, 10.0
POINT = X + 23.2  # in the middle of the gap that is left for it

Adding = Callable[[Canvas], None]
PdfMaker = Callable[..., bytes]


def figures(canvas: Canvas, *pieces: tuple[float, str]) -> None:
    """Write a page with one amount, in pieces."""
    canvas.setFont("Helvetica", SIZE)
    for number, line in enumerate(("Example Trading Ltd", "Invoice 2031", "Paper 2 x 708")):
        canvas.drawString(60, 760 - 20 * number, line)
    canvas.drawString(60, Y, "Total amount EUR")
    for x, text in pieces:
        canvas.drawString(x, Y, text)


def gap(canvas: Canvas) -> None:
    """Write 1416 06, with room for a point: a text layer may make one number of it."""
    figures(canvas, (X, "1416"), (X + 24.6, "06"))


def circle(canvas: Canvas) -> None:
    """Draw the point as it looks."""
    gap(canvas)
    canvas.circle(POINT, Y + 0.6, 0.6, stroke=0, fill=1)


def square(canvas: Canvas) -> None:
    """Draw the point as many fonts do."""
    gap(canvas)
    canvas.rect(POINT - 0.5, Y, 1, 1, stroke=0, fill=1)


def short_line(canvas: Canvas) -> None:
    """Draw the point with a pen."""
    gap(canvas)
    canvas.setLineWidth(1)
    canvas.line(POINT - 0.5, Y + 0.5, POINT + 0.5, Y + 0.5)


def comma(canvas: Canvas) -> None:
    """Draw a comma."""
    gap(canvas)
    canvas.setLineWidth(0.9)
    canvas.line(POINT + 0.4, Y + 1, POINT - 0.4, Y - 1.5)


def image(canvas: Canvas) -> None:
    """Place a picture of a point."""
    gap(canvas)
    canvas.drawImage(ImageReader(Image.new("L", (2, 2), 0)), POINT - 0.5, Y, 1, 1)


def form(canvas: Canvas) -> None:
    """Draw the point in a form, whose places are its own."""
    canvas.beginForm("point")
    canvas.circle(1, 1, 0.6, stroke=0, fill=1)
    canvas.endForm()
    gap(canvas)
    canvas.translate(POINT - 1, Y - 0.4)
    canvas.doForm("point")


def clipped(canvas: Canvas) -> None:
    """Draw something large of which a point is left."""
    gap(canvas)
    path = canvas.beginPath()
    path.circle(POINT, Y + 0.6, 0.6)
    canvas.clipPath(path, stroke=0, fill=0)
    canvas.rect(50, 400, 500, 300, stroke=0, fill=1)


def under_digits(canvas: Canvas) -> None:
    """Draw the point where no gap is left for it."""
    figures(canvas, (X, "141606"))
    canvas.circle(X + 22.2, Y + 0.5, 0.6, stroke=0, fill=1)


def minus(canvas: Canvas) -> None:
    """Draw a minus before a figure."""
    figures(canvas, (X, "1416.06"))
    canvas.setLineWidth(0.8)
    canvas.line(X - 6.2, Y + 3.5, X - 1, Y + 3.5)


def digit(canvas: Canvas) -> None:
    """Draw a 1 before a figure."""
    figures(canvas, (X, "416.06"))
    canvas.setLineWidth(0.9)
    canvas.line(X - 1.5, Y, X - 1.5, Y + 7.2)


def upwards(canvas: Canvas) -> None:
    """Draw the point on a page whose text runs up."""
    canvas.translate(700, 0)
    canvas.rotate(90)
    circle(canvas)


def table(canvas: Canvas) -> None:
    """Put figures in cells, close to their borders, over fills and in pieces at corners."""
    figures(canvas, (X, "1416.06"))
    for row in range(6):
        y = 300 + 14 * row
        canvas.setFillGray(0.8 + 0.2 * (row % 2))
        canvas.rect(60, y, 240, 14, stroke=0, fill=1)
        canvas.setFillGray(0)
        for column in range(4):
            x = 60 + 60 * column
            canvas.rect(x, y, 60, 14)
            canvas.rect(x, y, 0.5, 0.5, stroke=0, fill=1)
            canvas.drawRightString(x + 57, y + 3, f"{100 + row}.{10 + column}")


def underlines(canvas: Canvas) -> None:
    """Underline a total twice, and single digits."""
    figures(canvas, (X, "1416.06"), (450, "2"))
    canvas.setLineWidth(0.6)
    for x, width in ((X, 36.2), (450, 5.6)):
        canvas.line(x, Y - 1.5, x + width, Y - 1.5)
        canvas.line(x, Y - 3, x + width, Y - 3)


def bullets(canvas: Canvas) -> None:
    """Begin lines with drawn bullets, lead to a figure with drawn points, dot a line."""
    figures(canvas, (X, "1416.06"))
    for row in range(4):
        canvas.circle(60, 303.5 + 14 * row, 1.5, fill=1)
        canvas.drawString(67, 300 + 14 * row, f"{row + 3} items")
    for place in range(48):
        canvas.circle(150 + 3 * place, Y + 0.5, 0.4, fill=1)
    canvas.setDash(1, 2)
    canvas.line(60, Y - 3, 400, Y - 3)


def tiny_stop(canvas: Canvas) -> None:
    """Type a full stop that is too small to be read, and thick enough to be seen."""
    gap(canvas)
    canvas.setLineWidth(1)
    stop = canvas.beginText(POINT, Y + 0.5)
    stop.setFont("Helvetica", 0.6)
    stop.setTextRenderMode(2)
    stop.textOut(".")
    canvas.drawText(stop)


SHOWN = Page(
    number=1,
    width=595,
    height=842,
    engine="rapidocr",
    words=(
        Word("EUR", (0.4, 0.3, 0.5, 0.31), 1.0, 0),
        Word("1416.06", (0.5, 0.3, 0.6, 0.31), 1.0, 0),
    ),
)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch, make_pdf: PdfMaker) -> Callable[[Adding], Page]:
    """Return what reads a page; whoever reads its picture sees ``SHOWN``."""

    def seen(_image: Picture, **_page: float) -> Page:
        return SHOWN

    monkeypatch.setattr(page_reader, "read_image", seen)

    def read(adding: Adding) -> Page:
        with pdf.opened(make_pdf(adding, size=(595, 842))) as document:
            return pdf.read_page(document, 1)

    return read


@pytest.mark.parametrize(
    "attack",
    [
        circle,
        square,
        short_line,
        comma,
        image,
        form,
        clipped,
        under_digits,
        minus,
        digit,
        upwards,
    ],
)
def test_a_figure_that_is_partly_drawn_is_read_as_it_is_shown(
    reading: Callable[[Adding], Page], attack: Adding
) -> None:
    """The attack: the layer says 141606 where the page shows 1416.06, and that is posted."""
    assert reading(attack) == SHOWN


@pytest.mark.parametrize("honest", [gap, table, underlines, bullets])
def test_what_stands_around_figures_is_no_part_of_them(
    reading: Callable[[Adding], Page], honest: Adding
) -> None:
    """Borders, fills, underlines and bullets are everywhere: reading their pages takes a second."""
    assert reading(honest).engine == "text_layer"


def test_nobody_is_sure_of_a_figure_with_type_too_small_to_read(
    reading: Callable[[Adding], Page],
) -> None:
    """The attack: what is left out of the layer as unseen is drawn with a thick outline."""
    read = reading(tiny_stop)
    assert [(word.text, word.confidence) for word in read.words] == [("EUR", 1.0), ("1416.06", 0.0)]


def test_small_type_elsewhere_makes_no_figure_unsure(reading: Callable[[Adding], Page]) -> None:
    """Anchors for signatures are small, white and honest."""

    def anchored(canvas: Canvas) -> None:
        figures(canvas, (X, "1416.06"))
        canvas.setFont("Helvetica", 1)
        canvas.drawString(60, 300, "sign here 1")

    assert reading(anchored).engine == "text_layer"
