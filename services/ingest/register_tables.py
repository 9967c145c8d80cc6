"""What the register needs of its tables, and the rows that one transaction sees and changes."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from services.ingest.budget import Days, Reservation, ReservationKey
from services.ingest.register_flow import FlowKey, Tally
from services.ingest.registered import Counts, RegisteredDocument, StageFlow, Submission

DocumentKey = tuple[str, str]
"""Tenant and document id."""


class Source(Protocol):
    """Where a transaction's rows come from."""

    def fetch_submissions(self, job_ids: AbstractSet[str]) -> Iterable[Submission]:
        """Return those that are there."""
        ...

    def fetch_documents(self, keys: AbstractSet[DocumentKey]) -> Iterable[RegisteredDocument]:
        """Return those that are there."""
        ...

    def fetch_reserved(self, keys: AbstractSet[ReservationKey]) -> Iterable[ReservationKey]:
        """Return those that are there."""
        ...

    def fetch_spent(self, tenant: str, days: Days) -> int:
        """Return how many pages are reserved in some days."""
        ...


@dataclass(slots=True)
class Changes:
    """What a transaction leaves to be written."""

    new_submissions: list[Submission] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    new_documents: list[RegisteredDocument] = field(default_factory=list)
    documents: list[RegisteredDocument] = field(default_factory=list)
    removed: list[DocumentKey] = field(default_factory=list)
    flow: dict[FlowKey, tuple[int, int]] = field(default_factory=dict)
    reservations: list[Reservation] = field(default_factory=list)


class Rows:
    """The rows of one transaction: fetched once, changed in memory, written together at its end.

    Args:
        source: fetches what is asked for.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._submissions: dict[str, Submission | None] = {}
        self._documents: dict[DocumentKey, RegisteredDocument | None] = {}
        self._stored_submissions: dict[str, Submission | None] = {}
        self._stored_documents: dict[DocumentKey, RegisteredDocument | None] = {}
        self._removed_at: dict[DocumentKey, datetime] = {}
        self._reserved: dict[ReservationKey, bool] = {}
        self._reservations: list[Reservation] = []

    def load(self, job_ids: AbstractSet[str], keys: AbstractSet[DocumentKey]) -> None:
        """Fetch many rows at once that will be asked for one by one."""
        jobs = {job_id for job_id in job_ids if job_id not in self._stored_submissions}
        if jobs:
            self._stored_submissions |= dict.fromkeys(jobs)
            for submission in self._source.fetch_submissions(jobs):
                self._stored_submissions[submission.job_id] = submission
            self._submissions |= {job: self._stored_submissions[job] for job in jobs}
        wanted = {key for key in keys if key not in self._stored_documents}
        if wanted:
            self._stored_documents |= dict.fromkeys(wanted)
            for document in self._source.fetch_documents(wanted):
                self._stored_documents[document.tenant, document.document_id] = document
            self._documents |= {key: self._stored_documents[key] for key in wanted}

    def submission(self, job_id: str) -> Submission | None:
        """Return one submission as this transaction sees it."""
        if job_id not in self._submissions:
            self.load({job_id}, set())
        return self._submissions[job_id]

    def document(self, tenant: str, document_id: str) -> RegisteredDocument | None:
        """Return one document as this transaction sees it."""
        if (tenant, document_id) not in self._documents:
            self.load(set(), {(tenant, document_id)})
        return self._documents[tenant, document_id]

    def put_submission(self, submission: Submission) -> None:
        """Insert or replace a submission."""
        self.load({submission.job_id}, set())
        self._submissions[submission.job_id] = submission

    def put_document(self, document: RegisteredDocument) -> None:
        """Insert or replace a document."""
        key = (document.tenant, document.document_id)
        self.load(set(), {key})
        self._documents[key] = document

    def remove_document(self, tenant: str, document_id: str, *, at: datetime) -> None:
        """Remove a document, by what happened ``at`` some time."""
        self.load(set(), {(tenant, document_id)})
        self._documents[tenant, document_id] = None
        self._removed_at[tenant, document_id] = at

    def load_reserved(self, keys: AbstractSet[ReservationKey]) -> None:
        """Fetch at once what will be asked for one by one."""
        wanted = keys - self._reserved.keys()
        if wanted:
            self._reserved |= dict.fromkeys(wanted, False)
            self._reserved |= dict.fromkeys(self._source.fetch_reserved(wanted), True)

    def reserved(self, key: ReservationKey) -> bool:
        """Tell whether there is a reservation, as this transaction sees it."""
        self.load_reserved({key})
        return self._reserved[key]

    def reserve(self, reservation: Reservation) -> None:
        """Insert a reservation, unless there is one."""
        if not self.reserved(reservation.key):
            self._reserved[reservation.key] = True
            self._reservations.append(reservation)

    def spent(self, tenant: str, days: Days) -> int:
        """Return how many pages are reserved in some days, as this transaction sees it."""
        first, last = days
        mine = (one for one in self._reservations if one.tenant == tenant)
        here = sum(one.pages for one in mine if first <= one.day <= last)
        return self._source.fetch_spent(tenant, days) + here

    def changes(self) -> Changes:
        """Return what differs from what was fetched."""
        tally = Tally()
        changes = Changes(flow=tally.counts, reservations=self._reservations)
        for job_id, submission in self._submissions.items():
            before = self._stored_submissions[job_id]
            if submission is not None and submission != before:
                (changes.submissions if before else changes.new_submissions).append(submission)
        for key, document in self._documents.items():
            stored = self._stored_documents[key]
            if document is None and stored is not None:
                changes.removed.append(key)
                tally.removed(stored, self._removed_at[key])
            elif document is not None and document != stored:
                (changes.documents if stored else changes.new_documents).append(document)
                tally.moved(stored, document)
        return changes


class Tables(Protocol):
    """The tables and transactions on them. Raises ``TransientError`` when unavailable."""

    def transaction(self) -> AbstractContextManager[Rows]:
        """Begin a transaction that nobody else writes beside; its changes are written at its end.

        An exception leaves the tables as they were.
        """
        ...

    def reading(self) -> AbstractContextManager[Rows]:
        """Look at one state of the tables, without keeping anybody from writing."""
        ...

    def submissions(self, tenant: str | None) -> list[Submission]:
        """Return all submissions (of one tenant), in the order of their arrival."""
        ...

    def submissions_of(self, tenant: str, document_id: str) -> list[Submission]:
        """Return the submissions that brought a document's bytes, in the order of their arrival."""
        ...

    def parts_of(self, job_ids: Sequence[str]) -> list[Submission]:
        """Return the submissions that the e-mails of ``job_ids`` carried, by job."""
        ...

    def documents(self, tenant: str | None, beginning: str = "") -> list[RegisteredDocument]:
        """Return all documents (of one tenant) whose ids begin so, by tenant and id."""
        ...

    def late(self, now: datetime) -> list[RegisteredDocument]:
        """Return documents past their deadline, the longest first."""
        ...

    def counts(self, now: datetime, tenant: str | None) -> Counts:
        """Return the sums (of one tenant)."""
        ...

    def flow(self, now: datetime, window: timedelta, tenant: str | None) -> list[StageFlow]:
        """Return what waits in each stage, and what moved in a window that ends now."""
        ...
