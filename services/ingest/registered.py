"""What the register keeps, and what everybody may ask of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from services.ingest.budget import BudgetUse
from shared.events.envelope import Event
from shared.events.payloads import DocumentType, StageName
from shared.telemetry.reasons import HeldReason, QuarantineReason, RefusedReason


class SubmissionStatus(StrEnum):
    """What became of one submission."""

    ACCEPTED = "accepted"  # it became a document
    DUPLICATE = "duplicate"  # the same bytes were there already
    REFUSED = "refused"  # no document was made of it
    EXPANDED = "expanded"  # it became a document that is only a cover (an e-mail)


class Terminal(StrEnum):
    """Where a document's way ends."""

    POSTED = "posted"  # an entry stands in the log
    HELD = "held"  # a person must decide
    VOIDED = "voided"  # a person decided that nothing is posted, or it was erased before its entry
    QUARANTINED = "quarantined"  # a worker could not do its job
    EXPANDED = "expanded"  # its attachments are documents of their own


@dataclass(frozen=True, slots=True)
class Submission:
    """One job.

    Attributes:
        job_id: one per submission.
        tenant: whose it is.
        status: what became of it.
        received_at: when its upload arrived, UTC.
        document_id: of its content; None when refused before it was read. The job's own id while
            it is quarantined without a document.
        reason: of a refusal.
        first_job: of a duplicate, the job that brought the bytes first.
        parent: the e-mail that carried it.
    """

    job_id: str
    tenant: str
    status: SubmissionStatus
    received_at: datetime
    document_id: str | None = None
    reason: RefusedReason | None = None
    first_job: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class RegisteredDocument:
    """One document and how far it has come.

    Attributes:
        tenant: whose it is.
        document_id: keyed hash of its content.
        job_id: the submission that brought it first.
        revision: the latest one.
        replay: how often the work on that revision was replayed.
        stage: which worker has it, or had it last.
        terminal: where its way ended; None while it is under way.
        reason: of a hold or a quarantine.
        erased: whether its key was destroyed.
        pages: as ingest counted them; 0 when unknown.
        document_type: what it is, of the latest revision: as it was posted, else as it was read;
            None while nobody has said so.
        deadline: until when it must have left ``stage``; None when nothing more is expected.
        since: when what brought it where it is happened, by the event's own time.
        last_event: the event that brought it here, as a structured CloudEvent, for the sweeper.
    """

    tenant: str
    document_id: str
    job_id: str
    revision: int
    replay: int
    stage: StageName
    terminal: Terminal | None
    reason: HeldReason | QuarantineReason | None
    erased: bool
    pages: int
    deadline: datetime | None
    since: datetime
    last_event: bytes = field(repr=False)
    document_type: DocumentType | None = None

    @property
    def status(self) -> Terminal | None:
        """The terminal status; a document erased under way is voided: nothing will post it."""
        if self.terminal is None and self.erased:
            return Terminal.VOIDED
        return self.terminal


