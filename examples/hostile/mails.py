"""E-mails that cost a naive parser its time, its stack or its folder."""

from typing import Final

from examples.hostile.outcomes import (
    EXHAUSTED,
    READ,
    Q,
    around,
    hostile,
    quarantined,
    sound_invoice,
)
from examples.plain import write_text
from examples.truth import EXPANDED, Example, Expected, Truth

_HEAD: Final = (
    b"To: invoices@docledger.example\r\n"
    b"Subject: Invoice\r\n"
    b"Date: Tue, 14 Apr 2026 09:30:00 +0000\r\n"
    b"Message-ID: <20260414093000.2@mail.example>\r\n"
    b"MIME-Version: 1.0\r\n"
)
_FROM: Final = b"From: accounts@mail.example\r\n"

ATTACHMENT_NAMES: Final = {
    "newline": "filename*=UTF-8''two%0D%0Alines%0A.txt",
    "parent": 'filename="../../../../tmp/escaped.txt"',
    "absolute": 'filename="/etc/cron.d/escaped.txt"',
    "windows": 'filename="..\\\\..\\\\C:\\\\escaped.txt"',
    "terminal": "filename*=UTF-8''%1B%5D0%3Bowned%07%1B%5B2Jred.txt",
    "reversed": "filename*=UTF-8''invoice%E2%80%AEtxt.exe",
    "nul": "filename*=UTF-8''cut%00off.txt",
    "markup": 'filename="[bold red]loud[/bold red].txt"',
    "formula": 'filename="=HYPERLINK(1).txt"',
    "long": 'filename="' + "n" * 3000 + '.txt"',
    "none": 'filename=""',
    "dots": 'filename=".."',
}
"""Parameters of Content-Disposition (RFC 2183, RFC 2231) by what is wrong with them."""


def _parts(boundary: str, parts: list[bytes]) -> bytes:
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"


def nested_multiparts(depth: int) -> bytes:
    """Return an e-mail of ``depth`` multiparts, each the only part of the one around it."""
    heads = [
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(depth)
    ]
    tails = [b"\r\n--b%d--\r\n" % level for level in reversed(range(depth))]
    text = b"Content-Type: text/plain\r\n\r\nat the bottom\r\n"
    return _FROM + _HEAD + b"".join(heads) + text + b"".join(tails)


def nested_messages(depth: int) -> bytes:
    """Return an e-mail that forwards an e-mail that forwards an e-mail, ``depth`` times."""
    forward = _FROM + _HEAD + b"Content-Type: message/rfc822\r\n\r\n"
    return forward * depth + _FROM + _HEAD + b"Content-Type: text/plain\r\n\r\nat the bottom\r\n"


def _text_part(text: bytes) -> bytes:
    return b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text


def _attachment(disposition: str, content: bytes) -> bytes:
    head = f"Content-Disposition: attachment; {disposition}\r\n".encode()
    return b"Content-Type: text/plain; charset=utf-8\r\n" + head + b"\r\n" + content


def _mail(sender: bytes, parts: list[bytes]) -> bytes:
    head = b"Content-Type: multipart/mixed; boundary=parts\r\n\r\n"
    return sender + _HEAD + head + _parts("parts", parts)


def _named_attachments() -> Example:
    attachments, parts = [], [_text_part(b"see attached")]
    for serial, (wrong, disposition) in enumerate(ATTACHMENT_NAMES.items(), 930):
        invoice = sound_invoice(serial, "IE")
        # each a document of its own, so that none can hide behind another
        content = write_text(invoice).replace(b"\n", b"\r\n")
        parts.append(_attachment(disposition, content))
        about = f"attachment name: {wrong}"
        attachments.append(around(invoice, f"{wrong}.txt", content, about, *READ))
    return Example(
        name="attachment-names.eml",
        content=_mail(_FROM, parts),
        truth=Truth(outcomes=(EXPANDED,)),
        about="attachment names with line breaks, .., terminal escapes and worse",
        attachments=tuple(attachments),
    )


def hostile_mails() -> list[Example]:
    """Return the hostile e-mails."""
    invoice = sound_invoice(921, "IE")
    attached = _attachment('filename="invoice.txt"', write_text(invoice))
    sender = b"From: " + b"a@b.example, " * 8_000 + b"c@d.example\r\n"
    long_from = _mail(sender, [_text_part(b"see attached"), attached])
    nested: tuple[Expected, ...] = (
        *quarantined(Q.TOO_DEEP, Q.UNREADABLE),
        *EXHAUSTED,
        EXPANDED,
        *READ,
    )
    costly = (EXPANDED, *quarantined(Q.UNREADABLE, Q.UNSUPPORTED_TYPE), *EXHAUSTED)
    return [
        hostile("long-from.eml", long_from, "a From header of 100 KB", *costly),
        hostile("nested-parts.eml", nested_multiparts(1_000), "1,000 nested parts", *nested),
        hostile("nested-mails.eml", nested_messages(1_000), "1,000 forwarded mails", *nested),
        _named_attachments(),
    ]
