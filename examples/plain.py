"""An invoice as plain text, as billing scripts send it."""

from examples.identifiers import spaced_iban
from examples.invoice import Invoice
from examples.layouts.blocks import head_rows, party_lines, tax_id_line, total_rows

_WIDTH = 72


def write_text(invoice: Invoice) -> bytes:
    """Return the invoice as UTF-8 text, 72 columns wide."""
    convention, words = invoice.convention, invoice.words
    lines = [*party_lines(invoice.supplier), tax_id_line(invoice), "", invoice.title, ""]
    lines += [f"{label + ':':<24}{value}" for label, value in head_rows(invoice)]
    if invoice.receiver is not None:
        name, *rest = party_lines(invoice.receiver)
        lines += ["", f"{words.customer + ':':<24}{name}", *(" " * 24 + line for line in rest)]
    heads = (words.description, words.quantity, words.unit_price, words.amount)
    lines += ["", "{:<39}{:>8}{:>12}{:>13}".format(*heads), "-" * _WIDTH]
    lines += [
        f"{item.description:<39.39}{convention.number(item.quantity):>8}"
        f"{convention.amount(item.unit_price):>12}{convention.amount(item.amount):>13}"
        for item in invoice.items
    ]
    lines.append("-" * _WIDTH)
    lines += [f"{label + ':':>52}{value:>20}" for label, value in total_rows(invoice)]
    lines += ["", f"{words.pay_to}: IBAN {spaced_iban(invoice.supplier.iban)}", words.thanks, ""]
    return "\n".join(lines).encode()
