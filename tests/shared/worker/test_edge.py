"""The worker edge: effects once over at-least-once delivery."""

import hashlib
import json
from contextlib import suppress

import pytest

from shared.bus.port import Delivery, Message
from shared.errors import PermanentError, TransientError
from shared.events.codec import from_message
from shared.events.envelope import Event, make_event
from shared.events.payloads import (
    DocumentQuarantined,
    DocumentSummarized,
    MediaType,
    PagesRequested,
    Reference,
)
from shared.events.results import Summary
from shared.keys.port import TenantPurpose
from shared.objects.port import ObjectInfo
from shared.telemetry.reasons import QuarantineReason
from shared.worker.leases import Lease
from shared.worker.outcome import Outcome
from shared.worker.results import Results
from tests.shared.worker.conftest import (
    DOCUMENT,
    SUBSCRIPTION,
    SUMMARY,
    Bench,
    read_event,
    summarized,
)

RESULT = f"results/summarize/{DOCUMENT}/0"


class CrashError(BaseException):
    """The process is gone: nothing catches this."""


def test_result_is_stored_and_its_event_refers_to_it(bench: Bench) -> None:
    """The next worker finds the result through the event alone."""
    assert bench.deliver().acknowledge
    (delivery,) = bench.published()
    event = from_message(delivery.message)
    assert isinstance(event.data, DocumentSummarized)
    assert Results(bench.vault).open(event.data.result, Summary) == SUMMARY
    assert event.subject == DOCUMENT
    assert event.traceparent == read_event().traceparent


def test_stored_result_is_ciphertext(bench: Bench) -> None:
    """Nothing derived from a document reaches a store unsealed."""
    bench.deliver()
    assert b"letter" not in bench.objects.read(RESULT).data


def test_work_that_was_done_before_the_lease_was_won_is_not_done_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking for the result and winning the lease, another worker may finish."""
    acquire = bench.edge._do.leases.acquire

    def overtaken(work: str, event_id: str, *, span: str) -> Lease:
        monkeypatch.undo()
        bench.deliver(edge=bench.worker("w2"))
        return acquire(work, event_id, span=span)

    monkeypatch.setattr(bench.edge._do.leases, "acquire", overtaken)
    assert bench.deliver().code == "repeated"
    assert bench.handled == 1
    first, second = [from_message(one.message) for one in bench.published()]
    assert first == second
    assert list(bench.objects.list("leases/")) == []


def test_redelivery_handles_nothing_and_sends_the_same_event(bench: Bench) -> None:
    """Effects happen once; the event may have been lost, so it goes out again with its id."""
    bench.deliver()
    settlement = bench.deliver(attempt=2)
    assert (settlement.code, bench.handled) == ("repeated", 1)
    first, second = (from_message(one.message) for one in bench.published())
    assert first.id == second.id


def test_crash_before_publishing_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is stored before anything is published: a redelivery publishes it."""

    def crash(_events: object) -> None:
        raise CrashError

    with monkeypatch.context() as patch:
        patch.setattr(bench.bus, "publish", crash)
        with pytest.raises(CrashError):
            bench.deliver()
    assert bench.deliver(attempt=2).acknowledge
    assert len(bench.published()) == 1
    assert bench.handled == 1


def test_loser_of_a_race_uses_the_winners_result(bench: Bench) -> None:
    """Two workers on one document end with one result, and both publish that one."""
    other = SUMMARY.model_copy(update={"summary": "Another reading."})

    def lose(event: Event) -> Outcome:
        bench.vault.store(RESULT, DOCUMENT, winning)
        return Outcome(result=other, children=summarized(event).children)

    bench.deliver()
    winning = bench.vault.open(RESULT)
    bench.objects.delete(RESULT)
    bench.handle = lose
    bench.deliver(attempt=2)
    event = from_message(bench.published()[-1].message)
    assert isinstance(event.data, DocumentSummarized)
    assert Results(bench.vault).open(event.data.result, Summary) == SUMMARY


def test_transient_error_is_retried_with_backoff_and_never_quarantined(bench: Bench) -> None:
    """An outage is not poison, however long it lasts."""

    def fail(_event: Event) -> Outcome:
        raise TransientError("the store is away")

    bench.handle = fail
    delays = [bench.deliver(attempt=n).delay_s for n in (1, 2, 3, 50)]
    assert delays == [1, 2, 4, 600]
    assert list(bench.quarantine.list()) == []


def test_permanent_error_is_quarantined_at_once_with_event_and_trace(bench: Bench) -> None:
    """Poison is tried once, kept whole, and told."""

    def fail(_event: Event) -> Outcome:
        raise PermanentError(QuarantineReason.UNREADABLE)

    bench.handle = fail
    assert bench.deliver().code == "quarantined"
    ((name, record),) = bench.quarantine.list()
    assert (record.reason, record.trace_id) == (QuarantineReason.UNREADABLE, "7c" * 16)
    assert record.event is not None
    assert record.event["id"] == read_event().id
    (told,) = bench.published("register.document-quarantined")
    event = from_message(told.message)
    assert isinstance(event.data, DocumentQuarantined)
    assert event.data.record.name == name


