"""E-invoices: every field exact, and held where the page says something else."""

import re
from decimal import Decimal
from typing import Literal, cast

import pytest
from lxml import etree

from services.summarize.rules import RulesSummarizer
from shared.errors import PermanentError
from shared.events.payloads import DocumentType
from shared.events.results import EInvoice, Summary
from shared.telemetry.reasons import HeldReason, QuarantineReason
from tests.services.summarize.documents import INVOICE
from tests.services.summarize.writing import reading

CII = """<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice
 xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
 <rsm:ExchangedDocument><ram:ID>4711</ram:ID><ram:TypeCode>380</ram:TypeCode>
  <ram:IssueDateTime><udt:DateTimeString format="102">20260302</udt:DateTimeString></ram:IssueDateTime>
 </rsm:ExchangedDocument>
 <rsm:SupplyChainTradeTransaction>
  <ram:IncludedSupplyChainTradeLineItem>
   <ram:SpecifiedTradeProduct><ram:Name>Wartung der Anlage</ram:Name></ram:SpecifiedTradeProduct>
   <ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice><ram:ChargeAmount>30.00</ram:ChargeAmount>
   </ram:NetPriceProductTradePrice></ram:SpecifiedLineTradeAgreement>
   <ram:SpecifiedLineTradeDelivery><ram:BilledQuantity unitCode="C62">2.000</ram:BilledQuantity></ram:SpecifiedLineTradeDelivery>
   <ram:SpecifiedLineTradeSettlement><ram:SpecifiedTradeSettlementLineMonetarySummation>
    <ram:LineTotalAmount>60</ram:LineTotalAmount></ram:SpecifiedTradeSettlementLineMonetarySummation>
   </ram:SpecifiedLineTradeSettlement></ram:IncludedSupplyChainTradeLineItem>
  <ram:IncludedSupplyChainTradeLineItem>
   <ram:SpecifiedTradeProduct><ram:Name>Ersatzteile</ram:Name></ram:SpecifiedTradeProduct>
   <ram:SpecifiedLineTradeSettlement><ram:SpecifiedTradeSettlementLineMonetarySummation>
    <ram:LineTotalAmount>40.00</ram:LineTotalAmount></ram:SpecifiedTradeSettlementLineMonetarySummation>
   </ram:SpecifiedLineTradeSettlement></ram:IncludedSupplyChainTradeLineItem>
  <ram:ApplicableHeaderTradeAgreement>
   <ram:SellerTradeParty><ram:Name>Muster GmbH</ram:Name>
    <ram:PostalTradeAddress><ram:PostcodeCode>10115</ram:PostcodeCode><ram:LineOne>Hauptstr. 5</ram:LineOne>
     <ram:CityName>Berlin</ram:CityName><ram:CountryID>DE</ram:CountryID></ram:PostalTradeAddress>
    <ram:SpecifiedTaxRegistration><ram:ID schemeID="FC">30/123</ram:ID></ram:SpecifiedTaxRegistration>
    <ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">DE136695976</ram:ID></ram:SpecifiedTaxRegistration>
   </ram:SellerTradeParty><ram:BuyerTradeParty><ram:Name>Beispiel AG</ram:Name></ram:BuyerTradeParty>
  </ram:ApplicableHeaderTradeAgreement>
  <ram:ApplicableHeaderTradeSettlement><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
   <ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime><udt:DateTimeString format="102">20260401</udt:DateTimeString>
   </ram:DueDateDateTime></ram:SpecifiedTradePaymentTerms>
   <ram:SpecifiedTradeSettlementHeaderMonetarySummation><ram:LineTotalAmount>100.00</ram:LineTotalAmount>
    <ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount>
    <ram:TaxTotalAmount currencyID="USD">21.00</ram:TaxTotalAmount>
    <ram:TaxTotalAmount currencyID="EUR">19.00</ram:TaxTotalAmount>
    <ram:GrandTotalAmount>119.00</ram:GrandTotalAmount><ram:DuePayableAmount>119.00</ram:DuePayableAmount>
   </ram:SpecifiedTradeSettlementHeaderMonetarySummation>
  </ram:ApplicableHeaderTradeSettlement>
 </rsm:SupplyChainTradeTransaction>
</rsm:CrossIndustryInvoice>"""  # noqa: E501 - XML

