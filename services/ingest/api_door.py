"""The front door behind HTTP: what makes two requests one submission, and what became of it."""

from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import BaseModel, Field

from services.ingest.inbox import Upload
from services.ingest.registered import RegisteredDocument, Submission, Terminal
from shared.events.ids import document_id as document_id_of
from shared.events.ids import keyed_id
from shared.events.payloads import Identifier, Reference, StageName
from shared.keys.port import Keyring, TenantPurpose
from shared.objects.port import ObjectInfo
from shared.telemetry.reasons import HeldReason, QuarantineReason, RefusedReason
from shared.worker import names


class KeyReusedError(Exception):
    """The caller used a key again for other bytes; those were not taken."""


class Uploads(Protocol):
    """Takes uploads in (``services.ingest.arrivals.Arrivals``)."""

    def take(
        self,
        tenant: str,
        job_id: str,
        source_name: str,
        content: bytes,
        entrance: Literal["api", "partner"],
    ) -> Reference:
        """Store one upload, create-only, and announce it; return what stands there."""
        ...


class InboxReader(Protocol):
    """Opens what stands in the inbox (``services.ingest.ports.Inbox``)."""

    def open(self, upload: Reference) -> Upload:
        """Return what was handed in.

        Raises:
            LookupError: it is gone.
        """
        ...


class Submissions(Protocol):
    """What the API asks of the register (``services.ingest.registered.Register``)."""

    def submission(self, job_id: str) -> Submission | None:
        """Return one submission."""
        ...

    def document(self, tenant: str, document_id: str) -> RegisteredDocument | None:
        """Return one document."""
        ...


class Stored(Protocol):
    """What the API asks of the object store (``shared.objects.port.ObjectStore``)."""

    def stat(self, name: str) -> ObjectInfo | None:
        """Return what is at ``name``, or None."""
        ...


class JobStatus(StrEnum):
    """What became of one submission."""

    ARRIVED = "arrived"  # it is safe, and ingest has not looked at it yet
    ACCEPTED = "accepted"  # it became a document
    DUPLICATE = "duplicate"  # the same bytes were there already
    REFUSED = "refused"  # no document was made of it
    EXPANDED = "expanded"  # an e-mail: its attachments became documents


class DocumentStatus(StrEnum):
    """Where a document is."""

    IN_FLIGHT = "in_flight"  # under way
    POSTED = "posted"  # an entry stands in the log
    HELD = "held"  # a person must decide
    VOIDED = "voided"  # nothing is posted
    QUARANTINED = "quarantined"  # a worker could not do its job
    EXPANDED = "expanded"  # its attachments are documents of their own


class DocumentView(BaseModel):
    """How far the document of a submission has come. Codes and counts, no content."""

    document_id: Identifier
    status: DocumentStatus
    stage: StageName = Field(description="which worker has it, or had it last")
    reason: HeldReason | QuarantineReason | None = Field(description="of a hold or a quarantine")
    erased: bool


class JobView(BaseModel):
    """What became of one submission."""

    job_id: Identifier
    status: JobStatus
    received_at: datetime | None = Field(default=None, description="when ingest looked at it")
    reason: RefusedReason | None = Field(default=None, description="of a refusal")
    first_job: Identifier | None = Field(
        default=None, description="of a duplicate: who brought the bytes first"
    )
    document: DocumentView | None = None


class FrontDoor:
    """Takes submissions of one caller at a time; everything in here may wait for a store.

    Args:
        uploads: takes them in.
        inbox: tells what stands there.
        register: tells what became of them.
        objects: tells whether one waits.
        keyring: makes ids.
    """

    def __init__(
        self,
        *,
        uploads: Uploads,
        inbox: InboxReader,
        register: Submissions,
        objects: Stored,
        keyring: Keyring,
    ) -> None:
        self._uploads = uploads
        self._inbox = inbox
        self._register = register
        self._objects = objects
        self._keyring = keyring

    def submit(
        self, tenant: str, account: str, key: str | None, source_name: str, content: bytes
    ) -> str:
        """Take a document in; return the job.

        The same caller's same key is the same job; without a key, the same bytes are.

        Raises:
            KeyReusedError: the key stands for other bytes.
            TransientError: a store, the bus or the register is unavailable; send it again.
        """
        ids = self._ids_key(tenant)
        if key is not None:
            job_id = keyed_id(ids, "api-key", account, key)
            return self._take_keyed(tenant, job_id, source_name, content, "api")
        job_id = keyed_id(ids, "api-content", account, content)
        # A job that ended is not taken again: what was refused or erased must not come back.
        if self._register.submission(job_id) is None:
            self._uploads.take(tenant, job_id, source_name, content, "api")
        return job_id

    def submit_event(  # noqa: PLR0913 - an event is named by two things
        self,
        tenant: str,
        account: str,
        *,
        source: str,
        event_id: str,
        source_name: str,
        content: bytes,
    ) -> str:
        """Take a partner's event in; return the job: of one caller, source and id it is the same.

        Raises:
            KeyReusedError: that event came with other bytes before.
            TransientError: a store, the bus or the register is unavailable; send it again.
        """
        job_id = keyed_id(self._ids_key(tenant), "partner-event", account, source, event_id)
        return self._take_keyed(tenant, job_id, source_name, content, "partner")

    def job(self, tenant: str, job_id: str) -> JobView | None:
        """Return what became of a submission; None when it is unknown, or another tenant's.

        Raises:
            TransientError: the register or the store is unavailable.
        """
        submission = self._register.submission(job_id)
        if submission is None:
            if self._objects.stat(names.inbox(tenant, job_id)) is not None:
                return JobView(job_id=job_id, status=JobStatus.ARRIVED)
            submission = self._register.submission(job_id)  # ingest may have been there meanwhile
        if submission is None or submission.tenant != tenant:
            return None
        return JobView(
            job_id=job_id,
            status=JobStatus(submission.status.value),
            received_at=submission.received_at,
            reason=submission.reason,
            first_job=submission.first_job,
            document=self._document(submission),
        )

    def _take_keyed(
        self,
        tenant: str,
        job_id: str,
        source_name: str,
        content: bytes,
        entrance: Literal["api", "partner"],
    ) -> str:
        """Take it in, and make sure that what stands under the key are these bytes.

        Create-only storing leaves what stood there: without the look, other bytes under a used key
        would be answered as taken, and lost.
        """
        submission = self._register.submission(job_id)
        if submission is None:
            upload = self._uploads.take(tenant, job_id, source_name, content, entrance)
            try:
                same = self._inbox.open(upload).content == content
            except LookupError:  # ingest has dealt with it meanwhile
                submission = self._register.submission(job_id)
            else:
                if not same:
                    raise KeyReusedError
        if submission is not None and submission.document_id not in {None, job_id}:
            expected = document_id_of(self._ids_key(tenant), content)
            if submission.document_id != expected:
                raise KeyReusedError
        return job_id

    def _document(self, submission: Submission) -> DocumentView | None:
        if submission.document_id is None:
            return None
        found = self._register.document(submission.tenant, submission.document_id)
        if found is None:
            return None
        return DocumentView(
            document_id=found.document_id,
            status=_status(found.status),
            stage=found.stage,
            reason=found.reason,
            erased=found.erased,
        )

    def _ids_key(self, tenant: str) -> bytes:
        return self._keyring.tenant_key(tenant, TenantPurpose.IDS)


def _status(terminal: Terminal | None) -> DocumentStatus:
    return DocumentStatus.IN_FLIGHT if terminal is None else DocumentStatus(terminal.value)
