"""The one known document that ``docledger smoke`` sends: an invoice of which every figure is ours.

No two are alike: the number is random, and so is the amount, by which the entry is found again.
"""

import datetime as dt
import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

CURRENCY: Final = "EUR"
SCALE: Final = 2

_LEAST: Final = 100_000
_MOST: Final = 900_000
_RATE: Final = 20
_LINE: Final = 18
_LEFT, _TOP = 72, 770


@dataclass(frozen=True, slots=True)
class SmokeInvoice:
    """What is sent, in minor units of the euro.

    Attributes:
        number: of the invoice.
        issued: today.
        net: before tax.
    """

    number: str
    issued: dt.date
    net: int

    @property
    def tax(self) -> int:
        """Of 20 per cent; the net amounts are such that nothing is rounded."""
        return self.net * _RATE // 100

    @property
    def total(self) -> int:
        """Net and tax."""
        return self.net + self.tax

    def lines(self) -> list[str]:
        """Return the invoice as it reads."""
        date = self.issued.isoformat()
        due = (self.issued + dt.timedelta(days=30)).isoformat()
        return [
            "Docledger Smoke Test Ltd",
            "1 Canary Lane",
            "D02 X285 Dublin",
            "VAT number: IE6388047V",
            "",
            "INVOICE",
            "",
            f"Invoice number: {self.number}",
            f"Invoice date: {date}",
            f"Due date: {due}",
            "",
            "Bill to: Docledger Operations Ltd",
            "2 Canary Lane, Dublin",
            "",
            f"Subtotal: {_written(self.net)} {CURRENCY}",
            f"VAT {_RATE}%: {_written(self.tax)} {CURRENCY}",
            f"Total amount: {_written(self.total)} {CURRENCY}",
            "",
            "This document tests a deployment. Nobody owes anything.",
        ]

    def pdf(self) -> bytes:
        """Return the invoice as a PDF 1.4 of one page, its text in a font that readers have."""
        text = "".join(f"({_escaped(line)}) Tj T*\n" for line in self.lines())
        content = f"BT /F1 11 Tf {_LINE} TL {_LEFT} {_TOP} Td\n{text}ET".encode("ascii")
        page = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        )
        objects = (
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page,
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        )
        made = bytearray(b"%PDF-1.4\n")
        places = []
        for number, body in enumerate(objects, start=1):
            places.append(len(made))
            made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        table = len(made)
        made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
        made += b"".join(b"%010d 00000 n \n" % place for place in places)
        made += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
        made += b"startxref\n%d\n%%%%EOF\n" % table
        return bytes(made)


def new_invoice(today: dt.date) -> SmokeInvoice:
    """Return an invoice that nobody has sent before."""
    step = 100 // _RATE
    net = _LEAST + step * secrets.randbelow((_MOST - _LEAST) // step)
    return SmokeInvoice(f"SMOKE-{today:%Y%m%d}-{secrets.token_hex(4).upper()}", today, net)


def _written(minor: int) -> str:
    return str(Decimal(minor).scaleb(-SCALE))


def _escaped(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
