"""What every bus promises; the same suite runs on each implementation.

On Pub/Sub it runs on the official emulator. The clauses that the emulator cannot prove, or Pub/Sub
does not keep, are in the table ``CANNOT`` (emulated.py), each with its reason.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.bus.memory import MemoryBus
from shared.bus.port import Backlog, Bus, Delivery
from shared.bus.sqlite import SqliteBus
from shared.bus.topology import Topology
from shared.clock import FakeClock
from shared.errors import PermanentError
from shared.events.codec import from_message
from shared.events.envelope import Event
from tests.shared.bus.emulated import CANNOT

MakeEvent = Callable[[int], Event]
AnyBus = MemoryBus | SqliteBus

SUMMARIZE = "summarize.document-read"
REGISTER = "register.document-read"
DEAD = "summarize.document-read.dead"
MOST = 5  # attempts, by the topology of these tests


def pull(bus: Bus, subscription: str = SUMMARIZE, most: int = 10) -> list[Delivery]:
    """Pull with a lease of a minute."""
    return bus.pull(subscription, most=most, lease_s=60)


def events_in(deliveries: list[Delivery]) -> list[Event]:
    """Decode deliveries."""
    return [from_message(delivery.message) for delivery in deliveries]


def row(bus: Bus, subscription: str) -> Backlog:
    """Return one subscription's backlog."""
    return next(row for row in bus.backlog() if row.subscription == subscription)


def exhaust(bus: Bus, clock: FakeClock) -> Delivery:
    """Hand the only message out until its last attempt; return that one, still leased."""
    for attempt in range(1, MOST):
        [delivery] = pull(bus)
        assert delivery.attempt == attempt
        bus.retry(delivery, delay_s=1)
        clock.sleep(1)
    [delivery] = pull(bus)
    assert delivery.attempt == MOST
    return delivery


def test_every_subscription_of_the_topic_gets_the_event(bus: AnyBus, event: MakeEvent) -> None:
    """The register follows the same events that move the documents."""
    bus.publish([event(1)])
    assert events_in(pull(bus)) == [event(1)]
    assert events_in(pull(bus, REGISTER)) == [event(1)]
    assert pull(bus, "ocr.document-received") == []


def test_messages_come_in_the_order_they_were_published(bus: AnyBus, event: MakeEvent) -> None:
    """Nobody waits behind a later document."""
    bus.publish([event(3), event(1)])
    bus.publish([event(2)])
    assert events_in(pull(bus, most=2)) == [event(3), event(1)]
    assert events_in(pull(bus, most=2)) == [event(2)]


