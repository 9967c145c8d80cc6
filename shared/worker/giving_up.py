"""What is given up on is kept, told and acknowledged, in this order: nothing is lost on the way."""

import traceback
from pathlib import PurePath

from shared.bus.port import Delivery
from shared.errors import PermanentError, TransientError, backoff_s
from shared.events.envelope import Child, Event
from shared.events.payloads import DocumentQuarantined, StageName
from shared.telemetry.log_events import LogEvent
from shared.telemetry.metrics import Metric
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.reasons import QuarantineReason
from shared.telemetry.spans import SpanAttribute
from shared.telemetry.tracing import ActiveSpan
from shared.telemetry.values import type_name
from shared.worker.effects import Effects, Signals
from shared.worker.settlement import Settlement, later


class GivingUp:
    """Gives up on deliveries of one stage.

    Args:
        stage: whose.
        effects: where records and events go.
        signals: how it is told.
    """

    def __init__(self, stage: StageName, effects: Effects, signals: Signals) -> None:
        self._stage = stage
        self._do = effects
        self._tell = signals

    def bury(  # noqa: PLR0913 - what is given up on, and why
        self,
        event: Event,
        delivery: Delivery,
        reason: QuarantineReason,
        span: ActiveSpan,
        *,
        document_id: str | None = None,
        error: Exception | None = None,
    ) -> Settlement:
        """Write the record, publish document.quarantined, acknowledge: in this order."""
        subject = document_id or event.subject
        if self._do.tombstones.stands(subject):
            return Settlement(acknowledge=True, code=DeliveryOutcome.ERASED)
        span.fail(reason)
        if document_id is not None:
            span.set(SpanAttribute.DOCUMENT_ID, document_id)
        record = self._do.quarantine.put(
            event,
            stage=self._stage,
            reason=reason,
            document_id=subject,
            attempts=delivery.attempt,
            error=None if error is None or isinstance(error, PermanentError) else place_of(error),
            at=self._do.clock.now(),
            gave_up_in=span.traceparent,
        )
        quarantined = DocumentQuarantined(
            document_id=subject,
            revision=getattr(event.data, "revision", 0),
            stage=self._stage,
            # What stands is told: an earlier attempt may have given up for another reason.
            reason=self._do.quarantine.show(record.name).reason,
            record=record,
        )
        child = Child(
            quarantined.event_type,
            quarantined.model_dump(),
            subject=subject,
            # Each piece of work may be given up on: the page ranges of one document, for one.
            part=int(event.id[:8], 16),
        )
        self._do.emitter.emit(event, (child,), None, span=span)
        self._tell.metrics.count(Metric.QUARANTINES, stage=self._stage, reason=reason.value)
        return Settlement(acknowledge=True, code=DeliveryOutcome.QUARANTINED)

    def keep_undecodable(self, delivery: Delivery) -> Settlement:
        """Keep whole a message that is no event of ours, tell, acknowledge."""
        try:
            self._do.quarantine.put_undecodable(
                delivery.message,
                stage=self._stage,
                attempts=delivery.attempt,
                at=self._do.clock.now(),
            )
        except TransientError:
            return later(backoff_s(delivery.attempt))
        reason = QuarantineReason.MALFORMED_EVENT
        self._tell.metrics.count(Metric.QUARANTINES, stage=self._stage, reason=reason.value)
        self._tell.log.error(LogEvent.EVENT_MALFORMED, code=reason.value, attempt=delivery.attempt)
        return Settlement(acknowledge=True, code=DeliveryOutcome.QUARANTINED)


def place_of(error: BaseException) -> str:
    """Return an error's type and where it was raised, without its message.

    A type that was made at run time is not named: its name is data.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type_name(error)}{where}"
