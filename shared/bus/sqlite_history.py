"""What the SQLite bus remembers: for an audit, and for how long."""

import sqlite3
from collections.abc import Mapping

from pydantic_core import to_json

from shared.bus import statements
from shared.bus.published import MissingDelivery
from shared.bus.topology import Topology
from shared.events.payloads import EventType


class History:
    """Answers from the events that were published. Whoever calls holds the connection's lock.

    No index on the ids of events is kept for it: each publishing would pay. The first question
    reads all of them into a table of this connection, the next ones only what is new.

    Args:
        connection: to the bus's file.
        topology: who hears what.
        numbers: of the subscriptions, by name.
    """

    def __init__(
        self, connection: sqlite3.Connection, topology: Topology, numbers: Mapping[str, int]
    ) -> None:
        self._connection = connection
        self._topology = topology
        self._numbers = numbers
        self._last = (0, "")  # the last event that was read

    def has_published(self, event_id: str) -> bool:
        """Tell whether an event of that id is there or was pruned."""
        self._catch_up()
        asked = {"id": event_id, "bytes": bytes.fromhex(event_id)}
        return self._connection.execute(statements.HAS_PUBLISHED, asked).fetchone() is not None

    def missing_deliveries(self) -> list[MissingDelivery]:
        """Return the events that a subscription of their topic lacks."""
        return [
            MissingDelivery(name, event_id, subject)
            for name, its in self._topology.subscriptions.items()
            for event_id, subject in self._connection.execute(
                statements.MISSING, {"topic": str(its.topic), "number": self._numbers[name]}
            )
        ]

    def prune(self, before: int, *, most: int) -> int:
        """Forget what is older and settled, but not its ids; within a transaction."""
        hearers = {
            type_.value: [self._numbers[name] for name in self._topology.of_topic(type_)]
            for type_ in EventType
        }
        asked = {"before": before, "hearers": to_json(hearers).decode(), "most": most}
        old = self._connection.execute(statements.PRUNABLE, asked).fetchall()
        ids = [(bytes.fromhex(event_id),) for _seq, event_id in old]
        self._connection.executemany(statements.REMEMBER_ID, ids)
        for drop in (statements.DROP_EVENT, statements.DROP_SETTLED):
            self._connection.executemany(drop, [(seq,) for seq, _id in old])
        return len(old)

    def _catch_up(self) -> None:
        """Read what is new; all of it again, where the last one known was taken away."""
        self._connection.execute(statements.KNOWN)
        last = self._connection.execute(statements.LAST_EVENT).fetchone() or (0, "")
        if last == self._last:
            return
        if self._connection.execute(statements.EVENT_AT, self._last[:1]).fetchone() != self._last:
            self._connection.execute(statements.FORGET)
            self._last = (0, "")
        self._connection.execute(statements.LEARN, (self._last[0], last[0]))
        self._last = last
