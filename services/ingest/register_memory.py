"""The register's tables in memory, for tests and the simulation."""

from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import UTC, datetime

from services.ingest.ports import Counts, RegisteredDocument, Submission, SubmissionStatus, Terminal
from services.ingest.register import TableRegister
from services.ingest.register_order import Deadlines
from services.ingest.register_tables import DocumentKey, Rows


def memory_register(deadlines: Deadlines) -> TableRegister:
    """Return an empty register that forgets everything with its process."""
    return TableRegister(MemoryTables(), deadlines)


class MemoryTables:
    """Two dictionaries. Not for several threads."""

    def __init__(self) -> None:
        self._submissions: dict[str, Submission] = {}
        self._documents: dict[DocumentKey, RegisteredDocument] = {}

    def fetch_submissions(self, job_ids: AbstractSet[str]) -> Iterable[Submission]:
        """Return those that are there."""
        return [self._submissions[job_id] for job_id in job_ids if job_id in self._submissions]

    def fetch_documents(self, keys: AbstractSet[DocumentKey]) -> Iterable[RegisteredDocument]:
        """Return those that are there."""
        return [self._documents[key] for key in keys if key in self._documents]

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

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """Give rows to look at."""
        yield Rows(self)

    def submissions(self, tenant: str | None) -> list[Submission]:
        """Return all submissions (of one tenant), in the order of their arrival."""
        chosen = [row for row in self._submissions.values() if tenant in {None, row.tenant}]
        return sorted(chosen, key=lambda row: (row.received_at, row.job_id))

    def documents(self, tenant: str | None) -> list[RegisteredDocument]:
        """Return all documents (of one tenant), by tenant and id."""
        chosen = [row for row in self._documents.values() if tenant in {None, row.tenant}]
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
