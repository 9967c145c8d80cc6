"""Where things lie in the object store: one prefix belongs to one worker."""

from shared.events.envelope import Event
from shared.events.payloads import (
    DocumentPayload,
    PagesRead,
    PagesRequested,
    StageName,
    UploadArrived,
)


def inbox(tenant: str, job_id: str) -> str:
    """Bytes at the door, sealed under the tenant's inbox key."""
    return f"inbox/{tenant}/{job_id}"


def original(document_id: str) -> str:
    """The document as it came, sealed under its key."""
    return f"originals/{document_id}"


def intake(job_id: str) -> str:
    """What ingest learnt of a submission."""
    return f"results/ingest/{job_id}"


def stage_result(stage: StageName, document_id: str, revision: int) -> str:
    """The result of one stage for one revision of a document."""
    return f"results/{stage}/{document_id}/{revision}"


def page_range(document_id: str, revision: int, first: int, last: int) -> str:
    """One page range of a long document."""
    return f"read/pages/{document_id}/{revision}/{first}-{last}"


def tombstone(document_id: str) -> str:
    """The mark that a document was erased; checked before anything is handled or written."""
    return f"tombstones/{document_id}"


def result_of(stage: StageName, event: Event) -> str:
    """Return where ``stage`` stores its result for ``event``."""
    data = event.data
    if isinstance(data, UploadArrived):
        return intake(event.subject)
    if isinstance(data, PagesRequested):
        return page_range(data.document_id, data.revision, data.first, data.last)
    if isinstance(data, DocumentPayload):
        return stage_result(stage, data.document_id, data.revision)
    raise TypeError(f"no stage works on {event.type}")


def work_of(event: Event) -> str:
    """Return the name of one unit of work: a document's revision, a page range, or a job."""
    data = event.data
    revision = getattr(data, "revision", 0)
    part = f"-{data.first}" if isinstance(data, PagesRequested | PagesRead) else ""
    return f"{event.subject}/{event.type.value.split('.', 1)[1]}-{revision}{part}"


def prefixes_of(document_id: str) -> tuple[str, ...]:
    """Return the prefixes under which stages keep what they made of a document."""
    stages: tuple[StageName, ...] = ("ocr", "summarize", "ledger")
    results = tuple(f"results/{stage}/{document_id}/" for stage in stages)
    return (*results, f"read/pages/{document_id}/")


def traces_of(subject: str) -> tuple[str, ...]:
    """Return the prefixes under which lies who worked on a document (or a job), or gave up."""
    stages: tuple[StageName, ...] = ("ingest", "ocr", "summarize", "ledger")
    kinds = ("leases", "quarantine")
    return tuple(f"{kind}/{stage}/{subject}/" for kind in kinds for stage in stages)
