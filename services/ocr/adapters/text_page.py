"""What pdfium says about a page's characters and drawings, in the page's upright coordinates."""

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pypdfium2
from pypdfium2 import raw

from services.ocr.text_layer import Character, Drawn, Turn, turned
from shared.errors import PermanentError
from shared.events.results import Box
from shared.telemetry.reasons import QuarantineReason

MOST_CHARACTERS: Final = 200_000  # of one page; a dense one has 10,000
MOST_OBJECTS: Final = 20_000  # of one page that are looked at
FORM_OBJECTS: Final = 50  # of one form that are looked at, for an image among them
HYPHEN: Final = 0x02  # pdfium's mark for a hyphen at a line's end
LEAST_LOOSE: Final = 0.4  # loose box / ink, else the font's ascent and descent are wrong
MOST_LOOSE: Final = 30.0
LEAST_HEIGHT: Final = 3.0  # points of a line on A4: smaller type is read by nobody
A4: Final = 842.0
HALF: Final = 127
UNPAINTED: Final = frozenset({raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP})
FILLED: Final = frozenset({raw.FPDF_TEXTRENDERMODE_FILL, raw.FPDF_TEXTRENDERMODE_FILL_CLIP})
UNICODE_END: Final = 0x10FFFF
HIGH_SURROGATES: Final = (0xD800, 0xDBFF)
LOW_SURROGATES: Final = (0xDC00, 0xDFFF)
REPLACEMENT: Final = "\ufffd"


@dataclass(frozen=True, slots=True)
class Frame:
    """Maps pdfium's page space (y upwards, before /Rotate) to the page as shown.

    Attributes:
        left: of the crop box, points.
        bottom: likewise.
        width: of the crop box, before rotation.
        height: likewise.
        turn: the page's /Rotate.
    """

    left: float
    bottom: float
    width: float
    height: float
    turn: Turn

    @property
    def size(self) -> tuple[float, float]:
        """Width and height as shown."""
        upright = self.turn in {0, 180}
        return (self.width, self.height) if upright else (self.height, self.width)

    def shown(self, left: float, bottom: float, right: float, top: float) -> Box:
        """Return a box as x0, y0, x1, y1 on the page as shown, y downwards."""
        x0, x1 = left - self.left, right - self.left
        y0, y1 = self.height - top + self.bottom, self.height - bottom + self.bottom
        if self.turn == 0:
            return x0, y0, x1, y1
        return turned((x0, y0, x1, y1), self.turn, self.width, self.height)


def frame(page: pypdfium2.PdfPage) -> Frame:
    """Return the page's frame: its crop box and rotation."""
    left, bottom, right, top = page.get_bbox()
    return Frame(left, bottom, right - left, top - bottom, page.get_rotation())


def characters(page: pypdfium2.PdfPage, where: Frame) -> tuple[list[Character], int]:
    """Return the characters of the text layer in its own order, and how many are unmapped.

    Raises:
        PermanentError: ``resource_exhausted`` when the page has more than any page could show.
    """
    textpage = page.get_textpage()
    try:
        count = textpage.count_chars()
        if count > MOST_CHARACTERS:
            raise PermanentError(QuarantineReason.RESOURCE_EXHAUSTED)
        return _characters(textpage.raw, count, where)
    finally:
        textpage.close()


class _Run(NamedTuple):
    """What all the characters of one text object have in common."""

    turn: Turn
    hidden: bool
    loose: bool
    unmapped: bool
    light: int | None


NO_BOX: Final = (0.0, 0.0, 0.0, 0.0)


def _characters(textpage: Any, count: int, where: Frame) -> tuple[list[Character], int]:  # noqa: ANN401 - a ctypes pointer
    """Walk the layer: this loop is where a born-digital page's time goes, so it stays flat."""
    found: list[Character] = []
    unmapped = 0
    runs: dict[int, _Run] = {}
    loose, tight = raw.FS_RECTF(), _Tight()
    surrogates: list[int] = []
    for index in range(count):
        text = _text(raw.FPDFText_GetUnicode(textpage, index), surrogates)
        if text is None:
            continue
        if text.isspace():
            found.append(Character(text, NO_BOX, ends_word=True))
            continue
        text_object = raw.FPDFText_GetTextObject(textpage, index)
        key = ctypes.addressof(text_object.contents) if text_object else 0
        run = runs.get(key)
        if run is None:
            run = runs[key] = _run(textpage, index, text_object, where)
        if run.loose and raw.FPDFText_GetLooseCharBox(textpage, index, loose):
            box = where.shown(loose.left, loose.bottom, loose.right, loose.top)
        else:
            box = where.shown(*tight.read(textpage, index))
        unmapped += run.unmapped
        found.append(Character(text, box, run.turn, run.hidden, light=run.light))
    return found, unmapped


def _text(code: int, surrogates: list[int]) -> str | None:
    """Return the character of a code that pdfium gives: Unicode, or halves of UTF-16 pairs.

    Args:
        code: as pdfium gives it.
        surrogates: holds the first half until the second one comes.

    Returns:
        None for a first half: its character comes with the second one. A second half that is
        alone is the replacement character: halves cannot be stored.
    """
    if HIGH_SURROGATES[0] <= code <= HIGH_SURROGATES[1]:
        surrogates[:] = [code]
        return None
    if LOW_SURROGATES[0] <= code <= LOW_SURROGATES[1]:
        high = surrogates.pop() if surrogates else 0
        if not high:
            return REPLACEMENT
        return chr(0x10000 + ((high - HIGH_SURROGATES[0]) << 10) + code - LOW_SURROGATES[0])
    surrogates.clear()
    if code == HYPHEN:
        return "-"
    return chr(code) if 0 < code <= UNICODE_END else ""


