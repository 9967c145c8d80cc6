"""``docledger fx``: conversions at rates that a person gives."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from deploy.cli.deciding import decide
from deploy.cli.opened import open_desk
from deploy.local.files import printable
from deploy.local.house import House
from deploy.local.lookup import find_document
from services.ledger.entries import standing_entry
from services.ledger.fx import Rate, rate_for, read_rates
from services.ledger.proposals import Action, Ask
from shared.errors import UserError


@dataclass(frozen=True, slots=True)
class Typed:
    """A rate as a person typed it, or the file that has it.

    Attributes:
        rate: decimal.
        source: who publishes it.
        date: its day.
        rates: the file.
    """

    rate: str | None
    source: str | None
    date: str | None
    rates: Path | None


def post(data_dir: Path, typed: str, given: Typed, by: str | None) -> int:
    """Convert or revalue one post."""
    house = open_desk(data_dir)
    document = find_document(house, typed)
    rate = _rate(house, document.document_id, document.tenant, given)
    return decide(data_dir, typed, by, lambda its: Ask(Action.FX, its, rate=rate))


def _rate(house: House, document_id: str, tenant: str, given: Typed) -> Rate:
    day = _day(given.date)
    history = house.ledger.journal.history(tenant, document_id)
    standing = standing_entry(history)
    if standing is None or not standing.entry.postings or standing.entry.date is None:
        raise UserError("the document is not posted: nothing to convert")
    into = house.ledger.chart.foreign.books_currency
    currency = next((one.currency for one in standing.entry.postings if one.currency != into), None)
    if currency is None:
        raise UserError(f"the document is posted in {into}, the books' currency")
    if given.rates is not None:
        if given.rate is not None or given.source is not None:
            raise UserError("give --rate with --source, or --rates: not both")
        try:
            text = given.rates.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            raise UserError(f"cannot read the rates in {printable(given.rates)}") from None
        return rate_for(read_rates(text), currency, into, day or standing.entry.date)
    if given.rate is None or given.source is None:
        raise UserError("give --rate and --source (and --date), or a file with --rates")
    return Rate(currency, into, given.rate, given.source, day or standing.entry.date)


def _day(typed: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(typed) if typed is not None else None
    except ValueError:
        raise UserError("give --date as YYYY-MM-DD") from None
