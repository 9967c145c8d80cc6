"""The register follows every document by the events of its life."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from services.ingest.ports import Register
from shared.bus.port import Delivery
from shared.errors import PermanentError
from shared.events.codec import from_message
from shared.events.envelope import Event
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.spans import SpanAttribute
from shared.telemetry.stages import Stage
from shared.telemetry.tracing import NullTracing, Tracing
from shared.worker.process_span import process_span


@dataclass(frozen=True, slots=True)
class Projection:
    """What became of a batch of deliveries.

    Attributes:
        applied: in the register now; acknowledge them.
        refused: no events of the contract. Give them back: they end as dead letters, which somebody
            looks at; the register has nothing to learn from them.
        events: what was applied, as the applied deliveries brought it.
        spans: the traceparent of the span of each.
    """

    applied: tuple[Delivery, ...]
    refused: tuple[Delivery, ...]
    events: tuple[Event, ...] = ()
    spans: tuple[str, ...] = ()


def project(
    deliveries: Sequence[Delivery], *, register: Register, tracing: Tracing | None = None
) -> Projection:
    """Apply a batch of lifecycle events in one transaction.

    Redelivered and reordered events are harmless: the register takes the newest of what it is told.

    Args:
        deliveries: as pulled or pushed.
        register: to be moved on.
        tracing: where a span for each event goes; nowhere when None.

    Raises:
        TransientError: the register is unavailable; nothing was applied.
    """
    tracing = tracing or NullTracing()
    read = [(delivery, _event(delivery)) for delivery in deliveries]
    told = [(delivery, event) for delivery, event in read if event is not None]
    with ExitStack() as measured:
        spans = [
            measured.enter_context(process_span(tracing, Stage.REGISTER, delivery, event))
            for delivery, event in told
        ]
        register.apply([event for _delivery, event in told])
        for span in spans:
            span.set(SpanAttribute.OUTCOME, DeliveryOutcome.DONE)
    return Projection(
        applied=tuple(delivery for delivery, _event in told),
        refused=tuple(delivery for delivery, event in read if event is None),
        events=tuple(event for _delivery, event in told),
        spans=tuple(span.traceparent for span in spans),
    )


def _event(delivery: Delivery) -> Event | None:
    try:
        return from_message(delivery.message)
    except PermanentError:
        return None