ZUGFERD_1 = (
    CII.replace("rsm:CrossIndustryInvoice", "rsm:CrossIndustryDocument")
    .replace("ExchangedDocument", "HeaderExchangedDocument")
    .replace("rsm:SupplyChainTradeTransaction", "rsm:SpecifiedSupplyChainTradeTransaction")
    .replace("ApplicableHeaderTrade", "ApplicableSupplyChainTrade")
    .replace("SpecifiedTradeSettlementHeaderMonetary", "SpecifiedTradeSettlementMonetary")
    .replace("SpecifiedTradeSettlementLineMonetary", "SpecifiedTradeSettlementMonetary")
    .replace("SpecifiedLineTrade", "SpecifiedSupplyChainTrade")
)

DRAFT = (
    ZUGFERD_1.replace("ram:", "")
    .replace("xmlns:ram", "xmlns:unused")
    .replace("CrossIndustryInvoice:100", "CBFBUY:5")
)

UBL = """<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
 <cbc:ID>4711</cbc:ID><cbc:IssueDate>2026-03-02</cbc:IssueDate><cbc:DueDate>2026-04-01</cbc:DueDate>
 <cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
 <cac:AccountingSupplierParty><cac:Party><cac:PartyName><cbc:Name>Muster</cbc:Name></cac:PartyName>
  <cac:PostalAddress><cbc:StreetName>Hauptstr. 5</cbc:StreetName><cbc:CityName>Berlin</cbc:CityName>
   <cbc:PostalZone>10115</cbc:PostalZone><cac:Country><cbc:IdentificationCode>DE</cbc:IdentificationCode></cac:Country>
  </cac:PostalAddress>
  <cac:PartyTaxScheme><cbc:CompanyID>30/123</cbc:CompanyID><cac:TaxScheme><cbc:ID>FC</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
  <cac:PartyTaxScheme><cbc:CompanyID>DE136695976</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
  <cac:PartyLegalEntity><cbc:RegistrationName>Muster GmbH</cbc:RegistrationName></cac:PartyLegalEntity>
 </cac:Party></cac:AccountingSupplierParty>
 <cac:AccountingCustomerParty><cac:Party><cac:PartyName><cbc:Name>Beispiel AG</cbc:Name></cac:PartyName></cac:Party></cac:AccountingCustomerParty>
 <cac:TaxTotal><cbc:TaxAmount currencyID="EUR">19.00</cbc:TaxAmount></cac:TaxTotal>
 <cac:LegalMonetaryTotal><cbc:LineExtensionAmount>100.00</cbc:LineExtensionAmount><cbc:TaxExclusiveAmount>100.00</cbc:TaxExclusiveAmount>
  <cbc:TaxInclusiveAmount>119.00</cbc:TaxInclusiveAmount><cbc:PayableAmount>69.00</cbc:PayableAmount></cac:LegalMonetaryTotal>
 <cac:InvoiceLine><cbc:InvoicedQuantity>2</cbc:InvoicedQuantity><cbc:LineExtensionAmount>60.00</cbc:LineExtensionAmount>
  <cac:Item><cbc:Name>Wartung der Anlage</cbc:Name></cac:Item><cac:Price><cbc:PriceAmount>30.00</cbc:PriceAmount></cac:Price></cac:InvoiceLine>
 <cac:InvoiceLine><cbc:LineExtensionAmount>40.00</cbc:LineExtensionAmount><cac:Item><cbc:Name>Ersatzteile</cbc:Name></cac:Item></cac:InvoiceLine>
</Invoice>"""  # noqa: E501 - XML

Syntax = Literal["cii", "ubl"]

UBL_CREDIT = UBL.replace("<Invoice ", "<CreditNote ").replace("</Invoice>", "</CreditNote>")
CREDIT = DocumentType.CREDIT_NOTE

EVERYTHING = {
    "supplier_name": "Muster GmbH",
    "supplier_address": "Hauptstr. 5, 10115 Berlin",
    "supplier_tax_id": "DE136695976",
    "receiver_name": "Beispiel AG",
    "invoice_id": "4711",
    "invoice_date": "2026-03-02",
    "due_date": "2026-04-01",
    "currency": "EUR",
    "net_amount": "100.00",
    "total_tax_amount": "19.00",
    "total_amount": "119.00",
}


