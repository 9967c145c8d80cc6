"""Universal Business Language 2.1: Invoice and CreditNote (Peppol, XRechnung)."""

from decimal import Decimal
from typing import Final

from lxml import etree

from services.summarize.xml_values import (
    XmlInvoice,
    XmlLine,
    XmlValue,
    as_amount,
    as_date,
    as_number,
    as_text,
    first,
    in_currency,
    joined,
    kind_of,
    present,
    said_twice,
    text_of,
    walk,
)

_SUMS: Final = "LegalMonetaryTotal|RequestedMonetaryTotal"
_ONCE: Final = (
    "ID",
    "IssueDate",
    "InvoiceTypeCode|CreditNoteTypeCode",
    "DocumentCurrencyCode",
    "TaxTotal/TaxAmount",
    *(f"{_SUMS}/{name}" for name in ("TaxExclusiveAmount", "TaxInclusiveAmount")),
)
_STREETS: Final = ("StreetName", "AdditionalStreetName", "AddressLine/Line")
_PLACE: Final = ("PostalZone", "CityName")


def _one(element: etree._Element | None, path: str) -> etree._Element | None:
    return next(walk(element, path), None)


def _name(party: etree._Element | None) -> XmlValue | None:
    """Return a party's legal name, else its trading name."""
    return as_text(first(party, "PartyLegalEntity/RegistrationName", "PartyName/Name"))


def _tax_id(party: etree._Element | None) -> etree._Element | None:
    """Return the VAT id of a party, else its tax number."""
    schemes = [
        item for item in walk(party, "PartyTaxScheme") if first(item, "CompanyID") is not None
    ]
    for scheme in schemes:
        code = first(scheme, "TaxScheme/ID")
        if code is not None and text_of(code) == "VAT":
            return first(scheme, "CompanyID")
    return first(schemes[0], "CompanyID") if schemes else None


def _line(element: etree._Element) -> XmlLine:
    return XmlLine(
        description=as_text(first(element, "Item/Name", "Item/Description")),
        quantity=as_number(first(element, "InvoicedQuantity|CreditedQuantity")),
        unit_price=as_amount(first(element, "Price/PriceAmount")),
        amount=as_amount(first(element, "LineExtensionAmount")),
        counts=True,
    )


def read_ubl(root: etree._Element) -> XmlInvoice:
    """Return what a UBL document says."""
    supplier = _one(root, "AccountingSupplierParty/Party")
    customer = _one(root, "AccountingCustomerParty/Party")
    sums = _one(root, _SUMS)
    currency = as_text(first(root, "DocumentCurrencyCode"))
    own = currency.value if currency else ""
    code = first(root, "InvoiceTypeCode|CreditNoteTypeCode")
    line_total = as_amount(first(sums, "LineExtensionAmount"))
    is_credit = etree.QName(root).localname == "CreditNote"
    return XmlInvoice(
        kind=kind_of(text_of(code) if code is not None else None, is_credit=is_credit),
        fields=present(
            {
                "supplier_name": _name(supplier),
                "supplier_address": joined(
                    _one(supplier, "PostalAddress"),
                    _STREETS,
                    _PLACE,
                    "Country/IdentificationCode",
                ),
                "supplier_tax_id": as_text(_tax_id(supplier)),
                "receiver_name": _name(customer),
                "invoice_id": as_text(first(root, "ID")),
                "invoice_date": as_date(first(root, "IssueDate")),
                "due_date": as_date(first(root, "DueDate", "PaymentMeans/PaymentDueDate")),
                "currency": currency,
                "net_amount": as_amount(in_currency(sums, "TaxExclusiveAmount", own)),
                "total_tax_amount": as_amount(in_currency(root, "TaxTotal/TaxAmount", own)),
                "total_amount": as_amount(in_currency(sums, "TaxInclusiveAmount", own)),
            }
        ),
        lines=tuple(_line(item) for item in walk(root, "InvoiceLine|CreditNoteLine")),
        line_total=Decimal(line_total.value) if line_total else None,
        is_ambiguous=said_twice(root, *_ONCE),
    )
