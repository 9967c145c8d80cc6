"""Turns the children of an outcome into events and publishes them."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from shared.bus.port import Publisher
from shared.clock import Clock
from shared.events.envelope import Child, Event, make_event
from shared.events.payloads import PAYLOADS, Reference, StageName
from shared.keys.port import Keyring, TenantPurpose
from shared.telemetry.metrics import Metric, Metrics, NullMetrics
from shared.telemetry.spans import SpanAttribute, SpanName
from shared.telemetry.tracing import ActiveSpan


@dataclass(frozen=True, slots=True)
class Origin:
    """What events inherit, where there is no event at hand to inherit from.

    Attributes:
        tenant: whose document.
        jobid: the submission.
        traceparent: of the origin trace.
        subject: whom events are about unless they say otherwise.
        replay: how often the work was replayed.
    """

    tenant: str
    jobid: str
    traceparent: str
    subject: str
    replay: int = 0


class Emitter:
    """Emits what follows from one stage's work.

    Args:
        stage: the source of the events.
        publisher: takes them.
        keyring: the tenant's key makes their ids.
        clock: stamps them.
        metrics: counts them; nobody does when None.
    """

    def __init__(
        self,
        stage: StageName,
        *,
        publisher: Publisher,
        keyring: Keyring,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._stage = stage
        self._publisher = publisher
        self._keyring = keyring
        self._clock = clock
        self._metrics = metrics or NullMetrics()

    def emit(
        self,
        parent: Event | Origin,
        children: tuple[Child, ...],
        result: Reference | None,
        *,
        span: ActiveSpan | None = None,
    ) -> None:
        """Publish the events that follow from ``parent``, all or none.

        Args:
            parent: gives tenant, job, trace and replay count.
            children: what follows.
            result: what ``takes_result`` children refer to.
            span: of the work that they follow from.

        Raises:
            TransientError: the bus is unavailable; nothing was published.
        """
        if not children:
            return
        events = [self.event(parent, child, result) for child in children]
        with span.child(SpanName.SEND, _said(events)) if span else nullcontext():
            self._publisher.publish(events)
        self._metrics.count(Metric.SENT, len(events), stage=self._stage)

    def event(self, parent: Event | Origin, child: Child, result: Reference | None) -> Event:
        """Return the event that a child becomes; the same parent and child, the same id."""
        data = dict(child.data)
        if child.takes_result:
            if result is None:
                raise TypeError(f"{child.type} refers to a result, and there is none")
            data["result"] = result
        return make_event(
            PAYLOADS[child.type].model_validate(data),
            tenant_key=self._keyring.tenant_key(parent.tenant, TenantPurpose.IDS),
            tenant=parent.tenant,
            source=self._stage,
            subject=child.subject or parent.subject,
            jobid=child.jobid or parent.jobid,
            traceparent=parent.traceparent,
            time=self._clock.now(),
            part=child.part,
            replay=parent.replay,
        )


def _said(events: Sequence[Event]) -> dict[SpanAttribute, object]:
    """Return what the span of a publication says: of one event its id, of several their number."""
    first = events[0]
    one_topic = all(event.type is first.type for event in events)
    one = len(events) == 1
    return {
        SpanAttribute.TOPIC: first.type if one_topic else None,
        SpanAttribute.MESSAGE_ID: first.id if one else None,
        SpanAttribute.MESSAGES: None if one else len(events),
    }
