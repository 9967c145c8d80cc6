"""The register in SQL, on SQLite or PostgreSQL."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, case, func, select
from sqlalchemy import bindparam as bound

from services.ingest.budget import Budgets, Days, ReservationKey
from services.ingest.register import TableRegister
from services.ingest.register_budget_sql import find_reserved, spent_in, write_reservations
from services.ingest.register_flow_sql import SqlFlow
from services.ingest.register_order import Deadlines
from services.ingest.register_schema import DOCUMENTS, SUBMISSIONS, chunks, micros, moment
from services.ingest.register_tables import Changes, DocumentKey, Rows
from services.ingest.registered import (
    Counts,
    RegisteredDocument,
    StageFlow,
    Submission,
    SubmissionStatus,
    Terminal,
)
from shared.database.database import Database
from shared.events.payloads import DocumentType
from shared.telemetry.reasons import HeldReason, QuarantineReason, RefusedReason

_AFTER_HEX: Final = "g"
"""Comes after every hexadecimal digit, however a server sorts."""

# Built once: putting a statement together costs several times what SQLite needs to run it.
_KEY: Final = and_(
    DOCUMENTS.c.tenant == bound("key_tenant"), DOCUMENTS.c.document_id == bound("key_document")
)
_FIND_SUBMISSIONS: Final = select(SUBMISSIONS).where(
    SUBMISSIONS.c.job_id.in_(bound("ids", expanding=True))
)
_FIND_DOCUMENTS: Final = select(DOCUMENTS).where(
    DOCUMENTS.c.document_id.in_(bound("ids", expanding=True))
)
_REMOVE_DOCUMENT: Final = DOCUMENTS.delete().where(_KEY)
_ADD_SUBMISSION: Final = SUBMISSIONS.insert()
_CHANGE_SUBMISSION: Final = SUBMISSIONS.update().where(SUBMISSIONS.c.job_id == bound("key_job"))
_ADD_DOCUMENT: Final = DOCUMENTS.insert()
_CHANGE_DOCUMENT: Final = DOCUMENTS.update().where(_KEY)


class SqlRegister(TableRegister):
    """The register in a database. Safe for several processes and threads.

    Args:
        database: migrated.
        deadlines: how long a document may stay in a stage (``Topology.deadline``).
        budgets: what tenants may hand in; without limits when None.
    """

    def __init__(
        self, database: Database, deadlines: Deadlines, budgets: Budgets | None = None
    ) -> None:
        super().__init__(SqlTables(database), deadlines, budgets)
        self.database = database

    def close(self) -> None:
        """Close every connection."""
        self.database.close()


class SqlTables:
    """The register's tables in one database.

    Args:
        database: migrated.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._flow = SqlFlow()

    @contextmanager
    def transaction(self) -> Iterator[Rows]:
        """Give rows to change; they are written at the end, unless there was an exception."""
        with self._database.writing() as connection:
            rows = Rows(_SqlSource(connection))
            yield rows
            changes = rows.changes()
            _write(connection, changes)
            if changes.flow:
                self._flow.count(connection, changes.flow)
            if changes.reservations:
                write_reservations(connection, changes.reservations)

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """Give rows to look at."""
        with self._database.reading() as connection:
            yield Rows(_SqlSource(connection))

    def submissions(self, tenant: str | None) -> list[Submission]:
        """Return all submissions (of one tenant), in the order of their arrival."""
        query = select(SUBMISSIONS).order_by(SUBMISSIONS.c.received_at, SUBMISSIONS.c.job_id)
        if tenant is not None:
            query = query.where(SUBMISSIONS.c.tenant == tenant)
        return [_submission(row) for row in self._all(query)]

    def submissions_of(self, tenant: str, document_id: str) -> list[Submission]:
        """Return the submissions that brought a document's bytes, in the order of their arrival."""
        query = (
            select(SUBMISSIONS)
            .where(SUBMISSIONS.c.document_id == document_id, SUBMISSIONS.c.tenant == tenant)
            .order_by(SUBMISSIONS.c.received_at, SUBMISSIONS.c.job_id)
        )
        return [_submission(row) for row in self._all(query)]

    def parts_of(self, job_ids: Sequence[str]) -> list[Submission]:
        """Return the submissions that the e-mails of ``job_ids`` carried, by job."""
        found: list[Submission] = []
        for some in chunks(sorted(set(job_ids))):
            query = select(SUBMISSIONS).where(SUBMISSIONS.c.parent.in_(some))
            found += [_submission(row) for row in self._all(query)]
        return sorted(found, key=lambda one: one.job_id)

    def documents(self, tenant: str | None, beginning: str = "") -> list[RegisteredDocument]:
        """Return all documents (of one tenant) whose ids begin so, by tenant and id."""
        query = select(DOCUMENTS).order_by(DOCUMENTS.c.tenant, DOCUMENTS.c.document_id)
        if tenant is not None:
            query = query.where(DOCUMENTS.c.tenant == tenant)
        if beginning:  # a range of the primary key, which LIKE is not under every collation
            after = beginning + _AFTER_HEX
            query = query.where(DOCUMENTS.c.document_id.between(beginning, after))
        return [_document(row) for row in self._all(query)]

    def late(self, now: datetime) -> list[RegisteredDocument]:
        """Return documents past their deadline, the longest first."""
        query = (
            select(DOCUMENTS)
            .where(DOCUMENTS.c.deadline < micros(now))
            .order_by(DOCUMENTS.c.deadline, DOCUMENTS.c.tenant, DOCUMENTS.c.document_id)
        )
        return [_document(row) for row in self._all(query)]

    def counts(self, now: datetime, tenant: str | None) -> Counts:
        """Return the sums (of one tenant), of one state of the tables."""
        ends = select(
            case(
                (and_(DOCUMENTS.c.terminal.is_(None), DOCUMENTS.c.erased), Terminal.VOIDED.value),
                else_=DOCUMENTS.c.terminal,
            ).label("end"),
            func.count(),
            func.sum(case((DOCUMENTS.c.deadline < micros(now), 1), else_=0)),
            func.sum(case((DOCUMENTS.c.erased, 1), else_=0)),
        ).group_by("end")
        became = select(SUBMISSIONS.c.status, func.count()).group_by(SUBMISSIONS.c.status)
        if tenant is not None:
            ends = ends.where(DOCUMENTS.c.tenant == tenant)
            became = became.where(SUBMISSIONS.c.tenant == tenant)
        with self._database.reading() as connection:
            documents = {row[0]: row[1:] for row in connection.execute(ends)}
            submissions: dict[str, int] = {row[0]: row[1] for row in connection.execute(became)}

        def ended(terminal: Terminal | None) -> int:
            return int(documents.get(terminal and terminal.value, (0,))[0])

        made = (SubmissionStatus.ACCEPTED, SubmissionStatus.EXPANDED)
        return Counts(
            submissions=sum(submissions.values()),
            made=sum(submissions.get(status, 0) for status in made),
            duplicates=submissions.get(SubmissionStatus.DUPLICATE, 0),
            refused=submissions.get(SubmissionStatus.REFUSED, 0),
            documents=sum(row[0] for row in documents.values()),
            posted=ended(Terminal.POSTED),
            held=ended(Terminal.HELD),
            voided=ended(Terminal.VOIDED),
            quarantined=ended(Terminal.QUARANTINED),
            expanded=ended(Terminal.EXPANDED),
            in_flight=ended(None),
            late=sum(row[1] for row in documents.values()),
            erased=sum(row[2] for row in documents.values()),
        )

    def flow(self, now: datetime, window: timedelta, tenant: str | None) -> list[StageFlow]:
        """Return what waits in each stage, and what moved in a window that ends now."""
        with self._database.reading() as connection:
            return self._flow.read(connection, now, window, tenant)

    def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._database.reading() as connection:
            return connection.execute(query).all()


