"""A layout like a letter: an address window, a short table, the sums in sentences."""

from random import Random

from examples.invoice import Invoice
from examples.layouts.blocks import bank_line, contact_line, head_rows, party_lines, tax_id_line
from examples.layouts.sheet import Sheet, paper_of
from examples.layouts.table import Column, Table

LEFT = 70.0


def write_sums(invoice: Invoice) -> str:
    """Return net, tax and total as sentences."""
    words, convention = invoice.words, invoice.convention
    sentences = [words.prose_net.format(net=convention.cash(invoice.net))]
    sentences += [
        words.prose_tax.format(
            rate=f"{convention.number(rate)} %", tax_name=words.tax, tax=convention.cash(tax)
        )
        for rate, (_, tax) in invoice.taxes.items()
    ]
    total = convention.cash(invoice.total)
    if invoice.due is None:
        sentences.append(words.credit_prose_total.format(total=total))
    else:
        sentences.append(words.prose_total.format(total=total, due=convention.date(invoice.due)))
    return " ".join(sentences)


def draw_letter(invoice: Invoice, random: Random) -> bytes:
    """Draw a business letter (window as in DIN 5008, form B); the narrow text block holds sums."""
    face = random.choice(("Times", "Helvetica"))
    sheet = Sheet(paper_of(invoice.supplier.country), title=invoice.title, face=face)
    supplier, words = invoice.supplier, invoice.words
    right, width = sheet.width - 90, sheet.width - 90 - LEFT
    sheet.text(right, 60, supplier.name, size=14, bold=True, align="right")
    for row, line in enumerate([*party_lines(supplier)[1:], contact_line(invoice)]):
        sheet.text(right, 76 + 12 * row, line, align="right")
    sheet.text(LEFT, 138, f"{supplier.name} · {supplier.address}", size=6.5, gray=0.4)
    sheet.rule(LEFT, LEFT + 230, 141, weight=0.3)
    if invoice.receiver is not None:
        for row, line in enumerate(party_lines(invoice.receiver)):
            sheet.text(LEFT, 158 + 13 * row, line, size=10)
    (label, number), *others = head_rows(invoice)
    date_label, issued = others[0]
    sheet.text(right, 232, f"{date_label}: {issued}", size=10, align="right")
    named = label.lower().startswith(invoice.title.split()[0].lower())
    subject = label if named else f"{invoice.title}, {label}"
    sheet.text(LEFT, 262, f"{subject} {number}", size=12, bold=True)
    sheet.text(LEFT, 290, words.greeting, size=10)
    opening = words.credit_opening if invoice.is_credit else words.opening
    y = sheet.paragraph(LEFT, 310, opening, width=width, size=10)
    table = Table(
        (
            Column("description", LEFT, width=190),
            Column("quantity", right - 150, "right"),
            Column("unit_price", right - 75, "right"),
            Column("amount", right, "right"),
        ),
        LEFT,
        right,
    )
    y = table.draw(sheet, invoice, y + 8, bottom=sheet.height - 200)
    y = sheet.paragraph(LEFT, y + 26, write_sums(invoice), width=width, size=10)
    y = sheet.paragraph(
        LEFT, y + 6, f"{words.pay_to}: {bank_line(supplier, words.account)}", width=width, size=10
    )
    sheet.text(LEFT, y + 20, words.closing, size=10)
    sheet.text(LEFT, y + 50, supplier.name, size=10)
    sheet.rule(LEFT, right, sheet.height - 52, weight=0.3)
    sheet.text(LEFT, sheet.height - 40, tax_id_line(invoice), size=7.5, gray=0.35)
    return sheet.finish()
