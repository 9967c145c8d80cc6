"""Dates as people write them, in day-first, month-first and year-first order, with month names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, Literal

from babel.dates import get_month_names

from services.summarize.folding import fold

Order = Literal["dmy", "mdy"]

LOCALES: Final = ("en", "de", "fr", "ms", "es", "it", "nl", "pt", "id")
"""Whose month names are read; on a conflict the first one wins."""

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2099
_CENTURY_TURN: Final = 80  # two-digit years from 80 are of the last century

_NUMERIC: Final = re.compile(
    r"(?<![\d.,/])(?<!\d-)(\d{4}|\d{1,2})\s?([./-])\s?(\d{1,2})\s?\2\s?"
    r"(\d{4}(?=\d{1,2}:\d\d)|\d{4}(?![\d/]|[-.]\d)|\d{2}(?![\d/]|[-.]\d))"
)
"""A time may stick to a four-digit year: "29/12/201711:41", as OCR reads it."""

_DIGIT: Final = re.compile(r"\d")

_COMPACT: Final = re.compile(r"(?<!\d)((?:19|20)\d{2})(0[1-9]|1[0-2])([0-2]\d|3[01])(?!\d)")


@dataclass(frozen=True, slots=True)
class DateFound:
    """A date in a text.

    Attributes:
        day_first: the date when read day first; None when that is no date.
        month_first: the same, month first. Both are equal where there is only one reading.
        start: where it starts in the text.
        end: where it ends.
    """

    day_first: date | None
    month_first: date | None
    start: int
    end: int

    @property
    def is_ambiguous(self) -> bool:
        """Whether the order of day and month decides."""
        return (
            self.day_first is not None
            and self.month_first is not None
            and self.day_first != self.month_first
        )

    def read(self, order: Order) -> date:
        """Return the date in ``order``, or in the only order that makes it one."""
        first, second = self.day_first, self.month_first
        if order == "mdy":
            first, second = second, first
        found = first or second
        assert found is not None
        return found


@cache
def months() -> dict[str, int]:
    """Return month numbers by folded month name, full and short, in every locale."""
    names: dict[str, int] = {}
    for locale in LOCALES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context, locale).items():
                    key = fold(name).rstrip(".")
                    if len(key) >= 3:  # noqa: PLR2004 - shorter ones are no names
                        names.setdefault(key, number)
    names.setdefault("sept", 9)
    return names


@cache
def _named() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns for day-name-year and name-day-year."""
    name = "|".join(sorted(map(re.escape, months()), key=lambda item: (-len(item), item)))
    day = r"(\d{1,2})(?:st|nd|rd|th|er|\.|o)?"
    return (
        re.compile(
            rf"(?<!\d){day}[\s./,-]*(?:de |of )?({name})(?![a-z])"
            r"[\s./,'-]*(?:de )?(\d{4}|\d{2})(?!\d)"
        ),
        re.compile(rf"(?<![a-z])({name})[\s./-]*{day}[\s,./-]+(\d{{4}})(?!\d)"),
    )


def _make(year: int, month: int, day: int) -> date | None:
    if year < 100:  # noqa: PLR2004 - two digits
        year += 1900 if year >= _CENTURY_TURN else 2000
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def find_dates(text: str) -> list[DateFound]:
    """Return the dates in ``text``, from left to right."""
    found: list[DateFound] = []
    if not _DIGIT.search(text):
        return found
    for match in _NUMERIC.finditer(text):
        first, second, third = int(match[1]), int(match[3]), int(match[4])
        if len(match[1]) == 4:  # noqa: PLR2004 - a year
            day_first = month_first = _make(first, second, third) if len(match[4]) == 2 else None  # noqa: PLR2004
        else:
            day_first, month_first = _make(third, second, first), _make(third, first, second)
        if day_first or month_first:
            found.append(DateFound(day_first, month_first, match.start(), match.end()))
    folded = fold(text)
    for pattern, day_group, month_group in ((_named()[0], 1, 2), (_named()[1], 2, 1)):
        for match in pattern.finditer(folded):
            made = _make(int(match[3]), months()[match[month_group]], int(match[day_group]))
            if made and not any(
                other.start < match.end() and match.start() < other.end for other in found
            ):
                found.append(DateFound(made, made, match.start(), match.end()))
    for match in _COMPACT.finditer(text):
        made = _make(int(match[1]), int(match[2]), int(match[3]))
        if made and text.strip() == match.group():
            found.append(DateFound(made, made, match.start(), match.end()))
    return sorted(found, key=lambda item: item.start)


def date_order(found: Iterable[DateFound], default: Order) -> tuple[Order, bool]:
    """Return a document's order of day and month, and whether the document itself shows it."""
    day_first = month_first = 0
    for item in found:
        if item.day_first is None:
            month_first += 1
        elif item.month_first is None:
            day_first += 1
    if day_first and not month_first:
        return "dmy", True
    if month_first and not day_first:
        return "mdy", True
    return default, False
