"""What the audit asks of the journal in SQL: rows as they are, however damaged.

An audit that dies of the row it was meant to find is none. Where a page of rows cannot be read,
each is read by itself, and what is no row of ours is left out: it is missed at its place.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    and_,
    cast,
    exists,
    func,
    or_,
    select,
    union,
)

from services.ledger.adapters.rows import ENTRIES, PAGE, booked, moment
from services.ledger.adapters.schema import OnDatabase
from services.ledger.adapters.tables import checkpoints, entries, intents, outbox, postings
from services.ledger.entries import Booked, Trail
from services.ledger.ports import OutboxRow, SealedRow, StrayPosting
from shared.errors import TransientError

Found = TypeVar("Found")

_DAMAGE: Final = (ValueError, TypeError, OverflowError, TransientError)
"""What a row raises that holds something else than it should."""


class SqlAudit(OnDatabase):
    """``ports.Audit`` over SQLAlchemy."""

    def outbox(self, tenant: str) -> Iterator[OutboxRow]:
        """Stream every outbox row of the tenant that stands where its entry does."""
        elsewhere = exists().where(
            entries.c.entry_id == outbox.c.entry_id, entries.c.seq != outbox.c.seq
        )
        keys = select(outbox.c.seq).where(outbox.c.tenant == tenant, ~elsewhere)

        def read(connection: Connection, seqs: list[int]) -> list[OutboxRow]:
            query = select(outbox).where(outbox.c.seq.in_(seqs)).order_by(outbox.c.seq)
            return [_outbox_row(row) for row in connection.execute(query)]

        yield from self._each(lambda done: keys.where(outbox.c.seq > done), outbox.c.seq, read)

    def all_entries(self, tenant: str) -> Iterator[Booked]:
        """Stream every entry of the tenant in the order of the journal."""
        keys = select(entries.c.seq).where(entries.c.tenant == tenant)

        def read(connection: Connection, seqs: list[int]) -> list[Booked]:
            query = ENTRIES.where(entries.c.seq.in_(seqs)).order_by(entries.c.seq)
            return booked(connection, query)

        yield from self._each(lambda done: keys.where(entries.c.seq > done), entries.c.seq, read)

    def sealed(self) -> list[SealedRow]:
        """Return every decision and every recorded checkpoint, whoever they say they are of."""
        found: list[SealedRow] = []
        for table in (intents, checkpoints):
            query = select(
                self._raw(table.c.tenant), table.c.size, table.c.root, self._raw(table.c.note)
            ).order_by(table.c.tenant, table.c.size)
            with self._database.reading() as connection:
                rows = connection.execute(query).all()
            found += [
                SealedRow(
                    _text(tenant) or "", size, root, _text(note), recorded=table is checkpoints
                )
                for tenant, size, root, note in rows
            ]
        return found

    def stray_postings(self) -> list[StrayPosting]:
        """Return the postings that ``rows.booked`` reads no entry with."""
        lines = func.count().over(partition_by=postings.c.seq)
        all_ = select(postings, lines.label("lines")).subquery()
        theirs = and_(
            entries.c.seq.is_not(None),
            or_(entries.c.tenant != all_.c.tenant, ~all_.c.line.between(0, all_.c.lines - 1)),
        )
        nobodys = and_(entries.c.seq.is_(None), outbox.c.seq.is_(None))
        whose = [self._raw(column) for column in (entries.c.document_id, entries.c.entry_id)]
        query = (
            select(self._raw(all_.c.tenant), *whose, entries.c.log_index)
            .select_from(
                all_.outerjoin(entries, entries.c.seq == all_.c.seq).outerjoin(
                    outbox, outbox.c.seq == all_.c.seq
                )
            )
            .where(or_(theirs, nobodys))
            .order_by(all_.c.seq, all_.c.line)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            StrayPosting(_text(tenant) or "", _text(document), _text(entry), index)
            for tenant, document, entry, index in map(tuple, rows)
        ]

    def audited_tenants(self) -> list[str]:
        """Return whoever the entries and outbox rows say they are of, readable or not."""
        query = union(
            select(self._raw(entries.c.tenant).label("tenant")),
            select(self._raw(outbox.c.tenant).label("tenant")),
        )
        with self._database.reading() as connection:
            return sorted({_text(tenant) or "" for tenant in connection.execute(query).scalars()})

    def _each(
        self,
        after: Callable[[int], Any],
        seq: Column[Any],
        read: Callable[[Connection, list[int]], list[Found]],
    ) -> Iterator[Found]:
        """Yield what is read of the rows at the places that ``after`` selects, page by page."""
        done: int | None = None
        while True:
            query = after(-(1 << 63) if done is None else done).order_by(seq).limit(PAGE)
            with self._database.reading() as connection:
                seqs = list(connection.execute(query).scalars())
            if not seqs:
                return
            done = seqs[-1]
            try:
                with self._database.reading() as connection:
                    found = read(connection, seqs)
            except _DAMAGE:
                found = self._one_by_one(seqs, read)
            yield from found

    def _one_by_one(
        self, seqs: list[int], read: Callable[[Connection, list[int]], list[Found]]
    ) -> list[Found]:
        """Return what can be read of some rows; first comes whether the database is there."""
        found: list[Found] = []
        for seq in seqs:
            with self._database.reading() as connection:
                connection.execute(select(entries.c.log_index).where(entries.c.seq == seq)).all()
            with suppress(*_DAMAGE), self._database.reading() as connection:
                found += read(connection, [seq])
        return found

    def _raw(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a text column as bytes where text may be anything: PostgreSQL checks it."""
        return cast(column, LargeBinary) if self._database.kind == "sqlite" else column


def _outbox_row(row: Row[Any]) -> OutboxRow:
    published = None if row.published_at is None else moment(row.published_at)
    trail = Trail(row.jobid, row.traceparent)
    return OutboxRow(row.entry_id, row.tenant, row.document_id, trail, published)


def _text(value: bytes | str | None) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
