"""What an audit asks of a bus that keeps what was published."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MissingDelivery:
    """A published event of which one subscription knows nothing.

    Attributes:
        subscription: who never got it.
        event_id: of the event.
        subject: the document, or the job before there is one.
    """

    subscription: str
    event_id: str
    subject: str


class PublishedEvents(Protocol):
    """The memory of an embedded bus. Raises ``TransientError`` when the bus is unavailable."""

    def has_published(self, event_id: str) -> bool:
        """Tell whether an event of that id was published, and not taken away behind its back."""
        ...

    def missing_deliveries(self) -> list[MissingDelivery]:
        """Return what was removed behind the bus's back: events that a subscription lacks.

        An event that was published again and heard then is not missing.
        """
        ...
