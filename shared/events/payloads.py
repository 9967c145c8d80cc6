"""What each event carries: references, counts and codes; never content.

Every model is frozen and refuses unknown fields. A breaking change is a new version beside the old.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.telemetry.reasons import HeldReason, QuarantineReason

Identifier = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
"""A keyed id (``shared.events.ids``): 40 lower-case hex characters."""

ObjectName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._/=-]{1,512}$")]
"""Where an object lies in the store; made by us, never from a foreign file name."""

TenantName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]

StageName = Literal["ingest", "ocr", "summarize", "ledger"]


class EventType(StrEnum):
    """Every event type; the topic of the same name carries it."""

    UPLOAD_ARRIVED = "docledger.upload.arrived.v1"  # bytes lie at inbox/<tenant>/<job_id>
    DOCUMENT_RECEIVED = "docledger.document.received.v1"  # accepted, original stored
    PAGES_REQUESTED = "docledger.pages.requested.v1"  # ocr to itself: read one page range
    PAGES_READ = "docledger.pages.read.v1"  # ocr to itself: one page range is stored
    DOCUMENT_READ = "docledger.document.read.v1"  # every page has its words
    DOCUMENT_SUMMARIZED = "docledger.document.summarized.v1"  # type, fields, summary
    DOCUMENT_QUARANTINED = "docledger.document.quarantined.v1"  # a worker could not do its job
    DOCUMENT_ERASED = "docledger.document.erased.v1"  # its key is destroyed
    ENTRY_POSTED = "docledger.entry.posted.v1"  # sealed: a checkpoint covers the entry
    ENTRY_HELD = "docledger.entry.held.v1"  # sealed as a hold: a person must decide


class DocumentType(StrEnum):
    """What a document is; the names of Document AI where it has one."""

    INVOICE = "invoice"
    RECEIPT = "receipt"
    CREDIT_NOTE = "credit_note"
    PURCHASE_ORDER = "purchase_order"
    BANK_STATEMENT = "bank_statement"
    CONTRACT = "contract"
    LETTER = "letter"
    FORM = "form"
    OTHER = "other"


class MediaType(StrEnum):
    """What ingest recognises by content."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    TIFF = "image/tiff"
    WEBP = "image/webp"
    TEXT = "text/plain"
    EMAIL = "message/rfc822"
    XML = "application/xml"  # an e-invoice, CII or UBL


class EntryKind(StrEnum):
    """What a ledger entry does."""

    POST = "post"
    MEMO = "memo"  # a document that is no business transaction: recorded, no postings
    HOLD = "hold"
    VOID = "void"
    REVERSAL = "reversal"
    ERASURE = "erasure"
    PERIOD_CLOSE = "period_close"
    FX = "fx"  # a post in a foreign currency, converted or revalued


class Reference(BaseModel):
    """One stored object, exactly: which generation, and what its (encrypted) bytes hash to.

    Attributes:
        name: in the object store.
        generation: of the object; a later write has a greater one.
        digest: SHA-256 of the stored bytes (the ciphertext), hex.
        size: of the stored bytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ObjectName
    generation: Annotated[int, Field(ge=0)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]


class Payload(BaseModel):
    """Base of every event's data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_type: ClassVar[EventType]


class UploadArrived(Payload):
    """Bytes lie in the inbox and wait to become a document. Subject: the job."""

    event_type: ClassVar[EventType] = EventType.UPLOAD_ARRIVED

    upload: Reference
    entrance: Literal["cli", "folder", "api", "gcs", "partner", "attachment", "sweeper"]
    parent: Identifier | None = None  # the e-mail that carried it


class DocumentPayload(Payload):
    """Base of the events about one document."""

    document_id: Identifier
    revision: Annotated[int, Field(ge=0)] = 0


class DocumentReceived(DocumentPayload):
    """A document was accepted and its original is stored."""

    event_type: ClassVar[EventType] = EventType.DOCUMENT_RECEIVED

    original: Reference
    media_type: MediaType
    pages: Annotated[int, Field(ge=1)]


class PagesRequested(DocumentPayload):
    """Read pages ``first`` to ``last`` (from 1, both included) of a long document."""

    event_type: ClassVar[EventType] = EventType.PAGES_REQUESTED

    original: Reference
    media_type: MediaType
    pages: Annotated[int, Field(ge=1)]
    first: Annotated[int, Field(ge=1)]
    last: Annotated[int, Field(ge=1)]


class PagesRead(DocumentPayload):
    """One page range is stored; whoever sees the set complete writes the whole reading."""

    event_type: ClassVar[EventType] = EventType.PAGES_READ

    original: Reference
    media_type: MediaType
    pages: Annotated[int, Field(ge=1)]
    first: Annotated[int, Field(ge=1)]
    last: Annotated[int, Field(ge=1)]


class DocumentRead(DocumentPayload):
    """Every page has its words. ``result`` is a ``shared.events.results.Reading``."""

    event_type: ClassVar[EventType] = EventType.DOCUMENT_READ

    original: Reference
    result: Reference
    pages: Annotated[int, Field(ge=1)]


class DocumentSummarized(DocumentPayload):
    """Type, fields and summary. ``result`` is a ``shared.events.results.Summary``."""

    event_type: ClassVar[EventType] = EventType.DOCUMENT_SUMMARIZED

    original: Reference
    result: Reference
    pages: Annotated[int, Field(ge=1)]
    document_type: DocumentType


class DocumentQuarantined(Payload):
    """A worker could not do its job; ``record`` says why and holds the event to replay.

    Before there is a document, its id is the job's.
    """

    event_type: ClassVar[EventType] = EventType.DOCUMENT_QUARANTINED

    document_id: Identifier
    revision: Annotated[int, Field(ge=0)] = 0
    stage: StageName
    reason: QuarantineReason
    record: Reference


class DocumentErased(DocumentPayload):
    """The document's key is destroyed and its tombstone stands."""

    event_type: ClassVar[EventType] = EventType.DOCUMENT_ERASED


class EntryPayload(DocumentPayload):
    """Base of the events about one sealed entry."""

    entry_id: Identifier
    kind: EntryKind
    index: Annotated[int, Field(ge=0)]
    tree_size: Annotated[int, Field(ge=1)]  # of a signed checkpoint that covers the entry


class EntryPosted(EntryPayload):
    """The entry stands in the log and a signed checkpoint covers it.

    The type is what the document was posted as; a person may have corrected what was read.
    """

    event_type: ClassVar[EventType] = EventType.ENTRY_POSTED

    document_type: DocumentType | None = None


class EntryHeld(EntryPayload):
    """The document is held: a person posts or voids it."""

    event_type: ClassVar[EventType] = EventType.ENTRY_HELD

    reason: HeldReason


PAYLOADS: dict[EventType, type[Payload]] = {
    model.event_type: model
    for model in (
        UploadArrived,
        DocumentReceived,
        PagesRequested,
        PagesRead,
        DocumentRead,
        DocumentSummarized,
        DocumentQuarantined,
        DocumentErased,
        EntryPosted,
        EntryHeld,
    )
}
