"""What runs in the sandbox: foreign bytes in, what they are out."""

from typing import Any

from services.ingest import mail, text
from services.ingest.adapters import einvoice, images, pdf
from services.ingest.adapters.sniff import sniff
from services.ingest.inspection import Inspection, InspectionLimits, limits_in
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.telemetry.reasons import QuarantineReason


def inspect(content: bytes, parameters: dict[str, Any]) -> bytes:
    """Look at one upload; the sandbox calls this in a child.

    Args:
        content: foreign bytes.
        parameters: ``services.ingest.inspection.parameters_of``.

    Returns:
        an encoded ``Inspection``.

    Raises:
        PermanentError: see ``look``.
    """
    return look(content, limits_in(parameters)).encoded()


def look(content: bytes, limits: InspectionLimits) -> Inspection:
    """Say what ``content`` is and how many pages it has.

    Raises:
        PermanentError: ``unsupported_type``, ``encrypted``, ``unreadable``, ``pages_missing``,
            ``malformed_xml``, ``forbidden_xml``, ``too_many_pages``, ``too_many_pixels`` or
            ``too_deep``.
    """
    kind = sniff(content)
    if kind is None:
        raise PermanentError(QuarantineReason.UNSUPPORTED_TYPE)
    if kind is MediaType.EMAIL:
        return Inspection(kind, 0, mail.attachments(content, limits))
    pages = _pages(content, kind, limits)
    if pages > limits.pages:
        raise PermanentError(QuarantineReason.TOO_MANY_PAGES)
    return Inspection(kind, pages)


def _pages(content: bytes, kind: MediaType, limits: InspectionLimits) -> int:
    if kind is MediaType.PDF:
        return pdf.count_pages(content, limits)
    if kind is MediaType.XML:
        einvoice.check(content, limits)
        return 1
    if kind is MediaType.TEXT:
        return text.count_pages(text.decoded(content) or "")
    return images.count_pages(content, kind, limits)
