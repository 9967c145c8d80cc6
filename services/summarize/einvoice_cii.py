"""Cross Industry Invoice: ZUGFeRD 1.0 and its drafts, ZUGFeRD 2, Factur-X, XRechnung."""

from decimal import Decimal
from typing import Final

from lxml import etree

from services.summarize.xml_values import (
    XmlInvoice,
    XmlLine,
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

_HEAD: Final = "ExchangedDocument|HeaderExchangedDocument"
_TRADE: Final = "SupplyChainTradeTransaction|SpecifiedSupplyChainTradeTransaction"
_AGREEMENT: Final = "ApplicableHeaderTradeAgreement|ApplicableSupplyChainTradeAgreement"
_SETTLEMENT: Final = "ApplicableHeaderTradeSettlement|ApplicableSupplyChainTradeSettlement"
_SUMS: Final = (
    "SpecifiedTradeSettlementHeaderMonetarySummation|SpecifiedTradeSettlementMonetarySummation"
)
_LINE_AGREEMENT: Final = "SpecifiedLineTradeAgreement|SpecifiedSupplyChainTradeAgreement"
_LINE_DELIVERY: Final = "SpecifiedLineTradeDelivery|SpecifiedSupplyChainTradeDelivery"
_LINE_SETTLEMENT: Final = "SpecifiedLineTradeSettlement|SpecifiedSupplyChainTradeSettlement"
_LINE_SUMS: Final = (
    "SpecifiedTradeSettlementLineMonetarySummation|SpecifiedTradeSettlementMonetarySummation"
)
_STREETS: Final = ("LineOne", "LineTwo", "LineThree")
_PLACE: Final = ("PostcodeCode", "CityName")
_ONCE: Final = (
    f"{_HEAD}/ID",
    f"{_HEAD}/TypeCode",
    f"{_HEAD}/IssueDateTime/DateTimeString",
    f"{_TRADE}/{_AGREEMENT}/SellerTradeParty/Name",
    f"{_TRADE}/{_SETTLEMENT}/InvoiceCurrencyCode",
    *(
        f"{_TRADE}/{_SETTLEMENT}/{_SUMS}/{name}"
        for name in ("TaxBasisTotalAmount", "TaxTotalAmount", "GrandTotalAmount")
    ),
)


def _one(element: etree._Element | None, path: str) -> etree._Element | None:
    return next(walk(element, path), None)


def _tax_id(party: etree._Element | None) -> etree._Element | None:
    """Return the VAT id of a party, else its tax number."""
    found = [item for item in walk(party, "SpecifiedTaxRegistration/ID") if text_of(item)]
    vat = [item for item in found if item.get("schemeID") == "VA"]
    return next(iter(vat or found), None)


def _line(element: etree._Element) -> XmlLine:
    agreement, settlement = _one(element, _LINE_AGREEMENT), _one(element, _LINE_SETTLEMENT)
    reason = first(element, "AssociatedDocumentLineDocument/LineStatusReasonCode")
    return XmlLine(
        description=as_text(
            first(element, "SpecifiedTradeProduct/Name", "SpecifiedTradeProduct/Description")
        ),
        quantity=as_number(first(element, f"{_LINE_DELIVERY}/BilledQuantity")),
        unit_price=as_amount(
            first(
                agreement,
                "NetPriceProductTradePrice/ChargeAmount",
                "GrossPriceProductTradePrice/ChargeAmount",
            )
        ),
        amount=as_amount(
            first(settlement, f"{_LINE_SUMS}/LineTotalAmount", f"{_LINE_SUMS}/NetLineTotalAmount")
        ),
        counts=reason is None or text_of(reason) not in {"GROUP", "INFORMATION"},
    )


def read_cii(root: etree._Element) -> XmlInvoice:
    """Return what a CII document says, whatever its profile."""
    head, trade = _one(root, _HEAD), _one(root, _TRADE)
    agreement, settlement = _one(trade, _AGREEMENT), _one(trade, _SETTLEMENT)
    sums = _one(settlement, _SUMS)
    seller, buyer = _one(agreement, "SellerTradeParty"), _one(agreement, "BuyerTradeParty")
    currency = as_text(first(settlement, "InvoiceCurrencyCode"))
    code = first(head, "TypeCode")
    line_total = as_amount(first(sums, "LineTotalAmount"))
    due = "SpecifiedTradePaymentTerms/DueDateDateTime"
    own = currency.value if currency else ""
    lines = tuple(_line(item) for item in walk(trade, "IncludedSupplyChainTradeLineItem"))
    return XmlInvoice(
        kind=kind_of(text_of(code) if code is not None else None),
        fields=present(
            {
                "supplier_name": as_text(first(seller, "Name")),
                "supplier_address": joined(
                    _one(seller, "PostalTradeAddress"), _STREETS, _PLACE, "CountryID"
                ),
                "supplier_tax_id": as_text(_tax_id(seller)),
                "receiver_name": as_text(first(buyer, "Name")),
                "invoice_id": as_text(first(head, "ID")),
                "invoice_date": as_date(
                    first(head, "IssueDateTime/DateTimeString", "IssueDateTime")
                ),
                "due_date": as_date(first(settlement, f"{due}/DateTimeString", due)),
                "currency": currency,
                "net_amount": as_amount(in_currency(sums, "TaxBasisTotalAmount", own)),
                "total_tax_amount": as_amount(in_currency(sums, "TaxTotalAmount", own)),
                "total_amount": as_amount(in_currency(sums, "GrandTotalAmount", own)),
            }
        ),
        lines=tuple(line for line in lines if line.amount or line.description),
        line_total=Decimal(line_total.value) if line_total else None,
        is_ambiguous=said_twice(root, *_ONCE),
    )
