"""One page image to words: detect lines, set the page upright, recognise, split into words."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from services.ocr.adapters.engine import Engine, Glyph, Line, engine
from services.ocr.adapters.image_types import Image
from services.ocr.layout import Mark, words
from shared.events.results import Page

if TYPE_CHECKING:
    from services.ocr.text_layer import Turn

DETECTOR_PIXELS: Final = 800_000  # more finds half a percent more text and costs memory
MOST_SKEW: Final = 30.0  # degrees; beyond that a line's angle is a mistake
LEAST_SKEW: Final = 0.2  # degrees; less moves no word
LONG_LINE: Final = 4.0  # width / height from which a line's own angle can be believed
TALL_LINE: Final = 1.5  # height / width from which a line runs downwards
SURE: Final = 0.8  # a page read with less confidence is tried upside down
SAMPLE: Final = 6  # lines that decide upside down
LEAST_CONFIDENCE: Final = 0.5  # a line read with less is noise
DRIFT: Final = 0.12  # of a line's height that it may climb before it is cut out turned


def read_image(image: Image, *, number: int, width: float, height: float, turned: int = 0) -> Page:
    """Read one page image.

    Args:
        image: the page, in the orientation that its source says is upright.
        number: of the page, from 1.
        width: of that image in points.
        height: likewise.
        turned: degrees clockwise that the source was turned already.

    Returns:
        the upright page with its words.
    """
    models = engine()
    turn: Turn = 0
    lines = models.detect(image, pixels=DETECTOR_PIXELS)
    if _stands_on_its_side(lines):
        image, turn = np.ascontiguousarray(np.rot90(image, -1)), 90
        width, height = height, width
        lines = models.detect(image, pixels=DETECTOR_PIXELS)
    skew = page_skew(lines)
    lines = [aligned(line, skew) for line in lines]
    crops = [_crop(image, line) for line in lines]
    read = models.recognise(crops)
    if _upside_down(models, crops, read):
        turn = 180 if turn == 0 else 270
        rows, columns = image.shape[:2]
        read = models.recognise([_half_turn(crop) for crop in crops])
        lines = [
            replace(line, centre=(columns - line.centre[0], rows - line.centre[1]))
            for line in lines
        ]
    marks = [
        mark
        for line, glyphs in zip(lines, read, strict=True)
        for mark in _line_marks(line, glyphs, skew, (image.shape[1] / 2, image.shape[0] / 2))
    ]
    return Page.model_validate(
        {
            "number": number,
            "width": round(width, 2),
            "height": round(height, 2),
            "rotation": (turned + turn) % 360,
            "skew": round(skew, 2),
            "engine": "rapidocr",
            "words": words(marks, width=image.shape[1], height=image.shape[0]),
        }
    )


def page_skew(lines: Sequence[Line]) -> float:
    """Return the page's skew, degrees clockwise: the median angle of its long lines by length."""
    angles = sorted(
        (line.angle, line.size[0])
        for line in lines
        if line.size[0] >= LONG_LINE * line.size[1] and abs(line.angle) <= MOST_SKEW
    )
    half = sum(length for _, length in angles) / 2
    for angle, length in angles:
        half -= length
        if half <= 0:
            return angle if abs(angle) >= LEAST_SKEW else 0.0
    return 0.0


def aligned(line: Line, skew: float) -> Line:
    """Give a line that is too short to know its own angle the page's."""
    if line.size[0] >= LONG_LINE * line.size[1] and abs(line.angle - skew) <= MOST_SKEW / 3:
        return line
    off = math.radians(line.angle - skew)
    width, height = line.size
    return Line(
        line.centre,
        (
            width * abs(math.cos(off)) + height * abs(math.sin(off)),
            width * abs(math.sin(off)) + height * abs(math.cos(off)),
        ),
        skew,
    )


def _is_tall(line: Line) -> bool:
    return line.size[1] > TALL_LINE * line.size[0]


