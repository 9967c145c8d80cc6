"""Plain text as pages: lines and columns stand in for a place on paper."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Literal

from shared.events.results import Page, Word

PAGE_LINES: Final = 60
"""Lines of a page without form feeds, as a printer would break it."""

PAGE_COLUMNS: Final = 80
"""Least columns of a page, so that a short line does not fill its width."""

TAB: Final = 8
CHARACTER_POINTS: Final = (7.2, 12.0)  # width, height of a character: 12-point Courier

_WORD: Final = re.compile(r"\S+")

_TURNING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Overrides and embeddings of direction (UAX 9): what is shown stands in another order."""


def decoded(content: bytes) -> str:
    """Return text by its byte order mark, as UTF-8, or else as Windows-1252; never an error."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def pages_of(text: str) -> list[list[str]]:
    """Split text into pages of lines: at form feeds, and after every ``PAGE_LINES`` lines."""
    pages: list[list[str]] = []
    for sheet in text.replace("\r\n", "\n").replace("\r", "\n").split("\f"):
        lines = [_printable(line.expandtabs(TAB)) for line in sheet.split("\n")]
        while lines and not lines[-1].strip():
            lines.pop()
        starts = range(0, max(len(lines), 1), PAGE_LINES)
        pages.extend(lines[start : start + PAGE_LINES] for start in starts)
    while len(pages) > 1 and not pages[-1]:
        pages.pop()
    return pages


def _printable(line: str) -> str:
    """Drop control characters: they have no width."""
    return "".join(letter for letter in line if unicodedata.category(letter) != "Cc")


def text_page(
    lines: Sequence[str], *, number: int, engine: Literal["plain_text", "xml"] = "plain_text"
) -> Page:
    """Return one page whose words stand where their lines and columns put them.

    Where the text turns its own direction round, nobody can be sure of what a person sees.
    """
    columns = max([PAGE_COLUMNS, *(len(line) for line in lines)])
    rows = max(PAGE_LINES, len(lines))
    sure = 0.0 if any(map(_TURNING.search, lines)) else 1.0
    words = [
        Word(
            found.group(),
            (
                round(found.start() / columns, 5),
                round(row / rows, 5),
                round(found.end() / columns, 5),
                round((row + 1) / rows, 5),
            ),
            sure,
            row,
        )
        for row, line in enumerate(lines)
        for found in _WORD.finditer(line)
    ]
    return Page(
        number=number,
        width=round(columns * CHARACTER_POINTS[0], 2),
        height=round(rows * CHARACTER_POINTS[1], 2),
        engine=engine,
        words=tuple(words),
    )
