"""The bus on SQLite: durable at-least-once delivery for workers on one machine.

Every publish, pull and settlement is one transaction under WAL and ``synchronous=FULL``: what
returned has reached the disk and outlives ``kill -9`` and a power cut. Any number of processes
may use one file. Events are kept after they are settled, so that an audit can ask for them.

A receipt is good until its message is handed out again. At the last hand-out the message moves to
``<subscription>.dead``, due there when the lease ends: nothing has to look for exhausted messages.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Final

from pydantic_core import from_json, to_json

from shared.bus import statements
from shared.bus.port import Backlog, Delivery, Message
from shared.bus.published import MissingDelivery
from shared.bus.sqlite_file import open_bus_file, translated
from shared.bus.topology import DEAD_SUFFIX, Topology
from shared.clock import Clock, SystemClock
from shared.events.codec import to_message
from shared.events.envelope import Event
from shared.events.payloads import EventType
from shared.sqlite import writing

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class SqliteBus:
    """The embedded bus. Safe for several processes, and for several threads of one.

    Open it after a fork, not before.

    Args:
        path: its file, made on first use.
        topology: who hears what.
        clock: the wall clock, the same for every process.
        busy_s: how long to wait for another process's transaction.

    Raises:
        TransientError: the file is unavailable.
        UserError: the file was made by another version.
    """

    def __init__(
        self,
        path: Path,
        topology: Topology,
        *,
        clock: Clock | None = None,
        busy_s: float = 30.0,
    ) -> None:
        self._topology = topology
        self._clock = clock or SystemClock()
        self._hearers = {type_: topology.of_topic(type_) for type_ in EventType}
        self._queues = [
            queue for name in topology.subscriptions for queue in (name, name + DEAD_SUFFIX)
        ]
        self._idle = set(self._queues)  # whose last pull came back empty
        self._lock = Lock()
        self._connection = open_bus_file(path, list(topology.subscriptions), busy_s=busy_s)

    def close(self) -> None:
        """Close the file; leases stay until they end."""
        with self._lock:
            self._connection.close()

    def publish(self, events: Sequence[Event]) -> None:
        """Hand ``events`` to the subscriptions of their topics, all or none, durably.

        Raises:
            TransientError: the bus is unavailable; nothing was published.
            PermanentError: reason ``malformed_event``: one is no event of the contract.
        """
        if not events:
            return
        messages = [to_message(event) for event in events]
        now = self._now()
        with self._transaction() as run:
            first: int = run.execute(statements.NEXT_SEQ).fetchone()[0]
            run.executemany(
                statements.ADD_EVENT,
                [
                    (seq, event.id, event.type.value, _json(message), message.body, now)
                    for seq, (event, message) in enumerate(
                        zip(events, messages, strict=True), start=first
                    )
                ],
            )
            run.executemany(
                statements.ADD_DELIVERY,
                [
                    (seq, name, name, now)
                    for seq, event in enumerate(events, start=first)
                    for name in self._hearers[event.type]
                ],
            )

    def pull(self, subscription: str, *, most: int, lease_s: float) -> list[Delivery]:
        """Lease up to ``most`` messages that are due, the longest due first."""
        if subscription not in self._queues:
            raise LookupError(f"no subscription {subscription} in the topology")
        now = self._now()
        if subscription in self._idle and not self._rows(statements.DUE, (subscription, now, 1)):
            return []  # an idle worker's poll writes nothing and waits for nobody
        until = now + round(lease_s * 1_000_000)
        deliveries: list[Delivery] = []
        leases: list[tuple[object, ...]] = []
        with self._transaction() as run:
            for seq, name, before, moved_at, attributes, body, published in run.execute(
                statements.DUE, (subscription, now, most)
            ):
                attempts, moved, queue = before + 1, moved_at, subscription
                if moved <= 0 and attempts + moved >= self._topology.subscriptions[name].attempts:
                    moved, queue = attempts, name + DEAD_SUFFIX
                leases.append((until, attempts, moved, queue, os.getpid(), seq, name))
                deliveries.append(
                    Delivery(
                        subscription=subscription,
                        message=Message(from_json(attributes), body),
                        attempt=attempts - abs(moved_at),
                        receipt=f"{seq}.{attempts}",
                        published=_time(published),
                    )
                )
            run.executemany(statements.LEASE, leases)
        (self._idle.discard if deliveries else self._idle.add)(subscription)
        return deliveries

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Settle deliveries for good; one that was handed out again meanwhile is ignored."""
        if deliveries:
            with self._transaction() as run:
                run.executemany(
                    statements.SETTLE,
                    [_key(delivery) for delivery in deliveries],
                )

    def retry(self, delivery: Delivery, *, delay_s: float, begun: bool = True) -> None:
        """Give a delivery back, not to be handed out before ``delay_s``; unbegun, uncounted."""
        due = self._now() + round(delay_s * 1_000_000)
        its = None if begun else self._topology.subscriptions.get(delivery.subscription)
        with self._transaction() as run:
            if its is None:  # or it is a dead letter: their attempts have no end
                run.execute(statements.GIVE_BACK, (due, *_key(delivery)))
            else:
                run.execute(statements.GIVE_BACK_UNBEGUN, (due, its.attempts, *_key(delivery)))

    def extend(self, delivery: Delivery, *, lease_s: float) -> None:
        """Lease it for ``lease_s`` seconds from now, unless it was handed out again meanwhile."""
        until = self._now() + round(lease_s * 1_000_000)
        with self._transaction() as run:
            run.execute(statements.EXTEND, (until, *_key(delivery)))

    def backlog(self) -> list[Backlog]:
        """Return what waits, a row a subscription and one for its dead letters after it."""
        now = self._now()
        waits = {row[0]: row[1:] for row in self._rows(statements.BACKLOG, {"now": now})}
        return [
            Backlog(queue, messages, max(0.0, (now - oldest) / 1_000_000), leased)
            for queue in self._queues
            for messages, oldest, leased in [waits.get(queue, (0, now, 0))]
        ]

    def next_due(self) -> datetime | None:
        """Return when the next message may be handed out (it may be past), None when none waits."""
        due = [
            row[0] for queue in self._queues for row in self._rows(statements.NEXT_DUE, (queue,))
        ]
        return _time(min(due)) if due else None

    def release_leases(self, holder: int | None = None) -> int:
        """Hand out leased messages again, and return how many there were.

        Only for a supervisor that knows the holders dead: after ``kill -9`` nobody should wait for
        the leases of the dead.

        Args:
            holder: the id of a process that has ended; every process's when None.
        """
        parameters = {"now": self._now(), "holder": holder}
        with self._transaction() as run:
            return run.execute(statements.RELEASE, parameters).rowcount

    def has_published(self, event_id: str) -> bool:
        """Tell whether an event of that id was published and is still there."""
        return bool(self._rows(statements.HAS_PUBLISHED, (event_id,)))

    def missing_deliveries(self) -> list[MissingDelivery]:
        """Return the events that a subscription of their topic lacks."""
        return [
            MissingDelivery(name, event_id, subject)
            for name, its in self._topology.subscriptions.items()
            for event_id, subject in self._rows(
                statements.MISSING, {"topic": str(its.topic), "name": name}
            )
        ]

    def _now(self) -> int:
        return (self._clock.now() - _EPOCH) // _MICROSECOND

    def _rows(
        self, sql: str, parameters: tuple[object, ...] | dict[str, object]
    ) -> list[tuple[Any, ...]]:
        with self._lock, translated():
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(), writing(self._connection) as run:
            yield run


def _json(message: Message) -> str:
    return to_json(message.attributes).decode()


def _key(delivery: Delivery) -> tuple[int, str, int]:
    """Return what a receipt is good for: one event, one subscription, one hand-out."""
    seq, attempts = delivery.receipt.split(".")
    return int(seq), delivery.subscription.removesuffix(DEAD_SUFFIX), int(attempts)


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
