"""``docledger balance``, ``docledger journal`` and ``docledger export``."""

import datetime as dt
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

from deploy.cli.opened import open_desk
from deploy.cli.screen import SHORT_ID, table, to_stderr, to_stdout
from deploy.local.house import House
from services.ledger.entries import Booked, View
from services.ledger.exports.beancount import beancount
from services.ledger.exports.hledger import hledger
from services.ledger.exports.lines import Exported, ExportUnbalancedError, exported
from services.ledger.exports.tabular import comma_separated, json_lines
from services.ledger.money import as_decimal
from shared.errors import UserError

Writer = Callable[[Iterable[Exported]], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of the books a person wants to see.

    Attributes:
        as_of: an accounting date, ISO 8601.
        at_size: a size of the log.
        sealed_by: a moment, ISO 8601; without an offset it is UTC.
    """

    as_of: str | None = None
    at_size: int | None = None
    sealed_by: str | None = None

    def view(self, house: House) -> View:
        """Return it as the journal understands it.

        Raises:
            UserError: a date or moment is none, or both a size and a moment are given.
        """
        if self.at_size is not None and self.sealed_by is not None:
            raise UserError("give --at-size or --sealed-by: both say what the log knew")
        try:
            until = dt.date.fromisoformat(self.as_of) if self.as_of else None
            moment = dt.datetime.fromisoformat(self.sealed_by) if self.sealed_by else None
        except ValueError:
            raise UserError(
                "give --as-of as YYYY-MM-DD and --sealed-by as YYYY-MM-DDTHH:MM:SS+00:00"
            ) from None
        size = self.at_size
        if moment is not None:
            moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
            size = house.ledger.journal.size_at(house.tenant, moment)
        return View(until=until, size=size)


def told_of(view: View) -> str:
    """Say in words which part is seen: a day and a size are two different things."""
    words = []
    if view.until is not None:
        words.append(f"dated up to {view.until}")
    if view.size is not None:
        words.append(f"as the log knew at size {view.size}")
    return ", ".join(words) or "everything booked so far"


def balance(data_dir: Path, asked: Asked, *, converted: bool, as_json: bool) -> int:
    """Show every account's sum; each currency's sums to zero, exactly."""
    house = open_desk(data_dir)
    ledger, view = house.ledger, asked.view(house)
    rows = ledger.journal.trial_balance(house.tenant, view)
    own = ledger.chart.foreign.books_currency
    waiting = sorted({row.currency for row in rows if row.amount and row.currency != own})
    if converted:
        rows = [row for row in rows if row.currency == own]
    if as_json:
        for row in rows:
            line = {
                "account": row.account,
                "name": ledger.chart.names.get(row.account, row.account),
                "currency": row.currency,
                "amount": as_decimal(row.amount, row.currency),
            }
            print(json.dumps(line))  # noqa: T201 - this is the output
        return _unconverted(waiting, own) if converted else 0
    sums: dict[str, Decimal] = {}
    shown: list[tuple[object, ...]] = []
    for row in rows:
        amount = Decimal(as_decimal(row.amount, row.currency))
        sums[row.currency] = sums.get(row.currency, Decimal(0)) + amount
        debit, credit = (f"{amount:,}", "") if amount >= 0 else ("", f"{-amount:,}")
        name = ledger.chart.names.get(row.account, row.account)
        shown.append((row.currency, row.account, name, debit, credit))
    columns = ("!currency", "!account", "name", "!>debit", "!>credit")
    console = to_stdout()
    console.print(table(f"Trial balance: {told_of(view)}", columns, shown))
    told = ", ".join(f"{currency} {total}" for currency, total in sorted(sums.items()))
    console.print()
    console.print(f"debits less credits: {told or 'no postings yet'}")
    code = _unconverted(waiting, own) if converted else 0
    return code or int(any(sums.values()))


def _unconverted(waiting: list[str], own: str) -> int:
    """Say what is missing from a balance in the books' currency; return the exit code."""
    if waiting:
        to_stderr().print(
            f"not in it: postings in {', '.join(waiting)} that are not converted into {own} yet; "
            "'docledger journal' lists them, 'docledger fx post' converts one"
        )
    return int(bool(waiting))


def journal(data_dir: Path, asked: Asked, *, as_json: bool) -> int:
    """Show the entries, streamed, each with its postings."""
    house = open_desk(data_dir)
    ledger, view = house.ledger, asked.view(house)
    seen = filter(view.shows, ledger.journal.all_entries(house.tenant))
    if as_json:
        for booked in seen:
            print(json.dumps(_told(booked)))  # noqa: T201 - this is the output
        return 0
    columns = ("!>index", "!date", "!kind", "!document", "!account", "!>amount", "?reason")
    cells = [line for booked in seen for line in _cells(booked)]
    to_stdout().print(table(f"Journal: {told_of(view)}", columns, cells))
    return 0


def _cells(booked: Booked) -> Iterator[tuple[object, ...]]:
    entry = booked.entry
    head = (
        "" if booked.index is None else booked.index,
        entry.date or "",
        entry.kind.value,
        entry.document_id[:SHORT_ID],
    )
    reason = entry.reason.value if entry.reason else ""
    if not entry.postings:
        yield (*head, "", "", reason)
    for number, one in enumerate(entry.postings):
        amount = f"{as_decimal(one.amount, one.currency)} {one.currency}"
        yield (*(head if number == 0 else ("", "", "", "")), one.account, amount, reason)


def _told(booked: Booked) -> dict[str, object]:
    entry = booked.entry
    told: dict[str, object] = {
        "index": booked.index,
        "entry_id": entry.entry_id,
        "document_id": entry.document_id,
        "revision": entry.revision,
        "kind": entry.kind.value,
        "date": entry.date.isoformat() if entry.date else None,
        "reason": entry.reason.value if entry.reason else None,
        "settles": entry.settles,
        "links": entry.links,
        "actor": entry.actor,
        "approver": entry.approver,
        "postings": [
            {
                "account": one.account,
                "amount": as_decimal(one.amount, one.currency),
                "currency": one.currency,
            }
            for one in entry.postings
        ],
    }
    return told | (json.loads(entry.particulars) if entry.particulars else {})


def export(data_dir: Path, asked: Asked, to: str) -> int:
    """Print the books in another program's format, streamed.

    UTF-8 whatever the terminal's encoding is, and line ends as the format has them: this is a file.
    """
    house = open_desk(data_dir)
    ledger = house.ledger
    formats: dict[str, Writer] = {
        "beancount": partial(beancount, chart=ledger.chart),
        "hledger": partial(hledger, chart=ledger.chart),
        "csv": comma_separated,
        "ndjson": json_lines,
    }
    entries = filter(asked.view(house).shows, ledger.journal.entries(house.tenant))
    rows = exported(entries, chart=ledger.chart, lookup=ledger.names)
    out = sys.stdout.buffer
    try:
        for text in formats[to](rows):
            out.write(text.encode())
    except ExportUnbalancedError:
        line = "docledger: an entry does not sum to zero; run 'docledger audit'"
        print(line, file=sys.stderr)  # noqa: T201 - a command speaks
        return 1
    finally:
        out.flush()
    return 0
