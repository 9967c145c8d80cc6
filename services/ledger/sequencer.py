"""One sequencer gives entries their place in the log, has it sealed, and tells the world.

Every step is durable before the next and may be the last one: whoever comes back starts over and
finds what was done. An event goes out only after a checkpoint covers its entry; it may go out
twice, with the same id.
"""

from collections.abc import Callable, Iterator
from typing import Final

from services.ledger.entries import Booked, Trail
from services.ledger.ports import FencedError, GrowingLog, Sequencing
from services.ledger.publication import StaleLogError
from shared.bus.port import Publisher
from shared.clock import Clock
from shared.errors import TransientError
from shared.events.envelope import Event, make_event
from shared.events.payloads import EntryHeld, EntryKind, EntryPosted
from shared.keys.port import Keyring, TenantPurpose
from shared.logging.stage_log import SilentLog, StageLog
from shared.telemetry.log_events import LogEvent
from shared.telemetry.spans import SpanAttribute, SpanName
from shared.telemetry.stages import Stage
from shared.telemetry.tracing import NullTracing, Tracing
from shared.tlog.checkpoint import SignedCheckpoint

LEASE_S: Final = 30.0
"""How long a sequencer that died keeps the others out."""

LEAVES_AT_ONCE: Final = 1_000

EVENTS_AT_ONCE: Final = 200

# Several entries of one kind of event may be about one revision: each needs an id of its own.
_KIND_PART: Final = {
    EntryKind.POST: 0,
    EntryKind.MEMO: 1,
    EntryKind.HOLD: 2,
    EntryKind.VOID: 3,
    EntryKind.REVERSAL: 4,
    EntryKind.ERASURE: 5,
    EntryKind.PERIOD_CLOSE: 6,
    EntryKind.FX: 7,
}
_PARTS: Final = 8


