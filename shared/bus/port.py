"""Events between workers: what a worker needs of a bus (Pub/Sub, SQLite, memory)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.events.envelope import Event


@dataclass(frozen=True, slots=True)
class Message:
    """One event as it travels (the Pub/Sub binding): attributes ``ce-*`` and a JSON body."""

    attributes: dict[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message handed to one subscription, under a lease.

    Attributes:
        subscription: which subscription it is for.
        message: the event, not decoded yet.
        attempt: how many times it was handed out to this subscription, this one included.
        receipt: what acknowledges exactly this hand-out.
        published: when the bus took it, UTC.
    """

    subscription: str
    message: Message
    attempt: int
    receipt: str
    published: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in one subscription.

    Attributes:
        messages: not acknowledged, leased ones included.
        oldest_age_s: seconds since the oldest of them was published; 0 when there is none.
        leased: of the messages, those that a worker holds now.
    """

    subscription: str
    messages: int
    oldest_age_s: float
    leased: int


class Publisher(Protocol):
    """What a worker needs to emit."""

    def publish(self, events: Sequence[Event]) -> None:
        """Hand ``events`` to the topics of their types; on return they are durable.

        All or none on the embedded bus. On Pub/Sub some may have been published when it fails: who
        publishes them again, as every redelivery does, repeats their ids.

        Raises:
            PermanentError: an event breaks the contract; nothing was published.
            TransientError: the bus is unavailable.
        """
        ...


class Bus(Publisher, Protocol):
    """What the local supervisor and the contract suite need besides: pulling and settling.

    At-least-once: a delivery neither acknowledged nor retried before its lease ends is handed out
    again. After the subscription's most attempts a message moves to its dead-letter subscription
    (``<subscription>.dead``), where it waits until it is handled, never dropped.
    """

    def pull(self, subscription: str, *, most: int, lease_s: float) -> list[Delivery]:
        """Lease up to ``most`` messages that are due, oldest first."""
        ...

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Settle deliveries for good; one whose lease was lost meanwhile is ignored."""
        ...

    def retry(self, delivery: Delivery, *, delay_s: float, begun: bool = True) -> None:
        """Give a delivery back, not to be handed out before ``delay_s``.

        Args:
            delivery: as pulled.
            delay_s: seconds.
            begun: whether anything was tried; a hand-out that only had to wait is no attempt.
                (Pub/Sub counts it all the same: there the attempts are many.)
        """
        ...

    def extend(self, delivery: Delivery, *, lease_s: float) -> None:
        """Lease it for ``lease_s`` seconds from now."""
        ...

    def backlog(self) -> list[Backlog]:
        """Return what waits, one row a subscription, in the order of the topology."""
        ...
