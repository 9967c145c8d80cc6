"""The register: every submission and every document, and how far each has come.

One set of rules over two kinds of tables (SQL, memory); ``register_order`` says what is newer.
A quarantine from before there is a document names the job: the job then stands in for its document
until the upload is taken in.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.ingest.budget import Budgets, BudgetUse, Reservation, day_of
from services.ingest.register_order import (
    Deadlines,
    Step,
    advanced,
    begun,
    document_of,
    erased,
    step_of,
)
from services.ingest.register_tables import Rows, Tables
from services.ingest.registered import (
    Counts,
    RegisteredDocument,
    StageFlow,
    Submission,
    SubmissionStatus,
    Terminal,
)
from shared.errors import PermanentError
from shared.events.codec import to_structured
from shared.events.envelope import Event
from shared.events.payloads import DocumentErased, DocumentReceived, UploadArrived
from shared.telemetry.reasons import QuarantineReason, RefusedReason

_MADE = frozenset({SubmissionStatus.ACCEPTED, SubmissionStatus.EXPANDED})


class TableRegister:
    """The register of ``registered.Register`` over tables.

    Args:
        tables: where the rows are.
        deadlines: how long a document may stay in a stage (``Topology.deadline``).
        budgets: what tenants may hand in; without limits when None.
    """

    def __init__(
        self, tables: Tables, deadlines: Deadlines, budgets: Budgets | None = None
    ) -> None:
        self._tables = tables
        self._deadlines = deadlines
        self._budgets = budgets or Budgets()

    def accept(self, upload: Event, *, document_id: str, pages: int) -> Submission:
        """Book ``upload`` as a new document, or as a duplicate when its content is there.

        Raises:
            PermanentError: reason ``budget_exceeded``: it is booked, and nothing is reserved.
        """
        step = Step(0, upload.replay, "ingest", pages=pages)
        with self._tables.transaction() as rows:
            booked = self._make(rows, upload, document_id, step, SubmissionStatus.ACCEPTED)
            accepted = booked.status is SubmissionStatus.ACCEPTED
            within = not accepted or self._reserve(rows, upload, document_id, 0, pages)
        if not within:  # told when it is booked: an error within would undo that
            raise PermanentError(QuarantineReason.BUDGET_EXCEEDED, document_id=document_id)
        return booked

    def reserve(self, upload: Event, *, document_id: str, revision: int, pages: int) -> None:
        """Reserve the pages of a later revision.

        Raises:
            PermanentError: reason ``budget_exceeded``.
        """
        with self._tables.transaction() as rows:
            within = self._reserve(rows, upload, document_id, revision, pages)
        if not within:
            raise PermanentError(QuarantineReason.BUDGET_EXCEEDED, document_id=document_id)

    def expand(self, upload: Event, *, document_id: str) -> Submission:
        """Book ``upload`` as an e-mail that ends as its attachments."""
        step = Step(0, upload.replay, "ingest", Terminal.EXPANDED)
        with self._tables.transaction() as rows:
            return self._make(rows, upload, document_id, step, SubmissionStatus.EXPANDED)

    def duplicate(self, upload: Event, *, document_id: str) -> Submission:
        """Book ``upload`` as bytes that are a document already.

        Raises:
            LookupError: there is no such document.
        """
        with self._tables.transaction() as rows:
            booked = rows.submission(upload.jobid)
            if booked is not None and not _stands_in(booked):
                return booked
            document = rows.document(upload.tenant, document_id)
            if document is None:
                raise LookupError("there is no such document to be a duplicate of")
            return self._book(rows, upload, _duplicate(upload, document))

    def refuse(
        self, upload: Event, reason: RefusedReason, *, document_id: str | None = None
    ) -> Submission:
        """Book ``upload`` as refused."""
        with self._tables.transaction() as rows:
            booked = rows.submission(upload.jobid)
            if booked is not None and not _stands_in(booked):
                return booked
            refused = replace(
                _submission(upload, SubmissionStatus.REFUSED),
                document_id=document_id,
                reason=reason,
            )
            return self._book(rows, upload, refused)

    def apply(self, events: Sequence[Event]) -> None:
        """Move documents on by the events of their life, in one transaction."""
        about = [(event, named) for event in events if (named := document_of(event)) is not None]
        if not about:
            return
        with self._tables.transaction() as rows:
            rows.load(
                {event.jobid for event, _ in about}, {(event.tenant, name) for event, name in about}
            )
            received = [made for event, _ in about if (made := _reservation(event)) is not None]
            rows.load_reserved({one.key for one in received})
            for one in received:  # as they happened: a budget is kept by who takes in
                rows.reserve(one)
            for event, named in about:
                self._apply(rows, event, named)

    def postpone(self, documents: Sequence[RegisteredDocument], *, deadline: datetime) -> None:
        """Give documents until ``deadline``, where they have not moved on meanwhile."""
        with self._tables.transaction() as rows:
            rows.load(set(), {(seen.tenant, seen.document_id) for seen in documents})
            for seen in documents:
                if rows.document(seen.tenant, seen.document_id) == seen:
                    rows.put_document(replace(seen, deadline=deadline))

    def submission(self, job_id: str) -> Submission | None:
        """Return one submission."""
        with self._tables.reading() as rows:
            return rows.submission(job_id)

    def document(self, tenant: str, document_id: str) -> RegisteredDocument | None:
        """Return one document."""
        with self._tables.reading() as rows:
            return rows.document(tenant, document_id)

    def submissions(self, tenant: str | None = None) -> list[Submission]:
        """Return all submissions (of one tenant), in the order of their arrival."""
        return self._tables.submissions(tenant)

    def documents(
        self, tenant: str | None = None, *, beginning: str = ""
    ) -> list[RegisteredDocument]:
        """Return all documents (of one tenant) whose ids begin so, by tenant and id."""
        return self._tables.documents(tenant, beginning)

    def submissions_of(self, tenant: str, document_id: str) -> list[Submission]:
        """Return the submissions that brought a document's bytes, in the order of their arrival."""
        return self._tables.submissions_of(tenant, document_id)

    def parts_of(self, job_ids: Sequence[str]) -> list[Submission]:
        """Return the submissions that the e-mails of ``job_ids`` carried, by job."""
        return self._tables.parts_of(job_ids)

    def unknown_jobs(self, job_ids: Sequence[str]) -> list[str]:
        """Return those of ``job_ids`` that no submission has, in their order."""
        with self._tables.reading() as rows:
            rows.load(set(job_ids), set())
            return [job_id for job_id in job_ids if rows.submission(job_id) is None]

    def late(self, now: datetime) -> list[RegisteredDocument]:
        """Return the documents in flight past their deadline, the longest first."""
        return self._tables.late(now)

    def counts(self, now: datetime, tenant: str | None = None) -> Counts:
        """Return the sums of the first promise (of one tenant)."""
        return self._tables.counts(now, tenant)

    def flow(
        self, now: datetime, *, window: timedelta, tenant: str | None = None
    ) -> list[StageFlow]:
        """Return every stage in their order: what waits, and what moved (of one tenant)."""
        return self._tables.flow(now, window, tenant)

    def budget(self, now: datetime, tenant: str) -> list[BudgetUse]:
        """Return each limit of a tenant and what is used of it."""
        limits = self._budgets.of(tenant)
        with self._tables.reading() as rows:
            return list(limits.uses(now, lambda days: rows.spent(tenant, days)))

    def _make(
        self, rows: Rows, upload: Event, document_id: str, step: Step, status: SubmissionStatus
    ) -> Submission:
        booked = rows.submission(upload.jobid)
        document = rows.document(upload.tenant, document_id)
        if booked is not None and not (_stands_in(booked) or _went_with_its_email(booked)):
            if booked.status not in _MADE or booked.document_id != document_id:
                return booked
        elif document is not None and document.job_id != upload.jobid:
            return self._book(rows, upload, _duplicate(upload, document))
        rows.put_document(self._moved(document, upload, step, document_id, upload.jobid))
        return self._book(
            rows, upload, replace(_submission(upload, status), document_id=document_id)
        )

    def _reserve(
        self, rows: Rows, upload: Event, document_id: str, revision: int, pages: int
    ) -> bool:
        """Reserve pages, once; tell whether they are."""
        tenant, at = upload.tenant, upload.time
        wanted = Reservation(tenant, document_id, revision, pages, day_of(at))
        if pages == 0 or rows.reserved(wanted.key):
            return True
        limits = self._budgets.of(tenant)
        if not limits.leave(pages, at, lambda days: rows.spent(tenant, days)):
            return False
        rows.reserve(wanted)
        return True

    def _apply(self, rows: Rows, event: Event, document_id: str) -> None:
        submission = rows.submission(event.jobid)
        if document_id == event.jobid and submission is not None:
            # A worker gave up on an upload. Of a refused or duplicate one there is no document.
            if submission.status not in _MADE or submission.document_id is None:
                return
            document_id = submission.document_id
        document = rows.document(event.tenant, document_id)
        step = step_of(event)
        if isinstance(event.data, DocumentErased):
            step = Step(0, 0, "ingest")
        elif step is None:
            return
        first_job = event.jobid
        if submission is not None and submission.first_job is not None:
            first_job = submission.first_job
        document = self._moved(document, event, step, document_id, first_job)
        if isinstance(event.data, DocumentErased):
            document = erased(document, at=event.time)
        rows.put_document(document)
        if submission is None or (_stands_in(submission) and document_id != event.jobid):
            self._book(rows, event, _restored(event, document))

    def _moved(
        self,
        document: RegisteredDocument | None,
        event: Event,
        step: Step,
        document_id: str,
        first_job: str,
    ) -> RegisteredDocument:
        said, deadline = to_structured(event), event.time + self._deadlines(step.stage)
        if document is None:
            return begun(
                *(event.tenant, document_id, first_job, step),
                event=said,
                at=event.time,
                deadline=deadline,
            )
        return advanced(document, step, event=said, at=event.time, deadline=deadline)

    def _book(self, rows: Rows, event: Event, submission: Submission) -> Submission:
        """Put the submission; what an earlier row knew better stays, what stood in goes."""
        before = rows.submission(event.jobid)
        if before is not None:
            if _stands_in(before) and submission.document_id != before.document_id:
                rows.remove_document(event.tenant, event.jobid, at=event.time)
            submission = replace(
                submission,
                received_at=before.received_at,
                parent=submission.parent or before.parent,
            )
        rows.put_submission(submission)
        return submission