def test_unknown_error_is_retried_then_quarantined_with_its_place_not_its_message(
    bench: Bench,
) -> None:
    """A bug gets a few tries; its message may hold content and is kept out of the record."""

    def fail(_event: Event) -> Outcome:
        raise ValueError("Jane Canary, DE89370400440532013000")

    bench.handle = fail
    codes = [bench.deliver(attempt=n).code for n in range(1, 6)]
    assert codes == ["retry"] * 4 + ["quarantined"]
    ((_, record),) = bench.quarantine.list()
    assert record.reason is QuarantineReason.ATTEMPTS_EXHAUSTED
    assert record.error is not None
    assert record.error.startswith("ValueError at test_edge.py:")
    assert "Canary" not in record.model_dump_json()


def test_a_record_does_not_name_a_type_that_was_made_of_content(bench: Bench) -> None:
    """Some libraries make an exception's type at run time, and call it as their input does."""

    def fail(_event: Event) -> Outcome:
        made: type[ValueError] = type("Canary", (ValueError,), {})
        raise made

    bench.handle = fail
    for attempt in range(1, 6):
        bench.deliver(attempt=attempt)
    ((_, record),) = bench.quarantine.list()
    assert record.error is not None
    assert record.error.startswith("ValueError at test_edge.py:")


def test_attempts_of_an_outage_do_not_count_against_a_document(bench: Bench) -> None:
    """After a long outage one unknown error must not send a document into quarantine."""

    def fail(_event: Event) -> Outcome:
        raise ValueError

    bench.handle = fail
    assert bench.deliver(attempt=80).code == "retry"


def test_three_starts_without_an_outcome_are_quarantined(bench: Bench) -> None:
    """A document that kills workers must not kill them for ever."""

    def die(_event: Event) -> Outcome:
        raise CrashError

    bench.handle = die
    for attempt in (1, 2, 3):
        with pytest.raises(CrashError):
            bench.deliver(attempt=attempt)
        bench.clock.sleep(61)
    assert bench.deliver(attempt=4).code == "quarantined"
    ((_, record),) = bench.quarantine.list()
    assert record.reason is QuarantineReason.KILLS_WORKERS


def test_second_worker_waits_while_the_first_holds_the_lease(bench: Bench) -> None:
    """At most one live worker a document and stage, so a paid call is paid once."""
    other = bench.worker("w2")
    waits: list[tuple[str, bool]] = []

    def meet(event: Event) -> Outcome:
        settlement = bench.deliver(attempt=2, edge=other)
        waits.append((settlement.code, settlement.begun))
        return summarized(event)

    bench.handle = meet
    assert bench.deliver().code == "done"
    # Waiting is no attempt: however long the first one takes, the second becomes no dead letter.
    assert waits == [("contended", False)]


def test_replay_goes_on_in_the_same_trace_with_another_id(bench: Bench) -> None:
    """A replay is new work about the same document in the same trace."""

    def fail(_event: Event) -> Outcome:
        raise PermanentError(QuarantineReason.UNREADABLE)

    bench.handle = fail
    bench.deliver()
    ((name, _),) = bench.quarantine.list()
    replay = bench.quarantine.event_to_replay(name, keyring=bench.keyring, at=bench.clock.now())
    assert replay is not None
    assert (replay.replay, replay.traceparent) == (1, read_event().traceparent)
    assert replay.id != read_event().id
    assert [waits for waits, _ in bench.quarantine.list()] == [name]
    bench.handle = summarized
    assert bench.deliver(replay).code == "done"
    assert list(bench.quarantine.list()) == []
    assert from_message(bench.published()[0].message).replay == 1
    ((_, _, replayed),) = bench.quarantine.history(DOCUMENT)
    assert replayed


def test_replay_that_fails_again_waits_as_a_new_record(bench: Bench) -> None:
    """A fix that was none: the document is on the list once, with its latest try."""

    def fail(_event: Event) -> Outcome:
        raise PermanentError(QuarantineReason.UNREADABLE)

    bench.handle = fail
    bench.deliver()
    bench.deliver(read_event(replay=1))
    bench.deliver(read_event(replay=1), attempt=2)
    ((name, _),) = bench.quarantine.list()
    assert name.endswith("-1")
    assert [replayed for _, _, replayed in bench.quarantine.history(DOCUMENT)] == [True, False]


def test_replay_of_an_earlier_stage_leaves_this_stages_records(bench: Bench) -> None:
    """What ocr did again reaches summarize with the same count: it is nobody's replay here."""
    bench.deliver(read_event(replay=3))
    assert list(bench.quarantine.every()) == []


