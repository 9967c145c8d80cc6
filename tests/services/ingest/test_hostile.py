"""Files that mean harm: each ends with a reason, inside its limits, and the pool works on."""

import struct
import zlib
from collections.abc import Callable
from email.message import EmailMessage

import pytest

from services.ingest.adapters.inspect import look
from services.ingest.adapters.inspector import SandboxInspector
from services.ingest.canary import CANARY, sing
from services.ingest.inspection import InspectionLimits
from shared.errors import PermanentError
from shared.telemetry.reasons import QuarantineReason as Reason

UBL = 'xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"'


def many_pages(make: Callable[..., bytes]) -> bytes:
    """Ten thousand pages that are really there."""
    return make(" ".join(["3 0 R"] * 10_000), count=10_000)


def png(width: int, height: int) -> bytes:
    """A PNG of one colour: a few KB, however large it claims to be."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = zlib.compress(bytes((width // 8 + 1) * min(height, 1000)), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def laughs() -> bytes:
    """A billion laughs."""
    entities = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">' for n in range(10)
    )
    document_type = f"<!DOCTYPE Invoice [{entities}]>"
    return f'<?xml version="1.0"?>{document_type}<Invoice {UBL}>&l9;</Invoice>'.encode()


def nested_mail(levels: int) -> bytes:
    """Parts within parts."""
    opening = "".join(
        f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(levels)
    )
    closing = "".join(f"\n--b{n}--\n" for n in reversed(range(levels)))
    return f"From: a@b\nSubject: x\n{opening}Content-Type: text/plain\n\nx\n{closing}".encode()


def encrypted_pdf() -> bytes:
    """A PDF that asks for a password (standard security handler, revision 3)."""
    secret = "<" + "41" * 32 + ">"
    body = CANARY.replace(
        b"trailer<<",
        f"trailer<</Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -4/O{secret}/U{secret}>>"
        f"/ID[{secret}{secret}]".encode(),
    )
    assert body != CANARY
    return body


def check(confined: SandboxInspector, content: bytes, reason: Reason) -> None:
    """The attack ends as it must, and the next document finds a working sandbox."""
    with pytest.raises(PermanentError) as caught:
        confined.inspect(content)
    assert caught.value.reason is reason
    assert str(caught.value) == reason.value  # one line, no content
    with pytest.raises(PermanentError) as found:  # by the look itself, not by a child that died
        look(content, InspectionLimits())
    assert found.value.reason is reason
    sing(confined)  # the pool works on


def test_ten_thousand_pages(confined: SandboxInspector, pdf: Callable[..., bytes]) -> None:
    """Hours of reading for 60 KB."""
    check(confined, many_pages(pdf), Reason.TOO_MANY_PAGES)


def test_a_count_of_a_million_is_not_believed(
    confined: SandboxInspector, pdf: Callable[..., bytes]
) -> None:
    """The parser believes it; a million page jobs would follow."""
    check(confined, pdf(count=1_000_000), Reason.PAGES_MISSING)


def test_a_count_below_nothing_is_not_believed(
    confined: SandboxInspector, pdf: Callable[..., bytes]
) -> None:
    """Whatever the file says, the pages are counted."""
    assert confined.inspect(pdf(count=-5)).pages == 1


def test_a_page_of_five_metres(confined: SandboxInspector, pdf: Callable[..., bytes]) -> None:
    """14,400 points at 150 dpi took 2.6 GB to draw."""
    check(confined, pdf(box="0 0 14400 14400"), Reason.TOO_MANY_PIXELS)


def test_a_cyclic_page_tree(confined: SandboxInspector, pdf: Callable[..., bytes]) -> None:
    """A tree that contains itself must not be walked for ever."""
    for kids, count in (("2 0 R", 1), ("2 0 R 3 0 R", 5), ("4 0 R", 3)):
        loop = pdf(kids, count=count, objects=("<</Type/Pages/Kids[2 0 R]/Count 9>>",))
        with pytest.raises(PermanentError) as caught:
            confined.inspect(loop)
        assert caught.value.reason in {Reason.PAGES_MISSING, Reason.UNREADABLE}
    sing(confined)


def test_nested_forms_cost_nothing_at_the_door(
    confined: SandboxInspector, pdf: Callable[..., bytes]
) -> None:
    """Reading their text takes gigabytes; counting pages must not read them."""
    layers = 30
    forms = tuple(
        f"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F {n + 1} 0 R>>>>"
        f"/Length 20>>stream\n{'/F Do ' * 3}\nendstream"
        for n in range(5, 5 + layers)
    )
    page = (
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]"
        "/Resources<</XObject<</F 5 0 R>>>>/Contents 5 0 R>>"
    )
    assert confined.inspect(pdf("4 0 R", objects=(page, *forms))).pages == 1


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", CANARY[:120], CANARY[: CANARY.index(b"%%EOF")]])
def test_a_truncated_pdf(confined: SandboxInspector, content: bytes) -> None:
    """The parser would mend it and draw blank pages, which then look read."""
    check(confined, content + b"1 0 obj", Reason.UNREADABLE)


def test_an_encrypted_pdf(confined: SandboxInspector) -> None:
    """Its owner has the password, we do not."""
    check(confined, encrypted_pdf(), Reason.ENCRYPTED)


@pytest.mark.parametrize("side", [10_001, 60_000])
def test_an_image_bomb(confined: SandboxInspector, side: int) -> None:
    """A few KB that unfold to 169 MP and more."""
    check(confined, png(side, side), Reason.TOO_MANY_PIXELS)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_truncated_image(
    confined: SandboxInspector, image: Callable[..., bytes], kind: str, share: float
) -> None:
    """Half a receipt must not be read as a whole one."""
    content = image(kind, (200, 200))
    check(confined, content[: int(len(content) * share)], Reason.UNREADABLE)


def test_a_tiff_of_too_many_frames(confined: SandboxInspector) -> None:
    """Pages must be bounded in every format."""
    entry = struct.Struct("<HHII")

    def frame(place: int, *, last: bool) -> bytes:
        tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 4), (278, 1), (279, 1)]
        body = b"".join(entry.pack(tag, 4, 1, value) for tag, value in tags)
        after = 0 if last else place + 6 + len(body)
        return struct.pack("<H", len(tags)) + body + struct.pack("<I", after)

    size, count = len(frame(0, last=False)), 2001
    frames = b"".join(frame(8 + n * size, last=n == count - 1) for n in range(count))
    check(confined, b"II*\x00" + struct.pack("<I", 8) + frames, Reason.TOO_MANY_PAGES)


def test_a_tiff_that_points_at_itself(
    confined: SandboxInspector, image: Callable[..., bytes]
) -> None:
    """A chain of frames without an end."""
    content = bytearray(image("TIFF"))
    start = struct.unpack("<I", content[4:8])[0]
    count = struct.unpack("<H", content[start : start + 2])[0]
    end = start + 2 + count * 12
    content[end : end + 4] = struct.pack("<I", start)
    assert confined.inspect(bytes(content)).pages == 1


@pytest.mark.parametrize(
    "content",
    [
        laughs(),
        laughs().decode().encode("utf-16"),
        f'<!DOCTYPE Invoice SYSTEM "http://127.0.0.1/x.dtd"><Invoice {UBL}/>'.encode(),
        f'<!DOCTYPE I [<!ENTITY x SYSTEM "file:///etc/x">]><Invoice {UBL}>&x;</Invoice>'.encode(),
        f'<!DOCTYPE I [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]><Invoice {UBL}/>'.encode(),
        f'<!DOCTYPE I [<!ENTITY a "{"A" * 50000}">]><Invoice {UBL} b="{"&a;" * 999}"/>'.encode(),
    ],
    ids=["laughs", "laughs-utf16", "external-dtd", "external-entity", "parameter", "quadratic"],
)
def test_xml_with_a_document_type(confined: SandboxInspector, content: bytes) -> None:
    """Entities read files, call servers and fill memory; an e-invoice needs none."""
    check(confined, content, Reason.FORBIDDEN_XML)


def test_xml_that_is_too_deep(confined: SandboxInspector) -> None:
    """A hundred thousand levels for 700 KB."""
    check(confined, f"<Invoice {UBL}>".encode() + b"<a>" * 100_000, Reason.TOO_DEEP)


def test_an_email_of_a_thousand_nested_parts(confined: SandboxInspector) -> None:
    """The standard library's parser runs out of stack."""
    check(confined, nested_mail(1000), Reason.TOO_DEEP)
    check(confined, nested_mail(30), Reason.TOO_DEEP)


