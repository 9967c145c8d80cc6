"""PDF: how many pages are really there, and whether they can be drawn."""

import math
import re
from typing import Final

import pypdfium2
from pypdfium2 import raw

from services.ingest.inspection import InspectionLimits
from shared.errors import PermanentError
from shared.telemetry.reasons import QuarantineReason

_END: Final = b"%%EOF"
_OBJECT: Final = re.compile(rb"\d\s+\d+\s+obj\b")
_POINTS_PER_INCH: Final = 72


def count_pages(content: bytes, limits: InspectionLimits) -> int:
    """Return the number of pages; each was found, whatever the file says.

    Pages' contents are not parsed here: a page of a million nested forms costs nothing yet.

    Raises:
        PermanentError: ``encrypted``, ``unreadable``, ``pages_missing``, ``too_many_pages`` or
            ``too_many_pixels``.
    """
    if is_truncated(content):
        raise PermanentError(QuarantineReason.UNREADABLE)
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as err:
        locked = err.err_code in {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}
        reason = QuarantineReason.ENCRYPTED if locked else QuarantineReason.UNREADABLE
        raise PermanentError(reason) from err
    try:
        return _count(document, limits)
    finally:
        document.close()


def is_truncated(content: bytes) -> bool:
    """Whether the end is missing: pdfium would mend the file, and draw what was lost as blank."""
    end = content.rfind(_END)
    return end < 0 or _OBJECT.search(content, end) is not None


def _count(document: pypdfium2.PdfDocument, limits: InspectionLimits) -> int:
    claimed = len(document)
    pages = 0
    while pages < claimed:
        if pages == limits.pages:
            raise PermanentError(QuarantineReason.TOO_MANY_PAGES)
        try:
            width, height = document.get_page_size(pages)
        except pypdfium2.PdfiumError:
            break
        pages += 1
        scale = limits.render_dpi / _POINTS_PER_INCH
        area = width * height * scale * scale
        if not math.isfinite(area) or area > limits.pixels:
            raise PermanentError(QuarantineReason.TOO_MANY_PIXELS)
    if pages == 0:
        raise PermanentError(QuarantineReason.UNREADABLE)
    if pages < claimed:
        raise PermanentError(QuarantineReason.PAGES_MISSING)
    return pages
