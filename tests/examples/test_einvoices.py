"""XML that breaks its schema would test our reader against documents that nobody sends."""

from datetime import datetime, tzinfo
from decimal import Decimal
from random import Random

import facturx
import pypdfium2
import pytest
from lxml import etree

from examples.einvoices.cii import write_cii
from examples.einvoices.facturx import embed_cii
from examples.einvoices.ubl import write_ubl
from examples.invoice import Invoice, make_invoice
from examples.layouts.columns import draw_two_columns
from examples.truth import Example
from shared.events.payloads import DocumentType

KINDS = [DocumentType.INVOICE, DocumentType.CREDIT_NOTE]


def invoice_of(kind: DocumentType, seed: int = 1) -> Invoice:
    """Return an invoice with two tax rates."""
    return make_invoice(Random(seed), "DE", serial=seed, lines=5, rates=("19", "7"), kind=kind)


@pytest.mark.parametrize("kind", KINDS)
def test_cii_is_valid(kind: DocumentType) -> None:
    """Against the schema of Factur-X, profile EN 16931."""
    assert facturx.xml_check_xsd(write_cii(invoice_of(kind)), flavor="factur-x", level="en16931")


@pytest.mark.parametrize("kind", KINDS)
def test_ubl_is_valid(kind: DocumentType) -> None:
    """Against the OASIS schemas of UBL 2.1."""
    flavor = "ubl-2.1-creditnote" if kind == DocumentType.CREDIT_NOTE else "ubl-2.1-invoice"
    assert facturx.xml_check_xsd(write_ubl(invoice_of(kind)), flavor=flavor)


def attachment_of(pdf: bytes) -> bytes:
    """Return the only embedded file."""
    document = pypdfium2.PdfDocument(pdf)
    assert document.count_attachments() == 1
    attachment = document.get_attachment(0)
    assert attachment.get_name() == "factur-x.xml"
    data = bytes(attachment.get_data())
    document.close()
    return data


def cii_total(xml: bytes) -> Decimal:
    """Return the grand total."""
    (total,) = etree.fromstring(xml).findall(".//{*}GrandTotalAmount")
    return Decimal(total.text or "")


@pytest.mark.parametrize("name", ["facturx-invoice.pdf", "facturx-credit-note.pdf"])
def test_embedded_xml_says_what_the_page_says(fixed: dict[str, Example], name: str) -> None:
    """Only then may the entry be posted."""
    example = fixed[name]
    xml = attachment_of(example.content)
    assert facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    assert cii_total(xml) == Decimal(example.truth.fields["total_amount"])
    assert example.truth.fields["invoice_id"] in xml.decode()


def test_differing_xml_is_sound_in_itself(fixed: dict[str, Example]) -> None:
    """Nothing but the page may give it away."""
    example = fixed["facturx-differs.pdf"]
    xml = attachment_of(example.content)
    assert facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    assert cii_total(xml) > Decimal(example.truth.fields["total_amount"])
    root = etree.fromstring(xml)
    lines = sum(Decimal(e.text or "") for e in root.findall(".//{*}LineTotalAmount")[:-1])
    (net,) = root.findall(".//{*}TaxBasisTotalAmount")
    (tax,) = root.findall(".//{*}TaxTotalAmount")
    assert lines == Decimal(net.text or "")
    assert lines + Decimal(tax.text or "") == cii_total(xml)


@pytest.mark.parametrize("name", ["xml-ubl-invoice.xml", "xml-cii-invoice.xml"])
def test_pure_xml_holds_its_truth(fixed: dict[str, Example], name: str) -> None:
    """Every field of the truth is a text of the document, dates in its own form."""
    example = fixed[name]
    root = etree.fromstring(example.content)
    texts = {(element.text or "").strip() for element in root.iter()}
    fields = example.truth.fields
    for field in fields:
        if field == "supplier_address":
            assert fields[field].split(", ")[0] in texts
        elif field.endswith("_date"):
            assert {fields[field], fields[field].replace("-", "")} & texts, field
        else:
            assert fields[field] in texts, field
    for line in example.truth.line_items:
        assert {line.description, line.quantity, line.unit_price, line.amount} <= texts


def test_factur_x_does_not_depend_on_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package writes the time of day in five places."""
    invoice = invoice_of(DocumentType.INVOICE)
    page, xml = draw_two_columns(invoice, Random(1)), write_cii(invoice)
    first = embed_cii(page, xml, invoice)

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Later":
            return cls(2031, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr(facturx.facturx, "datetime", Later)
    assert embed_cii(page, xml, invoice) == first
    assert b"2031" not in first