@dataclass(frozen=True, slots=True)
class Counts:
    """The two sums of the first promise.

    Attributes:
        submissions: all of them.
        made: of the submissions, those that became a document (accepted or expanded).
        duplicates: of the submissions.
        refused: of the submissions.
        documents: all of them.
        posted: of the documents; so are the next five.
        late: of those in flight, past their deadline.
        erased: a flag on any document.
    """

    submissions: int = 0
    made: int = 0
    duplicates: int = 0
    refused: int = 0
    documents: int = 0
    posted: int = 0
    held: int = 0
    voided: int = 0
    quarantined: int = 0
    expanded: int = 0
    in_flight: int = 0
    late: int = 0
    erased: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every submission and every document is accounted for."""
        ends = self.posted + self.held + self.voided + self.quarantined + self.expanded
        return (
            self.made == self.documents
            and self.submissions == self.made + self.duplicates + self.refused
            and self.documents == ends + self.in_flight
        )


@dataclass(frozen=True, slots=True)
class StageFlow:
    """What waits in one stage, and how fast it comes and goes.

    Counted are documents, once for each way through the stage that the register heard of: a new
    revision or a replay is another one, a redelivery is not. An upload that ingest has not booked
    yet is in no stage: the bus alone knows of it.

    Attributes:
        stage: which one.
        waiting: documents in flight there, worked on or not.
        late: of them, past their deadline.
        oldest_s: seconds since the one came that waits there longest; 0 when there is none.
        entered: came in during the window.
        left: went on or ended there during the window.
    """

    stage: StageName
    waiting: int = 0
    late: int = 0
    oldest_s: float = 0.0
    entered: int = 0
    left: int = 0


class Register(Protocol):
    """Who handed in what, and how far every document has come. Monotone and idempotent.

    Every method raises ``TransientError`` when the register is unavailable.
    """

    def accept(self, upload: Event, *, document_id: str, pages: int) -> Submission:
        """Book ``upload`` as a new document in stage ingest, unless its content is there already.

        The first job to bring the content gets ``accepted``, every other one ``duplicate`` with
        ``first_job``; the same job again gets what it got before. Who asks first is decided in
        one transaction. So is whether the pages of a new document are within its tenant's budget:
        they are reserved there once, whatever becomes of it.

        Raises:
            PermanentError: reason ``budget_exceeded``, ``document_id`` set: they are not. It is
                booked as accepted, and nothing is reserved: its way ends in quarantine. A replay,
                which is another event, asks again, on its own day.
        """
        ...

    def duplicate(self, upload: Event, *, document_id: str) -> Submission:
        """Book ``upload`` as the same bytes again, without a chance of becoming a document.

        Raises:
            LookupError: there is no such document.
        """
        ...

    def reserve(self, upload: Event, *, document_id: str, revision: int, pages: int) -> None:
        """Reserve the pages of a revision that ``upload`` makes of a document that is there.

        Raises:
            PermanentError: as ``accept``.
        """
        ...

    def refuse(
        self, upload: Event, reason: RefusedReason, *, document_id: str | None = None
    ) -> Submission:
        """Book ``upload`` as refused: no document is made of it."""
        ...

    def expand(self, upload: Event, *, document_id: str) -> Submission:
        """Book ``upload`` as an e-mail whose attachments become documents of their own.

        The document ends as ``expanded``. The same e-mail again is a ``duplicate``.
        """
        ...

    def apply(self, events: Sequence[Event]) -> None:
        """Move documents on by the events of their life, in one transaction.

        Late, duplicated and reordered events change nothing that newer ones said.
        """
        ...

    def postpone(self, documents: Sequence[RegisteredDocument], *, deadline: datetime) -> None:
        """Give documents until ``deadline``, where they have not moved on meanwhile."""
        ...

    def submission(self, job_id: str) -> Submission | None:
        """Return one submission."""
        ...

    def document(self, tenant: str, document_id: str) -> RegisteredDocument | None:
        """Return one document."""
        ...

    def submissions(self, tenant: str | None = None) -> list[Submission]:
        """Return all submissions (of one tenant), in the order of their arrival."""
        ...

    def documents(
        self, tenant: str | None = None, *, beginning: str = ""
    ) -> list[RegisteredDocument]:
        """Return all documents (of one tenant) whose ids begin so, by tenant and id."""
        ...

    def submissions_of(self, tenant: str, document_id: str) -> list[Submission]:
        """Return the submissions that brought a document's bytes, in the order of their arrival."""
        ...

    def parts_of(self, job_ids: Sequence[str]) -> list[Submission]:
        """Return the submissions that the e-mails of ``job_ids`` carried, by job."""
        ...

    def unknown_jobs(self, job_ids: Sequence[str]) -> list[str]:
        """Return those of ``job_ids`` that no submission has, in their order."""
        ...

    def late(self, now: datetime) -> list[RegisteredDocument]:
        """Return the documents in flight past their deadline, the longest first."""
        ...

    def counts(self, now: datetime, tenant: str | None = None) -> Counts:
        """Return the sums of the first promise (of one tenant)."""
        ...

    def budget(self, now: datetime, tenant: str) -> list[BudgetUse]:
        """Return each limit of a tenant and what is used of it; nothing where there is none."""
        ...

    def flow(
        self, now: datetime, *, window: timedelta, tenant: str | None = None
    ) -> list[StageFlow]:
        """Return every stage in their order: what waits, and what moved (of one tenant).

        Args:
            now: ends the window.
            window: at most an hour, in steps of ten seconds; events count by their own time.
            tenant: whose documents; all when None.
        """
        ...
