"""The worker edge: effects once over at-least-once delivery."""

from collections.abc import Callable

import pytest

from shared.errors import PermanentError, TransientError
from shared.events.codec import from_message
from shared.events.envelope import Event
from shared.events.payloads import DocumentQuarantined, DocumentSummarized
from shared.events.results import Summary
from shared.telemetry.reasons import QuarantineReason
from shared.worker.leases import Lease
from shared.worker.outcome import Outcome
from shared.worker.results import Results
from tests.shared.worker.conftest import (
    DOCUMENT,
    RESULT,
    SUMMARY,
    Bench,
    CrashError,
    read_event,
    summarized,
)


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

    def overtaken(work: str, event_id: str, *, span: str, isolate: Callable[[], object]) -> Lease:
        monkeypatch.undo()
        bench.deliver(edge=bench.worker("w2"))
        return acquire(work, event_id, span=span, isolate=isolate)

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
