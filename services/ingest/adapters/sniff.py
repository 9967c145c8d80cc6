"""What a file is, by its content; its name is a stranger's word and is not asked."""

import re
from typing import Final

import puremagic

from services.ingest import text
from shared.events.payloads import MediaType

_HEAD: Final = 4096
_JUNK: Final = 1024
"""Bytes that may stand before a PDF's header (ISO 32000-1, annex H.3.4.1)."""

_BINARY: Final = {
    kind.value: kind
    for kind in (MediaType.PDF, MediaType.PNG, MediaType.JPEG, MediaType.TIFF, MediaType.WEBP)
}
_ENCODINGS: Final = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)
_HTML: Final = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_XML: Final = re.compile(r"<(?:\?xml\b|!DOCTYPE\b|!ENTITY\b)", re.IGNORECASE)
_ELEMENT: Final = re.compile(r"<(?:!--|[A-Za-z_])")

_HEADER: Final = re.compile(rb"([!-9;-~]{1,64}):[ \t\r\n]")
_FOLD: Final = (b" ", b"\t")
_SENDER: Final = b"from"
_ENVELOPE: Final = {b"date", b"received", b"message-id", b"mime-version", b"subject"}


def sniff(content: bytes) -> MediaType | None:
    """Return what ``content`` is; None when it is nothing that we read."""
    markup = _markup(content)
    if markup is not None:
        return markup if markup is MediaType.XML else None
    head = content[:_HEAD]
    found = _magic(head)
    if found is not None:
        return found
    if b"%PDF-" in head[:_JUNK] and b" obj" in content:
        return MediaType.PDF
    if b"\x00" not in content and is_mail(content):
        return MediaType.EMAIL
    return MediaType.TEXT if text.decoded(content) is not None else None


def is_mail(content: bytes) -> bool:
    """Whether ``content`` begins with the headers of an e-mail (RFC 5322): a sender and more."""
    names = set()
    # The first line of an mbox is no header.
    start = content.find(b"\n") + 1 if content.startswith(b"From ") else 0
    for line in content[start:].lstrip(b"\r\n").split(b"\n", 300)[:300]:
        if line.startswith(_FOLD):
            continue
        header = _HEADER.match(line + b"\n")
        if header is None:
            break
        names.add(header[1].lower())
    return _SENDER in names and len(names & _ENVELOPE) > 0


def _magic(head: bytes) -> MediaType | None:
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return None
    found = (_BINARY.get(match.mime_type) for match in matches)
    return next((kind for kind in found if kind is not None), None)


def _markup(content: bytes) -> MediaType | str | None:
    """Return XML, ``"html"``, or None when it is neither; in any Unicode encoding."""
    encoding = next((name for mark, name in _ENCODINGS if content.startswith(mark)), "utf-8")
    start = content[:_HEAD].decode(encoding, "ignore").lstrip("\ufeff \t\r\n")
    if not start.startswith("<"):
        return None
    if _HTML.match(start):
        return "html"
    if _XML.match(start) or (_ELEMENT.match(start) and "xmlns" in start):
        return "html" if _HTML.search(start) else MediaType.XML
    return None
