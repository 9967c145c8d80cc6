"""Paper to draw on: points from the top left, standard fonts, the same bytes every time."""

from io import BytesIO
from typing import Final, Literal, cast

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

Align = Literal["left", "right", "center"]
Size = tuple[float, float]

A4: Final[Size] = (595.28, 841.89)
LETTER: Final[Size] = (612.0, 792.0)
FACES: Final = {
    "Helvetica": ("Helvetica", "Helvetica-Bold"),
    "Times": ("Times-Roman", "Times-Bold"),
    "Courier": ("Courier", "Courier-Bold"),
}


def paper_of(country: str) -> Size:
    """Return the paper size of a country in points: Letter in the US, A4 elsewhere."""
    return LETTER if country == "US" else A4


class Sheet:
    """A document in the making.

    Args:
        size: of the paper in points.
        title: of the document, for its metadata.
        face: a key of ``FACES``.
        canvas_options: more arguments of reportlab's canvas (``encrypt``).
    """

    def __init__(
        self,
        size: Size,
        *,
        title: str = "",
        face: str = "Helvetica",
        canvas_options: dict[str, object] | None = None,
    ) -> None:
        self.width, self.height = size
        self.page = 1
        self._faces = FACES[face]
        self._buffer = BytesIO()
        # invariant: no clock and no random number in the file
        self._canvas = Canvas(
            self._buffer, pagesize=size, invariant=1, pageCompression=1, **(canvas_options or {})
        )
        self._canvas.setTitle(title)

    def text_width(self, text: str, size: float, *, bold: bool = False) -> float:
        """Return how wide ``text`` would be, in points."""
        return cast("float", stringWidth(text, self._faces[bold], size))

    def text(  # noqa: PLR0913 - a piece of text has this many properties
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 9,
        bold: bool = False,
        align: Align = "left",
        gray: float = 0.0,
    ) -> None:
        """Write one line with its baseline at ``y`` from the top."""
        canvas = self._canvas
        canvas.setFont(self._faces[bold], size)
        canvas.setFillGray(gray)
        baseline = self.height - y
        if align == "left":
            canvas.drawString(x, baseline, text)
        elif align == "right":
            canvas.drawRightString(x, baseline, text)
        else:
            canvas.drawCentredString(x, baseline, text)

    def wrap(self, text: str, width: float, size: float = 9, *, bold: bool = False) -> list[str]:
        """Break ``text`` at spaces into lines no wider than ``width``."""
        if self.text_width(text, size, bold=bold) <= width:
            return [text]
        lines, line = [], ""
        for word in text.split(" "):
            longer = f"{line} {word}" if line else word
            if line and self.text_width(longer, size, bold=bold) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        return [*lines, line]

    def paragraph(self, x: float, y: float, text: str, *, width: float, size: float = 9) -> float:
        """Write ``text`` in lines no wider than ``width``; return where the next line goes."""
        for line in self.wrap(text, width, size):
            self.text(x, y, line, size=size)
            y += size * 1.4
        return y

    def rule(self, x0: float, x1: float, y: float, *, weight: float = 0.5) -> None:
        """Draw a horizontal line."""
        self._canvas.setStrokeGray(0.2)
        self._canvas.setLineWidth(weight)
        self._canvas.line(x0, self.height - y, x1, self.height - y)

    def fill(self, x0: float, y0: float, x1: float, y1: float, *, gray: float) -> None:
        """Fill a rectangle."""
        self._canvas.setFillGray(gray)
        self._canvas.rect(x0, self.height - y1, x1 - x0, y1 - y0, stroke=0, fill=1)

    def frame(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Draw the outline of a rectangle."""
        self._canvas.setStrokeGray(0.4)
        self._canvas.setLineWidth(0.6)
        self._canvas.rect(x0, self.height - y1, x1 - x0, y1 - y0, stroke=1, fill=0)

    def new_page(self) -> None:
        """Go on with an empty page."""
        self._canvas.showPage()
        self.page += 1

    def finish(self) -> bytes:
        """Return the document."""
        self._canvas.showPage()
        self._canvas.save()
        return self._buffer.getvalue()
