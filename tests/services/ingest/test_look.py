"""What ingest makes of sound files."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from services.ingest import text
from services.ingest.adapters.einvoice import is_einvoice
from services.ingest.adapters.inspect import look
from services.ingest.adapters.sniff import sniff
from services.ingest.canary import CANARY
from services.ingest.inspection import (
    Attachment,
    Inspection,
    InspectionLimits,
    limits_in,
    parameters_of,
)
from services.ocr import plain_text
from services.ocr.adapters import einvoice as ocr_einvoice
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.telemetry.reasons import QuarantineReason

CII = (
    '<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:'
    'CrossIndustryInvoice:100"><a>ä</a></rsm:CrossIndustryInvoice>'
)
ROOTS = [
    ("urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100", "CrossIndustryInvoice"),
    ("urn:ferd:CrossIndustryDocument:invoice:1p0", "CrossIndustryDocument"),
    ("urn:un:unece:uncefact:data:standard:CBFBUY:5", "Invoice"),
    ("urn:oasis:names:specification:ubl:schema:xsd:Invoice-2", "Invoice"),
    ("urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2", "CreditNote"),
]
NO_EINVOICES = [
    ("urn:oasis:names:specification:ubl:schema:xsd:Order-2", "Order"),
    ("urn:oasis:names:specification:ubl:schema:xsd:Invoice-2", "CreditNote"),
    ("http://www.w3.org/2000/svg", "svg"),
    ("urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100", "Other"),
]
DATA = Path(os.environ.get("DOCLEDGER_DATA", Path(__file__).parents[4] / "shared" / "data"))


def reason_of(content: bytes, limits: InspectionLimits | None = None) -> QuarantineReason:
    """Return why a file cannot be read."""
    with pytest.raises(PermanentError) as caught:
        look(content, limits or InspectionLimits())
    return caught.value.reason


def test_a_pdf_has_its_pages(pdf: Callable[..., bytes]) -> None:
    """The page count is what the reader must deliver later."""
    found = look(pdf("3 0 R 3 0 R 3 0 R", count=3), InspectionLimits())
    assert found == Inspection(MediaType.PDF, 3)


def test_a_pdf_behind_junk_is_a_pdf(pdf: Callable[..., bytes]) -> None:
    """Printers and mail gateways put lines before the header; readers accept it."""
    assert sniff(b"\x1b%-12345X@PJL JOB\n" * 20 + pdf()) is MediaType.PDF
    assert look(b"@PJL JOB\n" + pdf(), InspectionLimits()).pages == 1


def test_text_that_speaks_of_pdf_is_text() -> None:
    """The magic word alone makes no PDF."""
    assert sniff(b"A file starts with %PDF-1.4, they say.") is MediaType.TEXT


@pytest.mark.parametrize("kind", [MediaType.PNG, MediaType.JPEG, MediaType.TIFF, MediaType.WEBP])
def test_an_image_is_one_page(kind: MediaType, image: Callable[..., bytes]) -> None:
    """Each format that is promised."""
    assert look(image(kind.name), InspectionLimits()) == Inspection(kind, 1)


def test_a_tiff_has_a_page_for_each_frame(image: Callable[..., bytes]) -> None:
    """Scanners write many pages into one file."""
    assert look(image("TIFF", frames=3), InspectionLimits()) == Inspection(MediaType.TIFF, 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_no_document(kind: str, image: Callable[..., bytes]) -> None:
    """All but its first frame would be lost in silence."""
    assert reason_of(image(kind, frames=2)) is QuarantineReason.UNSUPPORTED_TYPE


@pytest.mark.parametrize(
    "content",
    [
        CII.encode(),
        b"\xef\xbb\xbf" + b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- x -->' + CII.encode(),
        ('<?xml version="1.0" encoding="UTF-16"?>' + CII).encode("utf-16"),
        b"\xff\xfe" + ('<?xml version="1.0" encoding="UTF-16"?>' + CII).encode("utf-16-le"),
        ('<?xml version="1.0" encoding="UTF-16LE"?>' + CII).encode("utf-16-le"),
        ('<?xml version="1.0" encoding="UTF-16BE"?>' + CII).encode("utf-16-be"),
        b"\n\n  " + CII.encode(),
    ],
)
def test_xml_is_recognised_in_every_encoding(content: bytes) -> None:
    """Senders write UTF-16, with and without a mark."""
    assert look(content, InspectionLimits()) == Inspection(MediaType.XML, 1)


@pytest.mark.parametrize(("namespace", "name"), ROOTS + NO_EINVOICES)
def test_einvoices_are_those_that_the_reader_knows(namespace: str, name: str) -> None:
    """What ingest accepts and the reader refuses would be quarantined an hour later."""
    root = etree.Element(etree.QName(namespace, name))
    assert is_einvoice(str(root.tag)) == ((namespace, name) in ROOTS)
    assert is_einvoice(str(root.tag)) == (ocr_einvoice.syntax(root) is not None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<a xmlns='b'><c></a>", QuarantineReason.MALFORMED_XML),
        (CII.replace("</a>", "").encode(), QuarantineReason.MALFORMED_XML),
        (CII.encode()[:-20], QuarantineReason.MALFORMED_XML),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", QuarantineReason.MALFORMED_XML),
        (b"<!DOCTYPE html><html><body>x</body></html>", QuarantineReason.UNSUPPORTED_TYPE),
        (b"<?xml version='1.0'?><!DOCTYPE html><html/>", QuarantineReason.UNSUPPORTED_TYPE),
        (b"PK\x03\x04" + bytes(60), QuarantineReason.UNSUPPORTED_TYPE),
        (b"\x7fELF" + bytes(60), QuarantineReason.UNSUPPORTED_TYPE),
        (bytes(10), QuarantineReason.UNSUPPORTED_TYPE),
        (bytes(range(128, 256)) * 3, QuarantineReason.UNSUPPORTED_TYPE),
        (b"\xff\xfea", QuarantineReason.UNSUPPORTED_TYPE),
    ],
)
def test_what_cannot_be_read_says_why(content: bytes, reason: QuarantineReason) -> None:
    """The person who sent it must learn what to do about it."""
    assert reason_of(content) is reason


@pytest.mark.parametrize(
    "content",
    ["Rechnung über 12,50 €", "Total <b> 5", "a: b\nc: d", "From here on: all", "\ufeffx"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_text_is_text(content: str, encoding: str) -> None:
    """Also where it looks a little like markup or like headers."""
    if encoding == "cp1252" and "\ufeff" in content:
        content = "x"
    assert sniff(content.encode(encoding)) is MediaType.TEXT


@given(st.lists(st.sampled_from(["a\n", "\n", "\r\n", "\r", " ", "\f", "\t", "b\n" * 59])))
def test_text_has_the_pages_that_the_reader_reads(parts: list[str]) -> None:
    """Pages in = pages read; services share no code, so the rule is written twice and compared."""
    content = "".join(parts)
    assert text.count_pages(content) == len(plain_text.pages_of(content))


@given(st.binary(max_size=60))
def test_no_short_bytes_are_an_unknown_error(content: bytes) -> None:
    """Whatever comes, the answer is a type or a reason."""
    with contextlib.suppress(PermanentError):
        look(content, InspectionLimits())


@given(
    start=st.sampled_from([CANARY, CII.encode(), b"From: a\nTo: b\nSubject: c\n\nd"]),
    place=st.integers(0, 400),
    damage=st.binary(max_size=6),
)
def test_no_damage_is_an_unknown_error(start: bytes, place: int, damage: bytes) -> None:
    """A flipped byte must not look like a bug of ours, which would stop the worker."""
    content = start[:place] + damage + start[place + len(damage) :]
    with contextlib.suppress(PermanentError):
        look(content, InspectionLimits())


def test_the_real_einvoices_have_pages() -> None:
    """Files by other people's software are the ones that count."""
    folder = DATA / "einvoice-dev"
    if not folder.is_dir():
        pytest.skip(f"needs the labelled documents of {folder}; set DOCLEDGER_DATA")
    for path in folder.rglob("*.pdf"):
        assert look(path.read_bytes(), InspectionLimits()).pages >= 1


