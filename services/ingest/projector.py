"""The register follows every document by the events of its life."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from services.ingest.registered import Register
from shared.bus.port import Delivery
from shared.errors import PermanentError
from shared.events.codec import from_message
from shared.events.envelope import Event
from shared.logging.stage_log import SilentLog, StageLog
from shared.telemetry.log_events import LogEvent
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
    """

    applied: tuple[Delivery, ...]
    refused: tuple[Delivery, ...]


def project(
    deliveries: Sequence[Delivery],
    *,
    register: Register,
    tracing: Tracing | None = None,
    log: StageLog | None = None,
) -> Projection:
    """Apply a batch of lifecycle events in one transaction.

    Redelivered and reordered events are harmless: the register takes the newest of what it is told.

    Args:
        deliveries: as pulled or pushed.
        register: to be moved on.
        tracing: where a span for each event goes; nowhere when None.
        log: where a line for each goes; nowhere when None.

    Raises:
        TransientError: the register is unavailable; nothing was applied.
    """
    tracing, log = tracing or NullTracing(), log or SilentLog()
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
    for (delivery, event), span in zip(told, spans, strict=True):
        log.info(
            LogEvent.DELIVERY_SETTLED,
            code=DeliveryOutcome.DONE,
            job_id=event.jobid,
            document_id=event.subject,
            traceparent=span.traceparent,
            attempt=delivery.attempt,
        )
    return Projection(
        applied=tuple(delivery for delivery, _event in told),
        refused=tuple(delivery for delivery, event in read if event is None),
    )


def _event(delivery: Delivery) -> Event | None:
    try:
        return from_message(delivery.message)
    except PermanentError:
        return None
