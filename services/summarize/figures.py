"""Amounts with their labels: which word left of or above a figure says what it is."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import zip_longest
from typing import Final

from services.summarize.amounts import Amount, Separator, find_amounts
from services.summarize.labels import Label, Role, read_label, read_prose_label
from services.summarize.layout import Row, Segment, Sheet, overlaps_x

_LOOK_UP: Final = 3
"""How many rows above a figure its column's heading may stand."""

_TOTALS: Final = (Role.TOTAL, Role.PAYABLE)


@dataclass(frozen=True, slots=True)
class Figure:
    """One amount on a page and what its label says it is.

    Attributes:
        value: exact.
        amount: where it stands in its segment.
        segment: where it stands on the page.
        label: what it is; None when nothing beside it says so.
        distance: rows between label and figure (0: same row).
        label_text: the label as written, "" when there is none.
        alone: whether it is the only figure of its row.
    """

    value: Decimal
    amount: Amount
    segment: Segment
    label: Label | None
    distance: int
    label_text: str
    alone: bool

    @property
    def confidence(self) -> float:
        """The reader's confidence in the words of the figure."""
        return self.segment.evidence(self.amount.start, self.amount.end).confidence


_SENTENCE: Final = 7
"""Words from which a segment is a sentence, in which labels stand before amounts in prose."""


def money_in(row: Row, separator: Separator, *, whole: bool) -> list[tuple[Segment, Amount]]:
    """Return what looks like money in a row, from left to right.

    Args:
        row: where to look.
        separator: what separates decimals.
        whole: whether grouped whole numbers are money too (yen).
    """
    return [
        (segment, amount)
        for segment in row.segments
        for amount in find_amounts(segment.text, separator)
        if amount.is_money or (whole and amount.is_grouped)
    ]


_LOST_POINT: Final = re.compile(r"(?:RM\s?)?(\d{1,5}) (\d{2})")


def _lost_points(row: Row) -> list[tuple[Segment, Amount]]:
    """Return "6 00" as 6.00 where a recogniser read it right of a label and lost the point."""
    last = row.segments[-1]
    match = _LOST_POINT.fullmatch(last.text) if last.engine == "rapidocr" else None
    if match is None or len(row.segments) < 2 or read_label(row.segments[-2].text) is None:  # noqa: PLR2004
        return []
    value = Decimal(f"{match[1]}.{match[2]}")
    return [(last, Amount(value, 0, len(last.text), 2, None))]


def _prose_label(sheet: Sheet, segment: Segment, start: int, end: int) -> str | None:
    """Return the words of the sentence before an amount; None where it is in no sentence."""
    above = sheet.rows[segment.row - 1].segments if segment.row else ()
    before_it = [
        other
        for other in above
        if len(other.words) >= _SENTENCE
        and other.page == segment.page
        and overlaps_x(other.box, segment.box)
        and segment.box[1] - other.box[3] < sheet.body_height
    ]
    runs_on = bool(before_it) and not before_it[0].text.rstrip().endswith((".", ":"))
    in_sentence = len(segment.words) >= _SENTENCE or (
        runs_on and len(segment.text[end:].split()) > 0
    )
    if not in_sentence and not (runs_on and start == 0):
        return None
    before = f"{before_it[0].text} {segment.text[:start]}" if runs_on else segment.text[:start]
    if len(before.split()) < 3:  # noqa: PLR2004 - no sentence
        return None
    return _STOP.split(before)[-1][-90:]


_STOP: Final = re.compile(r"(?<=[a-z])[.;]\s+|[.,]\d{2}[.;]?\s+")


def _has_letters(text: str) -> bool:
    """Tell whether a text says something: at least two letters besides a currency."""
    return sum(character.isalpha() for character in text) > 1


_CURRENCIES: Final = frozenset(
    {"rm", "myr", "eur", "usd", "gbp", "chf", "sgd", "(rm)", "(myr)", "(eur)"}
)


def _left_label(row: Row, segment: Segment, amount: Amount, separator: Separator) -> str:
    """Return the text left of an amount up to the figure before it; "" when a figure is next."""
    inside = segment.text[: amount.start]
    before = find_amounts(inside, separator)
    if before:
        inside = inside[before[-1].end :]
        return inside if _has_letters(inside) and len(inside.strip()) > 2 else ""  # noqa: PLR2004
    if _has_letters(inside) and inside.strip(" :.").lower() not in _CURRENCIES:
        return inside
    for other in reversed(row.segments[: segment.column]):
        text = other.text.strip(" :.-*=|").lower()
        if not text or text in _CURRENCIES:
            continue
        found = [item for item in find_amounts(other.text, separator) if item.is_money]
        if found:
            rest = other.text[found[-1].end :]
            return rest if len(rest.strip()) > 3 and _has_letters(rest) else ""  # noqa: PLR2004
        if _has_letters(other.text):
            return other.text
    return ""


