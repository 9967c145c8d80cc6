"""The bus on SQLite: durable at-least-once delivery for workers on one machine.

Every publish, pull and settlement is one transaction under WAL and outlives ``kill -9``. What was
published or settled has reached the disk (``synchronous=FULL``) and outlives a power cut too. A
lease need not: a power cut ends all who hold one, and a message whose latest lease it took is
handed out at once, as one of an earlier attempt. Any number of processes may use one file. Events
are kept after they are settled, so that an audit can ask for them, until
they are pruned; their ids are kept for good.

A receipt is good until its message is handed out again. At the last hand-out the message moves to
``<subscription>.dead``, due there when the lease ends: nothing has to look for exhausted messages.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Final

from pydantic_core import from_json, to_json

from shared.bus import statements
from shared.bus.port import Backlog, Delivery, Message
from shared.bus.published import MissingDelivery
from shared.bus.sqlite_file import open_bus_file, translated
from shared.bus.sqlite_history import History
from shared.bus.topology import DEAD_SUFFIX, Topology
from shared.clock import Clock, SystemClock
from shared.events.codec import to_message
from shared.events.envelope import Event
from shared.events.payloads import EventType
from shared.sqlite import unsynced, writing

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_Held = tuple[int, int, int, int]
"""Where a leased message is: queue, due, seq, attempts."""


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
        self._lock = Lock()
        self._connection = open_bus_file(path, list(topology.subscriptions), busy_s=busy_s)
        numbers = dict(self._connection.execute(statements.SUBSCRIPTIONS).fetchall())
        self._queues: dict[str, int] = {
            name + suffix: 2 * numbers[name] + dead
            for name in topology.subscriptions
            for dead, suffix in enumerate(("", DEAD_SUFFIX))
        }
        self._hearers = {
            type_: [self._queues[name] for name in topology.of_topic(type_)] for type_ in EventType
        }
        self._history = History(self._connection, topology, numbers)
        self._idle = set(self._queues)  # whose last pull came back empty

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
                    (seq, now, event.type.value, _json(message), message.body)
                    for seq, (event, message) in enumerate(
                        zip(events, messages, strict=True), start=first
                    )
                ],
            )
            run.executemany(
                statements.ADD_WAITING,
                [
                    (queue, now, seq)
                    for seq, event in enumerate(events, start=first)
                    for queue in self._hearers[event.type]
                ],
            )

    def pull(self, subscription: str, *, most: int, lease_s: float) -> list[Delivery]:
        """Lease up to ``most`` messages that are due, the longest due first."""
        if subscription not in self._queues:
            raise LookupError(f"no subscription {subscription} in the topology")
        queue, now = self._queues[subscription], self._now()
        if subscription in self._idle and not self._rows(statements.DUE, (queue, now, 1)):
            return []  # an idle worker's poll writes nothing and waits for nobody
        last = self._topology.subscriptions[subscription.removesuffix(DEAD_SUFFIX)].attempts
        until, holder = now + round(lease_s * 1_000_000), os.getpid()
        deliveries: list[Delivery] = []
        leases: list[tuple[object, ...]] = []
        with self._transaction(synced=False) as run:
            for due, seq, before, moved_at, published, attributes, body in run.execute(
                statements.DUE, (queue, now, most)
            ):
                attempts, moved, to = before + 1, moved_at, queue
                if moved <= 0 and attempts + moved >= last:
                    moved, to = attempts, queue | 1
                leases.append((to, until, attempts, moved, holder, queue, due, seq))
                deliveries.append(
                    Delivery(
                        subscription=subscription,
                        message=Message(from_json(attributes), body),
                        attempt=attempts - abs(moved_at),
                        receipt=f"{seq}.{attempts}.{to}.{until}",
                        published=_time(published),
                    )
                )
            run.executemany(statements.LEASE, leases)
        (self._idle.discard if deliveries else self._idle.add)(subscription)
        return deliveries

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Settle deliveries for good; one that was handed out again meanwhile is ignored."""
        if not deliveries:
            return
        held = [_held(delivery) for delivery in deliveries]
        with self._transaction() as run:
            if run.executemany(statements.NOTE_SETTLED, held).rowcount < len(held):
                held = [still for one in held for still in _still(run, one)]
                run.executemany(statements.NOTE_SETTLED, held)
            run.executemany(statements.SETTLE, held)

    def retry(self, delivery: Delivery, *, delay_s: float, begun: bool = True) -> None:
        """Give a delivery back, not to be handed out before ``delay_s``; unbegun, uncounted."""
        due = self._now() + round(delay_s * 1_000_000)
        its = None if begun else self._topology.subscriptions.get(delivery.subscription)
        with self._transaction() as run:
            for held in _still(run, _held(delivery)):
                if its is None:  # or it is a dead letter: their attempts have no end
                    run.execute(statements.GIVE_BACK, (due, *held))
                else:
                    run.execute(statements.GIVE_BACK_UNBEGUN, (due, its.attempts, *held))

    def extend(self, delivery: Delivery, *, lease_s: float) -> None:
        """Lease it for ``lease_s`` seconds from now, unless it was handed out again meanwhile."""
        until = self._now() + round(lease_s * 1_000_000)
        with self._transaction(synced=False) as run:
            for held in _still(run, _held(delivery)):
                run.execute(statements.EXTEND, (until, *held))

    def backlog(self) -> list[Backlog]:
        """Return what waits, a row a subscription and one for its dead letters after it."""
        now = self._now()
        waits = {row[0]: row[1:] for row in self._rows(statements.BACKLOG, {"now": now})}
        return [
            Backlog(name, messages, max(0.0, (now - oldest) / 1_000_000), leased)
            for name, queue in self._queues.items()
            for messages, oldest, leased in [waits.get(queue, (0, now, 0))]
        ]

    def next_due(self) -> datetime | None:
        """Return when the next message may be handed out (it may be past), None when none waits."""
        due = [
            row[0]
            for queue in self._queues.values()
            for row in self._rows(statements.NEXT_DUE, (queue,))
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
        """Tell whether an event of that id was published, and is still there or was pruned."""
        with self._lock, translated():
            return self._history.has_published(event_id)

    def missing_deliveries(self) -> list[MissingDelivery]:
        """Return the events that a subscription of their topic lacks."""
        with self._lock, translated():
            return self._history.missing_deliveries()

    def prune(self, before: datetime, *, most: int) -> int:
        """Forget all but the ids of up to ``most`` events, and return of how many.

        Only of those published before ``before`` that every subscription of their topic is done
        with. The last event of all is kept: the next one's number follows from it.
        """
        with self._transaction():
            return self._history.prune(_microseconds(before), most=most)

    def _now(self) -> int:
        return _microseconds(self._clock.now())

    def _rows(
        self, sql: str, parameters: tuple[object, ...] | dict[str, object]
    ) -> list[tuple[Any, ...]]:
        with self._lock, translated():
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def _transaction(self, *, synced: bool = True) -> Iterator[sqlite3.Connection]:
        wait = nullcontext() if synced else unsynced(self._connection)
        with self._lock, translated(), wait, writing(self._connection) as run:
            yield run


def _json(message: Message) -> str:
    return to_json(message.attributes).decode()


def _held(delivery: Delivery) -> _Held:
    """Return where the receipt's message was put when it was handed out."""
    seq, attempts, queue, due = map(int, delivery.receipt.split("."))
    return queue, due, seq, attempts


def _still(run: sqlite3.Connection, held: _Held) -> Iterator[_Held]:
    """Yield where a message is now, unless it was given back or handed out again meanwhile."""
    queue, due, seq, attempts = held
    if run.execute(statements.IS_HELD, held).fetchone():
        yield held
        return
    for (due,) in run.execute(statements.HELD_UNTIL, (queue, seq, attempts)).fetchall():
        yield queue, due, seq, attempts


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
