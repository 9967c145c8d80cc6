"""The reader that has Document AI read, one range a request."""

from services.ocr.adapters.cutter import Cutter
from services.ocr.adapters.documentai import DocumentAi
from services.ocr.answer import OUT_OF_SHAPE, pages_in
from services.ocr.found import extraction_in, merged
from services.ocr.metering import Meter
from services.ocr.ports import Reader
from services.ocr.processors import Processors
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.events.results import PageRange
from shared.telemetry.reasons import QuarantineReason


class DocumentAiReader:
    """Reads pages online; see ``services.ocr.ports.Reader``.

    Args:
        remote: Document AI.
        processors: ours, and their limits.
        cutter: cuts the range out.
        embedded: reads what none of our processors takes (text, XML).
        meter: counts pages.
    """

    def __init__(
        self,
        remote: DocumentAi,
        *,
        processors: Processors,
        cutter: Cutter,
        embedded: Reader,
        meter: Meter,
    ) -> None:
        self._remote = remote
        self._processors = processors
        self._cutter = cutter
        self._embedded = embedded
        self._meter = meter

    def read(self, content: bytes, media_type: MediaType, *, first: int, last: int) -> PageRange:
        """Read pages ``first`` to ``last``; see ``services.ocr.ports.Reader``."""
        named = self._processors.online(media_type)
        if named is None:
            return self._embedded.read(content, media_type, first=first, last=last)
        cut = self._cutter.cut(content, media_type, first=first, last=last)
        if len(cut.file) > self._processors.limits.online_bytes:
            return self._in_halves(content, media_type, first, last)
        answer = self._remote.process(named.name, cut.file, media_type)
        self._meter.read(last - first + 1)
        try:
            pages = pages_in(answer, before=first - 1, sizes=cut.sizes)
            extraction = extraction_in(answer, named.its, before=first - 1)
        except OUT_OF_SHAPE:
            # The chain is cut: these errors quote what they could not read.
            raise PermanentError(QuarantineReason.UNREADABLE) from None
        if [page.number for page in pages] != list(range(first, last + 1)):
            raise PermanentError(QuarantineReason.PAGES_MISSING)
        return PageRange(
            first=first,
            last=last,
            pages=tuple(pages),
            einvoice=cut.einvoice,
            extraction=extraction,
        )

    def _in_halves(self, content: bytes, media_type: MediaType, first: int, last: int) -> PageRange:
        """Read what is more than one request may have, in two."""
        if first == last:
            raise PermanentError(QuarantineReason.RESOURCE_EXHAUSTED)
        middle = (first + last) // 2
        halves = [
            self.read(content, media_type, first=first, last=middle),
            self.read(content, media_type, first=middle + 1, last=last),
        ]
        return PageRange(
            first=first,
            last=last,
            pages=tuple(page for half in halves for page in half.pages),
            einvoice=halves[0].einvoice,
            extraction=merged(half.extraction for half in halves),
        )
