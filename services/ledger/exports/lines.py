"""What every export is made of: entries with decimal amounts, names, and their place in the log."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from services.ledger.chart import Chart
from services.ledger.entries import Booked, Entry
from services.ledger.money import as_decimal


@dataclass(frozen=True, slots=True)
class Names:
    """What an export may call a document; decrypted on the way out, never stored.

    Attributes:
        supplier: its name, or None.
        invoice_id: as printed, or None.
    """

    supplier: str | None = field(default=None, repr=False)
    invoice_id: str | None = field(default=None, repr=False)


ERASED = Names(supplier="(erased)")
"""What a lookup says of a document whose key is destroyed."""

Lookup = Callable[[Entry], Names]


@dataclass(frozen=True, slots=True)
class Line:
    """One posting: the account's name and the amount as a decimal string."""

    account: str
    amount: str
    currency: str


@dataclass(frozen=True, slots=True)
class Exported:
    """One sealed entry, ready to be written.

    Attributes:
        index: in the log.
        entry: as it stands in the journal.
        names: whom it concerns.
        lines: its postings.
    """

    index: int
    entry: Entry
    names: Names
    lines: tuple[Line, ...]


class ExportUnbalancedError(Exception):
    """An entry's lines do not sum to exactly zero; nothing of it is written."""


def exported(books: Iterable[Booked], *, chart: Chart, lookup: Lookup) -> Iterator[Exported]:
    """Yield the sequenced entries in order, each balanced.

    Raises:
        ExportUnbalancedError: at the first that is not.
    """
    for booked in books:
        if booked.index is None:
            continue
        lines = tuple(
            Line(
                chart.names.get(posting.account, f"Equity:Account-{posting.account}"),
                as_decimal(posting.amount, posting.currency),
                posting.currency,
            )
            for posting in booked.entry.postings
        )
        require_balance(lines)
        yield Exported(booked.index, booked.entry, lookup(booked.entry), lines)


def require_balance(lines: Iterable[Line]) -> None:
    """Refuse lines that do not sum to zero per currency, to the last digit.

    Beancount infers a tolerance from the digits and takes 10.00 beside -10.005; books do not.

    Raises:
        ExportUnbalancedError: so it is.
    """
    sums: dict[str, Decimal] = {}
    for line in lines:
        sums[line.currency] = sums.get(line.currency, Decimal(0)) + Decimal(line.amount)
    if any(sums.values()):
        raise ExportUnbalancedError
