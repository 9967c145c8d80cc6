"""The bus as one process sees it: late, out of order, and not always there."""

from collections.abc import Sequence
from typing import Final

from shared.bus.port import Delivery
from shared.events.envelope import Event
from tests.simulation.chaos import Chaos
from tests.simulation.watched import WatchedBus

DELAYS: Final = (0.5, 3.0, 20.0, 90.0)


class UnreliableBus:
    """Stands in front of the bus for one process.

    Args:
        inner: the bus.
        chaos: decides.
        who: the process.
    """

    def __init__(self, inner: WatchedBus, chaos: Chaos, who: str) -> None:
        self._inner = inner
        self._queues = inner.by_name()
        self._chaos = chaos
        self._who = who

    def publish(self, events: Sequence[Event]) -> None:
        """Publish, all or none."""
        self._chaos.point(self._who, "before bus.publish", may_fail=True)
        self._inner.publish(events)
        for event in events:
            self._chaos.note(f"{self._who} publishes {event.type.value} {event.subject[:6]}")
        self._chaos.point(self._who, "after bus.publish", may_fail=False)

    def pull(self, subscription: str, *, most: int, lease_s: float) -> list[Delivery]:
        """Pull; some of what comes is put off, so that others overtake it."""
        if not self._queues[subscription]:  # most are empty most of the time
            return []
        self._chaos.point(self._who, "bus.pull", may_fail=True)
        taken = []
        for delivery in self._inner.pull(subscription, most=most, lease_s=lease_s):
            if self._chaos.happens(self._chaos.weather.delays):
                self._inner.retry(delivery, delay_s=self._chaos.pick(DELAYS))
            else:
                taken.append(delivery)
                self._chaos.note(
                    f"{self._who} takes {subscription} "
                    f"{delivery.message.attributes['ce-subject'][:6]} ({delivery.attempt})"
                )
        return taken

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge; it may get lost."""
        if deliveries:
            self._chaos.point(self._who, "before bus.acknowledge", may_fail=True)
            self._inner.acknowledge(deliveries)
            self._chaos.point(self._who, "after bus.acknowledge", may_fail=False)

    def retry(self, delivery: Delivery, *, delay_s: float, begun: bool = True) -> None:
        """Give it back; that may get lost."""
        self._chaos.point(self._who, "bus.retry", may_fail=True)
        self._inner.retry(delivery, delay_s=delay_s, begun=begun)

    def extend(self, delivery: Delivery, *, lease_s: float) -> None:
        """Extend a lease."""
        self._inner.extend(delivery, lease_s=lease_s)
