"""OASIS UBL 2.1 Invoice and CreditNote with the rules of EN 16931."""

from decimal import Decimal
from typing import Final

from lxml import etree

from examples.conventions import plain_number
from examples.einvoices.elements import Elements, to_bytes
from examples.invoice import Invoice, Item
from examples.parties import Party

_URN: Final = "urn:oasis:names:specification:ubl:schema:xsd:"


def _elements(root: str) -> Elements:
    return Elements(
        {
            "doc": f"{_URN}{root}-2",
            "cac": f"{_URN}CommonAggregateComponents-2",
            "cbc": f"{_URN}CommonBasicComponents-2",
        }
    )


class _Writer:
    """Writes the parts of one document, all in its currency."""

    def __init__(self, invoice: Invoice) -> None:
        self.kind = "CreditNote" if invoice.is_credit else "Invoice"
        self.invoice = invoice
        self.element = _elements(self.kind)

    def money(self, name: str, amount: Decimal) -> etree._Element:
        return self.element(name, str(amount), currencyID=self.invoice.currency)

    def category(self, name: str, rate: Decimal) -> etree._Element:
        e = self.element
        return e(
            name,
            e("cbc:ID", "S"),
            e("cbc:Percent", plain_number(rate)),
            e("cac:TaxScheme", e("cbc:ID", "VAT")),
        )

    def party(self, name: str, party: Party) -> etree._Element:
        e = self.element
        return e(
            name,
            e(
                "cac:Party",
                e("cac:PartyName", e("cbc:Name", party.name)),
                e(
                    "cac:PostalAddress",
                    e("cbc:StreetName", party.street),
                    e("cbc:CityName", party.city),
                    e("cbc:PostalZone", party.postcode),
                    e("cac:Country", e("cbc:IdentificationCode", party.country)),
                ),
                e(
                    "cac:PartyTaxScheme",
                    e("cbc:CompanyID", party.tax_id),
                    e("cac:TaxScheme", e("cbc:ID", "VAT")),
                ),
                e("cac:PartyLegalEntity", e("cbc:RegistrationName", party.name)),
                e(
                    "cac:Contact",
                    e("cbc:Telephone", party.phone),
                    e("cbc:ElectronicMail", party.email),
                ),
            ),
        )

    def taxes(self) -> etree._Element:
        e = self.element
        return e(
            "cac:TaxTotal",
            self.money("cbc:TaxAmount", self.invoice.tax),
            *(
                e(
                    "cac:TaxSubtotal",
                    self.money("cbc:TaxableAmount", base),
                    self.money("cbc:TaxAmount", tax),
                    self.category("cac:TaxCategory", rate),
                )
                for rate, (base, tax) in self.invoice.taxes.items()
            ),
        )

    def line(self, index: int, item: Item) -> etree._Element:
        e, kind = self.element, self.kind
        quantity = "CreditedQuantity" if self.invoice.is_credit else "InvoicedQuantity"
        return e(
            f"cac:{kind}Line",
            e("cbc:ID", str(index)),
            e(f"cbc:{quantity}", plain_number(item.quantity), unitCode=item.unit),
            self.money("cbc:LineExtensionAmount", item.amount),
            e(
                "cac:Item",
                e("cbc:Name", item.description),
                self.category("cac:ClassifiedTaxCategory", item.rate),
            ),
            e("cac:Price", self.money("cbc:PriceAmount", item.unit_price)),
        )

    def document(self) -> etree._Element:
        e, invoice = self.element, self.invoice
        assert invoice.receiver is not None
        refers_to = invoice.refers_to
        return e(
            f"doc:{self.kind}",
            e("cbc:CustomizationID", "urn:cen.eu:en16931:2017"),
            e("cbc:ID", invoice.number),
            e("cbc:IssueDate", invoice.issued.isoformat()),
            e("cbc:DueDate", invoice.due.isoformat()) if invoice.due else None,
            e(f"cbc:{self.kind}TypeCode", "381" if invoice.is_credit else "380"),
            e("cbc:DocumentCurrencyCode", invoice.currency),
            e("cac:BillingReference", e("cac:InvoiceDocumentReference", e("cbc:ID", refers_to)))
            if refers_to
            else None,
            self.party("cac:AccountingSupplierParty", invoice.supplier),
            self.party("cac:AccountingCustomerParty", invoice.receiver),
            e(
                "cac:PaymentMeans",
                e("cbc:PaymentMeansCode", "58"),
                e("cac:PayeeFinancialAccount", e("cbc:ID", invoice.supplier.iban)),
            ),
            self.taxes(),
            e(
                "cac:LegalMonetaryTotal",
                self.money("cbc:LineExtensionAmount", invoice.net),
                self.money("cbc:TaxExclusiveAmount", invoice.net),
                self.money("cbc:TaxInclusiveAmount", invoice.total),
                self.money("cbc:PayableAmount", invoice.total),
            ),
            *(self.line(index, item) for index, item in enumerate(invoice.items, 1)),
        )


def write_ubl(invoice: Invoice, encoding: str = "UTF-8") -> bytes:
    """Return the invoice or credit note as UBL. It must have a receiver."""
    return to_bytes(_Writer(invoice).document(), encoding)
