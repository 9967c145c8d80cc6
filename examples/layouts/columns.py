"""A layout with the two parties side by side, a shaded table and narrow type."""

from random import Random

from examples.invoice import Invoice
from examples.layouts.blocks import (
    bank_line,
    draw_totals,
    head_rows,
    party_lines,
    tax_id_line,
)
from examples.layouts.sheet import Sheet, paper_of
from examples.layouts.table import Column, Table

MARGIN = 44.0


def draw_two_columns(invoice: Invoice, random: Random) -> bytes:
    """Draw supplier and customer in two columns with equal heads, details right of the title."""
    face = random.choice(("Helvetica", "Times"))
    sheet = Sheet(paper_of(invoice.supplier.country), title=invoice.title, face=face)
    right, middle = sheet.width - MARGIN, sheet.width / 2 + 10
    words, supplier = invoice.words, invoice.supplier
    sheet.text(MARGIN, 64, invoice.title, size=18, bold=True)
    for row, (label, value) in enumerate(head_rows(invoice)):
        sheet.text(middle, 54 + 13 * row, label, gray=0.3)
        sheet.text(middle + 125, 54 + 13 * row, value)
    sheet.rule(MARGIN, right, 112, weight=1)

    sheet.text(MARGIN, 132, words.supplier.upper(), size=8, bold=True, gray=0.35)
    lines = [*party_lines(supplier), supplier.phone, supplier.email, tax_id_line(invoice)]
    for row, line in enumerate(lines):
        sheet.text(MARGIN, 147 + 12 * row, line, bold=row == 0)
    if invoice.receiver is not None:
        sheet.text(middle, 132, words.customer.upper(), size=8, bold=True, gray=0.35)
        for row, line in enumerate(party_lines(invoice.receiver)):
            sheet.text(middle, 147 + 12 * row, line, bold=row == 0)

    table = Table(
        (
            Column("quantity", MARGIN + 40, "right"),
            Column("description", MARGIN + 54, width=235),
            Column("unit_price", right - 95, "right"),
            Column("amount", right - 5, "right"),
        ),
        MARGIN,
        right,
        head=random.choice(("rule", "bar")),
        stripes=True,
        size=9.5,
    )
    y = table.draw(sheet, invoice, 235, bottom=sheet.height - 160)
    sheet.rule(MARGIN, right, y + 4)
    y = draw_totals(sheet, invoice, y + 8, left=middle, right=right - 5)
    bank = bank_line(supplier, words.account)
    sheet.text(MARGIN, y + 34, f"{words.pay_to}: {supplier.name}, {bank}")
    sheet.text(MARGIN, y + 48, words.thanks)
    return sheet.finish()
