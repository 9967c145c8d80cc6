"""What the SQLite bus remembers, for how long, and what it notices was taken from it."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.bus.sqlite import SqliteBus
from shared.bus.topology import Topology
from shared.clock import FakeClock
from shared.events.envelope import Event

MakeEvent = Callable[[int], Event]

SUMMARIZE = "summarize.document-read"
REGISTER = "register.document-read"
NUMBER = "SELECT number FROM subscriptions WHERE name = ?"
LATER = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Say where the bus lies."""
    return tmp_path / "bus.sqlite"


@pytest.fixture
def behind(sqlite_bus: SqliteBus, path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection behind the bus's back."""
    assert sqlite_bus
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def settle(bus: SqliteBus, subscription: str, most: int = 99) -> None:
    """Take what is due in one subscription and be done with it."""
    bus.acknowledge(bus.pull(subscription, most=most, lease_s=60))


def test_what_was_settled_and_taken_away_is_named(
    sqlite_bus: SqliteBus, behind: sqlite3.Connection, event: MakeEvent
) -> None:
    """That a worker was done with it is remembered, and missed when it is gone."""
    sqlite_bus.publish([event(1), event(2)])
    settle(sqlite_bus, SUMMARIZE)
    assert sqlite_bus.missing_deliveries() == []
    behind.execute(f"DELETE FROM settled WHERE seq = 1 AND subscription = ({NUMBER})", (SUMMARIZE,))
    [missing] = sqlite_bus.missing_deliveries()
    assert (missing.subscription, missing.subject) == (SUMMARIZE, event(1).subject)


def test_what_is_published_or_deleted_between_two_questions_is_seen(
    sqlite_bus: SqliteBus, behind: sqlite3.Connection, path: Path, topology: Topology,
    event: MakeEvent,
) -> None:  # fmt: skip
    """The second question reads only what is new, and must not answer from what was."""
    other = SqliteBus(path, topology)
    sqlite_bus.publish([event(1), event(2)])
    assert [sqlite_bus.has_published(event(n).id) for n in (1, 2, 3)] == [True, True, False]
    other.publish([event(3)])
    assert sqlite_bus.has_published(event(3).id)
    behind.execute("DELETE FROM events WHERE seq >= 2")
    assert [sqlite_bus.has_published(event(n).id) for n in (1, 2, 3)] == [True, False, False]
    other.publish([event(4)])  # where the deleted one lay
    assert [sqlite_bus.has_published(event(n).id) for n in (1, 2, 4)] == [True, False, True]
    behind.execute("DELETE FROM events")
    assert not sqlite_bus.has_published(event(1).id)
    other.close()


def test_attributes_that_are_no_json_any_more_are_an_event_that_is_missed(
    sqlite_bus: SqliteBus, behind: sqlite3.Connection, event: MakeEvent
) -> None:
    """One damaged row does not keep an audit from the others."""
    sqlite_bus.publish([event(1), event(2)])
    behind.execute("UPDATE events SET attributes = 'torn' WHERE seq = 2")
    behind.execute("DELETE FROM waiting WHERE seq = 1")
    assert [sqlite_bus.has_published(event(number).id) for number in (1, 2)] == [True, False]
    assert {one.event_id for one in sqlite_bus.missing_deliveries()} == {event(1).id}


def test_what_everybody_is_done_with_is_pruned_and_still_known(
    sqlite_bus: SqliteBus, behind: sqlite3.Connection, event: MakeEvent
) -> None:
    """The file stays small, and an audit misses nothing that is rightly gone."""
    sqlite_bus.publish([event(number) for number in range(1, 6)])
    settle(sqlite_bus, SUMMARIZE)
    settle(sqlite_bus, REGISTER, most=3)
    assert [sqlite_bus.prune(LATER, most=2) for _ in range(3)] == [2, 1, 0]
    assert behind.execute("SELECT seq FROM events").fetchall() == [(4,), (5,)]
    assert behind.execute("SELECT DISTINCT seq FROM settled").fetchall() == [(4,), (5,)]
    assert all(sqlite_bus.has_published(event(number).id) for number in range(1, 6))
    assert not sqlite_bus.has_published(event(6).id)
    assert sqlite_bus.missing_deliveries() == []
    assert len(sqlite_bus.pull(REGISTER, most=9, lease_s=60)) == 2


def test_what_is_young_stays(sqlite_bus: SqliteBus, clock: FakeClock, event: MakeEvent) -> None:
    """Somebody may still want to look at it."""
    sqlite_bus.publish([event(1), event(2)])
    clock.sleep(100)
    sqlite_bus.publish([event(3)])
    for subscription in (SUMMARIZE, REGISTER):
        settle(sqlite_bus, subscription)
    assert sqlite_bus.prune(clock.now() - timedelta(seconds=101), most=9) == 0
    assert sqlite_bus.prune(clock.now() - timedelta(seconds=50), most=9) == 2


def test_the_last_event_stays_whatever_its_age(sqlite_bus: SqliteBus, event: MakeEvent) -> None:
    """The next number follows from it; beginning anew would meet what is owed nothing."""
    sqlite_bus.publish([event(1), event(2)])
    for subscription in (SUMMARIZE, REGISTER):
        settle(sqlite_bus, subscription)
    assert [sqlite_bus.prune(LATER, most=9) for _ in range(2)] == [1, 0]
    sqlite_bus.publish([event(3)])
    [delivery] = sqlite_bus.pull(SUMMARIZE, most=9, lease_s=60)
    assert delivery.receipt.startswith("3.")


def test_an_event_whose_delivery_was_taken_away_is_not_pruned(
    sqlite_bus: SqliteBus, behind: sqlite3.Connection, event: MakeEvent
) -> None:
    """Time must not hide what an audit would name."""
    sqlite_bus.publish([event(1), event(2), event(3)])
    for subscription in (SUMMARIZE, REGISTER):
        settle(sqlite_bus, subscription)
    behind.execute(f"DELETE FROM settled WHERE seq = 1 AND subscription = ({NUMBER})", (SUMMARIZE,))
    assert sqlite_bus.prune(LATER, most=9) == 1
    assert [one.event_id for one in sqlite_bus.missing_deliveries()] == [event(1).id]


def test_a_pruned_event_whose_id_was_taken_away_is_missed(
    sqlite_bus: SqliteBus, behind: sqlite3.Connection, event: MakeEvent
) -> None:
    """What is left of it is enough to miss it."""
    sqlite_bus.publish([event(1), event(2)])
    for subscription in (SUMMARIZE, REGISTER):
        settle(sqlite_bus, subscription)
    sqlite_bus.prune(LATER, most=9)
    behind.execute("DELETE FROM pruned")
    assert not sqlite_bus.has_published(event(1).id)


def test_a_leased_event_is_not_pruned(
    sqlite_bus: SqliteBus, clock: FakeClock, event: MakeEvent
) -> None:
    """However old it is, somebody is at it."""
    sqlite_bus.publish([event(1), event(2)])
    settle(sqlite_bus, REGISTER)
    held = sqlite_bus.pull(SUMMARIZE, most=1, lease_s=60)
    assert sqlite_bus.prune(LATER, most=9) == 0
    clock.sleep(60)
    sqlite_bus.acknowledge(held)
    assert sqlite_bus.prune(LATER, most=9) == 1


def test_an_event_deleted_behind_the_back_is_missed(
    sqlite_bus: SqliteBus, behind: sqlite3.Connection, clock: FakeClock, event: MakeEvent
) -> None:
    """An audit compares with the register and names the document; the bus itself goes on."""
    sqlite_bus.publish([event(1), event(2)])
    behind.execute("DELETE FROM events WHERE id = ?", (event(2).id,))
    assert not sqlite_bus.has_published(event(2).id)
    assert [d.attempt for d in sqlite_bus.pull(SUMMARIZE, most=9, lease_s=60)] == [1]
    sqlite_bus.publish([event(2)])
    assert sqlite_bus.has_published(event(2).id)
    assert len(sqlite_bus.pull(SUMMARIZE, most=9, lease_s=60)) == 1
    clock.sleep(60)
    waiting = {row.subscription: row.messages for row in sqlite_bus.backlog()}
    assert waiting[SUMMARIZE] == 2


def test_a_delivery_deleted_behind_the_back_is_named(
    sqlite_bus: SqliteBus, behind: sqlite3.Connection, event: MakeEvent
) -> None:
    """An audit says whose document stopped, and before which worker."""
    sqlite_bus.publish([event(1), event(2)])
    behind.execute(f"DELETE FROM waiting WHERE seq = 2 AND queue = 2 * ({NUMBER})", (SUMMARIZE,))
    [missing] = sqlite_bus.missing_deliveries()
    assert (missing.subscription, missing.event_id) == (SUMMARIZE, event(2).id)
    assert missing.subject == event(2).subject
    sqlite_bus.publish([event(2)])
    assert sqlite_bus.missing_deliveries() == []


def test_a_subscription_added_later_is_owed_nothing_of_before(
    path: Path, topology: Topology, event: MakeEvent
) -> None:
    """A new worker starts with new events, as on Pub/Sub."""
    without = topology.model_copy(
        update={"subscriptions": {k: v for k, v in topology.subscriptions.items() if k != REGISTER}}
    )
    before = SqliteBus(path, without)
    before.publish([event(1)])
    before.close()
    after = SqliteBus(path, topology)
    assert after.missing_deliveries() == []
    assert after.pull(REGISTER, most=9, lease_s=60) == []
    after.publish([event(2)])
    assert len(after.pull(REGISTER, most=9, lease_s=60)) == 1
    after.close()
