"""What the edge does with what comes back: replays, dead letters, messages that nobody can read."""

import hashlib
import json
from contextlib import suppress

from shared.bus.port import Delivery, Message
from shared.errors import PermanentError
from shared.events.codec import from_message
from shared.events.envelope import Event
from shared.telemetry.reasons import QuarantineReason
from shared.worker.outcome import Outcome
from tests.shared.worker.conftest import DOCUMENT, SUBSCRIPTION, Bench, read_event, summarized


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
