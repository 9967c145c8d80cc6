"""What ocr needs of the outside: the original's bytes, a reader, and the page ranges it stored."""

from typing import Protocol

from shared.events.payloads import MediaType, Reference
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
