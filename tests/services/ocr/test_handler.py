"""The story of the reader: at once, in ranges, put together."""

from datetime import UTC, datetime

import pytest

from services.ocr.handler import handle
from shared.errors import PermanentError
from shared.events.envelope import Event, make_event
from shared.events.payloads import (
    PAYLOADS,
    DocumentReceived,
    EventType,
    MediaType,
    PagesRead,
    PagesRequested,
    Payload,
    Reference,
)
from shared.events.results import EInvoice, Page, PageRange, Reading
from shared.worker.outcome import Outcome

DOCUMENT = "d" * 40
ORIGINAL = Reference(name=f"originals/{DOCUMENT}", generation=1, digest="0" * 64, size=9)
BASIS = {
    "document_id": DOCUMENT,
    "revision": 2,
    "original": ORIGINAL,
    "media_type": MediaType.PDF,
}
XML = EInvoice(syntax="cii", xml="<a/>", visible=True)


class FakeOriginals:
    """One original."""

    def open(self, source: Reference) -> bytes:
        """Return it."""
        assert source == ORIGINAL
        return b"content"


class FakeReader:
    """Reads blank pages; may lose the last one."""

    def __init__(self, *, loses: int = 0) -> None:
        self.asked: list[tuple[int, int]] = []
        self.loses = loses

    def read(self, content: bytes, media_type: MediaType, *, first: int, last: int) -> PageRange:
        """Return the pages asked for."""
        assert (content, media_type) == (b"content", MediaType.PDF)
        self.asked.append((first, last))
        pages = tuple(
            Page(number=n, width=1, height=1, engine="text_layer", words=())
            for n in range(first, last + 1 - self.loses)
        )
        return PageRange(first=first, last=last, pages=pages, einvoice=XML if first == 1 else None)


class FakeRanges:
    """Ranges in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, int], PageRange] = {}

    def stored(self, document_id: str, revision: int) -> list[tuple[int, int]]:
        """Return what is there."""
        assert (document_id, revision) == (DOCUMENT, 2)
        return list(self.kept)

    def open(self, document_id: str, revision: int, first: int, last: int) -> PageRange:
        """Return one."""
        assert (document_id, revision) == (DOCUMENT, 2)
        return self.kept[first, last]


def event(data: Payload) -> Event:
    """Wrap a payload."""
    return make_event(
        data,
        tenant_key=b"k" * 32,
        tenant="acme",
        source="test",
        subject=DOCUMENT,
        jobid="a" * 40,
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        time=datetime(2026, 1, 1, tzinfo=UTC),
    )


def run(data: Payload, *, reader: FakeReader, ranges: FakeRanges, most: int = 4) -> Outcome:
    """Handle one event."""
    return handle(
        event(data),
        originals=FakeOriginals(),
        reader=reader,
        ranges=ranges,
        pages_per_range=lambda _type: most,
    )


def received(pages: int) -> DocumentReceived:
    """Return the event of a document of so many pages."""
    return DocumentReceived.model_validate({**BASIS, "pages": pages})


def test_a_short_document_is_read_at_once() -> None:
    """One delivery, one result, one event."""
    reader = FakeReader()
    outcome = run(received(4), reader=reader, ranges=FakeRanges())
    assert reader.asked == [(1, 4)]
    assert isinstance(outcome.result, Reading)
    assert outcome.result.einvoice == XML
    (child,) = outcome.children
    assert (child.type, child.takes_result) == (EventType.DOCUMENT_READ, True)
    payload = PAYLOADS[child.type].model_validate({**child.data, "result": ORIGINAL})
    assert payload.model_dump() | {"result": None} == {
        "document_id": DOCUMENT,
        "revision": 2,
        "original": ORIGINAL.model_dump(),
        "pages": 4,
        "result": None,
    }


def test_a_long_document_becomes_ranges_without_being_opened() -> None:
    """Long work never runs inside one delivery."""
    reader = FakeReader()
    outcome = run(received(10), reader=reader, ranges=FakeRanges())
    assert reader.asked == []
    assert outcome.result is None
    requests = [PagesRequested.model_validate(child.data) for child in outcome.children]
    assert [(r.first, r.last, r.pages) for r in requests] == [(1, 4, 10), (5, 8, 10), (9, 10, 10)]
    assert [child.part for child in outcome.children] == [1, 5, 9]


def test_a_long_document_is_put_together_by_whoever_completes_it() -> None:
    """From fan-out to the whole, in any order, whatever the order of the ranges."""
    reader, ranges = FakeReader(), FakeRanges()
    requests = run(received(10), reader=reader, ranges=ranges).children
    told = []
    for child in reversed(requests):
        outcome = run(PagesRequested.model_validate(child.data), reader=reader, ranges=ranges)
        assert isinstance(outcome.result, PageRange)
        ranges.kept[outcome.result.first, outcome.result.last] = outcome.result
        (read,) = outcome.children
        assert read.type is EventType.PAGES_READ
        assert read.part == child.part
        told.append(run(PagesRead.model_validate(read.data), reader=reader, ranges=ranges))
    assert [one.result is None and not one.children for one in told] == [True, True, False]
    whole = told[-1].result
    assert isinstance(whole, Reading)
    assert [page.number for page in whole.pages] == list(range(1, 11))
    assert whole.einvoice == XML
    assert [child.type for child in told[-1].children] == [EventType.DOCUMENT_READ]


def test_the_set_is_complete_whatever_the_setting_says_now() -> None:
    """A worker restarted with another range size finishes what the earlier one cut."""
    reader, ranges = FakeReader(), FakeRanges()
    for first, last in ((1, 3), (4, 5)):
        ranges.kept[first, last] = reader.read(b"content", MediaType.PDF, first=first, last=last)
    last_one = PagesRead.model_validate({**BASIS, "pages": 5, "first": 4, "last": 5})
    assert isinstance(run(last_one, reader=reader, ranges=ranges, most=2).result, Reading)


@pytest.mark.parametrize(
    "data",
    [
        received(3),
        PagesRequested.model_validate({**BASIS, "pages": 9, "first": 4, "last": 6}),
    ],
)
def test_a_lost_page_is_never_passed_over(data: Payload) -> None:
    """Pages in = pages read, else quarantine."""
    with pytest.raises(PermanentError, match="pages_missing"):
        run(data, reader=FakeReader(loses=1), ranges=FakeRanges())


def test_other_events_are_a_mistake_of_the_wiring() -> None:
    """They must not be acknowledged as if they were done."""
    other = PAYLOADS[EventType.DOCUMENT_ERASED].model_validate({"document_id": DOCUMENT})
    with pytest.raises(TypeError, match="erased"):
        run(other, reader=FakeReader(), ranges=FakeRanges())
