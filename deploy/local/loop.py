"""One process's work: pull, let the edge decide, settle; downstream first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from deploy.local.holding import Holding
from shared.bus.port import Bus, Delivery
from shared.clock import Clock
from shared.errors import TransientError
from shared.events.envelope import Event
from shared.telemetry.outcomes import DeliveryOutcome
from shared.worker.settlement import Receiver, Settlement

IDLE_S: Final = 0.02
IDLE_MOST_S: Final = 0.25
BATCH_S: Final = 1.0
"""How long a batch should take. What is done is told at its end, and lost with its worker; and what
one worker holds, another that has nothing to do cannot take."""


_NOT_BEGUN: Final = Settlement(acknowledge=False, code=DeliveryOutcome.RETRY, begun=False)


@dataclass(frozen=True, slots=True)
class Duty:
    """One subscription and who serves it.

    Attributes:
        subscription: its name.
        receiver: takes its deliveries.
        batch: how many at once at most, where each takes next to no time.
        lease_s: how long the bus waits for us.
    """

    subscription: str
    receiver: Receiver
    batch: int
    lease_s: float


class BatchingPublisher:
    """Collects what a batch of deliveries publishes and sends it in one durable transaction.

    Publishing is what makes an acknowledgement safe, so the loop acknowledges after ``flush``
    only. A crash before it redelivers the batch; the stored results send the same events again.

    Args:
        bus: where events go.
        settle: makes durable what the events refer to, right before they are published; raises
            ``TransientError`` if it cannot.
    """

    def __init__(self, bus: Bus, *, settle: Callable[[], None] = lambda: None) -> None:
        self._bus = bus
        self._settle = settle
        self._pending: list[Event] = []

    def publish(self, events: Sequence[Event]) -> None:
        """Collect ``events``."""
        self._pending.extend(events)

    def flush(self) -> None:
        """Publish what was collected. Called before any acknowledgement, events or none.

        Raises:
            TransientError: the bus or a store is unavailable; what was collected is dropped, and
                its deliveries must not be acknowledged.
        """
        pending, self._pending = self._pending, []
        self._settle()
        if pending:
            self._bus.publish(pending)


class Loop:
    """Serves duties until told to stop.

    Args:
        bus: to pull from and settle on.
        publisher: what the duties' receivers publish through.
        duties: in the order to look for work: downstream first, so that documents finish.
        chores: called when there was nothing to do, and between passes; each returns whether it
            did something.
        clock: to wait with.
        holding: extends the leases of what is in hand, while ``run`` runs.
    """

    def __init__(  # noqa: PLR0913 - the last two have defaults
        self,
        bus: Bus,
        publisher: BatchingPublisher,
        duties: Sequence[Duty],
        *,
        chores: Sequence[Callable[[], bool]] = (),
        clock: Clock,
        holding: Holding | None = None,
    ) -> None:
        self._holding = holding or Holding(bus, clock)
        self._bus = bus
        self._publisher = publisher
        self._duties = duties
        self._chores = chores
        self._clock = clock
        self._sizes: dict[str, int] = {}

    def run(self, stop: Callable[[], bool]) -> None:
        """Work until ``stop()``; the delivery in hand is finished first."""
        with self._holding.watched():
            self._run(stop)

    def _run(self, stop: Callable[[], bool]) -> None:
        idle = IDLE_S
        while not stop():
            worked = self.turn(stop)
            if worked:
                idle = IDLE_S
                continue
            self._clock.sleep(idle)
            idle = min(IDLE_MOST_S, idle * 1.5)

    def turn(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Serve the first duty that has work, then the chores; return whether anything was done."""
        worked = False
        for duty in self._duties:
            if self._serve(duty, stop):
                worked = True
                break
        for chore in self._chores:
            try:
                worked = chore() or worked
            except TransientError:
                continue  # it comes round again
        return worked

    def _serve(self, duty: Duty, stop: Callable[[], bool]) -> bool:
        size = self._sizes.get(duty.subscription, 1)
        try:
            deliveries = self._bus.pull(duty.subscription, most=size, lease_s=duty.lease_s)
        except TransientError:
            return False
        if not deliveries:
            return False
        with self._holding.hold(deliveries, duty.lease_s):
            self._settle(self._received(duty, deliveries, stop))
        return True

    def _received(
        self, duty: Duty, deliveries: Sequence[Delivery], stop: Callable[[], bool]
    ) -> list[tuple[Delivery, Settlement]]:
        begun = self._clock.monotonic()
        settled: list[tuple[Delivery, Settlement]] = []
        for delivery in deliveries:
            if stop() or self._clock.monotonic() - begun > BATCH_S:
                settled.append((delivery, _NOT_BEGUN))
            else:
                settled.append((delivery, duty.receiver.receive(delivery)))
        done = sum(how is not _NOT_BEGUN for _, how in settled)
        size = self._sizes.get(duty.subscription, 1)
        self._sizes[duty.subscription] = _next_size(
            size, done, self._clock.monotonic() - begun, most=duty.batch
        )
        try:
            self._publisher.flush()
        except TransientError:
            settled = [
                (delivery, Settlement(acknowledge=False, code=DeliveryOutcome.RETRY, delay_s=1.0))
                for delivery in deliveries
            ]
        return settled

    def _settle(self, settled: Sequence[tuple[Delivery, Settlement]]) -> None:
        try:
            self._bus.acknowledge([one for one, how in settled if how.acknowledge])
            for delivery, how in settled:
                if not how.acknowledge:
                    self._bus.retry(delivery, delay_s=how.delay_s, begun=how.begun)
        except TransientError:
            return  # their leases end, and they are handed out again


def duties_for(
    receivers: Mapping[str, tuple[Receiver, int]], leases: Mapping[str, float]
) -> list[Duty]:
    """Return a duty for each subscription, and one for its dead letters.

    Args:
        receivers: by subscription, who takes it and how many at once.
        leases: by subscription, seconds.
    """
    return [
        Duty(name + suffix, receiver, batch, leases[name])
        for name, (receiver, batch) in receivers.items()
        for suffix in ("", ".dead")
    ]


def _next_size(size: int, done: int, seconds: float, *, most: int) -> int:
    """Return how many to take next: twice as many at most, and what ``BATCH_S`` is enough for."""
    if done == 0:
        return size
    enough = int(BATCH_S * done / seconds) if seconds > 0 else most
    return max(1, min(2 * size, enough, most))
