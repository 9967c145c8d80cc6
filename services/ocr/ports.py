"""What ocr needs of the outside: the original's bytes, a reader, and the page ranges it stored."""

from collections.abc import Callable
from typing import Protocol

from shared.events.envelope import Event
from shared.events.payloads import DocumentReceived, MediaType, PagesRequested, Reference
from shared.events.results import PageRange


class Originals(Protocol):
    """Documents as they came."""

    def open(self, source: Reference) -> bytes:
        """Return the bytes of an original.

        Raises:
            ErasedError: the document's key is destroyed.
            TransientError: the store is unavailable.
        """
        ...


class Reader(Protocol):
    """Turns pages into words."""

    def read(self, content: bytes, media_type: MediaType, *, first: int, last: int) -> PageRange:
        """Read pages ``first`` to ``last`` (from 1, included) and none of the others.

        The range that begins with page 1 also carries the e-invoice that the document embeds.

        Raises:
            PermanentError: the document cannot be read; the reason says why.
            TransientError: the reader is unavailable.
        """
        ...


class Batches(Protocol):
    """Reads what is too much for one request, over as many deliveries as it takes."""

    def takes(self, data: DocumentReceived | PagesRequested) -> bool:
        """Tell whether a document is read in batches; the same of each of its ranges."""
        ...

    def most_pages(self, data: DocumentReceived | PagesRequested) -> int:
        """Return how many pages a range of such a document has at most."""
        ...

    def read(
        self,
        event: Event,
        data: DocumentReceived | PagesRequested,
        original: Callable[[], bytes],
        *,
        first: int,
        last: int,
    ) -> PageRange | None:
        """Return pages ``first`` to ``last``; None while they are being read elsewhere.

        Args:
            event: comes again when there is news.
            data: its payload.
            original: opens the document, where its bytes are needed.
            first: page, from 1.
            last: page, included.

        Raises:
            PermanentError: the pages cannot be read; the reason says why.
            TransientError: whoever reads is unavailable, or has as much to do as he may.
        """
        ...


class PageRanges(Protocol):
    """The ranges of long documents that are stored already."""

    def stored(self, document_id: str, revision: int) -> list[tuple[int, int]]:
        """Return first and last page of every range that is stored.

        Raises:
            TransientError: the store is unavailable.
        """
        ...

    def open(self, document_id: str, revision: int, first: int, last: int) -> PageRange:
        """Return a stored range.

        Raises:
            ErasedError: the document's key is destroyed.
            TransientError: the store is unavailable.
        """
        ...
