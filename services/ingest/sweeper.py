"""Brings back what stopped: late documents, and uploads that nobody was told of.

And lets go of what nobody else can: uploads in quarantine whose bytes were erased.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.ingest.eraser import announcement
from services.ingest.inbox import unpack
from services.ingest.register_order import Deadlines
from services.ingest.registered import Register, RegisteredDocument, SubmissionStatus
from shared.bus.port import Publisher
from shared.clock import Clock
from shared.errors import PermanentError
from shared.events.codec import from_structured
from shared.events.envelope import Event, make_event
from shared.events.ids import document_id
from shared.events.payloads import Reference, UploadArrived
from shared.keys.envelope import SealBrokenError
from shared.keys.port import Keyring, TenantPurpose
from shared.keys.vault import Vault
from shared.logging.stage_log import SilentLog, StageLog
from shared.objects.port import NotFoundError, ObjectStore
from shared.telemetry.log_events import LogEvent
from shared.telemetry.reasons import RefusedReason
from shared.telemetry.spans import SpanAttribute, SpanName
from shared.telemetry.stages import Stage
from shared.telemetry.tracing import NullTracing, Tracing
from shared.worker import names
from shared.worker.tombstones import Tombstones

_INBOX: Final = re.compile(r"inbox/(?P<tenant>[a-z0-9][a-z0-9-]{0,62})/(?P<job>[0-9a-f]{40})")
_BATCH: Final = 200

_SETTLING: Final = timedelta(hours=1)
"""For so long after it first saw a tombstone, a sweeper looks each time; then whenever as much time
again has passed: few workers hold on to an erased document for longer, but some do."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did.

    Attributes:
        documents: late ones whose last event was published again.
        uploads: that became ``upload.arrived`` again.
        broken: late ones whose last event cannot be read any more; an audit names them.
    """

    documents: tuple[str, ...]
    uploads: tuple[str, ...]
    broken: tuple[str, ...]


class Sweeper:
    """Sweeps the register and the inbox. One at a time is enough; two do no harm.

    Args:
        register: knows which documents are late, and which uploads were taken in.
        publisher: takes events, with the ids that they had.
        objects: the store whose inbox is looked through.
        vault: knows what lies there exactly.
        keyring: the tenant's key makes the id of an upload's event.
        deadlines: how long a document may stay in a stage (``Topology.deadline``).
        clock: says what is late.
        tracing: a sweep is part of the document's trace; nowhere when None.
        log: what was swept is worth a line; nowhere when None.
    """

    def __init__(  # noqa: PLR0913 - what it looks at, and what it tells
        self,
        *,
        register: Register,
        publisher: Publisher,
        objects: ObjectStore,
        vault: Vault,
        keyring: Keyring,
        deadlines: Deadlines,
        clock: Clock,
        tracing: Tracing | None = None,
        log: StageLog | None = None,
    ) -> None:
        self._register = register
        self._publisher = publisher
        self._objects = objects
        self._vault = vault
        self._keyring = keyring
        self._deadlines = deadlines
        self._clock = clock
        self._tracing = tracing or NullTracing()
        self._log = log or SilentLog()
        self._tombstones = Tombstones(objects)
        self._resubmitted: dict[str, datetime] = {}
        self._documents: dict[str, str] = {}
        self._erased: dict[str, tuple[datetime, datetime]] = {}

    def sweep(self) -> Swept:
        """Publish the last event of every late document again, and unheard-of uploads.

        Published first, postponed after: a crash between publishes once more, and every worker is
        used to that.

        Raises:
            TransientError: register, store or bus is unavailable; sweep again later.
        """
        now = self._clock.now()
        documents: list[str] = []
        broken: list[str] = []
        late = self._register.late(now)
        for first in range(0, len(late), _BATCH):
            some = late[first : first + _BATCH]
            read = [(document, event) for document in some if (event := self._news_of(document))]
            self._publisher.publish([event for _document, event in read])
            for _document, event in read:
                self._trace(event)
            self._postpone([document for document, _event in read], now)
            documents += [document.document_id for document, _event in read]
            found = set(documents)
            broken += [one.document_id for one in some if one.document_id not in found]
        self._refuse_erased()
        self._clear_up(now)
        return Swept(tuple(documents), tuple(self._sweep_inbox(now)), tuple(broken))

    def _news_of(self, document: RegisteredDocument) -> Event | None:
        """Return what is to be told again: that it was erased, or what brought it where it is.

        No worker answers for an erased document, so nothing else would end its way.
        """
        last = _last_event(document)
        if last is None or not self._tombstones.stands(document.document_id):
            return last
        return announcement(document, keyring=self._keyring, at=self._clock.now())

    def _postpone(self, documents: Sequence[RegisteredDocument], now: datetime) -> None:
        for stage in sorted({document.stage for document in documents}):
            self._register.postpone(
                [document for document in documents if document.stage == stage],
                deadline=now + self._deadlines(stage),
            )

    def _sweep_inbox(self, now: datetime) -> Iterator[str]:
        waiting: dict[str, str] = {}
        for info in self._objects.list("inbox/"):
            match = _INBOX.fullmatch(info.name)
            if match and info.updated + self._deadlines("ingest") < now:
                waiting[match["job"]] = match["tenant"]
        unknown = self._register.unknown_jobs(list(waiting))
        self._resubmitted = {job: self._resubmitted.get(job, now) for job in unknown}
        for job_id in unknown:
            if self._resubmitted[job_id] > now:
                continue
            event = self._upload(waiting[job_id], job_id)
            if event is not None:
                self._trace_root(event)
                self._publisher.publish([event])
                self._trace(event)
                self._resubmitted[job_id] = now + self._deadlines("ingest")
                yield job_id

    def _refuse_erased(self) -> None:
        """Let go of uploads in quarantine whose bytes were erased.

        Nobody could take them in, so nobody knew, when their document was erased, that they are it.
        """
        for info in self._objects.list("inbox/"):
            match = _INBOX.fullmatch(info.name)
            submission = self._register.submission(match["job"]) if match else None
            if submission is None:
                continue
            job_id = submission.job_id
            if submission.document_id == job_id:  # it stands in for its document
                content_id = self._document_of(submission.tenant, job_id, info.name)
                stand_in = self._register.document(submission.tenant, job_id)
                if content_id is None or not self._tombstones.stands(content_id):
                    continue
                last = _last_event(stand_in) if stand_in is not None else None
                if last is not None:
                    self._register.refuse(last, RefusedReason.ERASED, document_id=content_id)
                self._objects.delete(info.name)
            elif submission.status is SubmissionStatus.REFUSED:
                self._objects.delete(info.name)  # whoever refused it died before it could

    def _clear_up(self, now: datetime) -> None:
        """Remove what was written of erased documents after the eraser had looked.

        A worker that had the key in its hands may write when its batch ends. Nothing opens what it
        wrote, and it is gone all the same.
        """
        for tombstone in self._objects.list("tombstones/"):
            erased = tombstone.name.rsplit("/", 1)[1]
            seen, look = self._erased.setdefault(erased, (now, now))
            if now < look:
                continue
            age = now - seen
            self._erased[erased] = (seen, now + age if age > _SETTLING else now)
            left = (names.original(erased), *names.prefixes_of(erased), *names.traces_of(erased))
            for prefix in left:
                for one in list(self._objects.list(prefix)):
                    self._objects.delete(one.name)

    def _document_of(self, tenant: str, job_id: str, name: str) -> str | None:
        """Return which document an upload would become; None when it cannot be read."""
        if job_id not in self._documents:
            try:
                content = unpack(self._vault.open(name)).content
            except (NotFoundError, PermanentError, SealBrokenError, ValueError):
                return None
            key = self._keyring.tenant_key(tenant, TenantPurpose.IDS)
            self._documents[job_id] = document_id(key, content)
        return self._documents[job_id]

    def _upload(self, tenant: str, job_id: str) -> Event | None:
        """Make the event that the entrance should have published, with the id that it had.

        Who brought it is not known any more, nor the trace that began there: this one is made from
        the job, so that every sweep continues the same.
        """
        reference = self._vault.find(f"inbox/{tenant}/{job_id}")
        if reference is None:
            return None  # discarded meanwhile
        return make_event(
            UploadArrived(upload=reference, entrance="sweeper", parent=self._parent(reference)),
            tenant_key=self._keyring.tenant_key(tenant, TenantPurpose.IDS),
            tenant=tenant,
            source="sweeper",
            subject=job_id,
            jobid=job_id,
            traceparent=self._tracing.origin(job_id),
            time=self._clock.now(),
        )

    def _parent(self, upload: Reference) -> str | None:
        """Return the e-mail that carried an upload: it shares its fate, should it be erased."""
        try:
            return unpack(self._vault.open(upload)).parent
        except (NotFoundError, PermanentError, SealBrokenError, ValueError):
            return None  # ingest says what is wrong with it

    def _trace_root(self, event: Event) -> None:
        """Tell the root of an upload's trace: its entrance may have died before it could."""
        with self._tracing.root(
            SpanName.SUBMIT, traceparent=event.traceparent, attributes=_said_of(event)
        ):
            pass

    def _trace(self, event: Event) -> None:
        """Tell that an event was sent again; what the span tells is the moment."""
        is_upload = event.subject == event.jobid
        said = {**_said_of(event), SpanAttribute.TOPIC: event.type}
        with self._tracing.span(SpanName.SWEEP, parent=event.traceparent, attributes=said) as span:
            span.set(SpanAttribute.MESSAGE_ID, event.id)
        self._log.warning(
            LogEvent.UPLOAD_SWEPT if is_upload else LogEvent.DOCUMENT_SWEPT,
            job_id=event.jobid,
            document_id=None if is_upload else event.subject,
            event_type=event.type,
            traceparent=span.traceparent,
        )


def _said_of(event: Event) -> dict[SpanAttribute, object]:
    return {
        SpanAttribute.STAGE: Stage.SWEEPER,
        SpanAttribute.JOB_ID: event.jobid,
        SpanAttribute.DOCUMENT_ID: event.subject if event.subject != event.jobid else None,
    }


def _last_event(document: RegisteredDocument) -> Event | None:
    try:
        return from_structured(document.last_event)
    except PermanentError:
        return None
