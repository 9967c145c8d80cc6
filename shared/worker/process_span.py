"""The span of one delivery: the same at every stage, the register included."""

from contextlib import AbstractContextManager

from shared.bus.port import Delivery
from shared.bus.topology import DEAD_SUFFIX
from shared.events.envelope import Event
from shared.telemetry.spans import SpanAttribute, SpanName
from shared.telemetry.tracing import ActiveSpan, Tracing


def process_span(
    tracing: Tracing, stage: str, delivery: Delivery, event: Event
) -> AbstractContextManager[ActiveSpan]:
    """Measure the work on one delivery, as a child of the origin of its trace.

    Args:
        tracing: where the span goes.
        stage: who works, a ``Stage``.
        delivery: as the bus handed it out.
        event: what it carries.
    """
    subscription = delivery.subscription
    return tracing.span(
        SpanName.PROCESS,
        parent=event.traceparent,
        attributes={
            SpanAttribute.STAGE: stage,
            SpanAttribute.SUBSCRIPTION: subscription,
            # Dead letters have a topic of their own, of the same name.
            SpanAttribute.TOPIC: subscription if subscription.endswith(DEAD_SUFFIX) else event.type,
            SpanAttribute.MESSAGE_ID: event.id,
            SpanAttribute.ATTEMPT: delivery.attempt,
            SpanAttribute.REPLAY: event.replay or None,
            SpanAttribute.JOB_ID: event.jobid,
            SpanAttribute.DOCUMENT_ID: event.subject if event.subject != event.jobid else None,
        },
    )
