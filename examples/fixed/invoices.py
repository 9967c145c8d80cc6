"""Born-digital invoices: layouts, languages, currencies; and the ones that are wrong on purpose."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any, Final

import pypdfium2

from examples.einvoices.cii import write_cii
from examples.einvoices.facturx import embed_cii
from examples.einvoices.ubl import write_ubl
from examples.fixed.slots import Builder, Making, Slot
from examples.invoice import Invoice, make_invoice
from examples.layouts import LAYOUTS
from examples.layouts.labelled import draw_label_left
from examples.plain import write_text
from examples.truth import POSTED, Example, Expected
from shared.events.payloads import DocumentType
from shared.telemetry.reasons import HeldReason


def make(
    making: Making,
    country: str,
    *,
    lines: int = 4,
    rates: Sequence[str] | None = None,
    kind: DocumentType = DocumentType.INVOICE,
    **convention: Any,  # noqa: ANN401 - the fields of Convention
) -> Invoice:
    """Make the invoice of a slot; ``convention`` fixes how it writes money and dates."""
    invoice = make_invoice(
        making.random, country, serial=making.serial, lines=lines, rates=rates, kind=kind
    )
    return replace(invoice, convention=replace(invoice.convention, **convention))


def _drawn(
    country: str,
    layout: str,
    *,
    kind: DocumentType = DocumentType.INVOICE,
    rates: Sequence[str] | None = None,
    outcomes: Sequence[Expected] = (POSTED,),
    **convention: Any,  # noqa: ANN401 - the fields of Convention
) -> Builder:
    def build(making: Making) -> Example:
        invoice = make(making, country, kind=kind, rates=rates, **convention)
        content = LAYOUTS[layout](invoice, making.random)
        return making.example(content, invoice, outcomes=outcomes)

    return build


def draw_pages(invoice: Invoice, random: Random) -> tuple[bytes, int]:
    """Draw labels left of values over several pages; return the PDF and its page count."""
    state = random.getstate()
    document = pypdfium2.PdfDocument(draw_label_left(invoice, random))
    pages = len(document)
    document.close()
    random.setstate(state)
    return draw_label_left(invoice, random, pages=pages), pages


def numbered(invoice: Invoice) -> Invoice:
    """Return the invoice with an order number on each line, so that no two lines are alike."""
    return replace(
        invoice,
        items=tuple(
            replace(item, description=f"{item.description} ({index:03d})")
            for index, item in enumerate(invoice.items, 1)
        ),
    )


def _long(making: Making) -> Example:
    invoice = numbered(make(making, "DE", lines=78, group=".", money="{amount} EUR", dates="d.m.y"))
    content, pages = draw_pages(invoice, making.random)
    return making.example(content, invoice, pages=pages)


def _wrong_total(making: Making) -> Example:
    invoice = make(making, "GB", group=",", dates="d month y")
    invoice = replace(invoice, printed_total=invoice.total + 90)
    outcome = Expected("held", HeldReason.TOTAL_MISMATCH)
    content = LAYOUTS["two-columns"](invoice, making.random)
    return making.example(content, invoice, outcomes=(outcome,))


def _wrong_lines(making: Making) -> Example:
    invoice = replace(make(making, "AT", group="."), unlisted=Decimal("75.00"))
    outcome = Expected("held", HeldReason.LINES_MISMATCH)
    content = LAYOUTS["label-left"](invoice, making.random)
    return making.example(content, invoice, outcomes=(outcome,))


COPIED_NAME: Final = "invoice-gb-two-columns.pdf"
"""The example whose bytes come again under another name."""

_ONCE, _TWICE = "invoice-once.pdf", "invoice-twice.pdf"


def _sent(layout: str, other: str) -> Builder:
    """Draw one invoice, in a layout of its own for each of the two files that hold it."""

    def build(making: Making) -> Example:
        same = replace(making, random=Random(f"{making.seed} {_ONCE}"), serial=90)
        content = LAYOUTS[layout](invoice := make(same, "IE"), making.random)
        outcomes = [POSTED, Expected("held", HeldReason.POSSIBLE_DUPLICATE)]
        if making.name == _TWICE:
            outcomes.reverse()
        return making.example(content, invoice, outcomes=outcomes, resends=other)

    return build


def _factur_x(making: Making) -> Example:
    invoice = make(making, "DE", rates=("19", "7"), group=".", money="{amount} €")
    page = LAYOUTS["label-left"](invoice, making.random)
    return making.example(embed_cii(page, write_cii(invoice), invoice), invoice)


def _factur_x_credit(making: Making) -> Example:
    invoice = make(making, "FR", kind=DocumentType.CREDIT_NOTE, dates="d/m/y")
    page = LAYOUTS["two-columns"](invoice, making.random)
    return making.example(embed_cii(page, write_cii(invoice), invoice), invoice)


def _factur_x_differs(making: Making) -> Example:
    invoice = make(making, "DE", group=".", dates="d.m.y")
    first, *rest = invoice.items
    dearer = replace(first, quantity=first.quantity + 1, amount=first.amount + first.unit_price)
    other = replace(invoice, items=(dearer, *rest))
    page = LAYOUTS["label-above"](invoice, making.random)
    outcome = Expected("held", HeldReason.XML_DIFFERS)
    content = embed_cii(page, write_cii(other), invoice)
    return making.example(content, invoice, outcomes=(outcome,))


def _ubl(making: Making) -> Example:
    invoice = make(making, "AT", rates=("20", "10"))
    return making.example(write_ubl(invoice), invoice)


def _cii(making: Making) -> Example:
    invoice = make(making, "FR")
    return making.example(write_cii(invoice), invoice)


def _text(making: Making) -> Example:
    invoice = make(making, "DE", group=".", money="{amount} EUR", dates="d.m.y")
    return making.example(write_text(invoice), invoice)


_CREDIT = DocumentType.CREDIT_NOTE

INVOICES: Final = (
    Slot(
        "invoice-de-label-left.pdf",
        "German, labels left of values, two tax rates",
        _drawn("DE", "label-left", rates=("19", "7"), group=".", money="{amount} €", dates="d.m.y"),
    ),
    Slot(
        "invoice-us-label-above.pdf",
        "US, labels above values, dollars, Letter paper",
        _drawn("US", "label-above", money="${amount}", dates="month d, y"),
    ),
    Slot(
        COPIED_NAME,
        "British, parties in two columns, pounds",
        _drawn(
            "GB",
            "two-columns",
            outcomes=(POSTED, Expected("duplicate")),
            group=",",
            money="£{amount}",
            dates="d/m/y",
        ),
    ),
    Slot(
        "invoice-de-letter.pdf",
        "German letter, the sums in sentences",
        _drawn("DE", "letter", group=".", money="{amount} EUR", dates="d. month y"),
    ),
    Slot(
        "invoice-fr-label-left.pdf",
        "French, no-break spaces between thousands",
        _drawn("FR", "label-left", group="\u00a0", money="{amount} €", dates="d/m/y"),
    ),
    Slot(
        "invoice-my-two-columns.pdf",
        "Malay, ringgit",
        _drawn("MY", "two-columns", money="RM {amount}", dates="d/m/y"),
    ),
    Slot(
        "invoice-jp-letter.pdf",
        "English letter from Japan, yen without decimals",
        _drawn("JP", "letter", money="¥{amount}", dates="iso"),
    ),
    Slot(
        "invoice-ch-label-above.pdf",
        "Swiss, francs with apostrophes, odd tax rate",
        _drawn("CH", "label-above", dates="d. month y"),
    ),
    Slot(
        "invoice-ie-letter.pdf",
        "Irish letter, euros with a decimal point",
        _drawn("IE", "letter", group=",", money="€{amount}", dates="d month y"),
    ),
    Slot("invoice-many-pages.pdf", "78 lines, sums carried over, total on the last page", _long),
    Slot("invoice-wrong-total.pdf", "net and tax do not make the total", _wrong_total),
    Slot("invoice-wrong-lines.pdf", "the lines do not make the net amount", _wrong_lines),
    Slot(
        "credit-note-de.pdf",
        "German credit note that names the invoice it corrects",
        _drawn("DE", "label-left", kind=_CREDIT, group=".", dates="d.m.y"),
    ),
    Slot(
        "credit-note-gb.pdf",
        "British credit note in letter form",
        _drawn("GB", "letter", kind=_CREDIT, group=",", dates="d month y"),
    ),
    Slot("facturx-invoice.pdf", "Factur-X, profile EN 16931, two tax rates", _factur_x),
    Slot("facturx-credit-note.pdf", "Factur-X credit note (type 381)", _factur_x_credit),
    Slot(
        "facturx-differs.pdf", "Factur-X whose XML asks for more than its page", _factur_x_differs
    ),
    Slot("xml-ubl-invoice.xml", "UBL 2.1 without a page", _ubl),
    Slot("xml-cii-invoice.xml", "CII without a page", _cii),
    Slot("invoice-plain-text.txt", "an invoice as plain text", _text),
    Slot(_ONCE, "an invoice that comes again in another file", _sent("label-above", _TWICE)),
    Slot(_TWICE, "the same invoice, drawn otherwise", _sent("two-columns", _ONCE)),
)
"""Everything that is one invoice or credit note and needs no OCR."""
