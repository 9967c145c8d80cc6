"""Blocks that several layouts share: sums, payment details, tax labels."""

from decimal import Decimal

from examples.identifiers import spaced_iban
from examples.invoice import Invoice
from examples.layouts.sheet import Sheet
from examples.parties import Party
from examples.wording import Words

TAX_ID_SUFFIX = {"CH": " MWST"}


def tax_rows(invoice: Invoice) -> list[tuple[str, Decimal]]:
    """Return a label and an amount for each tax rate."""
    convention, words = invoice.convention, invoice.words
    return [
        (f"{words.tax} {convention.number(rate)} %", tax)
        for rate, (_, tax) in invoice.taxes.items()
    ]


def total_rows(invoice: Invoice) -> list[tuple[str, str]]:
    """Return net, taxes and total, each with its label, the total last."""
    convention, words = invoice.convention, invoice.words
    return [
        (words.net, convention.cash(invoice.net)),
        *((label, convention.cash(tax)) for label, tax in tax_rows(invoice)),
        (words.credit_total if invoice.is_credit else words.total, convention.cash(invoice.total)),
    ]


def draw_totals(sheet: Sheet, invoice: Invoice, y: float, *, left: float, right: float) -> float:
    """Draw the sums, labels left of values, the total bold between rules."""
    *rows, (label, total) = total_rows(invoice)
    for name, value in rows:
        y += 14
        sheet.text(left, y, name)
        sheet.text(right, y, value, align="right")
    sheet.rule(left, right, y + 6)
    sheet.text(left, y + 20, label, size=11, bold=True)
    sheet.text(right, y + 20, total, size=11, bold=True, align="right")
    sheet.rule(left, right, y + 26, weight=1.2)
    return y + 26


def party_lines(party: Party) -> list[str]:
    """Return name, street and place, one line each."""
    return [party.name, party.street, party.place]


def tax_id_label(words: Words, party: Party) -> str:
    """Return a tax id with its label."""
    suffix = TAX_ID_SUFFIX.get(party.country, "")
    return f"{words.tax_id} {party.tax_id}{suffix}"


def tax_id_line(invoice: Invoice) -> str:
    """Return the supplier's tax id with its label."""
    return tax_id_label(invoice.words, invoice.supplier)


def contact_line(invoice: Invoice) -> str:
    """Return how to reach the supplier."""
    supplier = invoice.supplier
    return f"{invoice.words.phone} {supplier.phone} · {supplier.email}"


def bank_line(party: Party, account_label: str) -> str:
    """Return where to pay."""
    if party.iban:
        return f"IBAN {spaced_iban(party.iban)}"
    return f"{account_label} {party.account}"


def number_label(invoice: Invoice) -> str:
    """Return what the document calls its number."""
    return invoice.words.credit_number if invoice.is_credit else invoice.words.number


def head_rows(invoice: Invoice) -> list[tuple[str, str]]:
    """Return number, date and due date, each with its label."""
    words, convention = invoice.words, invoice.convention
    rows = [(number_label(invoice), invoice.number), (words.date, convention.date(invoice.issued))]
    if invoice.due is not None:
        rows.append((words.due, convention.date(invoice.due)))
    if invoice.refers_to is not None:
        rows.append((words.number, invoice.refers_to))
    return rows