class _Tight:
    """Reads ink boxes with one set of ctypes cells."""

    def __init__(self) -> None:
        self._cells = [ctypes.c_double() for _ in range(4)]

    def read(self, textpage: Any, index: int) -> Box:  # noqa: ANN401 - a ctypes pointer
        left, right, bottom, top = self._cells
        raw.FPDFText_GetCharBox(textpage, index, left, right, bottom, top)
        return left.value, bottom.value, right.value, top.value


def _run(textpage: Any, index: int, text_object: Any, where: Frame) -> _Run:  # noqa: ANN401 - ctypes pointers
    radians = raw.FPDFText_GetCharAngle(textpage, index)
    # pdfium counts clockwise; /Rotate turns the page clockwise on top.
    quarter = round(math.degrees(max(radians, 0.0)) / 90) % 4
    mode = raw.FPDFTextObj_GetTextRenderMode(text_object) if text_object else 0
    loose = raw.FS_RECTF()
    sane = False
    if raw.FPDFText_GetLooseCharBox(textpage, index, loose):
        ink = _Tight().read(textpage, index)
        tallest = max(ink[3] - ink[1], ink[2] - ink[0])
        extent = max(loose.top - loose.bottom, loose.right - loose.left)
        sane = LEAST_LOOSE * tallest <= extent and loose.top > loose.bottom
        if tallest > 0:
            # A comma has little ink: only a box that no glyph could need is the font's mistake.
            sane = sane and extent <= MOST_LOOSE * tallest
    turn = (360 - quarter * 90 - where.turn) % 360
    small = sane and max(loose.top - loose.bottom, 0) < LEAST_HEIGHT * min(1, max(where.size) / A4)
    opaque, light = _colour(textpage, index, mode)
    return _Run(
        turn=turn,  # type: ignore[arg-type] # a multiple of 90 below 360
        hidden=mode in UNPAINTED or small or not opaque,
        loose=sane,
        unmapped=raw.FPDFText_HasUnicodeMapError(textpage, index) == 1,
        light=light,
    )


def _colour(textpage: Any, index: int, mode: int) -> tuple[bool, int | None]:  # noqa: ANN401 - a ctypes pointer
    """Return whether a character has any opacity, and how light it is where it is light."""
    if mode not in FILLED:
        return True, None
    cells = [ctypes.c_uint() for _ in range(4)]
    if not raw.FPDFText_GetFillColor(textpage, index, *cells):
        return True, None
    red, green, blue, alpha = (cell.value for cell in cells)
    grey = round(0.299 * red + 0.587 * green + 0.114 * blue)
    return alpha > 0, grey if grey > HALF else None


def drawn(page: pypdfium2.PdfPage, where: Frame, unmapped: int) -> Drawn:
    """Return what is drawn on a page; forms inside are looked into one level deep."""
    area = where.width * where.height
    largest, image_place, first_text, place = 0.0, 0, None, 0
    for place, (kind, box) in enumerate(_objects(page), start=1):
        if kind == raw.FPDF_PAGEOBJ_IMAGE and area > 0:
            share = _share(box, where) / area
            if share > largest:
                largest, image_place = share, place
        elif kind == raw.FPDF_PAGEOBJ_TEXT and first_text is None:
            first_text = place
    return Drawn(
        anything=place > 0,
        image_share=min(largest, 1.0),
        text_below_image=first_text is not None and first_text < image_place,
        unmapped=unmapped,
    )


def _share(box: Box, where: Frame) -> float:
    """Return the area of ``box`` (page space) inside the crop box, square points."""
    width = min(box[2], where.left + where.width) - max(box[0], where.left)
    height = min(box[3], where.bottom + where.height) - max(box[1], where.bottom)
    return max(width, 0.0) * max(height, 0.0)


def _objects(page: pypdfium2.PdfPage) -> Iterator[tuple[int, Box]]:
    """Yield type and box of the page's objects in drawing order, at most ``MOST_OBJECTS``."""
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    for index in range(min(raw.FPDFPage_CountObjects(page), MOST_OBJECTS)):
        one = raw.FPDFPage_GetObject(page, index)
        kind = raw.FPDFPageObj_GetType(one)
        if kind == raw.FPDF_PAGEOBJ_FORM:
            for inner in range(min(raw.FPDFFormObj_CountObjects(one), FORM_OBJECTS)):
                nested = raw.FPDFPageObj_GetType(raw.FPDFFormObj_GetObject(one, inner))
                if nested == raw.FPDF_PAGEOBJ_IMAGE:
                    # A form that draws an image counts as that image: its own box is in our space.
                    kind = nested
                    break
        if raw.FPDFPageObj_GetBounds(one, left, bottom, right, top):
            yield kind, (left.value, bottom.value, right.value, top.value)
        else:
            yield kind, (0.0, 0.0, 0.0, 0.0)
