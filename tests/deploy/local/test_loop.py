"""The loop: nothing is acknowledged that was not published, and nobody starves."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.local.loop import BatchingPublisher, Duty, Loop, duties_for
from shared.bus.port import Delivery
from shared.bus.sqlite import SqliteBus
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.events.envelope import Event, make_event
from shared.events.payloads import DocumentErased
from shared.telemetry.outcomes import DeliveryOutcome
from shared.worker.settlement import Settlement

IN = "register.document-erased"
DONE = Settlement(acknowledge=True, code=DeliveryOutcome.DONE)


def event(number: int) -> Event:
    """Return one of many events of the same type."""
    document_id = f"{number:040x}"
    return make_event(
        DocumentErased(document_id=document_id),
        tenant_key=b"k" * 32,
        tenant="default",
        source="test",
        subject=document_id,
        jobid=document_id,
        traceparent=f"00-{'1' * 32}-{'2' * 16}-01",
        time=datetime(2026, 1, 1, tzinfo=UTC),
    )


class FlakyBus(SqliteBus):
    """The embedded bus, whose methods fail when told to."""

    def __init__(self, path: Path, clock: FakeClock) -> None:
        super().__init__(path, load_topology(), clock=clock)
        self.broken: set[str] = set()

    def _may(self, what: str) -> None:
        if what in self.broken:
            raise TransientError(what)

    def publish(self, events: Sequence[Event]) -> None:
        self._may("publish")
        super().publish(events)

    def pull(self, subscription: str, *, most: int, lease_s: float) -> list[Delivery]:
        self._may("pull")
        return super().pull(subscription, most=most, lease_s=lease_s)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        self._may("acknowledge")
        super().acknowledge(deliveries)

    def waiting(self, subscription: str) -> int:
        return sum(row.messages for row in self.backlog() if row.subscription == subscription)


class Receiver:
    """Takes deliveries and says how to settle them."""

    def __init__(self, then: Callable[[], Settlement] = lambda: DONE) -> None:
        self.taken: list[str] = []
        self._then = then

    def receive(self, delivery: Delivery) -> Settlement:
        self.taken.append(delivery.message.attributes["ce-subject"])
        return self._then()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def bus(tmp_path: Path, clock: FakeClock) -> FlakyBus:
    return FlakyBus(tmp_path / "bus.sqlite", clock)


def loop_of(
    bus: FlakyBus,
    receiver: Receiver,
    clock: FakeClock,
    publisher: BatchingPublisher | None = None,
    *,
    chores: Sequence[Callable[[], bool]] = (),
) -> Loop:
    """Return a loop with one duty."""
    duty = Duty(IN, receiver, batch=8, lease_s=60.0)
    publisher = publisher or BatchingPublisher(bus)
    return Loop(bus, publisher, [duty], chores=chores, clock=clock)


def drained(loop: Loop, clock: FakeClock) -> None:
    """Turn until there is nothing to do, for as long as leases and pauses may take."""
    for _ in range(50):
        if not loop.turn():
            clock.sleep(30)


def test_what_was_received_is_acknowledged(bus: FlakyBus, clock: FakeClock) -> None:
    """And then there is nothing to do."""
    receiver = Receiver()
    bus.publish([event(1), event(2)])
    loop = loop_of(bus, receiver, clock)
    drained(loop, clock)
    assert sorted(receiver.taken) == [f"{number:040x}" for number in (1, 2)]
    assert (bus.waiting(IN), loop.turn()) == (0, False)


def test_a_failed_flush_acknowledges_nothing(bus: FlakyBus, clock: FakeClock) -> None:
    """Acknowledging what was not published would lose a document."""
    publisher = BatchingPublisher(bus)

    def publishing() -> Settlement:
        if receiver.taken[-1] == event(1).subject:
            publisher.publish([event(2)])
        return DONE

    receiver = Receiver(publishing)
    bus.publish([event(1)])
    bus.broken = {"publish"}
    loop = loop_of(bus, receiver, clock, publisher)
    assert loop.turn()
    assert bus.waiting(IN) == 1
    bus.broken = set()
    drained(loop, clock)
    assert receiver.taken == [event(1).subject, event(1).subject, event(2).subject]


def test_what_a_failed_flush_collected_is_not_published_later(bus: FlakyBus) -> None:
    """Its deliveries come again and collect it again; twice would be once too often."""
    publisher = BatchingPublisher(bus)
    publisher.publish([event(1)])
    bus.broken = {"publish"}
    with pytest.raises(TransientError):
        publisher.flush()
    bus.broken = set()
    publisher.flush()
    assert bus.waiting(IN) == 0


def test_objects_are_settled_before_events_are_published(bus: FlakyBus) -> None:
    """An event must not refer to what a power cut could still take away."""
    published: list[int] = []
    publisher = BatchingPublisher(bus, settle=lambda: published.append(bus.waiting(IN)))
    publisher.publish([event(1)])
    publisher.flush()
    assert (published, bus.waiting(IN)) == ([0], 1)


def test_a_delivery_that_is_given_back_comes_again(bus: FlakyBus, clock: FakeClock) -> None:
    """A retry is no acknowledgement."""
    back = Settlement(acknowledge=False, code=DeliveryOutcome.RETRY, delay_s=5.0)
    answers = [back, DONE]
    receiver = Receiver(lambda: answers.pop(0))
    bus.publish([event(1)])
    drained(loop_of(bus, receiver, clock), clock)
    assert (len(receiver.taken), bus.waiting(IN)) == (2, 0)


def test_a_lost_acknowledgement_is_a_redelivery(bus: FlakyBus, clock: FakeClock) -> None:
    """At least once: the lease ends and it is handed out again."""
    receiver = Receiver()
    bus.publish([event(1)])
    loop = loop_of(bus, receiver, clock)
    bus.broken = {"acknowledge"}
    loop.turn()
    bus.broken = set()
    drained(loop, clock)
    assert (len(receiver.taken), bus.waiting(IN)) == (2, 0)


def test_a_bus_that_is_away_is_nothing_to_do(bus: FlakyBus, clock: FakeClock) -> None:
    """The loop waits for it to come back."""
    bus.publish([event(1)])
    bus.broken = {"pull"}
    receiver = Receiver()
    assert not loop_of(bus, receiver, clock).turn()
    assert receiver.taken == []


def test_told_to_stop_it_gives_back_what_it_has_not_begun(bus: FlakyBus, clock: FakeClock) -> None:
    """Whoever runs next takes it at once."""
    receiver = Receiver()
    bus.publish([event(number) for number in range(8)])
    loop_of(bus, receiver, clock).turn(lambda: bool(receiver.taken))
    assert len(receiver.taken) == 1
    assert bus.waiting(IN) == 7
    assert len(bus.pull(IN, most=8, lease_s=1.0)) == 7


def test_what_was_not_begun_has_not_used_up_an_attempt(bus: FlakyBus, clock: FakeClock) -> None:
    """Who waits behind slow ones, or for a worker that stops, must not become a dead letter."""
    receiver = Receiver()
    bus.publish([event(number) for number in range(8)])
    loop = loop_of(bus, receiver, clock)
    loop.turn()  # one; the next batch is of two
    loop.turn(lambda: len(receiver.taken) == 2)
    assert len(receiver.taken) == 2
    assert [again.attempt for again in bus.pull(IN, most=8, lease_s=1.0)] == [1] * 6


def test_it_waits_longer_while_there_is_nothing_to_do(bus: FlakyBus, clock: FakeClock) -> None:
    """An idle machine must be quiet; the first document after must not wait long."""
    waits: list[float] = []

    class Watched(FakeClock):
        def sleep(self, seconds: float) -> None:
            waits.append(seconds)
            clock.sleep(seconds)

    loop = Loop(bus, BatchingPublisher(bus), [], clock=Watched())
    loop.run(lambda: len(waits) >= 20)
    assert waits == sorted(waits)
    assert waits[0] < 0.1
    assert waits[-1] <= 1.0


def test_it_works_on_without_a_wait_while_there_is_something_to_do(
    bus: FlakyBus, clock: FakeClock
) -> None:
    """A full queue is worked off at full speed."""
    receiver = Receiver()
    bus.publish([event(number) for number in range(20)])
    loop_of(bus, receiver, clock).run(lambda: len(receiver.taken) >= 20)
    assert clock.monotonic() == 0.0


def test_chores_are_done_and_their_outages_survived(bus: FlakyBus, clock: FakeClock) -> None:
    """What cannot be done now comes round again."""
    done: list[str] = []

    def away() -> bool:
        done.append("away")
        raise TransientError("no store")

    def busy() -> bool:
        done.append("busy")
        return True

    loop = loop_of(bus, Receiver(), clock, chores=[away, busy])
    assert loop.turn()
    assert done == ["away", "busy"]


def test_each_subscription_has_a_duty_for_its_dead_letters_too() -> None:
    """A dead letter that nobody takes would be a document that is lost."""
    receiver = Receiver()
    duties = duties_for({"a": (receiver, 8), "b": (receiver, 1)}, {"a": 60.0, "b": 300.0})
    assert [(one.subscription, one.batch, one.lease_s) for one in duties] == [
        ("a", 8, 60.0), ("a.dead", 8, 60.0), ("b", 1, 300.0), ("b.dead", 1, 300.0),
    ]  # fmt: skip