def test_limits_and_findings_cross_the_sandbox_unchanged() -> None:
    """What one side wrote, the other must read."""
    limits = InspectionLimits(pages=3, xml_depth=5)
    assert limits_in(parameters_of(limits)) == limits
    found = Inspection(MediaType.EMAIL, 0, (Attachment("ä\n.pdf", b"12"), Attachment("", b"")))
    assert Inspection.decoded(found.encoded()) == found


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        b"\x00\x00\x00\x02{}",
        b"\x00\x00\x00\x02[]",
        b"\xff\xff\xff\xff",
        Inspection(MediaType.PDF, 0).encoded(),
        Inspection(MediaType.PDF, 1).encoded() + b"more",
        Inspection(MediaType.EMAIL, 0, (Attachment("a", b"12"),)).encoded()[:-1],
        Inspection(MediaType.PDF, 1).encoded().replace(b"application/pdf", b"application/xyz"),
    ],
)
def test_a_forged_finding_is_refused(forged: bytes) -> None:
    """A child that was taken over must not choose what the worker believes."""
    with pytest.raises(ValueError, match="no inspection"):
        Inspection.decoded(forged)


def test_content_is_in_no_repr() -> None:
    """Names and bytes of strangers must not reach a log by accident."""
    assert "secret" not in repr(Attachment("secret.pdf", b"secret"))