def test_a_retried_message_queues_up_behind_those_that_waited_longer(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """A document that fails every time does not hold up the others."""
    bus.publish([event(1), event(2)])
    [first] = pull(bus, most=1)
    clock.sleep(1)
    bus.retry(first, delay_s=0)
    assert events_in(pull(bus)) == [event(2), event(1)]


def test_a_leased_message_is_not_handed_out_again(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """Two workers do not do the same work at once."""
    bus.publish([event(1)])
    assert len(pull(bus)) == 1
    clock.sleep(59)
    assert pull(bus) == []


def test_a_message_whose_lease_ended_is_handed_out_again(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """A worker that died loses nothing."""
    bus.publish([event(1)])
    [first] = pull(bus)
    clock.sleep(60)
    [second] = pull(bus)
    assert second.message == first.message
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.receipt != second.receipt


def test_an_acknowledged_message_never_comes_back(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """Settled is settled, for this subscription alone."""
    bus.publish([event(1), event(2)])
    bus.acknowledge(pull(bus))
    clock.sleep(10_000)
    assert pull(bus) == []
    assert len(pull(bus, REGISTER)) == 2


def test_an_acknowledgement_after_another_hand_out_is_ignored(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """A worker that woke up late must not settle what another one is at."""
    bus.publish([event(1)])
    late = pull(bus)
    clock.sleep(60)
    [current] = pull(bus)
    bus.acknowledge(late)
    bus.retry(late[0], delay_s=0)
    bus.extend(late[0], lease_s=600)
    assert row(bus, SUMMARIZE).leased == 1
    clock.sleep(60)
    [again] = pull(bus)
    assert again.attempt == current.attempt + 1


def test_an_acknowledgement_before_another_hand_out_still_counts(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """Work that took a little too long is not done twice for it."""
    bus.publish([event(1)])
    late = pull(bus)
    clock.sleep(61)
    bus.acknowledge(late)
    assert pull(bus) == []


def test_settling_twice_changes_nothing(bus: AnyBus, clock: FakeClock, event: MakeEvent) -> None:
    """An acknowledgement that was sent again after a lost answer is harmless."""
    bus.publish([event(1)])
    [delivery] = pull(bus)
    bus.acknowledge([delivery])
    bus.acknowledge([delivery])
    bus.retry(delivery, delay_s=0)
    clock.sleep(60)
    assert pull(bus) == []


def test_nothing_to_publish_or_settle_is_fine(bus: AnyBus) -> None:
    """An outcome without children is ordinary."""
    bus.publish([])
    bus.acknowledge([])
    assert pull(bus) == []


def test_an_empty_bus_has_nothing_due(bus: AnyBus) -> None:
    """An idle supervisor sleeps as long as it likes."""
    assert bus.next_due() is None


def test_a_delivery_of_a_message_that_is_gone_is_ignored(bus: AnyBus, event: MakeEvent) -> None:
    """A receipt from before a restore of the file means nothing."""
    bus.publish([event(1)])
    [delivery] = pull(bus)
    _seq, _, rest = delivery.receipt.partition(".")
    bus.acknowledge([replace(delivery, receipt=f"999.{rest}")])
    assert row(bus, SUMMARIZE).messages == 1


def test_a_retried_message_waits_out_its_delay(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """Backoff spares whatever is down."""
    bus.publish([event(1)])
    [delivery] = pull(bus)
    bus.retry(delivery, delay_s=8)
    clock.sleep(7.999)
    assert pull(bus) == []
    clock.sleep(0.001)
    assert [again.attempt for again in pull(bus)] == [2]


def test_an_extended_lease_holds(bus: AnyBus, clock: FakeClock, event: MakeEvent) -> None:
    """Reading a long document takes longer than one lease."""
    bus.publish([event(1)])
    [delivery] = pull(bus)
    clock.sleep(50)
    bus.extend(delivery, lease_s=60)
    clock.sleep(59)
    assert pull(bus) == []
    clock.sleep(1)
    assert len(pull(bus)) == 1


def test_a_message_becomes_a_dead_letter_after_its_last_attempt(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """What nobody can do reaches its quarantine; it neither blocks nor vanishes."""
    bus.publish([event(1)])
    bus.retry(exhaust(bus, clock), delay_s=1)
    clock.sleep(1)
    assert pull(bus) == []
    [dead] = pull(bus, DEAD)
    assert from_message(dead.message) == event(1)
    assert (dead.subscription, dead.attempt) == (DEAD, 1)


def test_a_worker_that_dies_at_the_last_attempt_leaves_a_dead_letter(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """The last hand-out ends like any other: by its lease."""
    bus.publish([event(1)])
    exhaust(bus, clock)
    assert pull(bus, DEAD) == []
    clock.sleep(60)
    assert pull(bus) == []
    assert len(pull(bus, DEAD)) == 1


def test_the_last_attempt_may_succeed(bus: AnyBus, clock: FakeClock, event: MakeEvent) -> None:
    """It is an attempt like any other."""
    bus.publish([event(1)])
    last = exhaust(bus, clock)
    bus.extend(last, lease_s=120)
    clock.sleep(90)
    bus.acknowledge([last])
    clock.sleep(120)
    assert pull(bus) == []
    assert pull(bus, DEAD) == []


def test_a_dead_letter_is_never_dropped(bus: AnyBus, clock: FakeClock, event: MakeEvent) -> None:
    """The handler of dead letters may be down as long as it likes."""
    bus.publish([event(1)])
    bus.retry(exhaust(bus, clock), delay_s=0)
    assert pull(bus) == []
    for _ in range(2 * MOST):
        [dead] = pull(bus, DEAD)
        bus.retry(dead, delay_s=0)
    bus.acknowledge(pull(bus, DEAD))
    assert pull(bus, DEAD) == []


def test_hand_outs_of_a_dead_letter_are_counted(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """Its handler backs off by them."""
    bus.publish([event(1)])
    bus.retry(exhaust(bus, clock), delay_s=0)
    for attempt in (1, 2, 3):
        [dead] = pull(bus, DEAD)
        assert dead.attempt == attempt
        bus.retry(dead, delay_s=0)


def test_a_hand_out_given_back_unbegun_is_no_attempt(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """A document that merely waits for another worker must not become a dead letter."""
    bus.publish([event(1)])
    for _ in range(3 * MOST):
        [waiting] = pull(bus)
        assert waiting.attempt == 1
        bus.retry(waiting, delay_s=1, begun=False)
        clock.sleep(1)
    last = exhaust(bus, clock)
    for _ in range(2 * MOST):
        bus.retry(last, delay_s=0, begun=False)
        assert pull(bus, DEAD) == []
        [last] = pull(bus)
        assert last.attempt == MOST
    bus.retry(last, delay_s=0)
    assert pull(bus) == []
    [dead] = pull(bus, DEAD)
    bus.retry(dead, delay_s=0, begun=False)
    assert [again.attempt for again in pull(bus, DEAD)] == [2]


def test_a_receipt_given_back_unbegun_settles_nothing_later(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """The next hand-out has the same attempt, and is another worker's all the same."""
    bus.publish([event(1)])
    [early] = pull(bus)
    bus.retry(early, delay_s=0, begun=False)
    [late] = pull(bus)
    bus.acknowledge([early])
    bus.retry(early, delay_s=0, begun=False)
    assert pull(bus) == []
    clock.sleep(60)
    assert [again.attempt for again in pull(bus)] == [late.attempt + 1]


def test_dead_letters_of_one_subscription_leave_the_others_alone(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """That summarizing failed says nothing about the register."""
    bus.publish([event(1)])
    bus.retry(exhaust(bus, clock), delay_s=0)
    assert [delivery.attempt for delivery in pull(bus, REGISTER)] == [1]


def test_the_same_event_published_again_is_delivered_again(bus: AnyBus, event: MakeEvent) -> None:
    """The sweeper brings a late document back by publishing its last event once more."""
    bus.publish([event(1)])
    bus.acknowledge(pull(bus))
    bus.publish([event(1)])
    assert events_in(pull(bus)) == [event(1)]


def test_an_event_that_breaks_the_contract_publishes_nothing(bus: AnyBus, event: MakeEvent) -> None:
    """All or none: half a batch would lose a page range."""
    with pytest.raises(PermanentError):
        bus.publish([event(1), replace(event(2), tenant="../other")])
    assert pull(bus) == []


def test_what_was_refused_is_not_remembered_either(bus: AnyBus, event: MakeEvent) -> None:
    """An audit must not take it for published."""
    with pytest.raises(PermanentError):
        bus.publish([event(1), replace(event(2), tenant="../other")])
    assert not bus.has_published(event(1).id)


def test_the_backlog_has_a_row_for_every_subscription_in_order(
    bus: AnyBus, topology: Topology
) -> None:
    """An alert on a subscription must not depend on whether anything was ever published."""
    names = [name for sub in topology.subscriptions for name in (sub, f"{sub}.dead")]
    assert bus.backlog() == [Backlog(name, 0, 0.0, 0) for name in names]


def test_the_backlog_counts_what_waits_and_what_is_held(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """On-call sees how much, how old, and whether anybody is at it."""
    bus.publish([event(1)])
    clock.sleep(5)
    bus.publish([event(2), event(3)])
    clock.sleep(2)
    assert row(bus, SUMMARIZE) == Backlog(SUMMARIZE, 3, 7.0, 0)
    [first] = pull(bus, most=1)
    assert row(bus, SUMMARIZE) == Backlog(SUMMARIZE, 3, 7.0, 1)
    bus.acknowledge([first])
    assert row(bus, SUMMARIZE) == Backlog(SUMMARIZE, 2, 2.0, 0)
    pull(bus)
    clock.sleep(60)
    assert row(bus, SUMMARIZE) == Backlog(SUMMARIZE, 2, 62.0, 0)


def test_the_last_attempt_counts_for_the_worker_that_holds_it(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """A dead letter pages somebody: not before it is one."""
    bus.publish([event(1)])
    exhaust(bus, clock)
    assert (row(bus, SUMMARIZE).leased, row(bus, DEAD).messages) == (1, 0)
    clock.sleep(60)
    assert (row(bus, SUMMARIZE).messages, row(bus, DEAD).messages) == (0, 1)
    pull(bus, DEAD)
    assert (row(bus, SUMMARIZE).messages, row(bus, DEAD).leased) == (0, 1)


def test_the_bus_tells_when_something_is_due(
    bus: AnyBus, clock: FakeClock, event: MakeEvent
) -> None:
    """An idle supervisor sleeps until then, and the simulation moves its clock there."""
    bus.publish([event(1)])
    assert bus.next_due() == clock.now()
    bus.acknowledge(pull(bus, REGISTER))
    [delivery] = pull(bus)
    assert bus.next_due() == clock.now() + timedelta(seconds=60)
    bus.retry(delivery, delay_s=5)
    assert bus.next_due() == clock.now() + timedelta(seconds=5)
    clock.sleep(5)
    bus.acknowledge(pull(bus))
    assert bus.next_due() is None


def test_a_new_supervisor_need_not_wait_for_the_leases_of_the_dead(
    bus: AnyBus, event: MakeEvent
) -> None:
    """After a kill, the same command again goes on at once; attempts still count."""
    bus.publish([event(1), event(2)])
    [held] = pull(bus, most=1)
    assert bus.release_leases() == 1
    assert [delivery.attempt for delivery in pull(bus)] == [2, 1]
    bus.acknowledge([held])
    assert row(bus, SUMMARIZE).leased == 2


def test_released_delays_stay(bus: AnyBus, event: MakeEvent) -> None:
    """Backing off is no lease."""
    bus.publish([event(1)])
    [delivery] = pull(bus)
    bus.retry(delivery, delay_s=30)
    assert bus.release_leases() == 0
    assert pull(bus) == []


def test_the_bus_remembers_what_was_published(bus: AnyBus, event: MakeEvent) -> None:
    """An audit asks for events that were settled long ago."""
    bus.publish([event(1)])
    bus.acknowledge(pull(bus))
    bus.acknowledge(pull(bus, REGISTER))
    assert bus.has_published(event(1).id)
    assert not bus.has_published(event(2).id)
    assert bus.missing_deliveries() == []


def test_pulling_what_the_topology_does_not_know_is_a_bug(bus: AnyBus) -> None:
    """A typing error must not look like an empty queue."""
    with pytest.raises(LookupError):
        pull(bus, "summarize.document-raed")


def test_a_message_tells_nothing_when_printed(bus: AnyBus, event: MakeEvent) -> None:
    """Deliveries end up in error reports."""
    bus.publish([event(1)])
    assert "originals" not in repr(pull(bus))


def test_the_table_of_what_pubsub_cannot_names_clauses() -> None:
    """A clause that was renamed would run again, or be forgotten."""
    assert {name for name in CANNOT if name not in globals()} == set()
