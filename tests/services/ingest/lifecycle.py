"""Events of documents, as the register hears them, and what it must say then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.ingest.register import TableRegister
from services.ingest.registered import Counts, RegisteredDocument
from shared.bus.topology import load_topology
from shared.events.envelope import Event, make_event
from shared.events.payloads import (
    DocumentQuarantined,
    DocumentRead,
    DocumentReceived,
    DocumentSummarized,
    DocumentType,
    EntryHeld,
    EntryKind,
    EntryPosted,
    MediaType,
    Payload,
    Reference,
    UploadArrived,
)
from shared.telemetry.reasons import HeldReason, QuarantineReason

START = datetime(2026, 1, 1, tzinfo=UTC)


REF = Reference(name="originals/x", generation=1, digest="ab" * 32, size=1)


DEADLINES = load_topology().deadline


DOC, OTHER = "d0" * 20, "d1" * 20


JOB, SECOND, THIRD = "a0" * 20, "a1" * 20, "a2" * 20


def event(
    data: Payload,
    *,
    job: str = JOB,
    replay: int = 0,
    minutes: float = 0,
    tenant: str = "acme",
) -> Event:
    """Wrap a payload."""
    return make_event(
        data,
        tenant_key=b"k" * 32,
        tenant=tenant,
        source="ingest",
        subject=getattr(data, "document_id", job),
        jobid=job,
        traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
        time=START + timedelta(minutes=minutes),
        replay=replay,
    )


def upload(
    job: str = JOB, *, replay: int = 0, parent: str | None = None, minutes: float = 0
) -> Event:
    """Return the arrival of a job."""
    data = UploadArrived(upload=REF, entrance="cli", parent=parent)
    return event(data, job=job, replay=replay, minutes=minutes)


def received(doc: str = DOC, revision: int = 0) -> DocumentReceived:
    """Return a payload."""
    return DocumentReceived(
        document_id=doc, revision=revision, original=REF, media_type=MediaType.PDF, pages=2
    )


def read(doc: str = DOC) -> DocumentRead:
    """Return a payload."""
    return DocumentRead(document_id=doc, original=REF, result=REF, pages=2)


def summarized(doc: str = DOC) -> DocumentSummarized:
    """Return a payload."""
    return DocumentSummarized(
        document_id=doc, original=REF, result=REF, pages=2, document_type=DocumentType.INVOICE
    )


def quarantined(
    doc: str = DOC, reason: QuarantineReason = QuarantineReason.UNREADABLE
) -> DocumentQuarantined:
    """Return a payload."""
    return DocumentQuarantined(document_id=doc, stage="ocr", reason=reason, record=REF)


def posted(doc: str = DOC, kind: EntryKind = EntryKind.POST, revision: int = 0) -> EntryPosted:
    """Return a payload."""
    return EntryPosted(
        document_id=doc, revision=revision, entry_id="e0" * 20, kind=kind, index=0, tree_size=1
    )


def held(doc: str = DOC) -> EntryHeld:
    """Return a payload."""
    return EntryHeld(
        document_id=doc,
        entry_id="e0" * 20,
        kind=EntryKind.HOLD,
        index=0,
        tree_size=1,
        reason=HeldReason.TOTAL_MISSING,
    )


def document(register: TableRegister, document_id: str = DOC) -> RegisteredDocument:
    """Return a document that must be there."""
    found = register.document("acme", document_id)
    assert found is not None
    return found


def counted(register: TableRegister, **expected: int) -> None:
    """Hold the sums against what is expected; what is not named is zero."""
    counts = register.counts(START)
    assert counts == replace(Counts(), **expected)
    assert counts.balanced
