"""E-mails whose body is an invoice, and says another thing to whoever reads another part of it."""

import re
from decimal import Decimal
from html import escape
from typing import Final

from examples.hostile.outcomes import sound_invoice
from examples.injected.asked import Injected
from examples.injected.truths import seen_on
from examples.invoice import Invoice
from examples.plain import write_text
from shared.events.payloads import MediaType

_HEAD: Final = (
    b"From: accounts@mail.example\nTo: invoices@docledger.example\nSubject: Invoice\n"
    b"Date: Tue, 14 Apr 2026 09:30:00 +0000\nMIME-Version: 1.0\n"
)
_AMOUNT: Final = re.compile(r"[\d,]+\.\d{2}")
_TIMES: Final = 8


def shown_as(text: str) -> str:
    """Return a text as HTML that looks like it."""
    return f"<html><body><pre>{escape(text)}</pre></body></html>"


def lying(text: str) -> str:
    """Return a text with every amount eight times as large: it adds up as well."""
    return _AMOUNT.sub(lambda one: f"{Decimal(one[0].replace(',', '')) * _TIMES:.2f}", text)


def part(kind: str, content: str) -> bytes:
    """Return a part of an e-mail; ``kind`` may bring more headers."""
    return f"Content-Type: {kind}\nContent-Transfer-Encoding: 8bit\n\n{content}".encode()


def parts(kind: str, *inside: bytes) -> bytes:
    """Return parts as one; each kind at most once in another of its own."""
    mark = b"b-" + kind.encode()
    head = b'Content-Type: multipart/%s; boundary="%s"\n\n' % (kind.encode(), mark)
    return head + b"".join(b"--%s\n%s\n" % (mark, one) for one in inside) + b"--%s--\n" % mark


def alternatives() -> list[Injected]:
    """Return e-mails without attachments, the invoice in their body."""
    made = []
    for serial, (name, about) in enumerate(_ABOUT.items(), 1090):
        invoice = sound_invoice(serial)
        made.append(
            Injected(
                name=f"alternative-{name}.eml",
                media_type=MediaType.EMAIL,
                content=_HEAD + _bodies(invoice)[name],
                about=about,
                truth=seen_on(invoice),
                phrase=f"alternative {name}",
            )
        )
    return made


_ABOUT: Final = {
    "alike": "both bodies say the same",
    "html": "the HTML alone, its lines kept by white-space",
    "text": "the plain text lies",
    "named": "the plain text lies, and has a name",
    "strange": "a text of a type that nobody shows lies",
    "unlisted": "a file without a name beside the HTML lies",
    "nested": "the plain text lies, the HTML stands deeper",
    "two": "the first HTML lies, the last one is shown",
    "picture": "the plain text lies beside a picture",
    "charset": "a charset that mail programs do not know makes a nine of +ADk-",
    "twice": "a second Content-Type says that it is HTML",
}


def _bodies(invoice: Invoice) -> dict[str, bytes]:
    true = write_text(invoice).decode()
    html = part("text/html; charset=utf-8", shown_as(true))
    lie = part("text/plain; charset=utf-8", lying(true))
    binary = part("application/octet-stream", lying(true))
    nested = parts("mixed", parts("related", html, part("image/gif", "GIF89a")))
    picture = part("text/html", '<img src="cid:1" alt="">')
    wrapped = f'<style>.a{{white-space:pre-wrap}}</style><div class="a">{escape(true)}</div>'
    seven = _AMOUNT.sub(lambda one: f"+ADk-{one[0]}", true)
    return {
        "alike": parts("alternative", part("text/plain; charset=utf-8", true), html),
        "html": part("text/html; charset=utf-8", wrapped),
        "text": parts("alternative", lie, html),
        "named": parts(
            "alternative", part('text/plain; charset=utf-8; name="a.txt"', lying(true)), html
        ),
        "strange": parts("alternative", part("text/x-strange", lying(true)), html),
        "unlisted": parts("alternative", binary, html),
        "nested": parts("alternative", lie, nested),
        "two": parts("alternative", part("text/html", shown_as(lying(true))), html),
        "picture": parts("alternative", lie, picture),
        "charset": part("text/plain; charset=utf-7", seven),
        "twice": part("text/plain\nContent-Type: text/html", lying(true)),
    }
