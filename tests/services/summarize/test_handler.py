"""The worker: an event in, a summary and one event out."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import pytest

from services.summarize.handler import handle
from services.summarize.main import build
from services.summarize.rules import RulesSummarizer
from services.summarize.settings import SummarizerSettings, SummarizeSettings
from shared.errors import PermanentError, TransientError
from shared.events.envelope import Event, make_event
from shared.events.payloads import (
    DocumentErased,
    DocumentRead,
    DocumentSummarized,
    EventType,
    Payload,
    Reference,
)
from shared.events.results import Reading, Summary
from shared.settings import SettingsError
from shared.telemetry.reasons import HeldReason, QuarantineReason
from tests.services.summarize.documents import INVOICE
from tests.services.summarize.findings import found
from tests.services.summarize.writing import reading

if TYPE_CHECKING:
    from shared.worker.results import Results

DOCUMENT = "ab" * 20
REFERENCE = Reference(name="results/ocr/x/0", generation=1, digest="0" * 64, size=3)


class FakeReadings:
    """Readings that lie in memory, or a store that is down."""

    def __init__(self, kept: Reading | None) -> None:
        self.kept = kept

    def open(self, source: Reference, *_: object) -> Reading:
        """Return the reading, whoever asks."""
        assert source == REFERENCE
        if self.kept is None:
            raise TransientError("the store is down")
        return self.kept


def event(data: Payload) -> Event:
    """Return an event around ``data``."""
    return make_event(
        data,
        tenant_key=b"k" * 32,
        tenant="acme",
        source="ocr",
        subject=DOCUMENT,
        jobid="cd" * 20,
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        time=datetime(2026, 1, 1, tzinfo=UTC),
    )


READ = DocumentRead(document_id=DOCUMENT, revision=2, original=REFERENCE, result=REFERENCE, pages=1)


def test_a_read_document_becomes_a_summary_and_one_event() -> None:
    """The edge stores the summary and publishes the event with its reference."""
    outcome = handle(
        event(READ), readings=FakeReadings(reading(INVOICE)), summarizer=RulesSummarizer()
    )
    assert isinstance(outcome.result, Summary)
    (child,) = outcome.children
    assert child.type is EventType.DOCUMENT_SUMMARIZED
    assert child.takes_result
    data = DocumentSummarized.model_validate({**child.data, "result": REFERENCE.model_dump()})
    assert (data.document_id, data.revision, data.document_type) == (DOCUMENT, 2, "invoice")


def test_the_event_carries_no_content() -> None:
    """Events travel and are logged; names and amounts stay in the sealed result."""
    outcome = handle(
        event(READ), readings=FakeReadings(reading(INVOICE)), summarizer=RulesSummarizer()
    )
    told = str(outcome.children[0].data)
    assert "Muster" not in told
    assert "119" not in told


def test_another_event_is_malformed() -> None:
    """Nothing but a read document belongs here."""
    erased = DocumentErased(document_id=DOCUMENT)
    with pytest.raises(PermanentError) as caught:
        handle(event(erased), readings=FakeReadings(None), summarizer=RulesSummarizer())
    assert caught.value.reason is QuarantineReason.MALFORMED_EVENT


def test_a_store_that_is_down_is_transient() -> None:
    """The document is fine; it is tried again."""
    with pytest.raises(TransientError):
        handle(event(READ), readings=FakeReadings(None), summarizer=RulesSummarizer())


def built(open_: Callable[..., Reading]) -> object:
    """Return something that opens results like the edge's."""
    return type("Opened", (), {"open": staticmethod(open_)})()


def test_build_binds_the_ports_and_the_canary_sings() -> None:
    """What production runs is what the tests run."""
    results = cast("Results", built(FakeReadings(reading(INVOICE)).open))
    worker = build(results=results, settings=SummarizeSettings())
    worker.canary()
    assert isinstance(worker.handle(event(READ)).result, Summary)
    worker.close()


def test_build_hears_what_the_reader_found() -> None:
    """Another total than the page's own must reach whoever decides, not the books."""
    said = found(total_amount="100.00")
    read = reading(INVOICE).model_copy(update={"extraction": said})
    results = cast("Results", built(FakeReadings(read).open))
    worker = build(results=results, settings=SummarizeSettings())
    told = worker.handle(event(READ)).result
    worker.close()
    assert isinstance(told, Summary)
    assert told.doubts == (HeldReason.SUMMARIZERS_DIFFER,)


def test_a_broken_summarizer_breaks_the_canary() -> None:
    """The breaker must see that the worker is broken, not the documents."""

    class Broken:
        def summarize(self, reading: Reading) -> Summary:
            raise OSError(len(reading.pages))

    worker = build(
        results=cast("Results", built(FakeReadings(None).open)),
        settings=SummarizeSettings(),
        summarizer=Broken(),
    )
    with pytest.raises(OSError):  # noqa: PT011 - any error will do
        worker.canary()


def test_an_unknown_summarizer_is_refused() -> None:
    """A typo must not become a default."""
    with pytest.raises(SettingsError, match="DOCLEDGER_SUMMARIZER"):
        SummarizerSettings.from_environment({"DOCLEDGER_SUMMARIZER": "magic"})