def summarize(
    xml: str,
    rows: tuple[str, ...] | list[str] | None = INVOICE,
    syntax: Syntax = "cii",
) -> Summary:
    """Return the summary of an e-invoice beside a page, or without one."""
    einvoice = EInvoice(syntax=syntax, xml=xml, visible=rows is not None)
    return RulesSummarizer().summarize(reading(rows or [], einvoice=einvoice))


@pytest.mark.parametrize(
    ("xml", "syntax"), [(CII, "cii"), (ZUGFERD_1, "cii"), (DRAFT, "cii"), (UBL, "ubl")]
)
def test_every_field_of_the_xml_is_exact(xml: str, syntax: Syntax) -> None:
    """Namespaces and versions differ, the names do not; the tax in another currency is not it."""
    summary = summarize(xml, syntax=syntax)
    assert {name: found.value for name, found in summary.fields.items()} == EVERYTHING
    assert summary.doubts == ()
    assert [line.amount.value for line in summary.line_items if line.amount] == ["60.00", "40.00"]
    assert summary.line_items[0].quantity is not None
    assert summary.line_items[0].quantity.value == "2"


@pytest.mark.parametrize(("xml", "syntax"), [(CII, "cii"), (DRAFT, "cii"), (UBL, "ubl")])
def test_each_xpath_selects_exactly_its_element(xml: str, syntax: Syntax) -> None:
    """An auditor evaluates the XPath with any tool and finds the value."""
    root = etree.fromstring(xml.encode())
    for name, found in summarize(xml, syntax=syntax).fields.items():
        xpath = found.evidence[0].xpath
        assert xpath is not None
        selected = cast("list[etree._Element]", root.xpath(xpath))
        assert len(selected) == 1
        element = selected[0]
        if name != "supplier_address":
            assert " ".join((element.text or "").split()) == found.evidence[0].text


def test_what_stands_on_the_page_has_its_place_too() -> None:
    """XML is exact, the page is what a person believes: evidence shows both."""
    seen = summarize(CII).fields["total_amount"].evidence
    assert seen[0].page is None
    assert (seen[1].page, seen[1].text) == (1, "119,00 EUR")
    assert seen[1].box is not None


def test_xml_without_a_page_is_its_own_original() -> None:
    """There is nothing that it could differ from."""
    summary = summarize(CII, None)
    assert summary.doubts == ()
    assert all(len(found.evidence) == 1 for found in summary.fields.values())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("119,00 EUR", "219,00 EUR"),
        ("| 4711", "| 4712"),
        ("| 4711", "| 4711-B"),
        ("Rechnungsdatum: | 02.03.2026", "Rechnungsdatum: | 02.03.2025"),
    ],
)
def test_a_page_that_says_something_else_is_held(old: str, new: str) -> None:
    """The total, the number, a longer number that begins with it, or another date."""
    rows = [row.replace(old, new) for row in INVOICE]
    assert HeldReason.XML_DIFFERS in summarize(CII, rows).doubts


def test_another_currency_on_the_page_is_held() -> None:
    """119.00 of what?"""
    rows = [row.replace("EUR", "USD") for row in INVOICE]
    assert HeldReason.XML_DIFFERS in summarize(CII, rows).doubts


def test_a_total_that_stands_on_the_page_as_the_net_amount_is_held() -> None:
    """The attack: the XML asks for a number that is printed, but not as the total."""
    swapped = CII.replace("<ram:GrandTotalAmount>119.00", "<ram:GrandTotalAmount>100.00").replace(
        'currencyID="EUR">19.00', 'currencyID="EUR">0.00'
    )
    assert HeldReason.XML_DIFFERS in summarize(swapped).doubts


@pytest.mark.parametrize(
    ("old", "new", "doubt"),
    [
        (">119.00<", ">119.01<", HeldReason.TOTAL_MISMATCH),
        ("<ram:LineTotalAmount>60", "<ram:LineTotalAmount>61", HeldReason.LINES_MISMATCH),
        ("<ram:GrandTotalAmount>119.00</ram:GrandTotalAmount>", "", HeldReason.TOTAL_MISSING),
        (">EUR<", "><", HeldReason.CURRENCY_UNKNOWN),
        (">EUR<", ">QQQ<", HeldReason.CURRENCY_UNKNOWN),
        (">20260302<", ">soon<", HeldReason.DATE_MISSING),
        ("<ram:Name>Muster GmbH</ram:Name>", "", HeldReason.SUPPLIER_MISSING),
    ],
)
def test_xml_that_does_not_add_up_or_lacks_something_is_held(
    old: str, new: str, doubt: HeldReason
) -> None:
    """Being XML does not make it right."""
    assert doubt in summarize(CII.replace(old, new), None).doubts


