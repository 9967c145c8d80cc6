"""How a long document is cut into page ranges, and put together again: pure rules."""

from collections.abc import Sequence

from services.ocr.found import merged
from shared.errors import PermanentError
from shared.events.results import PageRange, Reading
from shared.telemetry.reasons import QuarantineReason


def ranges_of(pages: int, most: int) -> list[tuple[int, int]]:
    """Return first and last page of each range of at most ``most`` pages; they cover all pages."""
    return [(first, min(first + most - 1, pages)) for first in range(1, pages + 1, most)]


def covering(stored: Sequence[tuple[int, int]], pages: int) -> list[tuple[int, int]] | None:
    """Return those of the stored ranges that cover pages 1 to ``pages`` once; None if they do not.

    Ranges may overlap where the setting changed between two deliveries: any cover will do, the
    same one every time.
    """
    ends: dict[int, tuple[int, int] | None] = {0: None}
    for first, last in sorted(set(stored)):
        if first - 1 in ends and first <= last <= pages:
            ends.setdefault(last, (first, last))
    if pages not in ends:
        return None
    chosen = []
    part = ends[pages]
    while part is not None:
        chosen.append(part)
        part = ends[part[0] - 1]
    return chosen[::-1]


def reconcile(read: PageRange, *, first: int, last: int) -> PageRange:
    """Return ``read`` if it holds exactly the pages that were asked for.

    Raises:
        PermanentError: ``pages_missing``.
    """
    numbers = [page.number for page in read.pages]
    if (read.first, read.last) != (first, last) or numbers != list(range(first, last + 1)):
        raise PermanentError(QuarantineReason.PAGES_MISSING)
    return read


def assembled(parts: Sequence[PageRange], *, pages: int) -> Reading:
    """Return the whole document: pages in = pages read.

    Raises:
        PermanentError: ``pages_missing``.
    """
    found = [page for part in parts for page in part.pages]
    if [page.number for page in found] != list(range(1, pages + 1)):
        raise PermanentError(QuarantineReason.PAGES_MISSING)
    einvoice = next((part.einvoice for part in parts if part.einvoice is not None), None)
    extraction = merged(part.extraction for part in parts)
    return Reading(pages=tuple(found), einvoice=einvoice, extraction=extraction)