class _SqlSource:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def fetch_submissions(self, job_ids: AbstractSet[str]) -> Iterable[Submission]:
        for some in chunks(sorted(job_ids)):
            yield from map(_submission, self._connection.execute(_FIND_SUBMISSIONS, {"ids": some}))

    def fetch_documents(self, keys: AbstractSet[DocumentKey]) -> Iterable[RegisteredDocument]:
        for some in chunks(sorted({document_id for _tenant, document_id in keys})):
            for row in self._connection.execute(_FIND_DOCUMENTS, {"ids": some}):
                if (row.tenant, row.document_id) in keys:
                    yield _document(row)

    def fetch_reserved(self, keys: AbstractSet[ReservationKey]) -> Iterable[ReservationKey]:
        return find_reserved(self._connection, keys)

    def fetch_spent(self, tenant: str, days: Days) -> int:
        return spent_in(self._connection, tenant, days)


def _write(connection: Connection, changes: Changes) -> None:
    if changes.removed:
        connection.execute(
            _REMOVE_DOCUMENT,
            [{"key_tenant": tenant, "key_document": name} for tenant, name in changes.removed],
        )
    if changes.new_submissions:
        connection.execute(_ADD_SUBMISSION, list(map(_submission_row, changes.new_submissions)))
    if changes.submissions:
        connection.execute(
            _CHANGE_SUBMISSION,
            [{**_submission_row(one), "key_job": one.job_id} for one in changes.submissions],
        )
    if changes.new_documents:
        connection.execute(_ADD_DOCUMENT, list(map(_document_row, changes.new_documents)))
    if changes.documents:
        connection.execute(
            _CHANGE_DOCUMENT,
            [
                {**_document_row(one), "key_tenant": one.tenant, "key_document": one.document_id}
                for one in changes.documents
            ],
        )


