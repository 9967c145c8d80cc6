"""Asking the journal in SQL about days, sizes and periods."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select

from services.ledger.adapters.rows import ENTRIES, PAGE, booked, micros
from services.ledger.adapters.schema import OnDatabase
from services.ledger.adapters.tables import checkpoints, entries, postings
from services.ledger.entries import ALL, POSTING_KINDS, Booked, View
from services.ledger.ports import Balance
from shared.events.payloads import EntryKind

_POSTING: tuple[str, ...] = tuple(sorted(kind.value for kind in POSTING_KINDS))


# Made once: each booking asks twice, and making it costs three times what SQLite's answer does.
_CLOSED_UNTIL: Final = select(func.max(entries.c.date)).where(
    entries.c.tenant == bindparam("tenant"), entries.c.kind == EntryKind.PERIOD_CLOSE.value
)


class SqlBalances(OnDatabase):
    """The part of ``ports.Books`` that adds up."""

    def trial_balance(self, tenant: str, view: View = ALL) -> list[Balance]:
        """Return every account's sum in what is looked at, ordered by currency and account."""
        key = (postings.c.currency, postings.c.account)
        query = select(*key, func.sum(postings.c.amount).label("amount"))
        query = query.where(postings.c.tenant == tenant)
        if view != ALL:  # else the entries need not be read
            query = query.join(entries, entries.c.seq == postings.c.seq).where(*_seen(view))
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(*key).order_by(*key)).all()
        return [Balance(row.account, row.currency, int(row.amount)) for row in rows]

    def dated(self, tenant: str, since: dt.date | None, until: dt.date) -> Iterator[Booked]:
        """Stream the entries with postings dated in those days, in the order of the log."""
        # Page by page, each a transaction: who reads slowly keeps nobody waiting.
        after: int | None = -1
        while after is not None:
            with self._database.reading() as connection:
                page = booked(connection, _page(tenant, since, until, after))
            yield from page
            after = page[-1].index if len(page) == PAGE else None
        with self._database.reading() as connection:
            rest = booked(connection, _unsequenced(tenant, since, until))
        yield from rest

    def closed_until(self, tenant: str) -> dt.date | None:
        """Return the last day of the last closed period; None when none is closed."""
        with self._database.reading() as connection:
            return closed_until(connection, tenant)

    def closes(self, tenant: str) -> list[Booked]:
        """Return the closes of periods, oldest first."""
        with self._database.reading() as connection:
            return booked(connection, closes_of(tenant).order_by(entries.c.date))

    def size_at(self, tenant: str, moment: dt.datetime) -> int:
        """Return how many entries a checkpoint covered at that time."""
        query = select(func.max(checkpoints.c.size)).where(
            checkpoints.c.tenant == tenant, checkpoints.c.recorded_at <= micros(moment)
        )
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar() or 0)


def closes_of(tenant: str) -> Select[tuple[object, ...]]:
    """Return the query of a tenant's closes."""
    its = entries.c.tenant == tenant, entries.c.kind == EntryKind.PERIOD_CLOSE.value
    return ENTRIES.where(*its)


def closed_until(connection: Connection, tenant: str) -> dt.date | None:
    """Return the last day of the last closed period."""
    found: dt.date | None = connection.execute(_CLOSED_UNTIL, {"tenant": tenant}).scalar()
    return found


def dated_in(
    connection: Connection, tenant: str, since: dt.date | None, until: dt.date
) -> Iterator[Booked]:
    """Stream the same within one transaction: what a close is checked against."""
    after: int | None = -1
    while after is not None:
        page = booked(connection, _page(tenant, since, until, after))
        yield from page
        after = page[-1].index if len(page) == PAGE else None
    yield from booked(connection, _unsequenced(tenant, since, until))


def _page(
    tenant: str, since: dt.date | None, until: dt.date, after: int
) -> Select[tuple[object, ...]]:
    query = ENTRIES.where(*_within(tenant, since, until), entries.c.log_index > after)
    return query.order_by(entries.c.log_index).limit(PAGE)


def _unsequenced(tenant: str, since: dt.date | None, until: dt.date) -> Select[tuple[object, ...]]:
    query = ENTRIES.where(*_within(tenant, since, until), entries.c.log_index.is_(None))
    return query.order_by(entries.c.seq)


def _within(tenant: str, since: dt.date | None, until: dt.date) -> list[ColumnElement[bool]]:
    seen = _seen(View(since=since, until=until))
    return [entries.c.tenant == tenant, entries.c.kind.in_(_POSTING), *seen]


def _seen(view: View) -> list[ColumnElement[bool]]:
    found = []
    if view.since is not None:
        found.append(entries.c.date >= view.since)
    if view.until is not None:
        found.append(entries.c.date <= view.until)
    if view.size is not None:
        found.append(entries.c.log_index < view.size)
    return found
