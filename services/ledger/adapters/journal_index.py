"""The journal as the auditor API asks it: read-only, and only columns that name no document."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, exists, func, null, select

from services.ledger.adapters.rows import micros, moment
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.tables import checkpoints, entries, postings
from services.ledger.api_filters import SETTLED_BY, Filter, Status
from services.ledger.api_index import Candidate, Recorded
from shared.database.database import Database
from shared.events.payloads import EntryKind

_SETTLING: Final = entries.alias("settling")


def open_journal_index(url: str | None, file: Path) -> "JournalIndex":
    """Return the journal on the server at ``url``, or in ``file``, to look at.

    Nothing is opened before it is asked: a new site has no journal yet, and lists do without.
    """

    def opened() -> Database:
        if url is not None:
            from shared.database.postgres import open_postgres  # noqa: PLC0415 - SQLite needs no driver

            return open_postgres(url, JOURNAL)
        from shared.database.sqlite import look_into_sqlite  # noqa: PLC0415 - nor the other way

        return look_into_sqlite(file, JOURNAL)

    return JournalIndex(opened)


class JournalIndex:
    """``api_index.Index`` over SQLAlchemy.

    Args:
        opened: gives the database; called when it is first asked, again after it failed.
    """

    def __init__(self, opened: Callable[[], Database]) -> None:
        self._opened = opened
        self._found: Database | None = None
        self._lock = Lock()

    @property
    def _database(self) -> Database:
        with self._lock:
            if self._found is None:
                self._found = self._opened()
            return self._found

    def close(self) -> None:
        """Give the connections back."""
        if self._found is not None:
            self._found.close()

    def candidates(  # noqa: PLR0913 - a window of a log, by name
        self,
        tenant: str,
        wanted: Filter,
        *,
        low: int,
        high: int,
        size: int,
        newest: bool,
        most: int,
    ) -> list[Candidate]:
        """Return entries at ``low <= index < high`` that fit the filter, in order."""
        index = entries.c.log_index
        query: Select[Any]
        if wanted.status is None:
            query = select(index, null().label("settled_by"))
        else:
            query = select(index, _SETTLING.c.log_index.label("settled_by")).outerjoin(
                _SETTLING,
                (_SETTLING.c.settles == entries.c.entry_id)
                & (_SETTLING.c.tenant == entries.c.tenant)
                & (_SETTLING.c.log_index < size),
            )
        window = (entries.c.tenant == tenant, index >= low, index < high)
        query = query.where(*window, *_conditions(wanted)).limit(most)
        query = query.order_by(index.desc() if newest else index)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [Candidate(row.log_index, row.settled_by) for row in rows]

    def covers(self, tenant: str, size: int) -> bool:
        """Tell whether the journal knows the last entry of a log of ``size``."""
        query = select(entries.c.log_index).where(
            entries.c.tenant == tenant, entries.c.log_index == size - 1
        )
        with self._database.reading() as connection:
            return size == 0 or connection.execute(query).first() is not None

    def checkpoints(self, tenant: str, *, after: int, most: int) -> list[Recorded]:
        """Return the checkpoints of sizes above ``after``, smallest first."""
        query = _RECORDED.where(checkpoints.c.tenant == tenant, checkpoints.c.size > after)
        return self._recorded(query.order_by(checkpoints.c.size).limit(most))

    def checkpoint(self, tenant: str, size: int) -> Recorded | None:
        """Return the checkpoint of one size."""
        query = _RECORDED.where(checkpoints.c.tenant == tenant, checkpoints.c.size == size)
        return next(iter(self._recorded(query)), None)

    def sealed_before(self, tenant: str, moment: datetime) -> int:
        """Return the greatest size recorded before ``moment``; 0 where there is none."""
        query = select(func.max(checkpoints.c.size)).where(
            checkpoints.c.tenant == tenant, checkpoints.c.recorded_at < micros(moment)
        )
        with self._database.reading() as connection:
            return connection.execute(query).scalar() or 0

    def _recorded(self, query: Select[Any]) -> list[Recorded]:
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [Recorded(row.size, row.note, moment(row.recorded_at)) for row in rows]


_RECORDED: Final = select(checkpoints.c.size, checkpoints.c.note, checkpoints.c.recorded_at)


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.kind is not None:
        found.append(entries.c.kind == wanted.kind.value)
    if wanted.type is not None:
        found.append(entries.c.document_type == wanted.type.value)
    if wanted.first_day is not None:
        found.append(entries.c.date >= wanted.first_day)
    if wanted.last_day is not None:
        found.append(entries.c.date <= wanted.last_day)
    if wanted.by_posting:
        found.append(exists().where(postings.c.seq == entries.c.seq, *_of_posting(wanted)))
    if wanted.status is not None:
        found += _of_status(wanted.status)
    return found


def _of_posting(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.account is not None:
        found.append(postings.c.account == wanted.account)
    if wanted.currency is not None:
        found.append(postings.c.currency == wanted.currency)
    if wanted.min_amount is not None:
        found.append(postings.c.amount >= wanted.min_amount)
    if wanted.max_amount is not None:
        found.append(postings.c.amount <= wanted.max_amount)
    return found


def _of_status(status: Status) -> list[ColumnElement[bool]]:
    unsettled = _SETTLING.c.log_index.is_(None)
    if status is Status.OPEN:
        return [unsettled, entries.c.kind == EntryKind.HOLD.value]
    if status is Status.STANDING:
        return [unsettled, entries.c.kind != EntryKind.HOLD.value]
    if status is Status.SETTLED:
        return [~unsettled]
    return [_SETTLING.c.kind == SETTLED_BY[status].value]
