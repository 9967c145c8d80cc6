"""Large scans of our own making: the pixels are what is large, and each page says which it is.

Pages are written one after the other, as a scanner does; no two of them are in memory at once.
"""

import io
from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.TiffImagePlugin import AppendingTiffWriter

from tests.emulators.stamps import stamp

DPI: Final = 300
A6: Final = (1240, 1748)
"""Pixels of a slip at 300 dpi: 2.2 MB, since each is a byte."""

_PAPER: Final = (215, 255)
_INK: Final = 30


def said(pages: int) -> list[str]:
    """Return what the pages of a scan say."""
    return [f"page {number} of {pages}" for number in range(1, pages + 1)]


def scanned_tiff(pages: int) -> bytes:
    """Return slips as a scanner leaves them that does not compress: 2.2 MB each."""
    file = io.BytesIO()
    with AppendingTiffWriter(file) as written:
        for page in _slips(pages):
            page.save(written, "TIFF", dpi=(DPI, DPI))
            written.newFrame()
    return file.getvalue()


def scanned_pdf(pages: int) -> bytes:
    """Return the same slips as a PDF, each with its text unseen behind it (ISO 32000-1, 9.3.6)."""
    file = io.BytesIO(b"%PDF-1.4\n")
    file.seek(0, io.SEEK_END)
    begins: list[int] = []

    def put(told: str, stream: bytes | None = None) -> None:
        begins.append(file.tell())
        file.write(f"{len(begins)} 0 obj\n".encode())
        if stream is None:
            file.write(f"<<{told}>>".encode())
        else:
            file.write(f"<<{told} /Length {len(stream)}>>\nstream\n".encode())
            file.write(stream)
            file.write(b"\nendstream")
        file.write(b"\nendobj\n")

    width, height = (side * 72 / DPI for side in A6)
    kids = " ".join(f"{4 + 3 * number} 0 R" for number in range(pages))
    put("/Type /Catalog /Pages 2 0 R")
    put(f"/Type /Pages /Count {pages} /Kids [{kids}] /MediaBox [0 0 {width:.2f} {height:.2f}]")
    put("/Type /Font /Subtype /Type1 /BaseFont /Helvetica")
    for text, page in zip(said(pages), _slips(pages), strict=True):
        at = len(begins) + 1
        has = f"/Font <</F 3 0 R>> /XObject <</S {at + 2} 0 R>>"
        put(f"/Type /Page /Parent 2 0 R /Contents {at + 1} 0 R /Resources <<{has}>>")
        seen = f"q {width:.2f} 0 0 {height:.2f} 0 0 cm /S Do Q"
        put("", f"{seen} BT /F 12 Tf 3 Tr 24 330 Td ({text}) Tj ET".encode())
        looks = "/Type /XObject /Subtype /Image /ColorSpace /DeviceGray /BitsPerComponent 8"
        put(f"{looks} /Width {page.width} /Height {page.height}", page.tobytes())
    table = file.tell()
    rows = "".join(f"{begin:010} 00000 n \n" for begin in begins)
    size = len(begins) + 1
    ends = f"trailer <</Size {size} /Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n"
    file.write(f"xref\n0 {size}\n0000000000 65535 f \n{rows}{ends}".encode())
    return file.getvalue()


def _slips(pages: int) -> Iterator[Image.Image]:
    """Yield noisy pages, each with its text and its stamp."""
    noise = np.random.default_rng(pages)
    font = ImageFont.load_default(size=60)
    for text in said(pages):
        page = Image.fromarray(noise.integers(*_PAPER, size=A6[::-1], dtype=np.uint8))
        stamp(page, text)
        ImageDraw.Draw(page).text((100, 300), text, fill=_INK, font=font)
        yield page
