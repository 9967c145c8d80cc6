"""The edge when the worker or its quarantine is broken, and what it tells of giving up."""

import pytest

from shared.errors import PermanentError, TransientError
from shared.events.codec import from_message
from shared.events.envelope import Event, make_event
from shared.events.payloads import MediaType, PagesRequested, Reference
from shared.keys.port import TenantPurpose
from shared.telemetry.reasons import QuarantineReason
from shared.worker.outcome import Outcome
from tests.shared.worker.conftest import DOCUMENT, SUBSCRIPTION, Bench, read_event, summarized


def test_breaker_keeps_the_queue_when_the_worker_itself_is_broken(bench: Bench) -> None:
    """A bad deploy breaks every document: none of them may end in quarantine for it."""

    def broken(_event: object = None) -> Outcome:
        raise RuntimeError

    bench.handle = bench.canary = broken
    for number in range(40):
        document_id = f"{number:040x}"
        bench.keyring.create_document_key(document_id)
        for attempt in range(1, 8):
            settlement = bench.deliver(read_event(document_id=document_id), attempt=attempt)
            assert not settlement.acknowledge
    assert list(bench.quarantine.list()) == []
    assert bench.handled < 10
    bench.handle = summarized
    bench.canary = lambda: None
    bench.clock.sleep(31)
    assert bench.deliver().code == "done"


def test_breaker_stays_closed_when_only_the_documents_are_bad(bench: Bench) -> None:
    """One tenant's flood of bad files must not stop the others."""

    def fail(event: Event) -> Outcome:
        if event.subject != DOCUMENT:
            raise RuntimeError
        return summarized(event)

    bench.handle = fail
    for number in range(10):
        document_id = f"{number:040x}"
        bench.keyring.create_document_key(document_id)
        for attempt in range(1, 6):
            bench.deliver(read_event(document_id=document_id), attempt=attempt)
    assert len(list(bench.quarantine.list())) == 10
    assert bench.deliver().code == "done"


def test_each_piece_of_work_that_is_given_up_on_is_told_with_an_id_of_its_own(
    bench: Bench,
) -> None:
    """Two page ranges of one document: who drops known ids must not drop the second one."""
    original = Reference(name="originals/x", generation=1, digest="ab" * 32, size=1)

    def fail(_event: Event) -> Outcome:
        raise PermanentError(QuarantineReason.UNREADABLE)

    bench.handle = fail
    for first in (1, 3):
        data = PagesRequested(
            document_id=DOCUMENT,
            original=original,
            media_type=MediaType.PDF,
            pages=4,
            first=first,
            last=first + 1,
        )
        bench.deliver(
            make_event(
                data,
                tenant_key=bench.keyring.tenant_key("acme", TenantPurpose.IDS),
                tenant="acme",
                source="ocr",
                subject=DOCUMENT,
                jobid="a" * 40,
                traceparent=read_event().traceparent,
                time=bench.clock.now(),
                part=first,
            )
        )
    told = [from_message(one.message) for one in bench.published("register.document-quarantined")]
    assert len({event.id for event in told}) == 2


def test_what_is_told_of_a_quarantine_is_what_its_record_says(bench: Bench) -> None:
    """Recorded, not told, and given up on for another reason: one id must not mean two things."""

    def fail(_event: Event) -> Outcome:
        raise PermanentError(QuarantineReason.UNREADABLE)

    bench.handle = fail
    bench.deliver()
    bench.deliver(subscription=f"{SUBSCRIPTION}.dead")
    told = [from_message(one.message) for one in bench.published("register.document-quarantined")]
    assert [event.data for event in told] == [told[0].data, told[0].data]


def test_unavailable_quarantine_keeps_the_delivery(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk while quarantining: the delivery stays on the bus."""

    def fail(_event: Event) -> Outcome:
        raise PermanentError(QuarantineReason.UNREADABLE)

    def full(_name: str, _data: bytes) -> None:
        raise TransientError("disk full")

    bench.handle = fail
    monkeypatch.setattr(bench.quarantine._objects, "create", full)
    assert not bench.deliver().acknowledge
