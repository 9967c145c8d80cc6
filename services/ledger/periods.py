"""Months of the books: their figures, and the chain of closes that seals them. Pure.

A close is an entry like any other, dated on the period's last day. It carries the turnover and the
balance of every account in every currency, and the digest of the period's entries as
``entries.ndjson`` of the bundle has them. From then on nothing is dated up to that day: late
documents are held, and what a person posts or reverses counts from the first open day.
"""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Self

import rfc8785

from services.ledger.entries import Booked, Entry
from services.ledger.money import scale_of

_PERIOD: Final = re.compile(r"(?P<year>[0-9]{4})-(?P<month>0[1-9]|1[0-2])", re.ASCII)

_DECEMBER: Final = 12


class PeriodClosedError(Exception):
    """The entry's date lies in a closed period."""


class StaleCloseError(Exception):
    """The close no longer says what the period holds, or does not follow the one before."""


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One calendar month.

    Attributes:
        year: four digits.
        month: 1 to 12.
    """

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``2026-01``.

        Raises:
            ValueError: it is none.
        """
        found = _PERIOD.fullmatch(text)
        if found is None or int(found["year"]) < dt.MINYEAR:
            raise ValueError("a period is a month, as in 2026-01")
        return cls(int(found["year"]), int(found["month"]))

    @classmethod
    def of(cls, day: dt.date) -> Self:
        """Return the month that ``day`` lies in."""
        return cls(day.year, day.month)

    @property
    def first(self) -> dt.date:
        """Its first day."""
        return dt.date(self.year, self.month, 1)

    @property
    def last(self) -> dt.date:
        """Its last day."""
        if self.month == _DECEMBER:
            return dt.date(self.year, _DECEMBER, 31)
        return dt.date(self.year, self.month + 1, 1) - dt.timedelta(days=1)

    @property
    def following(self) -> "Period":
        """The month after it."""
        return Period.of(self.last + dt.timedelta(days=1))

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


@dataclass(frozen=True, slots=True)
class Total:
    """One account in one currency, in minor units.

    Attributes:
        account: its code.
        currency: ISO 4217.
        debit: the sum of the period's debits.
        credit: the sum of its credits, positive.
        balance: what the account stands at when the period ends; debits are positive.
    """

    account: str
    currency: str
    debit: int
    credit: int
    balance: int

    def told(self) -> dict[str, object]:
        """Return it as a leaf says it: sums may pass 2^53, so they are strings."""
        return {
            "account": self.account,
            "balance": str(self.balance),
            "credit": str(self.credit),
            "currency": self.currency,
            "debit": str(self.debit),
            "scale": scale_of(self.currency) or 0,
        }

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        """Return what ``told`` told."""
        return cls(
            *(str(told["account"]), str(told["currency"])),
            *(int(told["debit"]), int(told["credit"]), int(told["balance"])),
        )


@dataclass(frozen=True, slots=True)
class Close:
    """What the close of a period says.

    Attributes:
        period: which month.
        since: the first day that it covers; None for the first close, which takes all before it.
        entries: how many entries are dated in it.
        first: the log index of the first of them; None without any.
        last: likewise.
        digest: SHA-256 of the lines that ``entry_line`` makes of them, hex.
        open_holds: how many documents were held when it was closed.
        previous: the id of the close before; None for the first.
        totals: by currency and account.
    """

    period: Period
    since: dt.date | None
    entries: int
    first: int | None
    last: int | None
    digest: str
    open_holds: int
    previous: str | None
    totals: tuple[Total, ...]

    def particulars(self) -> str:
        """Return it as ``Entry.particulars`` and leaves hold it."""
        told: dict[str, Any] = {
            "digest": self.digest,
            "entries": self.entries,
            "first": self.first,
            "id": str(self.period),
            "last": self.last,
            "open_holds": self.open_holds,
            "previous": self.previous,
            "since": self.since.isoformat() if self.since else None,
            "totals": [total.told() for total in self.totals],
        }
        kept = {key: value for key, value in told.items() if value is not None}
        return rfc8785.dumps({"period": kept}).decode()

    @classmethod
    def read(cls, particulars: str) -> Self:
        """Return what ``particulars`` say.

        Raises:
            ValueError: they are no close.
        """
        try:
            told = json.loads(particulars)["period"]
            return cls(
                period=Period.parse(told["id"]),
                since=dt.date.fromisoformat(told["since"]) if "since" in told else None,
                entries=int(told["entries"]),
                first=told.get("first"),
                last=told.get("last"),
                digest=str(told["digest"]),
                open_holds=int(told["open_holds"]),
                previous=told.get("previous"),
                totals=tuple(Total.read(one) for one in told["totals"]),
            )
        except (KeyError, TypeError) as err:
            raise ValueError("that is no close of a period") from err


