"""What a worker has in hand stays its own, however long it takes, and no longer than it works."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.local.holding import LONGEST_S, Holding
from deploy.local.loop import BatchingPublisher, Duty, Loop
from shared.bus.port import Delivery
from shared.bus.sqlite import SqliteBus
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.events.envelope import Event, make_event
from shared.events.payloads import DocumentErased
from shared.telemetry.outcomes import DeliveryOutcome
from shared.worker.settlement import Settlement
from tests.waiting import wait_until

IN = "register.document-erased"
LEASE_S = 60.0
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


class Bus(SqliteBus):
    """The embedded bus, which may be unable to extend."""

    broken = False
    extended = 0

    def extend(self, delivery: Delivery, *, lease_s: float) -> None:
        if self.broken:
            raise TransientError("away")
        super().extend(delivery, lease_s=lease_s)
        self.extended += 1


class Slow:
    """Takes its time, and sees meanwhile whether others are given what it has in hand."""

    def __init__(self, bus: SqliteBus, meanwhile: Callable[[], None], steps: int) -> None:
        self._bus = bus
        self._meanwhile = meanwhile
        self._steps = steps
        self.taken = 0
        self.doubled = 0

    def receive(self, delivery: Delivery) -> Settlement:
        self.taken += 1
        assert delivery.attempt == 1
        for _ in range(self._steps):
            self._meanwhile()
            self.doubled += len(self._bus.pull(IN, most=9, lease_s=LEASE_S))
        return DONE


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def bus(tmp_path: Path, clock: FakeClock) -> Iterator[Bus]:
    bus = Bus(tmp_path / "bus.sqlite", load_topology(), clock=clock)
    yield bus
    bus.close()


def loop_of(bus: Bus, receiver: Slow, clock: FakeClock, holding: Holding) -> Loop:
    """Return a loop with one duty."""
    duty = Duty(IN, receiver, batch=8, lease_s=LEASE_S)
    return Loop(bus, BatchingPublisher(bus), [duty], clock=clock, holding=holding)


def waiting(bus: Bus) -> int:
    """Return how many messages are not settled."""
    return sum(row.messages for row in bus.backlog() if row.subscription.startswith(IN))


def test_a_delivery_that_takes_many_leases_is_not_handed_out_again(
    bus: Bus, clock: FakeClock
) -> None:
    """Reading a long document is done once, and its end still counts."""
    bus.publish([event(1)])
    holding = Holding(bus, clock)

    def meanwhile() -> None:
        clock.sleep(25)
        holding.look()

    slow = Slow(bus, meanwhile, steps=10)
    assert loop_of(bus, slow, clock, holding).turn()
    assert (slow.taken, slow.doubled, waiting(bus)) == (1, 0, 0)


def test_without_anybody_looking_it_would_be(bus: Bus, clock: FakeClock) -> None:
    """It is the extension that keeps it, nothing else."""
    bus.publish([event(1)])
    slow = Slow(bus, lambda: clock.sleep(25), steps=10)
    loop_of(bus, slow, clock, Holding(bus, clock)).turn()
    assert slow.doubled > 0


def test_another_thread_looks_while_the_loop_runs(bus: Bus, clock: FakeClock) -> None:
    """The loop's own thread is deep in a document."""
    bus.publish([event(1)])

    def meanwhile() -> None:
        before = bus.extended
        clock.sleep(25)
        wait_until(lambda: bus.extended > before, what="the lease is extended")

    slow = Slow(bus, meanwhile, steps=4)
    loop = loop_of(bus, slow, clock, Holding(bus, clock, look_every_s=0.001))
    loop.run(lambda: slow.taken > 0)
    assert (slow.taken, slow.doubled, waiting(bus)) == (1, 0, 0)


def test_what_waits_for_its_turn_is_kept_as_well(bus: Bus, clock: FakeClock) -> None:
    """It was pulled with the slow one, and goes on when that is done."""
    bus.publish([event(1), event(2)])
    holding = Holding(bus, clock)
    deliveries = bus.pull(IN, most=2, lease_s=LEASE_S)
    with holding.hold(deliveries, LEASE_S):
        for _ in range(4):
            clock.sleep(25)
            holding.look()
            assert bus.pull(IN, most=2, lease_s=LEASE_S) == []


def test_what_is_in_hand_no_more_is_let_go(bus: Bus, clock: FakeClock) -> None:
    """A lease that nobody needs would only keep others waiting."""
    bus.publish([event(1)])
    holding = Holding(bus, clock)
    with holding.hold(bus.pull(IN, most=1, lease_s=LEASE_S), LEASE_S):
        pass
    clock.sleep(LEASE_S / 2)
    holding.look()
    clock.sleep(LEASE_S / 2)
    assert len(bus.pull(IN, most=1, lease_s=LEASE_S)) == 1


def test_a_bus_that_is_away_is_asked_again_at_the_next_look(bus: Bus, clock: FakeClock) -> None:
    """There are two thirds of a lease left for it to come back."""
    bus.publish([event(1)])
    holding = Holding(bus, clock)
    with holding.hold(bus.pull(IN, most=1, lease_s=LEASE_S), LEASE_S):
        clock.sleep(25)
        bus.broken = True
        holding.look()
        clock.sleep(5)
        bus.broken = False
        holding.look()
        clock.sleep(35)
        assert bus.pull(IN, most=1, lease_s=LEASE_S) == []


def test_whoever_hangs_does_not_keep_a_document_for_ever(bus: Bus, clock: FakeClock) -> None:
    """Another worker must get its turn in the end."""
    bus.publish([event(1)])
    holding = Holding(bus, clock)
    with holding.hold(bus.pull(IN, most=1, lease_s=LEASE_S), LEASE_S):
        for _ in range(int(LONGEST_S / 25) + 5):
            clock.sleep(25)
            holding.look()
        assert len(bus.pull(IN, most=1, lease_s=LEASE_S)) == 1
