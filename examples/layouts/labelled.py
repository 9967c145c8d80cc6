"""Layouts whose figures stand beside or below a label: left of the value, or above it."""

from random import Random

from examples.invoice import Invoice
from examples.layouts.blocks import (
    bank_line,
    contact_line,
    draw_totals,
    head_rows,
    party_lines,
    tax_id_line,
    total_rows,
)
from examples.layouts.sheet import Sheet, paper_of
from examples.layouts.table import Column, Table

MARGIN = 50.0


def _number_pages(sheet: Sheet, invoice: Invoice, pages: int) -> None:
    if pages > 1:
        label = invoice.words.page.format(page=sheet.page, pages=pages)
        sheet.text(sheet.width - MARGIN, sheet.height - 30, label, size=8, align="right")


def _draw_footer(sheet: Sheet, invoice: Invoice) -> None:
    supplier, y = invoice.supplier, sheet.height - 70
    sheet.rule(MARGIN, sheet.width - MARGIN, y)
    sheet.text(MARGIN, y + 14, f"{supplier.name} · {supplier.address}", size=7.5, gray=0.3)
    bank = bank_line(supplier, invoice.words.account)
    sheet.text(MARGIN, y + 25, f"{invoice.words.pay_to}: {bank}", size=7.5, gray=0.3)


def draw_label_left(invoice: Invoice, random: Random, *, pages: int = 1) -> bytes:
    """Draw labels left of values, a ruled table, sums at the bottom right.

    Args:
        invoice: with as many lines as it likes; the table breaks over pages.
        random: chooses the face and which side the head stands on.
        pages: as printed in "Page 1 of 3"; one page carries no number.
    """
    face = random.choice(("Helvetica", "Helvetica", "Times"))
    sheet = Sheet(paper_of(invoice.supplier.country), title=invoice.title, face=face)
    right = sheet.width - MARGIN
    sheet.text(MARGIN, 70, invoice.supplier.name, size=15, bold=True)
    for row, line in enumerate(
        [*party_lines(invoice.supplier)[1:], contact_line(invoice), tax_id_line(invoice)]
    ):
        sheet.text(MARGIN, 86 + 12 * row, line, gray=0.15)
    sheet.text(right, 160, invoice.title, size=20, bold=True, align="right")
    if invoice.receiver is not None:
        sheet.text(MARGIN, 172, invoice.words.customer, bold=True)
        for row, line in enumerate(party_lines(invoice.receiver)):
            sheet.text(MARGIN, 187 + 12 * row, line)
    for row, (label, value) in enumerate(head_rows(invoice)):
        sheet.text(right - 205, 187 + 14 * row, f"{label}:", bold=True)
        sheet.text(right, 187 + 14 * row, value, align="right")

    def start_page() -> float:
        _number_pages(sheet, invoice, pages)
        sheet.text(MARGIN, 60, f"{invoice.title} {invoice.number}", bold=True)
        return 80

    table = Table(
        (
            Column("position", MARGIN),
            Column("description", MARGIN + 28, width=215),
            Column("quantity", right - 200, "right"),
            Column("unit_price", right - 120, "right"),
            Column("rate", right - 75, "right"),
            Column("amount", right, "right"),
        ),
        MARGIN,
        right,
        rules=random.random() < 0.5,
    )
    _number_pages(sheet, invoice, pages)
    y = table.draw(sheet, invoice, 265, bottom=sheet.height - 200, start_page=start_page)
    draw_totals(sheet, invoice, y + 10, left=right - 245, right=right)
    sheet.text(MARGIN, sheet.height - 85, invoice.words.thanks)
    _draw_footer(sheet, invoice)
    return sheet.finish()


def draw_label_above(invoice: Invoice, random: Random) -> bytes:
    """Draw a band of cells with small labels above the values, and the sums in such a band too."""
    sheet = Sheet(paper_of(invoice.supplier.country), title=invoice.title)
    right, supplier = sheet.width - MARGIN, invoice.supplier
    sheet.fill(0, 0, sheet.width, 14, gray=random.choice((0.2, 0.35, 0.5)))
    sheet.text(MARGIN, 62, invoice.title, size=22, bold=True)
    lines = [*party_lines(supplier), tax_id_line(invoice), contact_line(invoice)]
    for row, line in enumerate(lines):
        sheet.text(right, 52 + 12 * row, line, bold=row == 0, align="right")
    if invoice.receiver is not None:
        sheet.text(MARGIN, 128, invoice.words.customer, size=7, gray=0.4)
        for row, line in enumerate(party_lines(invoice.receiver)):
            sheet.text(MARGIN, 141 + 12 * row, line)
    _draw_band(sheet, head_rows(invoice), 190, emphasis=False)
    table = Table(
        (
            Column("description", MARGIN + 6, width=240),
            Column("quantity", right - 175, "right"),
            Column("unit_price", right - 90, "right"),
            Column("amount", right - 6, "right"),
        ),
        MARGIN,
        right,
        head="bar",
        rules=True,
    )
    y = table.draw(sheet, invoice, 250, bottom=sheet.height - 190)
    _draw_band(sheet, total_rows(invoice), y + 26, emphasis=True)
    sheet.text(MARGIN, y + 96, f"{invoice.words.pay_to}:", bold=True)
    sheet.text(MARGIN, y + 109, bank_line(supplier, invoice.words.account))
    return sheet.finish()


def _draw_band(sheet: Sheet, rows: list[tuple[str, str]], y: float, *, emphasis: bool) -> None:
    """Draw cells side by side, each with its label above its value."""
    width = (sheet.width - 2 * MARGIN) / len(rows)
    for index, (label, value) in enumerate(rows):
        x0 = MARGIN + index * width
        last = emphasis and index == len(rows) - 1
        if last:
            sheet.fill(x0, y, x0 + width, y + 40, gray=0.88)
        sheet.frame(x0, y, x0 + width, y + 40)
        sheet.text(x0 + 7, y + 13, label, size=7.5, gray=0.35)
        sheet.text(x0 + 7, y + 30, value, size=10.5, bold=last)
