"""The bus in memory: the embedded bus's semantics for tests and the simulation, no durability.

The simulation wraps it: faults (loss, reordering, delay) are its business, not this class's.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.bus.port import Backlog, Delivery, Message
from shared.bus.published import MissingDelivery
from shared.bus.topology import DEAD_SUFFIX, Topology
from shared.clock import Clock
from shared.events.codec import to_message
from shared.events.envelope import Event
from shared.events.payloads import EventType

_NEVER: Final = timedelta(0)


@dataclass(slots=True)
class _Entry:
    """One event in one subscription.

    Attributes:
        seq: of the event, counted from 0.
        subscription: whose it is.
        queue: the subscription, or its dead letters.
        due: when it may be handed out (again).
        attempts: hand-outs so far.
        moved: hand-outs before it became a dead letter; while it is none, those that were given
            back unbegun, as a negative number.
        leased: whether somebody holds a good receipt.
    """

    seq: int
    subscription: str
    queue: str
    due: datetime
    attempts: int = 0
    moved: int = 0
    leased: bool = False


@dataclass(frozen=True, slots=True)
class _Published:
    type: EventType
    message: Message
    at: datetime


class MemoryBus:
    """A bus that forgets everything with its process. Not for several threads.

    Args:
        topology: who hears what.
        clock: when leases end and delays are over.
    """

    def __init__(self, topology: Topology, clock: Clock) -> None:
        self._topology = topology
        self._clock = clock
        self._next = 0
        self._events: dict[int, _Published] = {}
        self._deliveries: dict[tuple[int, str], _Entry] = {}
        self._waiting: dict[str, dict[int, _Entry]] = {}
        for name in topology.subscriptions:
            self._waiting[name] = {}
            self._waiting[name + DEAD_SUFFIX] = {}

    def publish(self, events: Sequence[Event]) -> None:
        """Hand ``events`` to the subscriptions of their topics, all or none."""
        messages = [to_message(event) for event in events]
        now = self._clock.now()
        for event, message in zip(events, messages, strict=True):
            self._events[self._next] = _Published(event.type, message, now)
            for name in self._topology.of_topic(event.type):
                entry = _Entry(self._next, name, name, now)
                self._deliveries[self._next, name] = entry
                self._waiting[name][self._next] = entry
            self._next += 1

    def pull(self, subscription: str, *, most: int, lease_s: float) -> list[Delivery]:
        """Lease up to ``most`` messages that are due, the longest due first."""
        now = self._clock.now()
        due = [
            entry
            for entry in self._queue(subscription).values()
            if entry.due <= now and entry.seq in self._events
        ]
        taken = heapq.nsmallest(most, due, key=lambda entry: (entry.due, entry.seq))
        return [self._lease(entry, now + timedelta(seconds=lease_s)) for entry in taken]

    def _lease(self, entry: _Entry, until: datetime) -> Delivery:
        queue = entry.queue
        entry.attempts += 1
        entry.due = until
        entry.leased = True
        delivery = Delivery(
            subscription=queue,
            message=self._events[entry.seq].message,
            attempt=entry.attempts - abs(entry.moved),
            receipt=f"{entry.seq}.{entry.attempts}",
            published=self._events[entry.seq].at,
        )
        most = self._topology.subscriptions[entry.subscription].attempts
        if entry.moved <= 0 and entry.attempts + entry.moved >= most:
            entry.moved = entry.attempts
            entry.queue = entry.subscription + DEAD_SUFFIX
            del self._waiting[queue][entry.seq]
            self._waiting[entry.queue][entry.seq] = entry
        return delivery

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Settle deliveries for good; one that was handed out again meanwhile is ignored."""
        for delivery in deliveries:
            entry = self._held(delivery)
            if entry is not None:
                entry.leased = False
                del self._waiting[entry.queue][entry.seq]

    def retry(self, delivery: Delivery, *, delay_s: float, begun: bool = True) -> None:
        """Give a delivery back, not to be handed out before ``delay_s``; unbegun, uncounted."""
        entry = self._held(delivery)
        if entry is None:
            return
        entry.leased = False
        entry.due = self._clock.now() + timedelta(seconds=delay_s)
        if begun or delivery.subscription.endswith(DEAD_SUFFIX):
            return
        if entry.moved > 0:  # it was the last attempt, and is none
            entry.moved = self._topology.subscriptions[entry.subscription].attempts - entry.moved
            del self._waiting[entry.queue][entry.seq]
            entry.queue = entry.subscription
            self._waiting[entry.queue][entry.seq] = entry
        entry.moved -= 1

    def extend(self, delivery: Delivery, *, lease_s: float) -> None:
        """Lease it for ``lease_s`` seconds from now, unless it was handed out again meanwhile."""
        entry = self._held(delivery)
        if entry is not None:
            entry.due = self._clock.now() + timedelta(seconds=lease_s)

    def backlog(self) -> list[Backlog]:
        """Return what waits, a row a subscription and one for its dead letters after it."""
        now = self._clock.now()
        rows: dict[str, list[_Entry]] = {queue: [] for queue in self._waiting}
        for entry in self._deliveries.values():
            if entry.seq in self._waiting[entry.queue] and entry.seq in self._events:
                held = entry.leased and entry.due > now
                last = held and entry.attempts == entry.moved
                rows[entry.subscription if last else entry.queue].append(entry)
        return [
            Backlog(
                subscription=queue,
                messages=len(entries),
                oldest_age_s=max(
                    (now - self._events[entry.seq].at for entry in entries), default=_NEVER
                ).total_seconds(),
                leased=sum(entry.leased and entry.due > now for entry in entries),
            )
            for queue, entries in rows.items()
        ]

    def next_due(self) -> datetime | None:
        """Return when the next message may be handed out (it may be past), None when none waits."""
        return min(
            (
                entry.due
                for queue in self._waiting.values()
                for entry in queue.values()
                if entry.seq in self._events
            ),
            default=None,
        )

    def release_leases(self) -> int:
        """Hand out every leased message again; for a supervisor that knows all holders dead."""
        now = self._clock.now()
        leased = [e for queue in self._waiting.values() for e in queue.values() if e.leased]
        for entry in leased:
            entry.leased = False
            entry.due = min(entry.due, now)
        return len(leased)

    def has_published(self, event_id: str) -> bool:
        """Tell whether an event of that id was published and is still there."""
        return any(event.message.attributes["ce-id"] == event_id for event in self._events.values())

    def missing_deliveries(self) -> list[MissingDelivery]:
        """Return the events that a subscription of their topic lacks."""
        heard = {
            (self._events[seq].message.attributes["ce-id"], name)
            for seq, name in self._deliveries
            if seq in self._events
        }
        return [
            MissingDelivery(name, told["ce-id"], told["ce-subject"])
            for name, its in self._topology.subscriptions.items()
            for event in self._events.values()
            for told in [event.message.attributes]
            if event.type is its.topic and (told["ce-id"], name) not in heard
        ]

    def _queue(self, subscription: str) -> dict[int, _Entry]:
        try:
            return self._waiting[subscription]
        except KeyError:
            raise LookupError(f"no subscription {subscription} in the topology") from None

    def _held(self, delivery: Delivery) -> _Entry | None:
        """Return the entry if the receipt is still the latest one."""
        seq, attempts = delivery.receipt.split(".")
        entry = self._deliveries.get((int(seq), delivery.subscription.removesuffix(DEAD_SUFFIX)))
        if entry is None or not entry.leased or entry.attempts != int(attempts):
            return None
        return entry
