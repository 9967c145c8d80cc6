"""What becomes of one delivery, and whoever takes deliveries."""

from dataclasses import dataclass
from typing import Protocol

from shared.bus.port import Delivery
from shared.errors import TransientError
from shared.telemetry.outcomes import DeliveryOutcome


@dataclass(frozen=True, slots=True)
class Settlement:
    """What to tell the bus.

    Attributes:
        acknowledge: settle the delivery for good.
        delay_s: else give it back, not before so many seconds.
        code: what became of it.
        begun: whether anything was tried; what only waited has not used up an attempt.
    """

    acknowledge: bool
    code: DeliveryOutcome
    delay_s: float = 0.0
    begun: bool = True


def later(delay_s: float) -> Settlement:
    """Give the delivery back, to be tried again after so many seconds."""
    return Settlement(acknowledge=False, code=DeliveryOutcome.RETRY, delay_s=delay_s)


class ContendedError(TransientError):
    """Something else comes first: nothing was begun and nothing failed, come back later."""


class Receiver(Protocol):
    """What takes deliveries: an edge."""

    def receive(self, delivery: Delivery) -> Settlement:
        """Do what the delivery asks for and say how to settle it."""
        ...