def test_group_and_information_lines_do_not_count() -> None:
    """XRechnung may list headings and sub-lines whose amounts are in another line already."""
    grouped = CII.replace(
        "<ram:IncludedSupplyChainTradeLineItem>",
        "<ram:IncludedSupplyChainTradeLineItem><ram:AssociatedDocumentLineDocument>"
        "<ram:LineStatusReasonCode>GROUP</ram:LineStatusReasonCode></ram:AssociatedDocumentLineDocument>",
        1,
    ).replace(
        "<ram:LineTotalAmount>100.00</ram:LineTotalAmount>",
        "<ram:LineTotalAmount>40.00</ram:LineTotalAmount>",
    )
    assert HeldReason.LINES_MISMATCH not in summarize(grouped, None).doubts


@pytest.mark.parametrize(
    ("xml", "syntax", "kind"),
    [
        (CII.replace(">380<", ">381<"), "cii", DocumentType.CREDIT_NOTE),
        (CII.replace(">380<", ">877<"), "cii", DocumentType.INVOICE),
        (CII.replace(">380<", ">220<"), "cii", DocumentType.PURCHASE_ORDER),
        (
            UBL.replace("<Invoice ", "<CreditNote ").replace("</Invoice>", "</CreditNote>"),
            "ubl",
            CREDIT,
        ),
    ],
)
def test_the_code_says_the_type(xml: str, syntax: Syntax, kind: DocumentType) -> None:
    """UNTDID 1001, or the root element."""
    assert summarize(xml, None, syntax).document_type is kind


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("<a><b></a>", QuarantineReason.MALFORMED_XML),
        ("", QuarantineReason.MALFORMED_XML),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', QuarantineReason.FORBIDDEN_XML),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', QuarantineReason.FORBIDDEN_XML),
    ],
)
def test_broken_or_forbidden_xml_is_quarantined(xml: str, reason: QuarantineReason) -> None:
    """Entities read files and eat memory; nothing of an e-invoice needs them."""
    with pytest.raises(PermanentError) as caught:
        summarize(xml, None)
    assert caught.value.reason is reason


def test_a_declaration_of_another_encoding_does_not_matter_in_text() -> None:
    """The text was decoded already; the declaration only says what it used to be."""
    xml = CII.replace('encoding="UTF-8"', 'encoding="UTF-16"')
    assert summarize(xml, None).fields["total_amount"].value == "119.00"


def test_nonsense_in_a_number_is_no_number() -> None:
    """NaN, infinity and a number with a thousand digits are not amounts."""
    for nonsense in ("NaN", "Infinity", "9" * 40, "ten"):
        xml = CII.replace("<ram:GrandTotalAmount>119.00", f"<ram:GrandTotalAmount>{nonsense}")
        assert "total_amount" not in summarize(xml, None).fields


def test_finer_amounts_are_kept_as_they_are() -> None:
    """The ledger holds what is finer than a cent; rounding here would hide it."""
    xml = CII.replace("<ram:GrandTotalAmount>119.00", "<ram:GrandTotalAmount>119.005")
    assert Decimal(summarize(xml, None).fields["total_amount"].value) == Decimal("119.005")


def test_an_address_of_nothing_but_a_country_is_that_country() -> None:
    """Factur-X MINIMUM has no more, and 100 % of what is there counts."""
    xml = CII
    for gone in (
        "<ram:PostcodeCode>10115</ram:PostcodeCode>",
        "<ram:LineOne>Hauptstr. 5</ram:LineOne>",
        "<ram:CityName>Berlin</ram:CityName>",
    ):
        xml = xml.replace(gone, "")
    assert summarize(xml, None).fields["supplier_address"].value == "DE"


FOREIGN = "urn:somebody:else"