class Sequencer:
    """The only one who assigns indices and publishes the logs.

    Args:
        journal: the books.
        log_of: the log of a tenant; asked on every step, so that it may cache.
        publisher: where events go.
        keyring: for event ids.
        clock: time.
        holder: who this is, unique among the processes that share the journal.
        batch: entries of one tenant that one step takes at most.
        tracing: the document's trace ends with the seal.
        lines: where a log line for each sealed entry goes; nowhere when None.
    """

    def __init__(  # noqa: PLR0913 - these are all that it touches
        self,
        *,
        journal: Sequencing,
        log_of: Callable[[str], GrowingLog],
        publisher: Publisher,
        keyring: Keyring,
        clock: Clock,
        holder: str,
        batch: int = 1_000,
        tracing: Tracing | None = None,
        lines: StageLog | None = None,
    ) -> None:
        self._journal = journal
        self._log_of = log_of
        self._publisher = publisher
        self._keyring = keyring
        self._clock = clock
        self._holder = holder
        self._batch = batch
        self._tracing = tracing or NullTracing()
        self._lines = lines or SilentLog()

    def __repr__(self) -> str:
        return f"Sequencer({self._holder})"

    def step(self) -> int:
        """Do one batch for every tenant that has work.

        A tenant whose log or keys fail does not keep the others waiting; the first failure is
        raised after all had their turn.

        Returns:
            How many entries were sequenced and events published; 0 when there is nothing to do,
            or when another sequencer is at work.

        Raises:
            TransientError: a store, the signer or the bus is unavailable.
            StaleLogError: the published log is not the journal's; a person must look.
        """
        waiting = self._journal.tenants_waiting()
        if not waiting:
            return 0
        done = 0
        failure: Exception | None = None
        for tenant in waiting:
            fence = self._claim()
            if fence is None:
                break
            try:
                done += self._serve(tenant, fence)
            except FencedError:
                break  # another one took over: it does the rest
            except Exception as error:  # noqa: BLE001 - raised below, after the other tenants
                failure = failure or error
        if failure is not None:
            raise failure
        return done

    def _claim(self) -> int | None:
        return self._journal.claim(self._holder, now=self._clock.now(), lease_s=LEASE_S)

    def _serve(self, tenant: str, fence: int) -> int:
        assigned = self._journal.assign(tenant, fence=fence, most=self._batch)
        checkpoint = self._seal(tenant, fence)
        if checkpoint is None:
            return assigned
        return assigned + self._tell(tenant, checkpoint)

    def _seal(self, tenant: str, fence: int) -> SignedCheckpoint | None:
        """Publish what is sequenced and return the checkpoint that covers it, kept in history.

        A log that another sequencer grew meanwhile looks like one that is not the journal's: only
        who still has the lease may say so.
        """
        sequenced = self._journal.sequenced(tenant)
        if not sequenced:
            return None
        log = self._log_of(tenant)
        published = log.published()
        size = published.checkpoint.size if published is not None else 0
        if published is None or size != sequenced:
            # A log larger than the journal is the publication's to refuse: it is told all there is.
            first = min(size, sequenced)
            if self._claim() is None:
                raise FencedError
            try:
                published = log.extend(self._leaves(tenant, first, sequenced), first_index=first)
            except StaleLogError as err:
                if self._claim() != fence:
                    raise FencedError from err
                raise
        self._journal.record_checkpoint(tenant, published, at=self._clock.now())
        return published

    def _leaves(self, tenant: str, start: int, end: int) -> Iterator[bytes]:
        for first in range(start, end, LEAVES_AT_ONCE):
            yield from self._journal.leaves(tenant, first, min(end, first + LEAVES_AT_ONCE))

    def _tell(self, tenant: str, signed: SignedCheckpoint) -> int:
        """Publish the events of the entries that the checkpoint covers, and note it."""
        size = signed.checkpoint.size
        tenant_key = self._keyring.tenant_key(tenant, TenantPurpose.IDS)
        told = 0
        while told < self._batch:
            most = min(EVENTS_AT_ONCE, self._batch - told)
            due = self._journal.unpublished(tenant, below=size, most=most)
            if not due:
                break
            events = [self._event(booked, trail, size, tenant_key) for booked, trail in due]
            self._publisher.publish(events)
            for event in events:
                self._trace(event)
            ids = [booked.entry.entry_id for booked, _ in due]
            self._journal.mark_published(ids, at=self._clock.now())
            told += len(due)
        return told

    def _trace(self, event: Event) -> None:
        data = event.data
        assert isinstance(data, EntryPosted | EntryHeld)
        said: dict[SpanAttribute, object] = {
            SpanAttribute.STAGE: Stage.SEQUENCER,
            SpanAttribute.TOPIC: event.type,
            SpanAttribute.JOB_ID: event.jobid,
            SpanAttribute.DOCUMENT_ID: event.subject,
            SpanAttribute.OUTCOME: data.kind,
            SpanAttribute.INDEX: data.index,
        }
        with self._tracing.span(
            SpanName.SEAL, parent=event.traceparent, attributes=said
        ) as span:  # what it tells is the moment
            span.set(SpanAttribute.MESSAGE_ID, event.id)
        self._lines.info(
            LogEvent.ENTRY_HELD if isinstance(data, EntryHeld) else LogEvent.ENTRY_POSTED,
            code=data.reason if isinstance(data, EntryHeld) else data.kind,
            job_id=event.jobid,
            document_id=event.subject,
            traceparent=span.traceparent,
            entry_id=data.entry_id,
            index=data.index,
        )

    def _event(self, booked: Booked, trail: Trail, size: int, tenant_key: bytes) -> Event:
        entry, index = booked.entry, booked.index
        if index is None or index >= size:
            raise TransientError("no checkpoint covers the entry yet")
        facts = {
            "document_id": entry.document_id,
            "revision": entry.revision,
            "entry_id": entry.entry_id,
            "kind": entry.kind,
            "index": index,
            "tree_size": size,
        }
        held = entry.kind is EntryKind.HOLD
        data = (
            EntryHeld.model_validate({**facts, "reason": entry.reason})
            if held
            else EntryPosted.model_validate({**facts, "document_type": entry.document_type})
        )
        return make_event(
            data,
            tenant_key=tenant_key,
            tenant=entry.tenant,
            source="ledger",
            subject=entry.document_id,
            jobid=trail.jobid,
            traceparent=trail.traceparent,
            time=self._clock.now(),
            part=entry.ordinal * _PARTS + _KIND_PART[entry.kind],
        )
