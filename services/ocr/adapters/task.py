"""What runs in the sandbox: the bytes of one document in, the words of some of its pages out."""

from collections.abc import Mapping

from services.ocr.adapters import einvoice, pdf
from services.ocr.plain_text import decoded, pages_of, text_page
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.events.results import EInvoice, Page, PageRange, Reading
from shared.telemetry.reasons import QuarantineReason


def read_pages(content: bytes, parameters: Mapping[str, object]) -> bytes:
    """Read one page range; the sandbox calls this in a child process.

    Args:
        content: the whole document.
        parameters: ``media_type`` (its value), ``first`` and ``last`` page (from 1, included).

    Returns:
        a ``PageRange`` as JSON; with the e-invoice that the document embeds when ``first`` is 1.

    Raises:
        PermanentError: see ``read_range``.
    """
    first, last = int(str(parameters["first"])), int(str(parameters["last"]))
    media_type = MediaType(str(parameters["media_type"]))
    found = read_range(content, media_type, first, last)
    return found.model_dump_json().encode()


def read_range(content: bytes, media_type: MediaType, first: int, last: int) -> PageRange:
    """Read pages ``first`` to ``last`` and none of the others.

    Raises:
        PermanentError: ``unreadable``, ``encrypted``, ``pages_missing``, ``too_many_pixels``,
            ``malformed_xml``, ``forbidden_xml``, ``too_deep``, ``unsupported_type`` or
            ``resource_exhausted``.
    """
    found: EInvoice | None = None
    numbers = range(first, last + 1)
    if media_type is MediaType.PDF:
        with pdf.opened(content) as document:
            pages = [pdf.read_page(document, number) for number in numbers]
            found = pdf.einvoice(document) if first == 1 else None
    elif media_type is MediaType.XML:
        page, found = einvoice.read_xml(content)
        pages = [page]
    elif media_type is MediaType.TEXT:
        sheets = pages_of(decoded(content))
        chosen = sheets[first - 1 : last]
        pages = [text_page(lines, number=n) for n, lines in zip(numbers, chosen, strict=False)]
    elif media_type is MediaType.EMAIL:
        raise PermanentError(QuarantineReason.UNSUPPORTED_TYPE)
    else:
        pages = _image_pages(content, media_type, numbers)
    if [page.number for page in pages] != list(numbers):
        raise PermanentError(QuarantineReason.PAGES_MISSING)
    return PageRange(first=first, last=last, pages=tuple(pages), einvoice=found)


def _image_pages(content: bytes, media_type: MediaType, numbers: range) -> list[Page]:
    # Imported late: a born-digital document never pays for the models' runtime (0.3 s, 60 MB).
    from services.ocr.adapters import images  # noqa: PLC0415 - see above

    with images.opened(content, media_type) as picture:
        return [images.read_frame(picture, number) for number in numbers]


def count_pages(content: bytes, media_type: MediaType) -> int:
    """Return how many pages a document has, as this reader counts them.

    Raises:
        PermanentError: ``unreadable`` or ``encrypted``.
    """
    if media_type is MediaType.PDF:
        with pdf.opened(content) as document:
            return len(document)
    if media_type is MediaType.TEXT:
        return len(pages_of(decoded(content)))
    if media_type in {MediaType.XML, MediaType.EMAIL}:
        return 1
    from services.ocr.adapters import images  # noqa: PLC0415 - see _image_pages

    with images.opened(content, media_type) as picture:
        return images.frames(picture)


def read_document(content: bytes, media_type: MediaType) -> Reading:
    """Read a whole document in this process: for evaluation and tests, never for foreign bytes.

    Raises:
        PermanentError: as ``read_range`` does.
    """
    found = read_range(content, media_type, 1, count_pages(content, media_type))
    return Reading(pages=found.pages, einvoice=found.einvoice)
