"""Writes readings for tests: rows of text at places on a page, as a reader would hand them over."""

from collections.abc import Iterable, Sequence

from shared.events.results import EInvoice, Engine, Page, Reading, Word

CHARACTER = 0.007
LINE = 0.02

Cell = tuple[float, str]


def words_of(rows: Sequence[Sequence[Cell]], confidence: float = 1.0) -> tuple[Word, ...]:
    """Return the words of rows of (x, text) cells, each row a line, two lines apart."""
    words: list[Word] = []
    for line, row in enumerate(rows):
        y = 0.02 + line * LINE * 1.1
        for x, text in row:
            at = x
            for part in text.split():
                width = len(part) * CHARACTER
                words.append(Word(part, (at, y, at + width, y + LINE * 0.8), confidence, line))
                at += width + 0.5 * CHARACTER
    return tuple(words)


def page(
    rows: Sequence[Sequence[Cell]], *, engine: Engine = "text_layer", confidence: float = 1.0
) -> Page:
    """Return a page with these rows."""
    return Page(number=1, width=595, height=842, engine=engine, words=words_of(rows, confidence))


def reading(
    rows: Sequence[Sequence[Cell] | str],
    *,
    engine: Engine = "text_layer",
    confidence: float = 1.0,
    einvoice: EInvoice | None = None,
) -> Reading:
    """Return a reading; a row that is text stands at the left margin, "|" starts a new column."""
    laid = [list(columns(row)) if isinstance(row, str) else row for row in rows]
    return Reading(pages=(page(laid, engine=engine, confidence=confidence),), einvoice=einvoice)


def columns(row: str) -> Iterable[Cell]:
    """Yield the cells of "label | value": columns at fixed places."""
    for place, text in zip((0.05, 0.4, 0.55, 0.7, 0.85), row.split("|"), strict=False):
        if text.strip():
            yield place, text.strip()
