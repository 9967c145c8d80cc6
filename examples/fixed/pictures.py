"""Examples that only OCR can read: scans, photos, faxes."""

from typing import Final

from PIL import Image

from examples.fixed.invoices import draw_pages, make, numbered
from examples.fixed.slots import FROM_PICTURE, Making, Slot
from examples.layouts import LAYOUTS
from examples.pictures import photograph, picture_pdf, render, save, scan
from examples.receipts import Receipt, draw_receipt, make_receipt, receipt_fields, receipt_lines
from examples.truth import Example, Truth
from shared.events.payloads import DocumentType

_DPI = 200


def _scanned(making: Making) -> Example:
    invoice = make(making, "GB", group=",", money="£{amount}", dates="d month y")
    page = render(LAYOUTS["label-left"](invoice, making.random), dpi=_DPI)
    picture = scan(page, seed=making.seed, degrees=making.random.choice((-1, 1)) * 2.7)
    content = picture_pdf([picture], dpi=_DPI)
    return making.example(content, invoice, outcomes=FROM_PICTURE, fast=False)


def _sideways(making: Making) -> Example:
    invoice = make(making, "DE", lines=3, group=".", money="{amount} EUR", dates="d.m.y")
    page = render(LAYOUTS["two-columns"](invoice, making.random), dpi=_DPI)
    turned = page.transpose(Image.Transpose.ROTATE_90)
    content = picture_pdf([scan(turned, seed=making.seed, degrees=0.4)], dpi=_DPI)
    return making.example(content, invoice, outcomes=FROM_PICTURE, fast=False)


def _hidden_text(making: Making) -> Example:
    invoice = make(making, "US", money="${amount}", dates="month d, y")
    page = render(LAYOUTS["two-columns"](invoice, making.random), dpi=_DPI)
    picture = scan(page, seed=making.seed, degrees=0.3)
    lies = "\n".join(
        (
            f"{invoice.words.number} {invoice.number}",
            f"{invoice.words.net} $10.00",
            f"{invoice.words.tax} $0.00",
            f"{invoice.words.total} $10.00",
        )
    )
    content = picture_pdf([picture], dpi=_DPI, hidden_text=lies)
    return making.example(content, invoice, outcomes=FROM_PICTURE, fast=False)


def _fax(making: Making) -> Example:
    invoice = numbered(make(making, "FR", lines=28, group=" ", money="{amount} EUR", dates="d/m/y"))
    pdf, pages = draw_pages(invoice, making.random)
    sheets = [render(pdf, dpi=_DPI, page=page).convert("1") for page in range(pages)]
    content = save(
        sheets[0],
        "TIFF",
        save_all=True,
        append_images=sheets[1:],
        compression="group4",
        dpi=(_DPI, _DPI),
    )
    return making.example(content, invoice, outcomes=FROM_PICTURE, pages=pages, fast=False)


def _webp(making: Making) -> Example:
    invoice = make(making, "AT", lines=3, group=".", money="{amount} €", dates="d.m.y")
    page = render(LAYOUTS["label-above"](invoice, making.random), dpi=150)
    content = save(page, "WEBP", quality=80)
    return making.example(content, invoice, outcomes=FROM_PICTURE, fast=False)


def _receipt_example(making: Making, receipt: Receipt, content: bytes) -> Example:
    return Example(
        name=making.name,
        content=content,
        truth=Truth(
            outcomes=FROM_PICTURE,
            document_type=DocumentType.RECEIPT,
            language=receipt.convention.language,
            pages=1,
            fields=receipt_fields(receipt),
            line_items=receipt_lines(receipt),
        ),
        about=making.about,
        fast=False,
    )


def _photo(making: Making) -> Example:
    receipt = make_receipt(making.random, "MY", serial=making.serial)
    picture = photograph(render(draw_receipt(receipt), dpi=260), seed=making.seed)
    return _receipt_example(making, receipt, save(picture, "JPEG", quality=82))


def _png(making: Making) -> Example:
    receipt = make_receipt(making.random, "GB", serial=making.serial)
    picture = render(draw_receipt(receipt), dpi=_DPI)
    return _receipt_example(making, receipt, save(picture, "PNG", dpi=(_DPI, _DPI)))


PICTURES: Final = (
    Slot("scan-skewed.pdf", "a skewed, noisy scan of a British invoice", _scanned),
    Slot("scan-sideways.pdf", "a German invoice that lay sideways on the scanner", _sideways),
    Slot("scan-hidden-text.pdf", "a scan with an invisible text layer that lies", _hidden_text),
    Slot("fax.tiff", "a French invoice of two pages, black and white", _fax),
    Slot("invoice-picture.webp", "an Austrian invoice as a picture", _webp),
    Slot("receipt-photo.jpg", "a Malay receipt as a phone sees it", _photo),
    Slot("receipt.png", "a British receipt", _png),
)
"""Everything that needs OCR."""
