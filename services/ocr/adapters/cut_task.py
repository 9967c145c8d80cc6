"""What runs in the sandbox for a reader elsewhere: some pages of a file, as a file of their own.

A request names no pages: whoever reads gets those of one range, and is paid for those.
"""

import io
import json
from collections.abc import Mapping

import pypdfium2

from services.ocr.adapters import pdf
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.telemetry.reasons import QuarantineReason


def cut_pages(content: bytes, parameters: Mapping[str, object]) -> bytes:
    """Cut pages out; the sandbox calls this in a child process.

    Args:
        content: the whole document.
        parameters: ``media_type`` (its value), ``first`` and ``last`` page (from 1, included), and
            ``look``: whether only to look, and cut nothing.

    Returns:
        a line of JSON (``whole``: whether the range is the document as it is; ``sizes``: of its
        pages in points; ``einvoice``: what the document embeds, when ``first`` is 1), then the
        file, where it is another one.

    Raises:
        PermanentError: ``unreadable``, ``encrypted``, ``pages_missing``, ``too_many_pixels`` or
            ``resource_exhausted``.
    """
    first, last = int(str(parameters["first"])), int(str(parameters["last"]))
    media_type = MediaType(str(parameters["media_type"]))
    cut = _of_pdf if media_type is MediaType.PDF else _of_image
    told, file = cut(content, media_type, first, last, look=bool(parameters["look"]))
    return json.dumps(told).encode() + b"\n" + file


def _of_pdf(
    content: bytes, _media_type: MediaType, first: int, last: int, *, look: bool
) -> tuple[dict[str, object], bytes]:
    with pdf.opened(content) as document:
        if last > len(document):
            raise PermanentError(QuarantineReason.PAGES_MISSING)
        whole = (first, last) == (1, len(document))
        wanted = range(first - 1, last)
        try:
            sizes = [list(document.get_page_size(index)) for index in wanted]
            file = b"" if whole or look else _saved(document, list(wanted))
        except pypdfium2.PdfiumError as err:
            raise PermanentError(QuarantineReason.UNREADABLE) from err
        found = pdf.einvoice(document) if first == 1 else None
    embedded = found.model_dump(mode="json") if found is not None else None
    return {"whole": whole, "sizes": sizes, "einvoice": embedded}, file


def _saved(document: pypdfium2.PdfDocument, pages: list[int]) -> bytes:
    file = io.BytesIO()
    part = pypdfium2.PdfDocument.new()
    try:
        part.import_pages(document, pages)
        part.save(file)
    finally:
        part.close()
    return file.getvalue()


def _of_image(
    content: bytes, media_type: MediaType, first: int, last: int, *, look: bool
) -> tuple[dict[str, object], bytes]:
    # Imported late, as the reader's models are: a PDF never pays for it.
    from services.ocr.adapters import image_cut  # noqa: PLC0415 - see above

    return image_cut.cut(content, media_type, first, last, look=look)