def _stands_in(submission: Submission) -> bool:
    """Whether the job stands in for a document that is not there yet."""
    return submission.document_id == submission.job_id


def _went_with_its_email(submission: Submission) -> bool:
    """Whether it was refused because the e-mail that carried it was erased.

    Who had its bytes in hand already makes a document of it all the same; the eraser, who looks
    again for what comes late, finds it by its submission.
    """
    refused = submission.status is SubmissionStatus.REFUSED
    return refused and submission.reason is RefusedReason.ERASED and submission.document_id is None


def _reservation(event: Event) -> Reservation | None:
    """Return what must have been reserved before ``event``: its row was lost, or is there."""
    data = event.data
    if not isinstance(data, DocumentReceived) or data.pages == 0:
        return None
    return Reservation(
        event.tenant, data.document_id, data.revision, data.pages, day_of(event.time)
    )


def _submission(event: Event, status: SubmissionStatus) -> Submission:
    return Submission(
        job_id=event.jobid,
        tenant=event.tenant,
        status=status,
        received_at=event.time,
        parent=event.data.parent if isinstance(event.data, UploadArrived) else None,
    )


def _duplicate(event: Event, document: RegisteredDocument) -> Submission:
    return replace(
        _submission(event, SubmissionStatus.DUPLICATE),
        document_id=document.document_id,
        first_job=document.job_id,
    )


def _restored(event: Event, document: RegisteredDocument) -> Submission:
    """Return the submission that must have been there: its row was lost, or comes later."""
    if document.job_id != event.jobid:
        return _duplicate(event, document)
    expanded = document.terminal is Terminal.EXPANDED
    status = SubmissionStatus.EXPANDED if expanded else SubmissionStatus.ACCEPTED
    return replace(_submission(event, status), document_id=document.document_id)
