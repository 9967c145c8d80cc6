"""What became of a submission, told from register, results and books."""

from dataclasses import dataclass, replace

from deploy.local.house import House
from deploy.local.line import EntryLine, ResultLine, Status, fields_of, line_items_of
from services.ingest.inbox import unpack
from services.ingest.registered import RegisteredDocument, Submission, SubmissionStatus
from services.ledger.entries import standing_entry
from shared.errors import PermanentError
from shared.events.results import Intake, Summary
from shared.keys.vault import ErasedError
from shared.objects.port import NotFoundError
from shared.worker import names


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attachment of an e-mail that was expanded.

    Attributes:
        job_id: its submission.
        document_id: what it became; None before it is taken in, or when it was refused.
        name: as the e-mail calls it.
    """

    job_id: str
    document_id: str | None
    name: str


class Outcomes:
    """Tells how submissions ended.

    Args:
        house: where to look.
        tenant: whose.
    """

    def __init__(self, house: House, tenant: str) -> None:
        self._house = house
        self._tenant = tenant

    def settled(self, job_id: str) -> bool:
        """Tell whether the submission has come to its end."""
        submission = self._house.register.submission(job_id)
        if submission is None:
            return False
        if submission.status is SubmissionStatus.REFUSED or submission.document_id is None:
            return True
        document = self._house.register.document(self._tenant, submission.document_id)
        return document is not None and document.status is not None

    def line(self, job_id: str, source: str, seconds: float) -> ResultLine:
        """Return the outcome of a settled submission."""
        submission = self._house.register.submission(job_id)
        if submission is None:
            raise LookupError(job_id)
        made = ResultLine(
            source=source,
            document_id=submission.document_id,
            job_id=job_id,
            status="refused",
            reason=submission.reason.value if submission.reason else None,
            seconds=round(seconds, 3),
        )
        document = self._document(submission)
        if submission.status is SubmissionStatus.REFUSED or document is None:
            return made
        return self._of_document(made, submission, document)

    def attachment_jobs(self, job_id: str) -> tuple[str, ...]:
        """Return the submissions that an expanded submission's attachments became, in order."""
        intake = self._intake(job_id)
        return intake.attachments if intake else ()

    def attachments(self, job_id: str) -> list[Attachment]:
        """Return the attachments of an expanded submission, in their order."""
        found = []
        for child in self.attachment_jobs(job_id):
            submission = self._house.register.submission(child)
            document_id = submission.document_id if submission else None
            found.append(Attachment(child, document_id, self.name(child)))
        return found

    def name(self, job_id: str) -> str:
        """Return what the sender calls a file; the job's first characters where that is gone.

        Those, too, where what is shown is logged: a file's name is content.
        """
        if self._house.logged:
            return job_id[:12]
        intake = self._intake(job_id)
        if intake is not None:
            return intake.source_name
        try:  # what ingest could not read lies at the door still
            upload = unpack(self._house.vault.open(names.inbox(self._tenant, job_id)))
        except (NotFoundError, ErasedError, PermanentError, ValueError):
            return job_id[:12]
        return upload.source_name

    def source(self, document: RegisteredDocument) -> str | None:
        """Return where a document came from, as ``run`` calls it; None when it was erased."""
        if document.erased:
            return None
        name = self.name(document.job_id)
        submission = self._house.register.submission(document.job_id)
        if submission is None or submission.parent is None:
            return name
        return f"{self.name(submission.parent)}#{name}"

    def summary(self, document: RegisteredDocument) -> Summary | None:
        """Return what a document says; None when it was not read, or erased."""
        name = names.stage_result("summarize", document.document_id, document.revision)
        try:
            return self._house.results.open(name, Summary)
        except (NotFoundError, ErasedError):
            return None

    def entry(self, document: RegisteredDocument) -> EntryLine | None:
        """Return the entry that says where the document stands; None before it is in the log."""
        history = self._house.ledger.journal.history(self._tenant, document.document_id)
        booked = standing_entry(history)
        if booked is None or booked.index is None:
            return None
        return EntryLine(booked.index, booked.entry.entry_id)

    def _of_document(
        self, made: ResultLine, submission: Submission, document: RegisteredDocument
    ) -> ResultLine:
        status: Status = "duplicate"
        reason = None
        if submission.status is not SubmissionStatus.DUPLICATE:
            status = document.status.value if document.status else "held"
            reason = document.reason.value if document.reason else None
        made = replace(
            made,
            status=status,
            reason=reason,
            pages=document.pages,
            entry=self.entry(document),
        )
        summary = self.summary(document)
        if summary is None:
            return made
        return replace(
            made,
            document_type=summary.document_type.value,
            summary=summary.summary,
            fields=fields_of(summary),
            line_items=line_items_of(summary),
        )

    def _document(self, submission: Submission) -> RegisteredDocument | None:
        if submission.document_id is None:
            return None
        return self._house.register.document(self._tenant, submission.document_id)

    def _intake(self, job_id: str) -> Intake | None:
        try:
            return self._house.results.open(names.intake(job_id), Intake)
        except (NotFoundError, ErasedError):
            return None
