"""E-invoices: recognised by their root, parsed hardened, kept beside the words."""

from collections.abc import Callable

import pypdfium2
import pytest
from reportlab.pdfgen.canvas import Canvas

from services.ocr.adapters import einvoice
from services.ocr.adapters.task import read_document
from shared.errors import PermanentError
from shared.events.payloads import MediaType

CII = (
    b'<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:'
    b'CrossIndustryInvoice:100"><rsm:ID>R 7</rsm:ID><rsm:Total>119.00</rsm:Total>'
    b"</rsm:CrossIndustryInvoice>"
)


def root(name: str, namespace: str) -> bytes:
    """Return a document that is only a root."""
    return f'<r:{name} xmlns:r="{namespace}"/>'.encode()


UBL = "urn:oasis:names:specification:ubl:schema:xsd:"


@pytest.mark.parametrize(
    ("data", "syntax"),
    [
        (CII, "cii"),
        (root("CrossIndustryDocument", "urn:ferd:CrossIndustryDocument:invoice:1p0"), "cii"),
        (root("Invoice", "urn:un:unece:uncefact:data:standard:CBFBUY:5"), "cii"),
        (root("Invoice", f"{UBL}Invoice-2"), "ubl"),
        (root("CreditNote", f"{UBL}CreditNote-2"), "ubl"),
        (root("Invoice", f"{UBL}CreditNote-2"), None),
        (root("Order", f"{UBL}Order-2"), None),
        (b"<Invoice/>", None),
        (b"not xml", None),
    ],
)
def test_the_root_says_which_syntax(data: bytes, syntax: str | None) -> None:
    """Names of attachments are anybody's choice; the root element is the standard's."""
    found = einvoice.recognised(data, visible=True)
    assert (found.syntax if found else None) == syntax


def test_xml_without_a_page_is_its_own_page() -> None:
    """Its text nodes stand in for words, so that evidence has something to quote."""
    reading = read_document(CII, MediaType.XML)
    (page,) = reading.pages
    assert page.engine == "xml"
    assert [(word.text, word.line) for word in page.words] == [("R", 0), ("7", 0), ("119.00", 1)]
    assert reading.einvoice is not None
    assert reading.einvoice.visible is False
    assert "119.00" in reading.einvoice.xml


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<a>", "malformed_xml"),
        (b"<a/>", "malformed_xml"),
        (b"", "malformed_xml"),
        (b"<!DOCTYPE a><a/>", "forbidden_xml"),
        (
            b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
            "forbidden_xml",
        ),
        (
            b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;&b;&b;</a>',
            "forbidden_xml",
        ),
        (b"<a>" * 150 + b"</a>" * 150, "too_deep"),
        (b"<a>" * 10_000 + b"</a>" * 10_000, "too_deep"),
    ],
)
def test_hostile_xml_is_refused(data: bytes, reason: str) -> None:
    """The attacks: external entities, expansion, depth."""
    with pytest.raises(PermanentError, match=reason):
        einvoice.read_xml(data)


def pdf_with(make_pdf: Callable[..., bytes], *attachments: bytes) -> bytes:
    """Attach files to a page that says Invoice."""
    import io  # noqa: PLC0415 - only here

    def draw(canvas: Canvas) -> None:
        canvas.drawString(50, 500, "Invoice R 7")

    document = pypdfium2.PdfDocument(make_pdf(draw))
    for number, data in enumerate(attachments):
        document.new_attachment(f"{number}.xml").set_data(data)
    file = io.BytesIO()
    document.save(file)
    document.close()
    return file.getvalue()


def test_an_embedded_einvoice_is_kept_beside_the_words(make_pdf: Callable[..., bytes]) -> None:
    """The XML is exact, the page is what a person sees: both are needed to compare."""
    reading = read_document(pdf_with(make_pdf, b"<other/>", CII), MediaType.PDF)
    assert [word.text for word in reading.pages[0].words] == ["Invoice", "R", "7"]
    assert reading.einvoice is not None
    assert (reading.einvoice.syntax, reading.einvoice.visible) == ("cii", True)


def test_attachments_that_are_no_einvoice_are_left_alone(make_pdf: Callable[..., bytes]) -> None:
    """Anybody may attach anything; a broken or hostile attachment does not stop the reading."""
    hostile = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    reading = read_document(pdf_with(make_pdf, b"\0\1", hostile), MediaType.PDF)
    assert reading.einvoice is None


def test_an_oversized_attachment_is_not_parsed(
    make_pdf: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: an attachment that unpacks to more than any invoice needs."""
    from services.ocr.adapters import pdf  # noqa: PLC0415 - only here

    monkeypatch.setattr(pdf, "MOST_ATTACHMENT_BYTES", 10)
    assert read_document(pdf_with(make_pdf, CII), MediaType.PDF).einvoice is None
