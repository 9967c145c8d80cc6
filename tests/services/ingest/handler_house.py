"""What ingest's handler stands on, in memory."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

from services.ingest.handler import handle
from services.ingest.inbox import Upload
from services.ingest.inspection import Inspection
from services.ingest.registered import Register, RegisteredDocument, Submission, SubmissionStatus
from shared.errors import PermanentError
from shared.events.envelope import Event, make_event
from shared.events.ids import keyed_id
from shared.events.payloads import DocumentErased, MediaType, Reference, UploadArrived
from shared.events.results import Intake
from shared.keys.memory import MemoryKeyring
from shared.keys.port import TenantPurpose
from shared.telemetry.reasons import QuarantineReason, RefusedReason
from shared.worker.outcome import Outcome

TENANT = "acme"


KEYRING = MemoryKeyring()


KEY = KEYRING.tenant_key(TENANT, TenantPurpose.IDS)


NOW = datetime(2026, 1, 1, tzinfo=UTC)


PDF = Inspection(MediaType.PDF, 2)


def job(number: int) -> str:
    """Return the id of a job."""
    return keyed_id(KEY, "job", number)


def reference(name: str) -> Reference:
    """Return a reference to something stored."""
    return Reference(name=name, generation=1, digest="0" * 64, size=1)


@dataclass
class FakeInbox:
    uploads: dict[str, Upload] = field(default_factory=dict)

    def open(self, upload: Reference) -> Upload:
        return self.uploads[upload.name]

    def put(self, tenant: str, job_id: str, upload: Upload) -> Reference:
        name = f"inbox/{tenant}/{job_id}"
        self.uploads.setdefault(name, upload)
        return reference(name)

    def discard(self, upload: Reference) -> None:
        self.uploads.pop(upload.name, None)


@dataclass
class FakeOriginals:
    kept: dict[str, bytes] = field(default_factory=dict)
    erase_meanwhile: set[str] | None = None

    def keep(self, document_id: str, content: bytes) -> Reference:
        self.kept.setdefault(document_id, content)
        if self.erase_meanwhile is not None:
            self.erase_meanwhile.add(document_id)
        return reference(f"originals/{document_id}")

    def forget(self, document_id: str) -> None:
        self.kept.pop(document_id, None)


@dataclass
class FakeRegister:
    """First come, first served; a job gets the same answer again."""

    submissions: dict[str, Submission] = field(default_factory=dict)
    documents: dict[str, RegisteredDocument] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=dict)
    reserved: dict[tuple[str, int], int] = field(default_factory=dict)
    budget_exceeded: bool = False

    def _book(self, event: Event, status: SubmissionStatus, document: str | None) -> Submission:
        first = None
        if document is not None and status is not SubmissionStatus.REFUSED:
            known = self.documents.setdefault(document, registered(document, event.jobid))
            if known.job_id != event.jobid:
                status, first = SubmissionStatus.DUPLICATE, known.job_id
        made = Submission(event.jobid, TENANT, status, NOW, document, first_job=first)
        return self.submissions.setdefault(event.jobid, made)

    def accept(self, upload: Event, *, document_id: str, pages: int) -> Submission:
        self.pages.setdefault(document_id, pages)
        booked = self._book(upload, SubmissionStatus.ACCEPTED, document_id)
        if booked.status is SubmissionStatus.ACCEPTED and pages:
            self.reserve(upload, document_id=document_id, revision=0, pages=pages)
        return booked

    def expand(self, upload: Event, *, document_id: str) -> Submission:
        return self._book(upload, SubmissionStatus.EXPANDED, document_id)

    def duplicate(self, upload: Event, *, document_id: str) -> Submission:
        return self._book(upload, SubmissionStatus.DUPLICATE, document_id)

    def reserve(self, upload: Event, *, document_id: str, revision: int, pages: int) -> None:
        assert upload.tenant == TENANT
        if self.budget_exceeded:
            raise PermanentError(QuarantineReason.BUDGET_EXCEEDED, document_id=document_id)
        self.reserved[document_id, revision] = pages

    def refuse(
        self, upload: Event, reason: RefusedReason, *, document_id: str | None = None
    ) -> Submission:
        booked = self._book(upload, SubmissionStatus.REFUSED, document_id)
        self.submissions[upload.jobid] = replace(booked, reason=reason)
        return booked

    def submission(self, job_id: str) -> Submission | None:
        return self.submissions.get(job_id)

    def document(self, _tenant: str, document_id: str) -> RegisteredDocument | None:
        return self.documents.get(document_id)


def registered(document: str, job_id: str) -> RegisteredDocument:
    """Return a document under way."""
    return RegisteredDocument(
        tenant=TENANT,
        document_id=document,
        job_id=job_id,
        revision=0,
        replay=0,
        stage="ocr",
        terminal=None,
        reason=None,
        erased=False,
        pages=1,
        deadline=None,
        since=NOW,
        last_event=b"",
    )


@dataclass
class FakeInspector:
    found: Inspection | QuarantineReason = PDF
    looks: int = 0

    def inspect(self, _content: bytes) -> Inspection:
        self.looks += 1
        if isinstance(self.found, QuarantineReason):
            raise PermanentError(self.found)
        return self.found


@dataclass
class FakeReplays:
    replayed: list[str] = field(default_factory=list)

    def replay(self, document_id: str) -> None:
        self.replayed.append(document_id)


@dataclass
class House:
    """Ingest with fakes all round."""

    inbox: FakeInbox = field(default_factory=FakeInbox)
    originals: FakeOriginals = field(default_factory=FakeOriginals)
    register: FakeRegister = field(default_factory=FakeRegister)
    erased: set[str] = field(default_factory=set)
    inspector: FakeInspector = field(default_factory=FakeInspector)
    replays: FakeReplays = field(default_factory=FakeReplays)

    def stands(self, document_id: str) -> bool:
        return document_id in self.erased

    def arrive(self, number: int, content: bytes, name: str = "a.pdf") -> Event:
        """Put bytes into the inbox and return the event that says so."""
        stored = self.inbox.put(TENANT, job(number), Upload(name, content))
        return arrived(job(number), UploadArrived(upload=stored, entrance="cli"))

    def handle(self, event: Event) -> Outcome:
        return handle(
            event,
            inbox=self.inbox,
            originals=self.originals,
            register=cast("Register", self.register),
            erased=self,
            inspector=self.inspector,
            replays=self.replays,
            keyring=KEYRING,
            most_bytes=1000,
        )


def arrived(job_id: str, data: UploadArrived | DocumentErased) -> Event:
    """Return an event as the bus brings it."""
    return make_event(
        data,
        tenant_key=KEY,
        tenant=TENANT,
        source="entrance",
        subject=job_id,
        jobid=job_id,
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        time=NOW,
    )


def intake_of(outcome: Outcome) -> Intake:
    """Return what the handler learnt."""
    assert isinstance(outcome.result, Intake)
    return outcome.result