def _submission_row(submission: Submission) -> dict[str, object]:
    return {
        "job_id": submission.job_id,
        "tenant": submission.tenant,
        "status": submission.status.value,
        "received_at": micros(submission.received_at),
        "document_id": submission.document_id,
        "reason": submission.reason and submission.reason.value,
        "first_job": submission.first_job,
        "parent": submission.parent,
    }


def _submission(row: Row[Any]) -> Submission:
    return Submission(
        job_id=row.job_id,
        tenant=row.tenant,
        status=SubmissionStatus(row.status),
        received_at=moment(row.received_at),
        document_id=row.document_id,
        reason=None if row.reason is None else RefusedReason(row.reason),
        first_job=row.first_job,
        parent=row.parent,
    )


def _document_row(document: RegisteredDocument) -> dict[str, object]:
    return {
        "tenant": document.tenant,
        "document_id": document.document_id,
        "job_id": document.job_id,
        "revision": document.revision,
        "replay": document.replay,
        "stage": document.stage,
        "terminal": document.terminal and document.terminal.value,
        "reason": document.reason and document.reason.value,
        "erased": document.erased,
        "pages": document.pages,
        "deadline": document.deadline and micros(document.deadline),
        "since": micros(document.since),
        "last_event": document.last_event,
        "document_type": document.document_type and document.document_type.value,
    }


def _document(row: Row[Any]) -> RegisteredDocument:
    terminal = None if row.terminal is None else Terminal(row.terminal)
    reasons = HeldReason if terminal is Terminal.HELD else QuarantineReason
    return RegisteredDocument(
        tenant=row.tenant,
        document_id=row.document_id,
        job_id=row.job_id,
        revision=row.revision,
        replay=row.replay,
        stage=row.stage,
        terminal=terminal,
        reason=None if row.reason is None else reasons(row.reason),
        erased=row.erased,
        pages=row.pages,
        deadline=None if row.deadline is None else moment(row.deadline),
        since=moment(row.since),
        last_event=bytes(row.last_event),
        document_type=None if row.document_type is None else DocumentType(row.document_type),
    )
