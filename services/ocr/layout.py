"""From marks on a page to words in reading order: geometry only.

A mark is one word with its box in points or pixels; every reader (text layer, OCR, plain text)
ends here, so that all of them give words and lines of the same kind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.events.results import Box, Word

SAME_ROW_OVERLAP: Final = 0.5
"""Marks stand in one row when they share half of the lower one's height."""

BOX_DIGITS: Final = 5
"""A hundred-thousandth of a page is finer than any pixel; more digits only cost bytes."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One word before it has a line.

    Attributes:
        text: as read.
        box: x0, y0, x1, y1 on the upright page, y downwards, in any one unit.
        confidence: 0 to 1.
    """

    text: str = field(repr=False)
    box: Box
    confidence: float = 1.0


def _overlap(one: Box, other: Box) -> float:
    """Return the shared height as a fraction of the lower box's height."""
    shared = min(one[3], other[3]) - max(one[1], other[1])
    lower = min(one[3] - one[1], other[3] - other[1])
    return shared / lower if lower > 0 else float(shared >= 0)


def _nearest(row: Sequence[Mark], box: Box) -> Mark:
    """Return the mark of ``row`` that stands nearest to ``box`` sideways."""
    return min(row, key=lambda mark: max(mark.box[0] - box[2], box[0] - mark.box[2]))


def rows(marks: Iterable[Mark]) -> list[list[Mark]]:
    """Group marks into rows, top to bottom, each from left to right.

    A mark is compared with its nearest neighbour in a row rather than with the whole row, so that
    the bent lines of a photo stay together.
    """
    found: list[list[Mark]] = []
    open_rows: list[list[Mark]] = []
    lowest: dict[int, float] = {}
    for mark in sorted(marks, key=lambda mark: (mark.box[1] + mark.box[3], mark.box[0])):
        open_rows = [row for row in open_rows if lowest[id(row)] > mark.box[1]]
        overlaps = [(_overlap(_nearest(row, mark.box).box, mark.box), row) for row in open_rows]
        best = max(overlaps, key=lambda pair: pair[0], default=None)
        if best is not None and best[0] >= SAME_ROW_OVERLAP:
            row = best[1]
        else:
            row = []
            found.append(row)
            open_rows.append(row)
        row.append(mark)
        lowest[id(row)] = max(lowest.get(id(row), mark.box[3]), mark.box[3])
    for row in found:
        row.sort(key=lambda mark: mark.box[0])
    found.sort(key=lambda row: sum(mark.box[1] + mark.box[3] for mark in row) / len(row))
    return found


def words(marks: Iterable[Mark], *, width: float, height: float) -> tuple[Word, ...]:
    """Return marks as words in reading order, boxes as fractions of a page ``width`` x ``height``.

    Marks without text, or whose middle lies outside the page, are nobody's to see and left out.
    """
    seen = []
    for mark in marks:
        middle_x = (mark.box[0] + mark.box[2]) / 2
        middle_y = (mark.box[1] + mark.box[3]) / 2
        if mark.text.strip() and 0 <= middle_x <= width and 0 <= middle_y <= height:
            seen.append(mark)
    return tuple(
        Word(mark.text.strip(), _fractions(mark.box, width, height), mark.confidence, number)
        for number, row in enumerate(rows(seen))
        for mark in row
    )


def _fractions(box: Box, width: float, height: float) -> Box:
    def fraction(value: float, whole: float) -> float:
        return round(min(max(value / whole, 0.0), 1.0), BOX_DIGITS) if whole > 0 else 0.0

    return (
        fraction(box[0], width),
        fraction(box[1], height),
        fraction(box[2], width),
        fraction(box[3], height),
    )
