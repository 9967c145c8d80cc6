"""Which of two facts about a document is the newer one: what makes the register monotone.

A document's position is (revision, sealed, replay, rank, reason). Events are applied by taking the
greater position, so that their order of arrival, and how often they arrive, make no difference.

* A later revision outranks everything of an earlier one.
* An entry in the ledger outranks everything else of its revision: held, then posted, then voided.
  A replay cannot undo it.
* Without an entry, a later replay outranks an earlier one: so a quarantined document moves again.
* Within one replay: ingest, ocr, summarize, ledger, then quarantined (by the later stage; page
  ranges may fail for different reasons: the last of the alphabet stays), then expanded.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from services.ingest.registered import RegisteredDocument, Terminal
from shared.events.envelope import Event
from shared.events.payloads import (
    DocumentPayload,
    DocumentQuarantined,
    DocumentRead,
    DocumentReceived,
    DocumentSummarized,
    DocumentType,
    EntryHeld,
    EntryKind,
    EntryPosted,
    StageName,
    UploadArrived,
)
from shared.telemetry.reasons import HeldReason, QuarantineReason

Position = tuple[int, int, int, int, str]

Deadlines = Callable[[StageName], timedelta]
"""How long a document may stay in a stage (``Topology.deadline``)."""

STAGES: Final[tuple[StageName, ...]] = ("ingest", "ocr", "summarize", "ledger")
"""In the order in which a document meets them."""

_RANKS: Final = {stage: rank for rank, stage in enumerate(STAGES)}
_SEALED: Final = {Terminal.HELD: 1, Terminal.POSTED: 2, Terminal.VOIDED: 3}
_ENDED: Final = {None: 0, Terminal.QUARANTINED: 10, Terminal.EXPANDED: 20}
_ENDS: Final = {
    EntryKind.POST: Terminal.POSTED,
    EntryKind.MEMO: Terminal.POSTED,
    EntryKind.VOID: Terminal.VOIDED,
}


@dataclass(frozen=True, slots=True)
class Step:
    """What one event says about where its document is.

    Attributes:
        revision: of the document.
        replay: of the work.
        stage: which worker has it now, or had it last.
        terminal: where its way ended, if it did.
        reason: of a hold or a quarantine.
        pages: 0 when the event does not say.
        document_type: None when the event does not say.
    """

    revision: int
    replay: int
    stage: StageName
    terminal: Terminal | None = None
    reason: HeldReason | QuarantineReason | None = None
    pages: int = 0
    document_type: DocumentType | None = None


def rank_of(stage: StageName) -> int:
    """Return the place of ``stage`` in ``STAGES``."""
    return _RANKS[stage]


def position(place: Step | RegisteredDocument) -> Position:
    """Return where a step or a document stands in the order."""
    rank = _RANKS[place.stage] + _ENDED.get(place.terminal, 0)
    sealed = 0 if place.terminal is None else _SEALED.get(place.terminal, 0)
    return (place.revision, sealed, place.replay, rank, place.reason or "")


def step_of(event: Event) -> Step | None:  # noqa: PLR0911 - one for each type of event
    """Return where ``event`` says its document is; None when it says nothing about that.

    Entries that are no end of a document's way (a reversal makes room for the next revision, an
    erasure, a closed period) do not move it.
    """
    data = event.data
    if isinstance(data, UploadArrived):
        return Step(0, event.replay, "ingest")
    if isinstance(data, DocumentReceived):
        return Step(data.revision, event.replay, "ocr", pages=data.pages)
    if isinstance(data, DocumentRead):
        return Step(data.revision, event.replay, "summarize", pages=data.pages)
    if isinstance(data, DocumentSummarized):
        return Step(
            *(data.revision, event.replay, "ledger"),
            pages=data.pages,
            document_type=data.document_type,
        )
    if isinstance(data, DocumentQuarantined):
        return Step(data.revision, event.replay, data.stage, Terminal.QUARANTINED, data.reason)
    if isinstance(data, EntryHeld):
        return Step(data.revision, event.replay, "ledger", Terminal.HELD, data.reason)
    if isinstance(data, EntryPosted) and data.kind in _ENDS:
        return Step(
            *(data.revision, event.replay, "ledger", _ENDS[data.kind]),
            document_type=data.document_type,
        )
    return None


def document_of(event: Event) -> str | None:
    """Return which document ``event`` is about; None when it is about none yet."""
    if isinstance(event.data, DocumentPayload | DocumentQuarantined):
        return event.data.document_id
    return None


def begun(  # noqa: PLR0913 - who, what and by when: a document's first row
    tenant: str,
    document_id: str,
    job_id: str,
    step: Step,
    *,
    event: bytes,
    at: datetime,
    deadline: datetime,
) -> RegisteredDocument:
    """Return a document that is first heard of by ``step``; see ``advanced``."""
    return RegisteredDocument(
        tenant=tenant,
        document_id=document_id,
        job_id=job_id,
        revision=step.revision,
        replay=step.replay,
        stage=step.stage,
        terminal=step.terminal,
        reason=step.reason,
        erased=False,
        pages=step.pages,
        deadline=deadline if step.terminal is None else None,
        since=at,
        last_event=event,
        document_type=step.document_type,
    )


def advanced(
    document: RegisteredDocument, step: Step, *, event: bytes, at: datetime, deadline: datetime
) -> RegisteredDocument:
    """Return ``document`` after ``step``; unchanged when it knew that or better.

    Args:
        document: as it stands.
        step: what the event says.
        event: the event itself, for the sweeper.
        at: the event's time.
        deadline: of the step's stage, counted from the event's time.
    """
    pages = document.pages or step.pages
    if position(step) <= position(document):
        type_ = document.document_type
        if step.revision == document.revision:
            type_ = type_ or step.document_type
        if (pages, type_) == (document.pages, document.document_type):
            return document
        return replace(document, pages=pages, document_type=type_)
    said_before = document.document_type if step.revision == document.revision else None
    under_way = step.terminal is None and not document.erased
    return replace(
        document,
        revision=step.revision,
        replay=step.replay,
        stage=step.stage,
        terminal=step.terminal,
        reason=step.reason,
        pages=pages,
        deadline=deadline if under_way else None,
        since=at,
        last_event=event,
        document_type=step.document_type or said_before,
    )


def erased(document: RegisteredDocument, *, at: datetime) -> RegisteredDocument:
    """Return ``document`` with its key destroyed: nothing more is expected of it."""
    since = at if document.status is None else document.since
    return replace(document, erased=True, deadline=None, since=since)