def _stands_on_its_side(lines: Sequence[Line]) -> bool:
    """Tell whether most of the text, by area, runs up or down the image."""
    tall = sum(line.size[0] * line.size[1] for line in lines if _is_tall(line))
    return 2 * tall > sum(line.size[0] * line.size[1] for line in lines)


def _upside_down(models: Engine, crops: Sequence[Image], read: Sequence[Sequence[Glyph]]) -> bool:
    """Tell whether the lines read better after half a turn; asked only where they read badly."""
    if not crops or _confidence(read) >= SURE:
        return False
    widest = sorted(range(len(crops)), key=lambda i: -crops[i].shape[1] / crops[i].shape[0])
    sample = widest[:SAMPLE]
    again = models.recognise([_half_turn(crops[index]) for index in sample])
    return _confidence(again) > _confidence([read[index] for index in sample])


def _confidence(read: Sequence[Sequence[Glyph]]) -> float:
    told = [glyph.confidence for glyphs in read for glyph in glyphs]
    return sum(told) / len(told) if told else 0.0


def _half_turn(crop: Image) -> Image:
    return np.ascontiguousarray(crop[::-1, ::-1])


def _crop(image: Image, line: Line) -> Image:
    """Cut a line out, level; a line that runs downwards is laid on its side."""
    (x, y), (width, height) = line.centre, line.size
    columns, rows = max(2, round(width)), max(2, round(height))
    if abs(math.sin(math.radians(line.angle))) * width <= DRIFT * height:
        left, top = round(x - width / 2), round(y - height / 2)
        crop = image[max(top, 0) : max(top + rows, 2), max(left, 0) : max(left + columns, 2)]
    else:
        cut = cv2.getRotationMatrix2D((x, y), line.angle, 1.0)
        cut = cut + np.array([[0, 0, columns / 2 - x], [0, 0, rows / 2 - y]])
        turned = cv2.warpAffine(image, cut, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
        crop = turned.astype(np.uint8, copy=False)
    if crop.size == 0:
        crop = image[:2, :2]
    return np.ascontiguousarray(np.rot90(crop)) if _is_tall(line) else crop


def _line_marks(
    line: Line, glyphs: Sequence[Glyph], skew: float, middle: tuple[float, float]
) -> list[Mark]:
    """Split what was read on one line at its spaces; boxes on the straightened image."""
    if _confidence([glyphs]) < LEAST_CONFIDENCE:
        return []
    marks = []
    word: list[Glyph] = []
    for glyph in [*glyphs, None]:
        if glyph is not None and not glyph.text.isspace():
            word.append(glyph)
            continue
        if word:
            marks.append(_mark(line, word, skew, middle))
        word = []
    return marks


def _mark(line: Line, word: Sequence[Glyph], skew: float, middle: tuple[float, float]) -> Mark:
    start, end = word[0].start, word[-1].end
    width, height = line.size
    if _is_tall(line):  # read bottom to top
        across, along = 0.0, (0.5 - (start + end) / 2) * height
        half = (width / 2, (end - start) * height / 2)
    else:
        across, along = ((start + end) / 2 - 0.5) * width, 0.0
        half = ((end - start) * width / 2, height / 2)
    x, y = _turned_point(across, along, line.angle)
    x, y = _turned_point(x + line.centre[0] - middle[0], y + line.centre[1] - middle[1], -skew)
    x, y = x + middle[0], y + middle[1]
    return Mark(
        "".join(glyph.text for glyph in word),
        (x - half[0], y - half[1], x + half[0], y + half[1]),
        round(sum(glyph.confidence for glyph in word) / len(word), 4),
    )


def _turned_point(x: float, y: float, degrees: float) -> tuple[float, float]:
    """Turn a point about the origin, clockwise where y runs downwards."""
    angle = math.radians(degrees)
    return (
        x * math.cos(angle) - y * math.sin(angle),
        x * math.sin(angle) + y * math.cos(angle),
    )
