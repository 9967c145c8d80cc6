"""The register follows every document by the events of its life."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.ingest.ports import Register
from shared.bus.port import Delivery
from shared.errors import PermanentError
from shared.events.codec import from_message
from shared.events.envelope import Event


@dataclass(frozen=True, slots=True)
class Projection:
    """What became of a batch of deliveries.

    Attributes:
        applied: in the register now; acknowledge them.
        refused: no events of the contract. Give them back: they end as dead letters, which somebody
            looks at; the register has nothing to learn from them.
    """

    applied: tuple[Delivery, ...]
    refused: tuple[Delivery, ...]


def project(deliveries: Sequence[Delivery], *, register: Register) -> Projection:
    """Apply a batch of lifecycle events in one transaction.

    Redelivered and reordered events are harmless: the register takes the newest of what it is told.

    Raises:
        TransientError: the register is unavailable; nothing was applied.
    """
    read = [(delivery, _event(delivery)) for delivery in deliveries]
    register.apply([event for _delivery, event in read if event is not None])
    return Projection(
        applied=tuple(delivery for delivery, event in read if event is not None),
        refused=tuple(delivery for delivery, event in read if event is None),
    )


def _event(delivery: Delivery) -> Event | None:
    try:
        return from_message(delivery.message)
    except PermanentError:
        return None
