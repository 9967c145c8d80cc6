"""What Document AI answers, as words on pages: pure rules over its JSON.

An answer is a ``Document`` as JSON, the same online (a message, converted) and in a batch's shards.
Source: google.cloud.documentai.v1.Document.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.ocr.layout import BOX_DIGITS, Mark, words
from services.ocr.text_layer import Turn, turned
from shared.events.results import Box, Page, Word

Json = Mapping[str, Any]

WHOLE: Final[Box] = (0.0, 0.0, 1.0, 1.0)

# "Turn the head 90 degrees clockwise to read" (PAGE_RIGHT) is to turn the page the other way.
OUT_OF_SHAPE: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,
)
"""What these rules raise over an answer that is no ``Document``: no number, no text, no place."""

_TURNS: Final[Mapping[str, Turn]] = {"PAGE_RIGHT": 270, "PAGE_DOWN": 180, "PAGE_LEFT": 90}


def pages_in(document: Json, *, before: int, sizes: Sequence[tuple[float, float]]) -> list[Page]:
    """Return the pages of an answer with their words.

    Args:
        document: the answer.
        before: pages of the document before those that were sent.
        sizes: of the pages that were sent, in points; empty where their source has none.

    Raises:
        Exception: one of ``OUT_OF_SHAPE``.
    """
    text = storable(document.get("text", ""))
    found = []
    for place, page in enumerate(document.get("pages", ()), start=1):
        number = int(page.get("pageNumber", place))
        size = sizes[number - 1] if number <= len(sizes) else (0.0, 0.0)
        found.append(_page(page, text, number + before, size))
    return found


def box_of(poly: Json, dimension: Json) -> Box | None:
    """Return the box around a polygon as fractions of the page; None where there is none."""
    points = poly.get("normalizedVertices")
    wide = high = 1.0
    if not points:
        points = poly.get("vertices")
        wide, high = float(dimension.get("width", 0)), float(dimension.get("height", 0))
    if not points or wide <= 0 or high <= 0:
        return None
    across = [_number(point.get("x", 0)) / wide for point in points]
    down = [_number(point.get("y", 0)) / high for point in points]
    return tuple(_fraction(one) for one in (min(across), min(down), max(across), max(down)))  # type: ignore[return-value]  # of four


def said_at(anchor: Json, text: str) -> str:
    """Return the text that an anchor names: its segments, one after the other.

    Raises:
        LookupError: it names what is not there; a word would be missing from its page, or another
            one stand in its place.
    """
    said = []
    for part in anchor.get("textSegments", ()):
        start, end = int(part.get("startIndex", 0)), int(part.get("endIndex", 0))
        if not 0 <= start <= end <= len(text):
            raise LookupError("a text anchor outside the text")
        said.append(text[start:end])
    return "".join(said)


def storable(text: str) -> str:
    """Return a text, of the same length, that can be stored: halves of characters cannot."""
    return text.encode("utf-8", "replace").decode()


def turn_of(page: Json) -> Turn:
    """Return by how much a page must be turned, clockwise, so that most of it stands upright."""
    told = Counter(str(one.get("layout", {}).get("orientation")) for one in page.get("tokens", ()))
    most = told.most_common(1)
    named = most[0][0] if most else str(page.get("layout", {}).get("orientation"))
    return _TURNS.get(named, 0)


def stands(box: Box, turn: Turn) -> Box:
    """Return a box, of fractions, on the page turned upright."""
    upright = turned(box, turn, 1.0, 1.0)
    return tuple(_fraction(one) for one in upright)  # type: ignore[return-value]  # of four


def _page(page: Json, text: str, number: int, size: tuple[float, float]) -> Page:
    dimension = page.get("dimension", {})
    width, height = _as_drawn(size, dimension)
    turn = turn_of(page)
    # Rows are found on the page's own proportions.
    wide, high = (width, height) if width > 0 and height > 0 else (1.0, 1.0)
    marks = []
    placed = True
    for token in page.get("tokens", ()):
        layout = token.get("layout", {})
        box = box_of(layout.get("boundingPoly", {}), dimension)
        if box is None:
            placed = False  # left out, a word would be missing from its page
        else:
            drawn = (box[0] * wide, box[1] * high, box[2] * wide, box[3] * high)
            marks.append(
                Mark(
                    said_at(layout.get("textAnchor", {}), text),
                    turned(drawn, turn, wide, high),
                    sure(layout),
                )
            )
    if turn in {90, 270}:
        width, height, wide, high = height, width, high, wide
    return Page(
        number=number,
        width=round(width, 2),
        height=round(height, 2),
        rotation=turn,
        engine="documentai",
        words=words(marks, width=wide, height=high) if marks and placed else _unplaced(page, text),
    )


def _unplaced(page: Json, text: str) -> tuple[Word, ...]:
    """Return the words of a page of which only the text was told: they stand somewhere on it."""
    layout = page.get("layout", {})
    box = box_of(layout.get("boundingPoly", {}), page.get("dimension", {})) or WHOLE
    return tuple(
        Word(word, box, sure(layout), number)
        for number, line in enumerate(said_at(layout.get("textAnchor", {}), text).splitlines())
        for word in line.split()
    )


def sure(told: Json) -> float:
    """Return a confidence, which must lie within 0 and 1 whatever was sent."""
    return min(max(_number(told.get("confidence", 0.0)), 0.0), 1.0)


def _number(told: float | str) -> float:
    """Return a number; JSON of protocol buffers writes ``NaN`` and ``Infinity`` as texts."""
    number = float(told)
    if not math.isfinite(number):
        raise ValueError("no number")
    return number


def _as_drawn(size: tuple[float, float], dimension: Json) -> tuple[float, float]:
    """Return a page's size the way round in which it was read (a PDF, or EXIF, may turn it)."""
    wide, high = float(dimension.get("width", 0)), float(dimension.get("height", 0))
    across = (wide - high) * (size[0] - size[1]) < 0
    return (size[1], size[0]) if across else size


def _fraction(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), BOX_DIGITS)
