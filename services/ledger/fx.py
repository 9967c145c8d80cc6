"""Foreign currencies: what a post in one of them becomes in the currency of the books. Pure.

A post stays in its currency. A conversion is an entry of its own (kind ``fx``) that links to it:
every posting leaves its account in the foreign currency and enters it in the books' currency, so
that each currency sums to zero. A later one revalues: what is still owed or owned is carried at the
new rate, and the difference is a gain or a loss, on an account by itself.

**Rounding**: ``amount * rate`` to the nearest minor unit of the books' currency, a half away from
zero, in integers. What the rounded lines are over is posted to the rounding account.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self

import rfc8785

from services.ledger.chart import Foreign
from services.ledger.entries import Entry, Posting
from services.ledger.money import AMOUNT_MOST, scale_of
from shared.errors import UserError

_RATE: Final = re.compile(r"(?!0+(?:\.0+)?$)[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII)

_SOURCE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._/-]{0,38}[A-Za-z0-9])?", re.ASCII)

_COLUMNS: Final = ("date", "from", "to", "rate", "source")

OLDEST_DAYS: Final = 7
"""How old a rate in a file may be: banks and authorities publish none on holidays."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of a currency is worth in another, as somebody published it.

    Attributes:
        currency: ISO 4217, the foreign one.
        into: ISO 4217, the books'.
        rate: decimal string: so much of ``into`` for one of ``currency``.
        source: who says so, as in ``ECB``.
        date: of which day.
    """

    currency: str
    into: str
    rate: str
    source: str
    date: dt.date

    def __post_init__(self) -> None:
        if scale_of(self.currency) is None or scale_of(self.into) is None:
            raise UserError("a rate is between two currencies of ISO 4217, as in USD and EUR")
        if self.currency == self.into:
            raise UserError("a rate is between two different currencies")
        if not _RATE.fullmatch(self.rate):
            raise UserError("give the rate as digits with a point, as in 0.9215")
        if not _SOURCE.fullmatch(self.source):
            raise UserError("give the rate's source in up to 40 plain letters, as in ECB")

    def told(self) -> dict[str, str]:
        """Return it as leaves and proposals hold it."""
        return {
            "date": self.date.isoformat(),
            "from": self.currency,
            "into": self.into,
            "rate": self.rate,
            "source": self.source,
        }

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        """Return what ``told`` told."""
        date = dt.date.fromisoformat(told["date"])
        return cls(told["from"], told["into"], told["rate"], told["source"], date)

    def particulars(self) -> str:
        """Return it as ``Entry.particulars`` holds it."""
        return rfc8785.dumps({"fx": self.told()}).decode()

    def convert(self, amount: int) -> int:
        """Return minor units of ``into`` for minor units of ``currency``, rounded as above.

        Raises:
            UserError: more than books can count.
        """
        numerator, denominator = Decimal(self.rate).as_integer_ratio()
        up: int = 10 ** (scale_of(self.into) or 0)
        down: int = 10 ** (scale_of(self.currency) or 0)
        numerator, denominator = numerator * up, denominator * down
        units = (2 * abs(amount) * numerator + denominator) // (2 * denominator)
        if units > AMOUNT_MOST:
            raise UserError("at that rate the amount is more than books can count")
        return -units if amount < 0 else units


def conversion(post: Entry, rate: Rate, foreign: Foreign) -> tuple[Posting, ...]:
    """Return the postings that take a post out of its currency into the books'.

    Raises:
        UserError: the post is not in the rate's currency, or the rate leads elsewhere.
    """
    _require(post, rate, foreign)
    lines = []
    for one in post.postings:
        if one.currency == rate.currency:
            lines.append(Posting(one.account, one.currency, -one.amount))
            if worth := rate.convert(one.amount):
                lines.append(Posting(one.account, rate.into, worth))
    return _evened(lines, rate.into, foreign.rounding)


def revaluation(
    post: Entry, rate: Rate, foreign: Foreign, *, converted: Sequence[Entry]
) -> tuple[Posting, ...]:
    """Return the postings that carry what a converted post owes or owns at a new rate.

    Args:
        post: as it was booked.
        rate: the new one.
        foreign: accounts that are money or debts, and where gains and losses go.
        converted: its conversion and the revaluations since, none of them reversed.

    Raises:
        UserError: as for ``conversion``; or the new rate changes nothing.
    """
    _require(post, rate, foreign)
    carried: dict[str, int] = {}
    for one in (line for entry in converted for line in entry.postings):
        if one.currency == rate.into:
            carried[one.account] = carried.get(one.account, 0) + one.amount
    lines = []
    for account in sorted({one.account for one in post.postings} & foreign.monetary):
        owed = sum(p.amount for p in post.postings if p.account == account)
        change = rate.convert(owed) - carried.get(account, 0)
        if change:
            lines.append(Posting(account, rate.into, change))
    if not lines:
        raise UserError("at that rate nothing changes: no entry is needed")
    return _evened(lines, rate.into, foreign.differences)


def _require(post: Entry, rate: Rate, foreign: Foreign) -> None:
    if rate.into != foreign.books_currency:
        raise UserError(f"the books are in {foreign.books_currency}: give a rate into it")
    if {one.currency for one in post.postings} != {rate.currency}:
        raise UserError(f"the document is not posted in {rate.currency}: check the rate")


def _evened(lines: list[Posting], currency: str, account: str) -> tuple[Posting, ...]:
    over = sum(one.amount for one in lines if one.currency == currency)
    return (*lines, Posting(account, currency, -over)) if over else tuple(lines)


def read_rates(text: str) -> list[Rate]:
    """Return the rates of a CSV file with the columns ``date,from,to,rate,source``.

    Raises:
        UserError: it has other columns, or a line is no rate; the line is named.
    """
    table = csv.DictReader(io.StringIO(text), strict=True)
    if tuple(table.fieldnames or ()) != _COLUMNS:
        raise UserError(f"a file of rates starts with the line {','.join(_COLUMNS)}")
    rates = []
    try:
        for row in table:
            told = {key: (value or "").strip() for key, value in row.items() if key is not None}
            date = dt.date.fromisoformat(told["date"])
            rates.append(Rate(told["from"], told["to"], told["rate"], told["source"], date))
    except (ValueError, UserError, csv.Error) as err:
        raise UserError(f"line {table.line_num} of the file of rates is no rate: {err}") from None
    return rates


def rate_for(rates: Iterable[Rate], currency: str, into: str, day: dt.date) -> Rate:
    """Return the rate of a day: that day's, or the newest before it, up to a week old.

    Raises:
        UserError: there is none, or two that differ; rates are never invented.
    """
    fitting = [r for r in rates if (r.currency, r.into) == (currency, into) and r.date <= day]
    newest = max((rate.date for rate in fitting), default=dt.date.min)
    found = {rate for rate in fitting if rate.date == newest}
    if not found or (day - newest).days > OLDEST_DAYS:
        raise UserError(f"no rate from {currency} into {into} for {day} in the file of rates")
    if len(found) > 1:
        raise UserError(f"two rates from {currency} into {into} of {newest}: keep one")
    return found.pop()
