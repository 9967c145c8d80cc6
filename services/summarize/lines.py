"""Line items: the rows between a table's heading and its first sum."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from services.summarize.amounts import Amount, Separator, find_amounts
from services.summarize.figures import Figure
from services.summarize.folding import fold
from services.summarize.labels import Role
from services.summarize.layout import Row, Segment, Sheet

_HEADS: Final = {
    "description": re.compile(
        r"\b(?:descriptions?|item|items|article|artikel|beschreibung|bezeichnung|produkt|product"
        r"|libelle"
        r"|designation|perihal|keterangan|butiran|leistung|position|details|service|menu|barang"
        r"|desc)\b"
    ),
    "quantity": re.compile(
        r"\b(?:qty|qnty|quantity|quantite|qte|menge|anzahl|kuantiti|hours|std|units)\b"
    ),
    "unit_price": re.compile(
        r"\bunit\b|\bu/?price|einzelpreis|prix\b|\bpreis\b|s/price|u\.?\s?price|\bprice\b"
        r"|nettopreis|\bu/?p\b"
        r"|stuckpreis|\brate\b|e-preis|harga"
    ),
    "amount": re.compile(
        r"\b(?:amount|amt|total|gesamt|gesamtbetrag|summe|betrag|montant|jumlah|nettobetrag"
        r"|line total"
        r"|gesamtpreis|prix ht|prix total|g-preis|amount\(rm\)|total\(rm\)|price w/o|sum|ht)\b"
    ),
}
_SUMS: Final = frozenset(
    {Role.TOTAL, Role.PAYABLE, Role.NET, Role.SUBTOTAL, Role.TAX, Role.TENDERED, Role.CHANGE}
)
_CENT: Final = Decimal("0.01")
_MOST_LINES: Final = 500
_MOST_DIGITS: Final = 9
_MOST_CELLS: Final = 8


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of a line and where it stands."""

    value: str
    number: Decimal | None
    segment: Segment
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line item; what was not found is None."""

    description: Cell | None
    quantity: Cell | None
    unit_price: Cell | None
    amount: Cell

    @property
    def is_proved(self) -> bool:
        """Whether quantity times unit price is the amount, to the cent."""
        if self.quantity is None or self.unit_price is None:
            return False
        assert self.quantity.number is not None
        assert self.unit_price.number is not None
        return _makes(self.quantity.number, self.unit_price.number, _number(self.amount))


@dataclass(frozen=True, slots=True)
class Table:
    """The line items of a document.

    Attributes:
        lines: top to bottom.
        is_sure: whether a heading names the columns and most lines prove themselves, so that a
            sum that differs speaks against the document and not against the reading.
    """

    lines: tuple[Line, ...]
    is_sure: bool

    @property
    def amounts(self) -> tuple[Decimal, ...]:
        """The amounts of the lines."""
        return tuple(_number(line.amount) for line in self.lines)


def _number(cell: Cell) -> Decimal:
    assert cell.number is not None
    return cell.number


def _makes(quantity: Decimal, price: Decimal, amount: Decimal) -> bool:
    if max(quantity.adjusted(), price.adjusted(), amount.adjusted()) > _MOST_DIGITS:
        return False  # a code, no quantity or price
    return (quantity * price).quantize(_CENT, ROUND_HALF_UP) == amount.quantize(_CENT)


def _heading(sheet: Sheet) -> Row | None:
    """Return the row that names the columns: an amount, and a description or a quantity."""
    best: tuple[int, Row] | None = None
    for row in sheet.rows:
        if len(row.segments) < 2:  # noqa: PLR2004 - a table has columns
            words = fold(row.text).split()
            if len(words) > 8:  # noqa: PLR2004
                continue
        folded = fold(row.text)
        if sum(c.isdigit() for c in folded) > 4:  # noqa: PLR2004 - headings have no figures
            continue
        named = {name for name, pattern in _HEADS.items() if pattern.search(folded)}
        if len(named) >= 2 and (named & {"description", "quantity", "unit_price"}):  # noqa: PLR2004
            if "tax" in folded and "description" not in named and "quantity" not in named:
                continue
            if best is None or len(named) > best[0]:
                best = (len(named), row)
    return best[1] if best else None


def _end(sheet: Sheet, figures: Sequence[Figure], start: int) -> int:
    """Return the row where the sums begin."""
    for figure in figures:
        summed = figure.label is not None and figure.label.role in _SUMS
        if summed and figure.distance == 0 and figure.segment.row > start:
            return figure.segment.row
    return len(sheet.rows)


def _cell(segment: Segment, amount: Amount) -> Cell:
    return Cell(f"{amount.value:f}", amount.value, segment, amount.start, amount.end)


def _numbers(row: Row, separator: Separator) -> list[Cell]:
    return [
        _cell(segment, amount)
        for segment in row.segments
        for amount in find_amounts(segment.text, separator)
    ]


def _line(
    row: Row, above: Row | None, figures: Sequence[Figure], separator: Separator
) -> Line | None:
    """Read one row of a table: the last figure is the amount, two others may make it."""
    figure = figures[-1]
    amount = _cell(figure.segment, figure.amount)
    if figure.label is not None and figure.label.role in {Role.IGNORED, *_SUMS} and figure.alone:
        return None
    others = [
        cell
        for cell in _numbers(row, separator)
        if (cell.segment.column, cell.start) < (amount.segment.column, amount.start)
    ]
    quantity, price = _factors(others[-_MOST_CELLS:], figure.value)
    return Line(_description(row, above), quantity, price, amount)


def _factors(cells: Sequence[Cell], amount: Decimal) -> tuple[Cell | None, Cell | None]:
    """Return the quantity and the unit price that make ``amount``, nearest to it first.

    The quantity stands left of the price; where it does not, the whole number is the quantity.
    """
    for price in reversed(cells):
        for quantity in cells:
            if quantity is price or not _number(quantity):
                continue
            if _makes(_number(quantity), _number(price), amount):
                swapped = (
                    quantity.segment.column > price.segment.column
                    and _number(price) == _number(price).to_integral_value()
                )
                return (price, quantity) if swapped else (quantity, price)
    return None, None


def _description(row: Row, above: Row | None) -> Cell | None:
    """Return the wordiest text of the row, or of the row above when that holds no figures."""
    for candidate in (row, above):
        if candidate is None:
            continue
        texts = [
            segment
            for segment in candidate.segments
            if sum(c.isalpha() for c in segment.text) >= 3  # noqa: PLR2004
        ]
        if texts:
            segment = max(
                texts, key=lambda item: (sum(c.isalpha() for c in item.text), -item.column)
            )
            return Cell(segment.text, None, segment, 0, len(segment.text))
    return None


def read_lines(sheet: Sheet, figures: Sequence[Figure], separator: Separator) -> Table:
    """Return the line items of a document."""
    heading = _heading(sheet)
    start = heading.index if heading else _first_candidate(figures)
    end = _end(sheet, figures, start)
    per_row: dict[int, list[Figure]] = {}
    for figure in figures:
        if start < figure.segment.row < end:
            per_row.setdefault(figure.segment.row, []).append(figure)
    lines: list[Line] = []
    for index, found in list(per_row.items())[:_MOST_LINES]:
        above = sheet.rows[index - 1] if index - 1 > start and index - 1 not in per_row else None
        line = _line(sheet.rows[index], above, found, separator)
        if line is not None:
            lines.append(line)
    lines = _in_column(lines, sheet)
    proved = sum(line.is_proved for line in lines)
    sure = heading is not None and bool(lines) and proved == len(lines)
    return Table(tuple(lines), is_sure=sure)


def _in_column(lines: list[Line], sheet: Sheet) -> list[Line]:
    """Keep the lines whose amounts end in the same column; the rest are notes and unit prices."""
    if len(lines) < 2:  # noqa: PLR2004
        return lines
    edges = sorted(line.amount.segment.box[2] for line in lines)
    width = max(segment.box[2] for segment in sheet.segments) - min(
        segment.box[0] for segment in sheet.segments
    )
    right = edges[len(edges) // 2]
    return [line for line in lines if abs(line.amount.segment.box[2] - right) < 0.12 * width]


def _first_candidate(figures: Sequence[Figure]) -> int:
    """Return the row before the first figure, where no heading names the columns."""
    return figures[0].segment.row - 1 if figures else 0
