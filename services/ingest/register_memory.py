"""The register's tables in memory, for tests and the simulation."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from services.ingest.budget import Budgets, Days, Reservation, ReservationKey
from services.ingest.register import TableRegister
from services.ingest.register_flow import SECOND, FlowKey, window_of
from services.ingest.register_order import STAGES, Deadlines
from services.ingest.register_tables import DocumentKey, Rows
from services.ingest.registered import (
    Counts,
    RegisteredDocument,
    StageFlow,
    Submission,
    SubmissionStatus,
    Terminal,
)


def memory_register(deadlines: Deadlines, budgets: Budgets | None = None) -> TableRegister:
    """Return an empty register that forgets everything with its process."""
    return TableRegister(MemoryTables(), deadlines, budgets)


class MemoryTables:
    """Dictionaries. Not for several threads."""

    def __init__(self) -> None:
        self._submissions: dict[str, Submission] = {}
        self._documents: dict[DocumentKey, RegisteredDocument] = {}
        self._flow: dict[FlowKey, tuple[int, int]] = {}
        self._reservations: dict[ReservationKey, Reservation] = {}

    def fetch_submissions(self, job_ids: AbstractSet[str]) -> Iterable[Submission]:
        """Return those that are there."""
        return [self._submissions[job_id] for job_id in job_ids if job_id in self._submissions]

    def fetch_documents(self, keys: AbstractSet[DocumentKey]) -> Iterable[RegisteredDocument]:
        """Return those that are there."""
        return [self._documents[key] for key in keys if key in self._documents]

    def fetch_reserved(self, keys: AbstractSet[ReservationKey]) -> Iterable[ReservationKey]:
        """Return those that are there."""
        return [key for key in keys if key in self._reservations]

    def fetch_spent(self, tenant: str, days: Days) -> int:
        """Return how many pages are reserved in some days."""
        first, last = days
        chosen = (one for one in self._reservations.values() if one.tenant == tenant)
        return sum(one.pages for one in chosen if first <= one.day <= last)

    @contextmanager
    def transaction(self) -> Iterator[Rows]:
        """Give rows to change; they are written at the end, unless there was an exception."""
        rows = Rows(self)
        yield rows
        changes = rows.changes()
        for submission in changes.new_submissions + changes.submissions:
            self._submissions[submission.job_id] = submission
        for document in changes.new_documents + changes.documents:
            self._documents[document.tenant, document.document_id] = document
        for key in changes.removed:
            del self._documents[key]
        for place, (entered, left) in changes.flow.items():
            before = self._flow.get(place, (0, 0))
            self._flow[place] = (before[0] + entered, before[1] + left)
        for reservation in changes.reservations:
            self._reservations[reservation.key] = reservation

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """Give rows to look at."""
        yield Rows(self)

    def submissions(self, tenant: str | None) -> list[Submission]:
        """Return all submissions (of one tenant), in the order of their arrival."""
        chosen = [row for row in self._submissions.values() if tenant in {None, row.tenant}]
        return sorted(chosen, key=lambda row: (row.received_at, row.job_id))

    def submissions_of(self, tenant: str, document_id: str) -> list[Submission]:
        """Return the submissions that brought a document's bytes, in the order of their arrival."""
        return [row for row in self.submissions(tenant) if row.document_id == document_id]

    def parts_of(self, job_ids: Sequence[str]) -> list[Submission]:
        """Return the submissions that the e-mails of ``job_ids`` carried, by job."""
        chosen = [row for row in self._submissions.values() if row.parent in set(job_ids)]
        return sorted(chosen, key=lambda row: row.job_id)

    def documents(self, tenant: str | None, beginning: str = "") -> list[RegisteredDocument]:
        """Return all documents (of one tenant) whose ids begin so, by tenant and id."""
        chosen = [
            row
            for row in self._documents.values()
            if tenant in {None, row.tenant} and row.document_id.startswith(beginning)
        ]
        return sorted(chosen, key=lambda row: (row.tenant, row.document_id))

    def late(self, now: datetime) -> list[RegisteredDocument]:
        """Return documents past their deadline, the longest first."""
        late = [row for row in self._documents.values() if row.deadline and row.deadline < now]
        never = datetime.max.replace(tzinfo=UTC)
        return sorted(late, key=lambda row: (row.deadline or never, row.tenant, row.document_id))

    def counts(self, now: datetime, tenant: str | None) -> Counts:
        """Return the sums (of one tenant)."""
        submissions = Counter(row.status for row in self.submissions(tenant))
        documents = self.documents(tenant)
        ends = Counter(row.status for row in documents)
        made = submissions[SubmissionStatus.ACCEPTED] + submissions[SubmissionStatus.EXPANDED]
        return Counts(
            submissions=submissions.total(),
            made=made,
            duplicates=submissions[SubmissionStatus.DUPLICATE],
            refused=submissions[SubmissionStatus.REFUSED],
            documents=len(documents),
            posted=ends[Terminal.POSTED],
            held=ends[Terminal.HELD],
            voided=ends[Terminal.VOIDED],
            quarantined=ends[Terminal.QUARANTINED],
            expanded=ends[Terminal.EXPANDED],
            in_flight=ends[None],
            late=sum(row.deadline is not None and row.deadline < now for row in documents),
            erased=sum(row.erased for row in documents),
        )

    def flow(self, now: datetime, window: timedelta, tenant: str | None) -> list[StageFlow]:
        """Return what waits in each stage, and what moved in a window that ends now."""
        after, last = window_of(now, window)
        found = []
        for stage in STAGES:
            there = [
                row for row in self.documents(tenant) if row.stage == stage and row.status is None
            ]
            moved = [
                counts
                for (slot, whose, where), counts in self._flow.items()
                if where == stage and tenant in {None, whose} and after < slot <= last
            ]
            found.append(
                StageFlow(
                    stage,
                    waiting=len(there),
                    late=sum(row.deadline is not None and row.deadline < now for row in there),
                    oldest_s=max([0.0, *((now - row.since) / SECOND for row in there)]),
                    entered=sum(entered for entered, _left in moved),
                    left=sum(left for _entered, left in moved),
                )
            )
        return found
