"""The worker edge: one place decides, handlers stay small.

decode → tombstone? → span → result already there? → lease → handle → seal and store create-only
→ publish → acknowledge. Effects happen once over at-least-once delivery: the result is stored
before anything is published, and a redelivery publishes the stored result's events again.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from shared.bus.port import Delivery
from shared.errors import PermanentError, TransientError, backoff_s, decide
from shared.events.codec import from_message
from shared.events.envelope import Event
from shared.events.payloads import DocumentErased, Reference, StageName
from shared.keys.vault import ErasedError
from shared.objects.port import NotFoundError
from shared.telemetry.log_events import LogEvent
from shared.telemetry.metrics import Metric
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.reasons import QuarantineReason
from shared.telemetry.spans import Link, SpanAttribute, SpanName
from shared.telemetry.tracing import ActiveSpan
from shared.worker import names
from shared.worker.attempts import begun
from shared.worker.effects import Effects, Signals
from shared.worker.giving_up import GivingUp
from shared.worker.leases import Lease
from shared.worker.outcome import Outcome
from shared.worker.process_span import process_span
from shared.worker.results import children_in, pack
from shared.worker.settlement import ContendedError, Settlement, later

DEAD_LETTER_SUFFIX: Final = ".dead"
CONTENDED_DELAY_S: Final = 5.0


class Edge:
    """Runs one stage's handler over deliveries.

    Args:
        stage: the worker's name.
        handle: the whole story of this worker; its ports are bound already.
        effects: what it touches.
        signals: how it tells.
    """

    def __init__(
        self,
        stage: StageName,
        handle: Callable[[Event], Outcome],
        *,
        effects: Effects,
        signals: Signals,
    ) -> None:
        self._stage = stage
        self._handle = handle
        self._do = effects
        self._tell = signals
        self._give_up = GivingUp(stage, effects, signals)

    @property
    def stage(self) -> StageName:
        """Which worker this is."""
        return self._stage

    def receive(self, delivery: Delivery) -> Settlement:
        """Do what one delivery asks for; never raises but on a bug of the edge itself."""
        try:
            event = from_message(delivery.message)
        except PermanentError:
            return self._give_up.keep_undecodable(delivery)
        started = self._do.clock.monotonic()
        with process_span(self._tell.tracing, self._stage, delivery, event) as span:
            settlement = self._settle(event, delivery, span)
            span.set(SpanAttribute.OUTCOME, str(settlement.code))
            self._report(event, delivery, settlement, span, started)
        return settlement

    def _settle(self, event: Event, delivery: Delivery, span: ActiveSpan) -> Settlement:
        try:
            if event.replay:
                gave_up_in = self._do.quarantine.note_replay(self._stage, event)
                span.link(gave_up_in or "", Link.GAVE_UP)
            if delivery.subscription.endswith(DEAD_LETTER_SUFFIX):
                self._do.leases.clear_ended(names.work_of(event))
                return self._give_up.bury(event, delivery, QuarantineReason.DEAD_LETTER, span)
            return self._work(event, delivery, span)
        except ContendedError:
            return Settlement(
                acknowledge=False,
                code=DeliveryOutcome.CONTENDED,
                delay_s=CONTENDED_DELAY_S,
                begun=False,
            )
        except Exception as error:  # noqa: BLE001 - the edge is where errors are decided
            try:
                return self._failed(error, event, delivery, None, span)
            except Exception:  # noqa: BLE001 - deciding needs the stores; without them, later
                return later(backoff_s(delivery.attempt))

    def _work(self, event: Event, delivery: Delivery, span: ActiveSpan) -> Settlement:
        told_to_erase = isinstance(event.data, DocumentErased)
        if not told_to_erase and self._do.tombstones.stands(event.subject):
            return self._let_go(event)
        name = names.result_of(self._stage, event)
        stored = self._do.vault.find(name)
        if stored is not None:
            return self._repeat(event, stored, span)
        self._do.breaker.check()
        with self._do.isolation.joined() as isolate:
            return self._begin(event, delivery, name, span, isolate)

    def _begin(
        self,
        event: Event,
        delivery: Delivery,
        name: str,
        span: ActiveSpan,
        isolate: Callable[[], None],
    ) -> Settlement:
        lease = self._do.leases.acquire(
            names.work_of(event), event.id, span=span.traceparent, isolate=isolate
        )
        span.link(lease.attempt_before, Link.ATTEMPT_BEFORE)
        try:
            stored = self._do.vault.find(name)  # since it was looked for, somebody may have done it
            if stored is not None:
                return self._repeat(event, stored, span)
            with span.child(SpanName.HANDLE):
                outcome = begun(self._handle, event, starts=lease.starts)
            self._conclude(event, outcome, name, span)
        except Exception as error:  # noqa: BLE001 - the edge is where errors are decided
            return self._failed(error, event, delivery, lease, span)
        self._do.breaker.success()
        self._do.leases.finish(lease)
        return Settlement(acknowledge=True, code=DeliveryOutcome.DONE)

    def _report(
        self,
        event: Event,
        delivery: Delivery,
        settlement: Settlement,
        span: ActiveSpan,
        started: float,
    ) -> None:
        elapsed = self._do.clock.monotonic() - started
        outcome = str(settlement.code)
        self._tell.metrics.observe(
            Metric.STAGE_SECONDS, elapsed, stage=self._stage, outcome=outcome
        )
        self._tell.metrics.count(Metric.EVENTS, stage=self._stage, outcome=outcome)
        if settlement.acknowledge:
            self._tell.metrics.observe(Metric.ATTEMPTS, delivery.attempt, stage=self._stage)
        self._tell.log.info(
            LogEvent.DELIVERY_SETTLED,
            code=outcome,
            duration_ms=round(elapsed * 1000, 3),
            job_id=event.jobid,
            document_id=event.subject,
            traceparent=span.traceparent,
            attempt=delivery.attempt,
        )

    def _conclude(self, event: Event, outcome: Outcome, name: str, span: ActiveSpan) -> None:
        """Store, then publish; a tombstone that came meanwhile stops both.

        It is looked for after the write: the eraser lists what to remove after its tombstone
        stands, so one of the two sees the other.
        """
        owner = outcome.document_id or event.subject
        if outcome.document_id is not None:
            span.set(SpanAttribute.DOCUMENT_ID, owner)
        if outcome.result is None:
            if outcome.children and self._do.tombstones.stands(owner):
                raise ErasedError
            self._do.emitter.emit(event, outcome.children, None, span=span)
            return
        with span.child(SpanName.STORE):
            mine = pack(outcome.children, outcome.result)
            reference, standing = self._do.vault.settle(name, owner, mine)
        if self._do.tombstones.stands(owner):
            raise ErasedError
        children = outcome.children if standing is mine else children_in(standing)
        self._do.emitter.emit(event, children, reference, span=span)

    def _repeat(self, event: Event, reference: Reference, span: ActiveSpan) -> Settlement:
        """The result is there: send the same events again."""
        children = children_in(self._do.vault.open(reference))
        self._do.emitter.emit(event, children, reference, span=span)
        self._do.leases.clear(names.work_of(event))
        return Settlement(acknowledge=True, code=DeliveryOutcome.REPEATED)

    def _let_go(self, event: Event) -> Settlement:
        """The document is erased: remove what was stored by whoever looked before its tombstone."""
        self._do.leases.clear(names.work_of(event))
        name = names.result_of(self._stage, event)
        with suppress(NotFoundError):
            if self._do.tombstones.stands(self._do.vault.owner(name)):
                self._do.vault.discard(name)
        return Settlement(acknowledge=True, code=DeliveryOutcome.ERASED)

    def _failed(
        self,
        error: Exception,
        event: Event,
        delivery: Delivery,
        lease: Lease | None,
        span: ActiveSpan,
    ) -> Settlement:
        """Decide what an error means, and do it."""
        if isinstance(error, ErasedError):
            return self._let_go(event)
        transient = isinstance(error, TransientError)
        tries = delivery.attempt if transient or lease is None else lease.failures + 1
        decision = decide(error, tries)
        if not isinstance(error, PermanentError):
            span.fail(error)
            self._tell.log.warning(
                LogEvent.DELIVERY_FAILED,
                error=error,
                job_id=event.jobid,
                document_id=event.subject,
                traceparent=span.traceparent,
                attempt=delivery.attempt,
            )
        if decision.counts_for_breaker:
            self._do.breaker.unknown_error()
        if decision.reason is not None and not self._do.breaker.is_open:
            document_id = error.document_id if isinstance(error, PermanentError) else None
            settlement = self._give_up.bury(
                event, delivery, decision.reason, span, document_id=document_id, error=error
            )
            if lease is not None:
                self._do.leases.finish(lease)
            return settlement
        if lease is not None:
            self._do.leases.give_back(lease, failed=decision.counts_for_breaker)
        return later(decision.delay_s or backoff_s(delivery.attempt))
