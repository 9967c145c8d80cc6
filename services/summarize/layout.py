"""Where words stand: segments (words without a wide gap) and rows, left to right, top down."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from services.summarize.unseen import shown
from shared.events.results import Box, Engine, Evidence, Page, Word

NARROWEST_GAP: Final = 1.7
"""Words closer than this many average characters stand in one column, whatever the page."""

WIDEST_GAP: Final = 2.8
"""Words further apart stand in different columns, whatever the page."""


_BULLETS: Final = frozenset("·•●∙|")


def union(boxes: Iterable[Box]) -> Box:
    """Return the smallest box around ``boxes`` (at least one)."""
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return (min(x0s), min(y0s), max(x1s), max(y1s))


@dataclass(frozen=True, slots=True)
class Segment:
    """Words of one line without a wide gap between them.

    Attributes:
        text: the words with one space between them.
        words: the words.
        starts: where each word starts in ``text``.
        box: around all words.
        page: from 1.
        engine: who read the page.
        row: index of its row in the sheet.
        column: its place in the row, from the left.
    """

    text: str
    words: tuple[Word, ...]
    starts: tuple[int, ...]
    box: Box
    page: int
    engine: Engine
    row: int
    column: int

    @property
    def height(self) -> float:
        """The height of the box, as a fraction of the page."""
        return self.box[3] - self.box[1]

    def evidence(self, start: int = 0, end: int | None = None) -> Evidence:
        """Return the evidence for ``text[start:end]``: the words that it touches."""
        stop = len(self.text) if end is None else end
        first = max(0, bisect_right(self.starts, start) - 1)
        last = max(first + 1, bisect_right(self.starts, max(start, stop - 1)))
        words = self.words[first:last]
        return Evidence(
            page=self.page,
            box=union(word.box for word in words),
            text=self.text[start:stop],
            engine=self.engine,
            confidence=min(word.confidence for word in words),
        )


@dataclass(frozen=True, slots=True)
class Row:
    """Segments that stand at the same height, from left to right."""

    index: int
    page: int
    segments: tuple[Segment, ...]
    text: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """Every row of a document, top to bottom, page after page.

    Attributes:
        rows: all rows.
        pages: how many pages there are.
        body_height: the median height of a segment, as a fraction of the page.
    """

    rows: tuple[Row, ...]
    pages: int
    body_height: float
    segments: tuple[Segment, ...] = field(repr=False)

    def below(self, segment: Segment, most: int) -> Iterable[Segment]:
        """Yield segments under ``segment`` that overlap it in x, nearest first, on its page."""
        for row in self.rows[segment.row + 1 : segment.row + 1 + most]:
            if row.page != segment.page:
                return
            for other in row.segments:
                if overlaps_x(segment.box, other.box):
                    yield other


def overlaps_x(a: Box, b: Box) -> bool:
    """Tell whether two boxes share at least a third of the narrower one's width."""
    shared = min(a[2], b[2]) - max(a[0], b[0])
    return shared > 0 and shared * 3 >= min(a[2] - a[0], b[2] - b[0])


def _character_width(words: Sequence[Word]) -> float:
    """Return the average width of a character in a line."""
    characters = sum(len(word.text) for word in words)
    return sum(word.box[2] - word.box[0] for word in words) / characters


def _column_gap(lines: Sequence[Sequence[Word]]) -> float:
    """Return the gap, in characters, from which words of this page stand in different columns.

    A text layer's boxes touch their neighbours' spaces, a text recogniser's boxes are tight: twice
    the gap that a quarter of the words keep is wider than a space in either.
    """
    gaps: list[float] = []
    for line in lines:
        width = _character_width(line)
        for left, right in pairwise(line):
            if width > 0 and right.box[0] > left.box[2]:
                gaps.append((right.box[0] - left.box[2]) / width)
    gaps.sort()
    usual = gaps[len(gaps) // 4] if gaps else 0.0
    return min(WIDEST_GAP, max(NARROWEST_GAP, 2 * usual))


def _split(ordered: Sequence[Word], gap: float) -> list[list[Word]]:
    """Cut one line's words, ordered from left to right, at gaps wider than ``gap`` characters."""
    widest = gap * _character_width(ordered)
    parts: list[list[Word]] = [[ordered[0]]]
    for word in ordered[1:]:
        left = parts[-1][-1]
        # a bullet between the parts of an address keeps them together
        room = 2 * widest if word.text in _BULLETS or left.text in _BULLETS else widest
        if word.box[0] - left.box[2] > room:
            parts.append([word])
        else:
            parts[-1].append(word)
    return parts


def _lines(page: Page) -> list[list[Word]]:
    """Group a page's words by the line that the reader gave them, each from left to right."""
    lines: dict[int, list[Word]] = {}
    for word in shown(page.words):
        lines.setdefault(word.line, []).append(word)
    return [sorted(line, key=lambda word: (word.box[0], word.box[2])) for line in lines.values()]


def _rows(parts: list[list[Word]]) -> list[list[tuple[Box, list[Word]]]]:
    """Group segments whose middles are less than half a line apart, top to bottom."""
    boxed = sorted(
        ((union(word.box for word in part), part) for part in parts),
        key=lambda item: (item[0][1] + item[0][3], item[0][0]),
    )
    rows: list[list[tuple[Box, list[Word]]]] = []
    middle = 0.0
    for box, part in boxed:
        centre, height = (box[1] + box[3]) / 2, box[3] - box[1]
        if rows:
            lowest = min(item[0][3] - item[0][1] for item in rows[-1])
            if abs(centre - middle) < 0.5 * max(min(lowest, height), 1e-6):
                rows[-1].append((box, part))
                middle += (centre - middle) / len(rows[-1])
                continue
        rows.append([(box, part)])
        middle = centre
    return [sorted(row, key=lambda item: (item[0][0], item[0][1])) for row in rows]


def _segment(box: Box, words: list[Word], page: Page, row: int, column: int) -> Segment:
    starts: list[int] = []
    at = 0
    for word in words:
        starts.append(at)
        at += len(word.text) + 1
    return Segment(
        text=" ".join(word.text for word in words),
        words=tuple(words),
        starts=tuple(starts),
        box=box,
        page=page.number,
        engine=page.engine,
        row=row,
        column=column,
    )


def lay_out(pages: Sequence[Page]) -> Sheet:
    """Return the rows of all pages, whatever order the words came in."""
    rows: list[Row] = []
    for page in pages:
        lines = _lines(page)
        gap = _column_gap(lines)
        parts = [part for line in lines for part in _split(line, gap)]
        for boxed in _rows(parts):
            index = len(rows)
            segments = tuple(
                _segment(box, words, page, index, column)
                for column, (box, words) in enumerate(boxed)
            )
            rows.append(
                Row(
                    index=index,
                    page=page.number,
                    segments=segments,
                    text="  ".join(segment.text for segment in segments),
                    y=segments[0].box[1],
                    height=max(segment.height for segment in segments),
                )
            )
    every = tuple(segment for row in rows for segment in row.segments)
    heights = sorted(segment.height for segment in every)
    return Sheet(
        rows=tuple(rows),
        pages=len(pages),
        body_height=heights[len(heights) // 2] if heights else 0.0,
        segments=every,
    )
