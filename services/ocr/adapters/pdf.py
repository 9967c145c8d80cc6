"""Pages of a PDF: the text layer where it is worth trusting, else the rendered page."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import numpy as np
import pypdfium2
from pypdfium2 import raw

from services.ocr import text_layer
from services.ocr.adapters import text_page
from services.ocr.adapters.einvoice import recognised
from services.ocr.adapters.image_types import Image
from services.ocr.adapters.ink import Ink
from services.ocr.adapters.text_objects import TextObjects
from services.ocr.layout import Mark, words
from shared.errors import PermanentError
from shared.events.results import EInvoice, Page
from shared.telemetry.reasons import QuarantineReason

RENDER_LONGEST: Final = 2200  # pixels: an A4 page at 190 dpi, whatever size a page claims to have
RENDER_MOST_SCALE: Final = 200 / 72  # 200 dpi: small pages get no more
MOST_ATTACHMENTS: Final = 32  # that are looked at for an e-invoice
MOST_ATTACHMENT_BYTES: Final = 20_000_000


@contextmanager
def opened(content: bytes) -> Iterator[pypdfium2.PdfDocument]:
    """Open a PDF for the duration of a block.

    Raises:
        PermanentError: ``encrypted`` or ``unreadable``.
    """
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as err:
        locked = err.err_code in {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}
        reason = QuarantineReason.ENCRYPTED if locked else QuarantineReason.UNREADABLE
        raise PermanentError(reason) from err
    try:
        yield document
    finally:
        document.close()


def read_page(document: pypdfium2.PdfDocument, number: int) -> Page:
    """Read page ``number`` (from 1).

    Raises:
        PermanentError: ``pages_missing`` when the file promises a page that it does not have.
    """
    try:
        page = document[number - 1]
    except (pypdfium2.PdfiumError, IndexError) as err:
        raise PermanentError(QuarantineReason.PAGES_MISSING) from err
    noted: pypdfium2.PdfPage | None = None
    try:
        where = text_page.frame(page)
        characters, unmapped = text_page.characters(page, where)
        verdict = text_layer.judge(characters, text_page.drawn(page, where, unmapped))
        if raw.FPDFPage_GetAnnotCount(page) > 0:
            # A person sees notes and fields: they become part of what is drawn. The page that is
            # open stays as it was parsed.
            raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
            noted = document[number - 1]
        return _read(_Open(page, noted, number, where), characters, verdict)
    except pypdfium2.PdfiumError as err:
        raise PermanentError(QuarantineReason.UNREADABLE) from err
    finally:
        if noted is not None:
            noted.close()
        page.close()


class _Open(NamedTuple):
    """An open page, and the same with its notes and fields, where it has some."""

    page: pypdfium2.PdfPage
    noted: pypdfium2.PdfPage | None
    number: int
    where: text_page.Frame


def _read(one: _Open, characters: list[text_layer.Character], verdict: text_layer.Verdict) -> Page:
    page, noted, number, where = one
    if verdict == "blank" and noted is None:
        return _page(number, where, [], 0)
    shown: Page | None = None
    dotted = False
    text = TextObjects(page) if verdict == "trust" else None
    if text is not None and not text.is_replaced:
        ink = Ink(page, text, where, noted)
        visible = [c for c in characters if not c.hidden]
        marks = text_layer.marks(visible, ink.shows)
        trusted = _page(number, where, marks, text_layer.page_turn(visible))
        sound = not ink.is_overlaid and not text_layer.is_written_over(trusted.words)
        figures = [mark.box for mark in marks if any(map(str.isdigit, mark.text))]
        dotted = text_layer.is_dotted(figures, [one.box for one in characters if one.hidden])
        sound = sound and not dotted and not ink.has_specks(figures)
        if ink.is_most and sound and not ink.has_notes:
            return trusted
        shown = trusted if ink.is_most and sound else None
    # Imported late: a born-digital document never pays for the models.
    from services.ocr.adapters.page_reader import read_image  # noqa: PLC0415 - costs 0.3 s

    width, height = where.size
    image = render(noted if noted is not None else page)
    read = read_image(image, number=number, width=width, height=height, turned=page.get_rotation())
    if dotted:
        return text_layer.unsure(read)
    if verdict == "compare":
        marks = text_layer.marks(characters)
        shown = _page(number, where, marks, text_layer.page_turn(characters))
    return shown if shown is not None and text_layer.agrees(shown.words, read.words) else read


def _page(
    number: int,
    where: text_page.Frame,
    marks: list[Mark],
    turn: text_layer.Turn,
) -> Page:
    """Make a page of words of the layer, turned so that most of them stand upright."""
    width, height = where.size
    upright = [Mark(mark.text, text_layer.turned(mark.box, turn, width, height)) for mark in marks]
    if turn in {90, 270}:
        width, height = height, width
    return Page.model_validate(
        {
            "number": number,
            "width": round(width, 2),
            "height": round(height, 2),
            "rotation": (where.turn + turn) % 360,
            "engine": "text_layer",
            "words": words(upright, width=width, height=height),
        }
    )


def render(page: pypdfium2.PdfPage) -> Image:
    """Draw a page as a person sees it, never larger than ``RENDER_LONGEST`` pixels a side."""
    width, height = page.get_size()
    scale = min(RENDER_MOST_SCALE, RENDER_LONGEST / max(width, height, 1.0))
    bitmap = page.render(scale=scale, draw_annots=True, force_bitmap_format=raw.FPDFBitmap_BGR)
    return np.ascontiguousarray(bitmap.to_numpy()[:, :, :3])


def einvoice(document: pypdfium2.PdfDocument) -> EInvoice | None:
    """Return the e-invoice that a PDF embeds (Factur-X, ZUGFeRD 1 and 2, XRechnung), if any."""
    for index in range(min(document.count_attachments(), MOST_ATTACHMENTS)):
        try:
            data = bytes(document.get_attachment(index).get_data())
        except pypdfium2.PdfiumError:
            continue  # an attachment without data is not the invoice
        if len(data) <= MOST_ATTACHMENT_BYTES:
            found = recognised(data, visible=True)
            if found is not None:
                return found
    return None
