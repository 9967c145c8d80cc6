"""Between the journal's rows and its entries."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from services.ledger.adapters.tables import entries, postings
from services.ledger.entries import Booked, Entry, Posting
from shared.events.payloads import DocumentType, EntryKind
from shared.telemetry.reasons import HeldReason

PAGE: Final = 500
"""Rows a query: below SQLite's limit of variables, and little memory."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Return microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(micros: int) -> datetime:
    """Return the time that is ``micros`` microseconds after 1970, UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def chunks(items: Iterable[str]) -> list[list[str]]:
    """Return the distinct items in pages."""
    distinct = list(dict.fromkeys(items))
    return [distinct[i : i + PAGE] for i in range(0, len(distinct), PAGE)]


def entry_row(entry: Entry, seq: int) -> dict[str, Any]:
    """Return the row of ``entries``."""
    return {
        "seq": seq,
        "entry_id": entry.entry_id,
        "tenant": entry.tenant,
        "document_id": entry.document_id,
        "revision": entry.revision,
        "kind": entry.kind.value,
        "ordinal": entry.ordinal,
        "commitment": entry.commitment,
        "document_type": entry.document_type.value if entry.document_type else None,
        "date": entry.date.isoformat() if entry.date else None,
        "reason": entry.reason.value if entry.reason else None,
        "settles": entry.settles,
        "actor": entry.actor,
        "leaf": entry.leaf,
        "links": entry.links,
        "approver": entry.approver,
        "particulars": entry.particulars or None,
    }


def posting_rows(entry: Entry, seq: int) -> list[dict[str, Any]]:
    """Return the rows of ``postings``."""
    return [
        {
            "seq": seq,
            "line": line,
            "tenant": entry.tenant,
            "account": posting.account,
            "currency": posting.currency,
            "amount": posting.amount,
        }
        for line, posting in enumerate(entry.postings)
    ]


def booked(connection: Connection, query: Select[Any]) -> list[Booked]:
    """Return the entries that ``query`` over ``entries`` selects, with their postings."""
    rows = connection.execute(query).all()
    lines = _postings(connection, {row.seq: row.tenant for row in rows})
    return [Booked(_entry(row, lines.get(row.seq, ())), row.log_index) for row in rows]


def _postings(connection: Connection, tenants: dict[int, str]) -> dict[int, tuple[Posting, ...]]:
    """Return the postings of entries, given their tenants.

    A posting of another tenant, or after a gap, is none of the entry's: an audit tells of it.
    """
    seqs = list(tenants)
    found: dict[int, list[Posting]] = {}
    for start in range(0, len(seqs), PAGE):
        query = (
            select(postings)
            .where(postings.c.seq.in_(seqs[start : start + PAGE]))
            .order_by(postings.c.seq, postings.c.line)
        )
        for row in connection.execute(query):
            lines = found.setdefault(row.seq, [])
            if row.tenant == tenants[row.seq] and row.line == len(lines):
                lines.append(Posting(row.account, row.currency, row.amount))
    return {seq: tuple(lines) for seq, lines in found.items()}


def _entry(row: Row[Any], lines: tuple[Posting, ...]) -> Entry:
    return Entry(
        entry_id=row.entry_id,
        tenant=row.tenant,
        document_id=row.document_id,
        revision=row.revision,
        kind=EntryKind(row.kind),
        ordinal=row.ordinal,
        commitment=row.commitment,
        document_type=DocumentType(row.document_type) if row.document_type else None,
        date=row.date,
        reason=HeldReason(row.reason) if row.reason else None,
        postings=lines,
        settles=row.settles,
        actor=row.actor,
        leaf=row.leaf,
        links=row.links,
        approver=row.approver,
        particulars=row.particulars or "",
    )


ENTRIES: Final = select(entries)
