"""A plain invoice on one page, with room for what somebody adds to it."""

from collections.abc import Callable
from io import BytesIO
from typing import Final

from reportlab.pdfgen.canvas import Canvas

from examples.invoice import Invoice
from examples.layouts.blocks import head_rows, party_lines, tax_id_line, total_rows
from examples.layouts.sheet import A4

LEFT: Final = 56.0
RIGHT: Final = 540.0
BELOW: Final = 170.0
"""Height above the foot of the page at which there is nothing any more."""

Adding = Callable[[Canvas], None]


def nothing(_canvas: Canvas) -> None:
    """Add nothing."""


Writing = Callable[[Canvas, float, float, str], None]


def plainly(canvas: Canvas, x: float, y: float, text: str) -> None:
    """Write an amount as what it is."""
    canvas.drawString(x, y, text)


def draw(
    invoice: Invoice,
    after: Adding = nothing,
    *,
    before: Adding = nothing,
    second: Adding | None = None,
    amounts: Writing = plainly,
) -> bytes:
    """Return the invoice as a PDF with a text layer.

    Args:
        invoice: the visible document.
        after: draws on the page when everything else stands.
        before: draws on the page first.
        second: draws a page of its own behind it; there is none when None.
        amounts: writes each amount of money, in place.
    """
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    before(canvas)
    canvas.setFillGray(0)
    y = A4[1] - 60
    for line in (*party_lines(invoice.supplier), tax_id_line(invoice)):
        y = _row(canvas, y, (LEFT, line))
    if invoice.receiver is not None:
        y = _row(canvas, y - 14, (LEFT, f"{invoice.words.customer}:"))
        for line in party_lines(invoice.receiver):
            y = _row(canvas, y, (LEFT, line))
    y = _row(canvas, y - 20, (LEFT, invoice.title), size=16) - 6
    for label, value in head_rows(invoice):
        y = _row(canvas, y, (LEFT, f"{label}:"), (LEFT + 130, value))
    words, convention = invoice.words, invoice.convention
    heads = (words.description, words.quantity, words.unit_price, words.amount)
    y = _row(canvas, y - 16, *zip((LEFT, 330, 410, 490), heads, strict=True))
    for item in invoice.items:
        cells = (
            item.description,
            convention.number(item.quantity),
            convention.amount(item.unit_price),
            convention.amount(item.amount),
        )
        amounts(canvas, 410, y, cells[2])
        amounts(canvas, 490, y, cells[3])
        y = _row(canvas, y, *zip((LEFT, 330), cells[:2], strict=True))
    y -= 12
    for label, value in total_rows(invoice):
        amounts(canvas, 460, y, value)
        y = _row(canvas, y, (330, label))
    after(canvas)
    canvas.showPage()
    if second is not None:
        second(canvas)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _row(canvas: Canvas, y: float, *cells: tuple[float, str], size: float = 10) -> float:
    canvas.setFont("Helvetica", size)
    for x, text in cells:
        canvas.drawString(x, y, text)
    return y - size * 1.4


def lines(  # noqa: PLR0913 - a piece of text has this many properties
    texts: tuple[str, ...],
    *,
    x: float = LEFT,
    y: float = BELOW,
    size: float = 9,
    gray: float = 0.0,
    alpha: float = 1.0,
    mode: int = 0,
) -> Adding:
    """Return what writes lines of text, from ``y`` above the foot of the page downwards.

    Args:
        texts: one a line; " | " begins a column for amounts.
        x: of the first column.
        y: of the first baseline.
        size: of the type in points.
        gray: 0 is black, 1 the colour of the paper.
        alpha: 0 is not there at all.
        mode: of rendering text (ISO 32000-1, 9.3.6); 3 paints nothing.
    """

    def write(canvas: Canvas) -> None:
        canvas.saveState()
        canvas.setFillAlpha(alpha)
        for number, line in enumerate(texts):
            for column, text in enumerate(line.split(" | ")):
                piece = canvas.beginText(x + 270 * column, y - number * size * 1.4)
                piece.setFont("Helvetica", size)
                piece.setFillGray(gray)
                piece.setTextRenderMode(mode)
                piece.textOut(text)
                canvas.drawText(piece)
        canvas.restoreState()

    return write