def entry_line(index: int, leaf: bytes) -> bytes:
    """Return one line of ``entries.ndjson``: RFC 8785 JSON around the leaf, byte for byte."""
    return b'{"index":%d,"leaf":%s}\n' % (index, leaf)


@dataclass(slots=True)
class Tally:
    """Adds a period's entries up, one at a time, in the order of the log."""

    entries: int = 0
    first: int | None = None
    last: int | None = None
    _hash: Any = field(default_factory=hashlib.sha256)
    _sums: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, index: int, leaf: bytes, postings: Iterable[tuple[str, str, int]]) -> None:
        """Count one entry.

        Args:
            index: in the log.
            leaf: its bytes.
            postings: account, currency and amount of each.
        """
        self.entries += 1
        self.first = index if self.first is None else self.first
        self.last = index
        self._hash.update(entry_line(index, leaf))
        for account, currency, amount in postings:
            sums = self._sums.setdefault((currency, account), [0, 0])
            sums[amount < 0] += abs(amount)

    @property
    def digest(self) -> str:
        """SHA-256 of the lines so far, hex."""
        found: str = self._hash.hexdigest()
        return found

    def totals(self, before: Iterable[Total]) -> tuple[Total, ...]:
        """Return every account's figures, carried forward from the totals of the close before."""
        opening = {(one.currency, one.account): one.balance for one in before}
        found = []
        for key in sorted(opening.keys() | self._sums.keys()):
            debit, credit = self._sums.get(key, (0, 0))
            balance = opening.get(key, 0) + debit - credit
            found.append(Total(key[1], key[0], debit, credit, balance))
        return tuple(found)


def close_of(
    period: Period, entries: Iterable[Booked], *, previous: Entry | None, open_holds: int
) -> Close:
    """Return the close of a period.

    Args:
        period: which.
        entries: dated in it, in the order of the log.
        previous: the close before; None for the first.
        open_holds: documents that nobody has decided yet.

    Raises:
        StaleCloseError: it does not follow ``previous``, or an entry is not sequenced.
    """
    before = Close.read(previous.particulars) if previous is not None else None
    if before is not None and period != before.period.following:
        raise StaleCloseError
    tally = Tally()
    for booked in entries:
        if booked.index is None:
            raise StaleCloseError
        lines = ((one.account, one.currency, one.amount) for one in booked.entry.postings)
        tally.add(booked.index, booked.entry.leaf, lines)
    return Close(
        period=period,
        since=since_of(before),
        entries=tally.entries,
        first=tally.first,
        last=tally.last,
        digest=tally.digest,
        open_holds=open_holds,
        previous=previous.entry_id if previous is not None else None,
        totals=tally.totals(before.totals if before is not None else ()),
    )


def since_of(before: Close | None) -> dt.date | None:
    """Return the first day after a close; None without one."""
    return before.period.following.first if before is not None else None


def dated_within(
    entries: Iterable[Booked], since: dt.date | None, until: dt.date
) -> Iterator[Booked]:
    """Yield the entries that count from ``since`` to ``until``, both included; no closes."""
    for booked in entries:
        date = booked.entry.date
        if not booked.entry.postings or date is None or date > until:
            continue
        if since is None or date >= since:
            yield booked
