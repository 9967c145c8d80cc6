"""Small documents of our own making: pages drawn with Pillow, PDFs with reportlab."""

import io
from collections.abc import Callable, Iterator

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen.canvas import Canvas

from tests.emulators.documentai import DocumentAiServer, documentai_server, running_documentai
from tests.services.ocr.far_house import A_BATCH, FarHouse

__all__ = ["documentai_server", "running_documentai"]

LINES = (
    "CORNER BAKERY LIMITED",
    "Invoice number 20417",
    "Flour and butter 118.40",
    "Delivery on Monday 12.00",
    "Total amount 130.40",
)

PdfMaker = Callable[..., bytes]


def picture(lines: tuple[str, ...] = LINES, *, size: tuple[int, int] = (640, 460)) -> Image.Image:
    """Return a scan-like page."""
    page = Image.new("L", size, 255)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=30)
    for row, line in enumerate(lines):
        draw.text((50, 40 + 70 * row), line, fill=0, font=font)
    return page


def encoded(page: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return an image file."""
    file = io.BytesIO()
    page.save(file, kind, **options)
    return file.getvalue()


def pdf(
    *draws: Callable[[Canvas], None],
    size: tuple[float, float] = (400, 600),
    crop: tuple[float, float, float, float] | None = None,
) -> bytes:
    """Return a PDF, one page a function."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=size)
    for draw in draws:
        canvas.setFont("Helvetica", 12)
        draw(canvas)
        if crop:
            canvas.setCropBox(crop)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@pytest.fixture
def make_pdf() -> PdfMaker:
    """Return the PDF maker."""
    return pdf


@pytest.fixture
def make_picture() -> Callable[..., Image.Image]:
    """Return the page drawer."""
    return picture


@pytest.fixture
def encode() -> Callable[..., bytes]:
    """Return the image encoder."""
    return encoded


@pytest.fixture
def lines() -> tuple[str, ...]:
    """Return what the drawn page says."""
    return LINES


@pytest.fixture
def far_house(
    documentai_server: DocumentAiServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FarHouse]:
    """Give a site whose pages Document AI reads."""
    monkeypatch.setenv("DOCLEDGER_UNSAFE_DOCUMENTAI_EMULATOR", documentai_server.address)
    house = FarHouse(documentai_server)
    yield house
    house.close()


@pytest.fixture
def _batches_begin_early(far_house: FarHouse) -> None:
    far_house.settings["DOCLEDGER_OCR_ONLINE_PAGES"] = str(A_BATCH - 1)
