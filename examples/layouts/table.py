"""The table of lines, over as many pages as it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from examples.invoice import Invoice, Item
from examples.layouts.sheet import Align, Sheet

ColumnName = Literal["position", "description", "quantity", "unit_price", "rate", "amount"]
LEADING = 11.5


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: what it shows.
        x: its left edge, or its right one where it is aligned right.
        align: of head and cells.
        width: at most, where the text wraps.
    """

    name: ColumnName
    x: float
    align: Align = "left"
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Table:
    """How the lines are shown.

    Attributes:
        columns: from left to right.
        left: where rules and stripes begin.
        right: where they end.
        head: what marks the heads: a rule below, or a filled bar.
        rules: a thin rule below every line.
        stripes: every other line shaded.
        size: of the type.
    """

    columns: tuple[Column, ...]
    left: float
    right: float
    head: Literal["rule", "bar"] = "rule"
    rules: bool = False
    stripes: bool = False
    size: float = 9

    def draw(
        self,
        sheet: Sheet,
        invoice: Invoice,
        y: float,
        *,
        bottom: float,
        start_page: Callable[[], float] | None = None,
    ) -> float:
        """Draw heads and lines from ``y`` down; return the y below the last line.

        Args:
            sheet: to draw on.
            invoice: whose lines.
            y: top of the head row.
            bottom: no line goes below; what does not fit goes on the next page.
            start_page: makes the next page ready and returns its y; None keeps to one page.
        """
        y = self._draw_head(sheet, invoice, y)
        so_far = Decimal(0)
        for index, item in enumerate(invoice.items):
            lines = self._wrap(sheet, item)
            height = LEADING * len(lines) + 6
            last = index == len(invoice.items) - 1
            # a line that is not the last leaves room for the sum carried forward
            if start_page and y + height + (0 if last else 2 * LEADING) > bottom:
                self._draw_sum(sheet, invoice, y, invoice.words.carried, so_far)
                sheet.new_page()
                y = self._draw_head(sheet, invoice, start_page())
                y = self._draw_sum(sheet, invoice, y, invoice.words.brought, so_far)
            if self.stripes and index % 2:
                sheet.fill(self.left, y, self.right, y + height, gray=0.94)
            self._draw_item(sheet, invoice, index, lines, y + LEADING)
            y += height
            if self.rules:
                sheet.rule(self.left, self.right, y, weight=0.3)
            so_far += item.amount
        return y

    def _wrap(self, sheet: Sheet, item: Item) -> list[str]:
        column = next(c for c in self.columns if c.name == "description")
        return sheet.wrap(item.description, column.width, self.size)

    def _draw_head(self, sheet: Sheet, invoice: Invoice, y: float) -> float:
        words = invoice.words
        heads: dict[ColumnName, str] = {
            "position": words.position,
            "description": words.description,
            "quantity": words.quantity,
            "unit_price": words.unit_price,
            "rate": "%",
            "amount": words.amount,
        }
        bar = self.head == "bar"
        if bar:
            sheet.fill(self.left, y, self.right, y + 18, gray=0.25)
        for column in self.columns:
            sheet.text(
                column.x,
                y + 12,
                heads[column.name],
                size=self.size,
                bold=True,
                align=column.align,
                gray=1.0 if bar else 0.0,
            )
        if not bar:
            sheet.rule(self.left, self.right, y + 18, weight=0.8)
        return y + 20

    def _draw_item(
        self, sheet: Sheet, invoice: Invoice, index: int, lines: list[str], y: float
    ) -> None:
        item, convention = invoice.items[index], invoice.convention
        cells: dict[ColumnName, str] = {
            "position": str(index + 1),
            "quantity": convention.number(item.quantity),
            "unit_price": convention.amount(item.unit_price),
            "rate": f"{convention.number(item.rate)} %",
            "amount": convention.amount(item.amount),
        }
        for column in self.columns:
            if column.name == "description":
                for row, line in enumerate(lines):
                    sheet.text(column.x, y + row * LEADING, line, size=self.size)
            else:
                sheet.text(column.x, y, cells[column.name], size=self.size, align=column.align)

    def _draw_sum(
        self, sheet: Sheet, invoice: Invoice, y: float, label: str, amount: Decimal
    ) -> float:
        text, figure = self.columns[1], self.columns[-1]
        sheet.text(text.x, y + LEADING, label, size=self.size, bold=True)
        sheet.text(
            figure.x,
            y + LEADING,
            invoice.convention.amount(amount),
            size=self.size,
            bold=True,
            align=figure.align,
        )
        return y + LEADING + 6
