"""A summary made from an e-invoice's XML, held against its visible page."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from services.summarize.currency import iso_4217
from services.summarize.doctype import POSTING
from services.summarize.einvoice import read_einvoice
from services.summarize.page_reading import PageReading
from services.summarize.visible import contradicts, is_other_type, on_page
from services.summarize.wording import sentence
from services.summarize.xml_values import XmlInvoice, XmlLine, XmlValue
from shared.events.results import EInvoice, Evidence, FieldName, FieldValue, LineItem, Summary
from shared.telemetry.reasons import HeldReason

_MUST_BE_VISIBLE: Final[tuple[FieldName, ...]] = ("total_amount", "currency", "invoice_id")
_MAY_DIFFER: Final[tuple[FieldName, ...]] = (
    "total_amount",
    "net_amount",
    "total_tax_amount",
    "invoice_date",
    "due_date",
    "supplier_name",
    "supplier_tax_id",
    "supplier_address",
    "receiver_name",
)
_SURE: Final = 0.99
_UNSEEN: Final = 0.95
"""What the XML says is exact; where the page does not show it, that is what may be wrong."""


def _evidence(value: XmlValue) -> Evidence:
    return Evidence(
        page=None, box=None, text=value.text, engine="xml", confidence=1.0, xpath=value.xpath
    )


def _field(value: XmlValue, seen: Evidence | None, *, expected: bool) -> FieldValue:
    """Return a field with its XPath, and with its place on the page where it stands there."""
    places = (_evidence(value),) if seen is None else (_evidence(value), seen)
    sure = _SURE if seen is not None or not expected else _UNSEEN
    return FieldValue(value=value.value, confidence=sure, evidence=places)


def _part(value: XmlValue | None) -> FieldValue | None:
    return None if value is None else _field(value, None, expected=False)


def _line_item(line: XmlLine) -> LineItem:
    return LineItem(
        description=_part(line.description),
        quantity=_part(line.quantity),
        unit_price=_part(line.unit_price),
        amount=_part(line.amount),
    )


def _decimal(value: XmlValue | None) -> Decimal | None:
    return None if value is None else Decimal(value.value)


def arithmetic(invoice: XmlInvoice) -> Iterable[HeldReason]:
    """Yield what does not add up in the XML: net + tax = total, the lines = their stated sum."""
    fields = invoice.fields
    total, net = _decimal(fields.get("total_amount")), _decimal(fields.get("net_amount"))
    tax = _decimal(fields.get("total_tax_amount"))
    if total is None:
        yield HeldReason.TOTAL_MISSING
    elif net is not None and net + (tax or 0) != total:
        yield HeldReason.TOTAL_MISMATCH
    amounts = [_decimal(line.amount) for line in invoice.lines if line.counts]
    known = [amount for amount in amounts if amount is not None]
    complete = bool(known) and len(known) == len(amounts)
    if complete and invoice.line_total not in {None, sum(known, Decimal(0))}:
        yield HeldReason.LINES_MISMATCH


def _missing(invoice: XmlInvoice) -> Iterable[HeldReason]:
    fields = invoice.fields
    if invoice.is_ambiguous:
        yield HeldReason.LOW_CONFIDENCE
    if "currency" not in fields or fields["currency"].value not in iso_4217():
        yield HeldReason.CURRENCY_UNKNOWN
    if "invoice_date" not in fields:
        yield HeldReason.DATE_MISSING
    if "supplier_name" not in fields:
        yield HeldReason.SUPPLIER_MISSING


def differs(invoice: XmlInvoice, seen: dict[FieldName, Evidence | None], page: PageReading) -> bool:
    """Tell whether total, currency or id are not on the page, or the page says otherwise."""
    hidden = any(name not in invoice.fields or seen.get(name) is None for name in _MUST_BE_VISIBLE)
    return (
        hidden
        or is_other_type(page, invoice.kind)
        or any(
            contradicts(page, name, invoice.fields[name].value)
            for name in _MAY_DIFFER
            if name in invoice.fields
        )
    )


def summarize_xml(einvoice: EInvoice, page: PageReading) -> Summary:
    """Return the summary of an e-invoice.

    Args:
        einvoice: the XML.
        page: the words of the page beside it; not looked at where there is none.

    Raises:
        PermanentError: reason ``malformed_xml`` or ``forbidden_xml``.
    """
    invoice = read_einvoice(einvoice)
    seen: dict[FieldName, Evidence | None] = {}
    doubts = [*arithmetic(invoice), *_missing(invoice)]
    disguised = einvoice.visible and is_other_type(page, invoice.kind)
    if einvoice.visible:
        seen = {name: on_page(page, name, value.value) for name, value in invoice.fields.items()}
        if differs(invoice, seen, page):
            doubts.append(HeldReason.XML_DIFFERS)
    fields = {
        name: _field(value, seen.get(name), expected=einvoice.visible)
        for name, value in invoice.fields.items()
    }
    return Summary(
        document_type=invoice.kind,
        type_confidence=_SURE,
        summary=sentence(invoice.kind, fields),
        fields=fields,
        line_items=tuple(_line_item(line) for line in invoice.lines),
        doubts=tuple(dict.fromkeys(doubts)) if invoice.kind in POSTING or disguised else (),
    )
