"""Extends the leases of what the loop has in hand, for as long as it has it in hand.

The loop works in one thread, and a long document may take many leases. So another thread looks
every few seconds. Without it the bus would hand the document to somebody else meanwhile: harmless,
as the edge lets one at a time in, but each hand-out counts as an attempt.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from shared.bus.port import Bus, Delivery
from shared.clock import Clock
from shared.errors import TransientError

LOOK_EVERY_S: Final = 5.0
LONGEST_S: Final = 3600.0
"""Whoever has a delivery in hand for so long may hang: its lease ends, and another takes over."""


@dataclass(slots=True)
class _InHand:
    """What was pulled together.

    Attributes:
        deliveries: all of them; those that wait for their turn are leased as well.
        lease_s: for how long.
        begun: when it was pulled, in the clock's monotonic seconds.
        leased: when its lease began last.
    """

    deliveries: Sequence[Delivery]
    lease_s: float
    begun: float
    leased: float


class Holding:
    """What one loop has in hand.

    Args:
        bus: that leased it.
        clock: tells how long ago.
        look_every_s: seconds between two looks of the other thread.
    """

    def __init__(self, bus: Bus, clock: Clock, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._bus = bus
        self._clock = clock
        self._look_every_s = look_every_s
        self._in_hand: _InHand | None = None

    @contextmanager
    def hold(self, deliveries: Sequence[Delivery], lease_s: float) -> Iterator[None]:
        """Keep ``deliveries``, just leased for ``lease_s``, from being handed out meanwhile."""
        now = self._clock.monotonic()
        self._in_hand = _InHand(deliveries, lease_s, now, now)
        try:
            yield
        finally:
            self._in_hand = None

    def look(self) -> None:
        """Lease again what is in hand and was leased a third of its lease ago.

        What is settled at the same moment is not leased again: its receipt is no longer good.
        """
        held, now = self._in_hand, self._clock.monotonic()
        if held is None or now - held.leased < held.lease_s / 3 or now - held.begun > LONGEST_S:
            return
        try:
            for delivery in held.deliveries:
                self._bus.extend(delivery, lease_s=held.lease_s)
        except TransientError:
            return  # at the next look
        held.leased = now

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Let another thread look every so often."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(self._look_every_s):
                self.look()

        watcher = threading.Thread(target=watch, name="leases", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
