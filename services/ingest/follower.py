"""The register's worker where events are pushed one by one: each moves its document on."""

from typing import Final

from services.ingest.projector import project
from services.ingest.registered import Register
from shared.bus.port import Delivery
from shared.bus.topology import DEAD_SUFFIX
from shared.clock import Clock
from shared.errors import TransientError, backoff_s
from shared.events.codec import from_message
from shared.events.payloads import EntryKind, EventType
from shared.logging.stage_log import StageLog
from shared.telemetry.log_events import LogEvent
from shared.telemetry.metrics import Metric, Metrics
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.reasons import QuarantineReason
from shared.telemetry.tracing import Tracing
from shared.worker.quarantine import Quarantine
from shared.worker.settlement import Settlement

_ENTRIES: Final = (EventType.ENTRY_POSTED, EventType.ENTRY_HELD)
_BY_RULE: Final = (EntryKind.POST, EntryKind.MEMO, EntryKind.HOLD)


class Follower:
    """Follows every document by the events of its life.

    What is no event of the contract is given back; once it is a dead letter it is kept whole.

    Args:
        register: to be moved on.
        quarantine: where messages go that nobody could decode.
        clock: stamps their records.
        log: lines of registered fields.
        metrics: counts.
        tracing: where spans go; nowhere when None.
    """

    def __init__(  # noqa: PLR0913 - what it moves on, and how it tells
        self,
        *,
        register: Register,
        quarantine: Quarantine,
        clock: Clock,
        log: StageLog,
        metrics: Metrics,
        tracing: Tracing | None = None,
    ) -> None:
        self._register = register
        self._quarantine = quarantine
        self._clock = clock
        self._log = log
        self._metrics = metrics
        self._tracing = tracing

    def receive(self, delivery: Delivery) -> Settlement:
        """Apply one event; never raises but on a bug of the register itself."""
        try:
            settlement = self._follow(delivery)
        except TransientError as error:
            self._log.warning(LogEvent.STORE_UNAVAILABLE, error=error, attempt=delivery.attempt)
            settlement = _later(delivery)
        self._metrics.count(Metric.EVENTS, stage="register", outcome=settlement.code.value)
        return settlement

    def _follow(self, delivery: Delivery) -> Settlement:
        told = project([delivery], register=self._register, tracing=self._tracing, log=self._log)
        if told.applied:
            self._time_journey(delivery)
            return Settlement(acknowledge=True, code=DeliveryOutcome.DONE)
        self._log.error(LogEvent.EVENT_MALFORMED, attempt=delivery.attempt)
        if not delivery.subscription.endswith(DEAD_SUFFIX):
            return _later(delivery)
        self._quarantine.put_undecodable(
            delivery.message, stage="ingest", attempts=delivery.attempt, at=self._clock.now()
        )
        reason = QuarantineReason.MALFORMED_EVENT.value
        self._metrics.count(Metric.QUARANTINES, stage="register", reason=reason)
        return Settlement(acknowledge=True, code=DeliveryOutcome.QUARANTINED)

    def _time_journey(self, delivery: Delivery) -> None:
        """Observe how long a document took from its submission to its entry."""
        if delivery.message.attributes.get("ce-type") not in _ENTRIES:
            return
        event = from_message(delivery.message)
        submission = self._register.submission(event.jobid)
        kind = getattr(event.data, "kind", None)
        if submission is not None and kind in _BY_RULE:
            took = (event.time - submission.received_at).total_seconds()
            self._metrics.observe(Metric.END_TO_END_SECONDS, took, outcome=kind.value)


def _later(delivery: Delivery) -> Settlement:
    return Settlement(
        acknowledge=False, code=DeliveryOutcome.RETRY, delay_s=backoff_s(delivery.attempt)
    )
