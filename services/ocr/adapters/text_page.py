"""What pdfium says about a page's characters and drawings, in the page's upright coordinates."""

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

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
SANE_HEIGHT: Final = (0.4, 3.0)  # loose box / ink, else the font's ascent and descent are wrong


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
        y0, y1 = self.height - (top - self.bottom), self.height - (bottom - self.bottom)
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
        hidden = _HiddenObjects(textpage.raw)
        found = [_character(textpage.raw, index, where, hidden) for index in range(count)]
        unmapped = sum(
            1
            for index, character in enumerate(found)
            if not character.ends_word and raw.FPDFText_HasUnicodeMapError(textpage.raw, index) == 1
        )
    finally:
        textpage.close()
    return found, unmapped


class _HiddenObjects:
    """Whether a character's text object is invisible, asked once an object."""

    def __init__(self, textpage: Any) -> None:  # noqa: ANN401 - a ctypes pointer
        self._textpage = textpage
        self._known: dict[int, bool] = {}

    def __call__(self, index: int) -> bool:
        text_object = raw.FPDFText_GetTextObject(self._textpage, index)
        address = ctypes.cast(text_object, ctypes.c_void_p).value
        if address is None:
            return False
        if address not in self._known:
            mode = raw.FPDFTextObj_GetTextRenderMode(text_object)
            self._known[address] = mode in {
                raw.FPDF_TEXTRENDERMODE_INVISIBLE,
                raw.FPDF_TEXTRENDERMODE_CLIP,
            }
        return self._known[address]


def _character(textpage: Any, index: int, where: Frame, hidden: _HiddenObjects) -> Character:  # noqa: ANN401 - a ctypes pointer
    code = raw.FPDFText_GetUnicode(textpage, index)
    text = "-" if code == HYPHEN else chr(code) if 0 < code < 0x110000 else ""  # noqa: PLR2004 - the end of Unicode
    if text.isspace():
        return Character(text, (0.0, 0.0, 0.0, 0.0), ends_word=True)
    box, turn = _box(textpage, index, where)
    return Character(text, box, turn=turn, hidden=hidden(index))


def _box(textpage: Any, index: int, where: Frame) -> tuple[Box, Turn]:  # noqa: ANN401 - a ctypes pointer
    """Return the box from ascent to descent, so that all the words of a line are one height."""
    radians = raw.FPDFText_GetCharAngle(textpage, index)
    # pdfium counts counter-clockwise in page space; /Rotate turns the page clockwise on top.
    quarter = round(math.degrees(max(radians, 0.0)) / 90) % 4
    turn = (quarter * 90 - where.turn) % 360
    loose = raw.FS_RECTF()
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(textpage, index, left, right, bottom, top)
    tight = (left.value, bottom.value, right.value, top.value)
    if not raw.FPDFText_GetLooseCharBox(textpage, index, loose):
        return where.shown(*tight), turn  # type: ignore[return-value]
    wide = (loose.left, min(loose.bottom, loose.top), loose.right, max(loose.bottom, loose.top))
    return where.shown(*_sane(wide, tight)), turn  # type: ignore[return-value]


def _sane(loose: Box, tight: Box) -> Box:
    """Prefer the loose box unless the font's own measures are nonsense beside the ink."""
    ink = max(tight[3] - tight[1], tight[2] - tight[0])
    height = loose[3] - loose[1]
    if ink > 0 and not SANE_HEIGHT[0] * ink <= height <= 10 * SANE_HEIGHT[1] * ink:
        return tight
    return loose


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