def test_dead_letter_becomes_a_quarantine_record(bench: Bench) -> None:
    """What the bus gave up on is kept and told, never dropped."""
    settlement = bench.deliver(subscription="summarize.document-read.dead")
    assert settlement.code == "quarantined"
    ((_, record),) = bench.quarantine.list()
    assert record.reason is QuarantineReason.DEAD_LETTER
    assert bench.handled == 0


def test_dead_letter_waits_while_another_copy_is_in_hand(bench: Bench) -> None:
    """Its worker may yet do it; to take the lease from it would let a third one begin."""
    dead = f"{SUBSCRIPTION}.dead"
    meanwhile: list[str] = []

    def meet(event: Event) -> Outcome:
        other = bench.worker("w2")
        meanwhile.append(bench.deliver(subscription=dead, edge=other).code)
        meanwhile.append(bench.deliver(edge=other).code)
        return summarized(event)

    bench.handle = meet
    assert bench.deliver().code == "done"
    assert meanwhile == ["contended", "contended"]
    assert list(bench.quarantine.list()) == []


def test_dead_letter_of_a_worker_that_died_leaves_no_lease(bench: Bench) -> None:
    """It comes when the lease has ended, and nobody would come back to clear it."""

    def die(_event: Event) -> Outcome:
        raise KeyboardInterrupt

    bench.handle = die
    with suppress(KeyboardInterrupt):
        bench.deliver()
    assert list(bench.objects.list("leases/"))
    dead = f"{SUBSCRIPTION}.dead"
    assert bench.deliver(subscription=dead).code == "contended"
    bench.clock.sleep(61)
    assert bench.deliver(subscription=dead).code == "quarantined"
    assert list(bench.objects.list("leases/")) == []


def test_undecodable_message_is_kept_sealed(bench: Bench) -> None:
    """A partner's broken message is not lost, and its bytes do not lie about in the clear."""
    message = Message({"ce-type": "nonsense"}, b"Jane Canary")
    delivery = Delivery("summarize.document-read", message, 1, "r", bench.clock.now())
    assert bench.edge.receive(delivery).code == "quarantined"
    ((_, record),) = bench.quarantine.list()
    assert record.reason is QuarantineReason.MALFORMED_EVENT
    assert record.raw is not None
    assert b"Jane Canary".hex().encode() in bench.vault.open(record.raw)
    assert all(
        b"Canary" not in bench.objects.read(info.name).data for info in bench.objects.list("")
    )


def test_an_undecodable_messages_record_is_not_named_by_its_digest(bench: Bench) -> None:
    """A notification names a file: whoever can list objects must not be able to test a guess."""
    message = Message({"objectId": "Jane Canary.pdf"}, b"")
    delivery = Delivery("summarize.document-read", message, 1, "r", bench.clock.now())
    for _ in range(2):
        bench.edge.receive(delivery)
    ((name, _),) = bench.quarantine.list()
    guess = json.dumps({"attributes": dict(message.attributes), "body": ""}, sort_keys=True)
    digest = hashlib.sha256(guess.encode()).hexdigest()
    assert digest[:8] not in name


def test_erased_document_is_not_handled(bench: Bench) -> None:
    """A late redelivery after an erasure resurrects nothing."""
    bench.tombstones.put(DOCUMENT, at=bench.clock.now())
    assert bench.deliver().code == "erased"
    assert bench.handled == 0


def test_erasure_while_handling_stores_and_publishes_nothing(bench: Bench) -> None:
    """The tombstone may come in the middle: it is checked again before anything is written."""

    def erased_meanwhile(event: Event) -> Outcome:
        bench.tombstones.put(DOCUMENT, at=bench.clock.now())
        bench.keyring.destroy_document_key(DOCUMENT)
        return summarized(event)

    bench.handle = erased_meanwhile
    assert bench.deliver().code == "erased"
    assert bench.objects.stat(RESULT) is None
    assert bench.published() == []


@pytest.mark.parametrize("dies", [False, True])
def test_an_erasure_between_key_and_write_leaves_nothing_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, dies: bool
) -> None:
    """A worker with the key in its hands writes after the eraser is done: it takes that back.

    If it dies before it can, whoever gets the delivery next does.
    """
    create = bench.objects.create

    def slow(name: str, data: bytes) -> ObjectInfo:
        if name == RESULT:
            bench.tombstones.put(DOCUMENT, at=bench.clock.now())
            bench.keyring.destroy_document_key(DOCUMENT)
        info = create(name, data)
        if name == RESULT and dies:
            raise CrashError
        return info

    monkeypatch.setattr(bench.objects, "create", slow)
    if dies:
        with pytest.raises(CrashError):
            bench.deliver()
    assert bench.deliver().code == "erased"
    assert bench.objects.stat(RESULT) is None
    assert bench.published() == []


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
