"""Pages to words: the whole story of the reader."""

from collections.abc import Callable
from functools import partial

from services.ocr.ports import Batches, Originals, PageRanges, Reader
from services.ocr.ranges import assembled, covering, ranges_of, reconcile
from shared.events.envelope import Child, Event
from shared.events.payloads import (
    DocumentReceived,
    EventType,
    MediaType,
    PagesRead,
    PagesRequested,
)
from shared.events.results import PageRange
from shared.worker.outcome import Outcome


def handle(  # noqa: PLR0913 - the message, then what it takes
    event: Event,
    *,
    originals: Originals,
    reader: Reader,
    ranges: PageRanges,
    pages_per_range: Callable[[MediaType], int],
    batches: Batches | None = None,
) -> Outcome:
    """Read a document, or one range of a long one.

    A document of at most ``pages_per_range`` pages is read at once. A longer one is cut into
    ranges, each a message of its own, so that no delivery takes long; whoever finds all of them
    stored puts the document together. Two may find it at once: they make the same reading, and
    the edge keeps one. What is read in batches elsewhere ends its delivery without an outcome; its
    event comes again when the batch has ended.

    Raises:
        PermanentError: the document cannot be read, or ``pages_missing``.
        TransientError: the store or the reader is unavailable.
    """
    data = event.data
    if isinstance(data, PagesRead):
        return _put_together(data, ranges)
    if not isinstance(data, DocumentReceived | PagesRequested):
        raise TypeError(f"ocr does not handle {event.type}")
    far = batches if batches is not None and batches.takes(data) else None
    if isinstance(data, DocumentReceived):
        most = pages_per_range(data.media_type) if far is None else far.most_pages(data)
        cut = ranges_of(data.pages, most)
        if len(cut) > 1:
            return Outcome(children=tuple(_request(data, first, last) for first, last in cut))
    first, last = (1, data.pages) if isinstance(data, DocumentReceived) else (data.first, data.last)
    if far is not None:
        original = partial(originals.open, data.original)
        read = far.read(event, data, original, first=first, last=last)
        if read is None:
            return Outcome()  # it is read elsewhere; this event will come again
    else:
        content = originals.open(data.original)
        read = reader.read(content, data.media_type, first=first, last=last)
    read = reconcile(read, first=first, last=last)
    if isinstance(data, DocumentReceived):
        return _finished(data, [read])
    return Outcome(result=read, children=(_part_read(data),))


def _put_together(data: PagesRead, ranges: PageRanges) -> Outcome:
    document, revision = data.document_id, data.revision
    parts = covering(ranges.stored(document, revision), data.pages)
    if parts is None:
        return Outcome()  # another range is still being read; its own event will come
    return _finished(data, [ranges.open(document, revision, *part) for part in parts])


def _request(data: DocumentReceived, first: int, last: int) -> Child:
    requested = PagesRequested(
        document_id=data.document_id,
        revision=data.revision,
        original=data.original,
        media_type=data.media_type,
        pages=data.pages,
        first=first,
        last=last,
    )
    return Child(EventType.PAGES_REQUESTED, requested.model_dump(mode="json"), part=first)


def _part_read(data: PagesRequested) -> Child:
    read = PagesRead.model_validate(data.model_dump())
    return Child(EventType.PAGES_READ, read.model_dump(mode="json"), part=data.first)


def _finished(data: DocumentReceived | PagesRead, parts: list[PageRange]) -> Outcome:
    return Outcome(
        result=assembled(parts, pages=data.pages),
        children=(
            Child(
                EventType.DOCUMENT_READ,
                {
                    "document_id": data.document_id,
                    "revision": data.revision,
                    "original": data.original.model_dump(mode="json"),
                    "pages": data.pages,
                },
                takes_result=True,
            ),
        ),
    )