def test_an_email_of_too_many_parts(confined: SandboxInspector) -> None:
    """Each part becomes a document: one file must not make a hundred thousand."""
    parts = "--b\n\nx\n" * 600
    mail = f"From: a\nSubject: b\nContent-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n"
    check(confined, mail.encode(), Reason.TOO_DEEP)


@pytest.mark.parametrize("name", ["From", "Subject", "X-Anything"])
def test_an_email_with_a_header_of_100_kb(confined: SandboxInspector, name: str) -> None:
    """Parsing its addresses took 14 s."""
    mail = f"From: a@b\nDate: today\n{name}: {'a@b, ' * 20_000}\n\nx".encode()
    check(confined, mail, Reason.UNREADABLE)


def test_file_names_are_carried_but_never_obeyed(confined: SandboxInspector) -> None:
    """A name is foreign text: it travels as it is, sealed, and is used for nothing."""
    names = ["../../etc/passwd", "a\tb\x1b[2J.pdf", "x" * 300]
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a@b.example", "names"
    mail.set_content("see below")
    for name in names:
        mail.add_attachment(b"x", maintype="application", subtype="pdf", filename=name)
    found = confined.inspect(mail.as_bytes())
    assert [one.source_name for one in found.attachments][1] == "../../etc/passwd"
    assert len(found.attachments) == 4


def test_a_file_of_40_mb_is_looked_at_within_the_limits(confined: SandboxInspector) -> None:
    """The largest upload must fit the child's memory."""
    with pytest.raises(PermanentError) as caught:
        confined.inspect(b"\x00" * 40_000_000)
    assert caught.value.reason is Reason.UNSUPPORTED_TYPE
    assert confined.inspect(b"line of text\n" * 9000).pages == 150
    sing(confined)


def test_limits_are_settings() -> None:
    """Whoever has larger documents can say so."""
    assert InspectionLimits(pages=20_000).pages == 20_000