@pytest.mark.parametrize("syntax", ["cii", "ubl"])
def test_what_is_in_a_figure_besides_does_not_cut_it_short(syntax: Syntax) -> None:
    """The attack: whoever shows ``1<?x?>00.00`` shows 100.00, and ``1`` would be booked."""
    xml = {"cii": CII, "ubl": UBL}[syntax]
    for inside in ("<?x y?>", "<!-- x -->"):
        cut = re.sub(r">(\d)(\d+\.\d\d)<", rf">\1{inside}\2<", xml)
        told = summarize(cut, None, syntax)
        plain = summarize(xml, None, syntax)
        assert told.fields["total_amount"].value == plain.fields["total_amount"].value
        assert not told.doubts


@pytest.mark.parametrize("inside", ["<x/>", "<x>9</x>"])
def test_a_figure_with_elements_in_it_is_none(inside: str) -> None:
    """No schema allows it, and no two programs read it alike."""
    cut = re.sub(r">(\d)(\d+\.\d\d)<", rf">\1{inside}\2<", UBL)
    assert HeldReason.TOTAL_MISSING in summarize(cut, None, "ubl").doubts


@pytest.mark.parametrize("syntax", ["cii", "ubl"])
def test_elements_of_other_namespaces_are_passed_over(syntax: Syntax) -> None:
    """The attack: an extension with the name of the total, before the total."""
    xml = {"cii": CII, "ubl": UBL}[syntax]
    name, prefix = ("GrandTotalAmount", "ram") if syntax == "cii" else ("TaxInclusiveAmount", "cbc")
    own = f"<{prefix}:{name}"
    for named in (f'<z:{name} xmlns:z="{FOREIGN}">9</z:{name}>', f'<{name} xmlns="">9</{name}>'):
        told = summarize(xml.replace(own, named + own, 1), None, syntax)
        plain = summarize(xml, None, syntax)
        assert told.fields["total_amount"].value == plain.fields["total_amount"].value


@pytest.mark.parametrize(
    ("syntax", "own"),
    [
        ("cii", "ram:GrandTotalAmount"),
        ("cii", "ram:ID"),
        ("cii", "ram:InvoiceCurrencyCode"),
        ("ubl", "cbc:TaxInclusiveAmount"),
        ("ubl", "cbc:ID"),
        ("ubl", "cbc:IssueDate"),
    ],
)
def test_xml_that_says_two_things_is_held(syntax: Syntax, own: str) -> None:
    """The attack: one program shows the first, the other books the second."""
    xml = {"cii": CII, "ubl": UBL}[syntax]
    twice = xml.replace(f"<{own}", f"<{own}>2026-01-09</{own}><{own}", 1)
    assert HeldReason.LOW_CONFIDENCE in summarize(twice, None, syntax).doubts


@pytest.mark.parametrize("syntax", ["cii", "ubl"])
def test_a_total_in_another_currency_is_no_total(syntax: Syntax) -> None:
    """120 dollars are not 120 euros."""
    xml = {"cii": CII, "ubl": UBL}[syntax]
    foreign = re.sub(
        r"<(ram:GrandTotalAmount|cbc:TaxInclusiveAmount)[^>]*>", r'<\1 currencyID="USD">', xml
    )
    assert HeldReason.TOTAL_MISSING in summarize(foreign, None, syntax).doubts


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Muster GmbH", "Somebody Ltd"),
        ("DE136695976", "DE999999999"),
        ("Beispiel AG", "Somebody Ltd"),
        ("Hauptstr. 5", "Elsewhere 1"),
        ("20260401", "20990401"),
        (">380<", ">381<"),
        (">380<", ">220<"),
    ],
)
def test_xml_that_says_otherwise_than_the_page_is_held(old: str, new: str) -> None:
    """The attack: total, currency and number as everybody sees them, and another payee."""
    assert old in CII
    assert HeldReason.XML_DIFFERS in summarize(CII.replace(old, new)).doubts


def test_another_split_of_the_total_than_the_pages_is_held() -> None:
    """The attack: a tax that nobody paid is reclaimed, and the total is right."""
    shifted = CII.replace("19.00", "69.00").replace("100.00", "50.00")
    shifted = shifted.replace(">60<", ">10<")
    assert shifted != CII
    assert HeldReason.XML_DIFFERS in summarize(shifted).doubts