def _vertical_label(sheet: Sheet, row: Row, money: Sequence[int]) -> tuple[str, int]:
    """Return the label in the row above (or below) a row of nothing but one figure."""
    for step in (-1, 1, -2):
        at = row.index + step
        if not 0 <= at < len(sheet.rows) or money[at]:
            continue
        other = sheet.rows[at]
        if other.page != row.page:
            continue
        gap = abs(other.y - row.y)
        if gap > 3 * max(sheet.body_height, 1e-6):
            continue
        label = read_label(other.segments[-1].text)
        if label is not None and label.role is not Role.IGNORED:
            return other.segments[-1].text, abs(step)
    return "", 0


def _heading(sheet: Sheet, row: Row, segment: Segment, money: Sequence[int]) -> tuple[str, int]:
    """Return the heading above a figure, where the heading row names net or tax, and a total."""
    for step in range(1, _LOOK_UP + 1):
        at = row.index - step
        if at < 0 or sheet.rows[at].page != row.page:
            break
        if money[at]:
            break
        heads = [(other, read_label(other.text)) for other in sheet.rows[at].segments]
        roles = {label.role for _, label in heads if label is not None}
        named = all(label is not None for _, label in heads)
        if named and roles & set(_TOTALS) and roles & {Role.NET, Role.TAX, Role.SUBTOTAL}:
            for other, label in heads:
                if label is not None and overlaps_x(other.box, segment.box):
                    return other.text, step
    return "", 0


def read_figures(sheet: Sheet, separator: Separator) -> list[Figure]:
    """Return every amount of money in a document with the label that is nearest to it."""
    per_row = [money_in(row, separator, whole=False) for row in sheet.rows]
    if not any(amount.decimals for found in per_row for _, amount in found):
        per_row = [money_in(row, separator, whole=True) for row in sheet.rows]
    per_row = [found or _lost_points(row) for row, found in zip(sheet.rows, per_row, strict=True)]
    counts = [len(found) for found in per_row]
    figures: list[Figure] = []
    for row, found in zip(sheet.rows, per_row, strict=True):
        bare = len(found) == 1 and not any(
            _has_letters(segment.text) for segment in row.segments if segment is not found[0][0]
        )
        made: list[Figure] = []
        for segment, amount in found:
            prose = _prose_label(sheet, segment, amount.start, amount.end)
            if prose is not None:
                label = read_prose_label(prose)
                made.append(Figure(amount.value, amount, segment, label, 0, prose, alone=False))
                continue
            text, distance = _left_label(row, segment, amount, separator), 0
            if not text and bare and not _has_letters(segment.text[: amount.start]):
                text, distance = _vertical_label(sheet, row, counts)
            label = read_label(text) if text else None
            if label is None and len(found) > 1:
                heading, distance = _heading(sheet, row, segment, counts)
                if heading and _closes(sheet, row, counts):
                    text, label = heading, read_label(heading)
            made.append(
                Figure(
                    value=amount.value,
                    amount=amount,
                    segment=segment,
                    label=label,
                    distance=distance,
                    label_text=text,
                    alone=len(found) == 1,
                )
            )
        figures.extend(_without_row_labels(made))
    return figures


def _without_row_labels(made: list[Figure]) -> Iterable[Figure]:
    """Drop the label of a row with several figures and one label: it names none of them."""
    for figure, following in zip_longest(made, made[1:]):
        shared = following is not None and not following.label_text and figure.distance == 0
        if shared and figure.label is not None and figure.value != following.value:
            yield replace(figure, label=None)
        else:
            yield figure


def _closes(sheet: Sheet, row: Row, money: Sequence[int]) -> bool:
    """Tell whether a row is the only one under its heading."""
    after = row.index + 1
    return (
        after >= len(sheet.rows)
        or sheet.rows[after].page != row.page
        or money[after] < money[row.index]
    )


def integer_totals(sheet: Sheet, separator: Separator) -> list[Figure]:
    """Return whole numbers that a strong label calls a total: the last resort (yen, "300")."""
    found: list[Figure] = []
    for row in sheet.rows:
        for segment in row.segments:
            for amount in find_amounts(segment.text, separator):
                text = _left_label(row, segment, amount, separator)
                label = read_label(text) if text else None
                if label is not None and label.role in _TOTALS and amount.decimals in {0, 1}:
                    found.append(Figure(amount.value, amount, segment, label, 0, text, alone=True))
    return found


def of_role(figures: Iterable[Figure], *roles: Role) -> list[Figure]:
    """Return the figures whose label has one of ``roles``."""
    return [figure for figure in figures if figure.label is not None and figure.label.role in roles]
