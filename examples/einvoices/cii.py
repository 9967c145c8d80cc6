"""UN/CEFACT Cross Industry Invoice D16B, profile EN 16931 (as in Factur-X and XRechnung)."""

from datetime import date
from decimal import Decimal
from typing import Final

from lxml import etree

from examples.conventions import plain_number
from examples.einvoices.elements import Elements, to_bytes
from examples.invoice import Invoice, Item
from examples.parties import Party

_URN: Final = "urn:un:unece:uncefact:data:standard:"
_E: Final = Elements(
    {
        "rsm": f"{_URN}CrossIndustryInvoice:100",
        "ram": f"{_URN}ReusableAggregateBusinessInformationEntity:100",
        "udt": f"{_URN}UnqualifiedDataType:100",
    }
)
GUIDELINE: Final = "urn:cen.eu:en16931:2017"


def _date(name: str, day: date) -> etree._Element:
    return _E(name, _E("udt:DateTimeString", f"{day:%Y%m%d}", format="102"))


def _party(name: str, party: Party, *, seller: bool) -> etree._Element:
    contact = _E(
        "ram:DefinedTradeContact",
        _E("ram:DepartmentName", "Accounts"),
        _E(
            "ram:TelephoneUniversalCommunication",
            _E("ram:CompleteNumber", party.phone),
        ),
        _E("ram:EmailURIUniversalCommunication", _E("ram:URIID", party.email)),
    )
    return _E(
        name,
        _E("ram:Name", party.name),
        contact if seller else None,
        _E(
            "ram:PostalTradeAddress",
            _E("ram:PostcodeCode", party.postcode),
            _E("ram:LineOne", party.street),
            _E("ram:CityName", party.city),
            _E("ram:CountryID", party.country),
        ),
        _E("ram:SpecifiedTaxRegistration", _E("ram:ID", party.tax_id, schemeID="VA"))
        if seller
        else None,
    )


def _rate(rate: Decimal) -> tuple[etree._Element, etree._Element]:
    return (
        _E("ram:CategoryCode", "S"),
        _E("ram:RateApplicablePercent", plain_number(rate)),
    )


def _line(index: int, item: Item) -> etree._Element:
    return _E(
        "ram:IncludedSupplyChainTradeLineItem",
        _E("ram:AssociatedDocumentLineDocument", _E("ram:LineID", str(index))),
        _E("ram:SpecifiedTradeProduct", _E("ram:Name", item.description)),
        _E(
            "ram:SpecifiedLineTradeAgreement",
            _E("ram:NetPriceProductTradePrice", _E("ram:ChargeAmount", str(item.unit_price))),
        ),
        _E(
            "ram:SpecifiedLineTradeDelivery",
            _E("ram:BilledQuantity", plain_number(item.quantity), unitCode=item.unit),
        ),
        _E(
            "ram:SpecifiedLineTradeSettlement",
            _E("ram:ApplicableTradeTax", _E("ram:TypeCode", "VAT"), *_rate(item.rate)),
            _E(
                "ram:SpecifiedTradeSettlementLineMonetarySummation",
                _E("ram:LineTotalAmount", str(item.amount)),
            ),
        ),
    )


def _settlement(invoice: Invoice) -> etree._Element:
    total = str(invoice.total)
    due, refers_to = invoice.due, invoice.refers_to
    return _E(
        "ram:ApplicableHeaderTradeSettlement",
        _E("ram:InvoiceCurrencyCode", invoice.currency),
        _E(
            "ram:SpecifiedTradeSettlementPaymentMeans",
            _E("ram:TypeCode", "58"),
            _E(
                "ram:PayeePartyCreditorFinancialAccount",
                _E("ram:IBANID", invoice.supplier.iban),
            ),
        ),
        *(
            _E(
                "ram:ApplicableTradeTax",
                _E("ram:CalculatedAmount", str(tax)),
                _E("ram:TypeCode", "VAT"),
                _E("ram:BasisAmount", str(base)),
                *_rate(rate),
            )
            for rate, (base, tax) in invoice.taxes.items()
        ),
        _E("ram:SpecifiedTradePaymentTerms", _date("ram:DueDateDateTime", due)) if due else None,
        _E(
            "ram:SpecifiedTradeSettlementHeaderMonetarySummation",
            _E("ram:LineTotalAmount", str(invoice.net)),
            _E("ram:TaxBasisTotalAmount", str(invoice.net)),
            _E("ram:TaxTotalAmount", str(invoice.tax), currencyID=invoice.currency),
            _E("ram:GrandTotalAmount", total),
            _E("ram:DuePayableAmount", total),
        ),
        _E("ram:InvoiceReferencedDocument", _E("ram:IssuerAssignedID", refers_to))
        if refers_to
        else None,
    )


def write_cii(invoice: Invoice) -> bytes:
    """Return the invoice as CII, UTF-8. It must have a receiver."""
    assert invoice.receiver is not None
    root = _E(
        "rsm:CrossIndustryInvoice",
        _E(
            "rsm:ExchangedDocumentContext",
            _E("ram:GuidelineSpecifiedDocumentContextParameter", _E("ram:ID", GUIDELINE)),
        ),
        _E(
            "rsm:ExchangedDocument",
            _E("ram:ID", invoice.number),
            _E("ram:TypeCode", "381" if invoice.is_credit else "380"),
            _date("ram:IssueDateTime", invoice.issued),
        ),
        _E(
            "rsm:SupplyChainTradeTransaction",
            *(_line(index, item) for index, item in enumerate(invoice.items, 1)),
            _E(
                "ram:ApplicableHeaderTradeAgreement",
                _party("ram:SellerTradeParty", invoice.supplier, seller=True),
                _party("ram:BuyerTradeParty", invoice.receiver, seller=False),
            ),
            _E(
                "ram:ApplicableHeaderTradeDelivery",
                _E(
                    "ram:ActualDeliverySupplyChainEvent",
                    _date("ram:OccurrenceDateTime", invoice.issued),
                ),
            ),
            _settlement(invoice),
        ),
    )
    return to_bytes(root)
