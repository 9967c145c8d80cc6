"""``docledger balance`` and ``docledger export``."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

from deploy.cli.opened import open_house
from deploy.cli.screen import table, to_stdout
from deploy.local.house import DEFAULT_TENANT
from services.ledger.exports.beancount import beancount
from services.ledger.exports.hledger import hledger
from services.ledger.exports.lines import Exported, ExportUnbalancedError, exported
from services.ledger.exports.tabular import comma_separated, json_lines
from services.ledger.money import as_decimal

Writer = Callable[[Iterable[Exported]], Iterator[str]]


def balance(data_dir: Path, *, as_json: bool) -> int:
    """Show every account's sum; each currency's sums to zero, exactly."""
    ledger = open_house(data_dir).ledger
    rows = ledger.journal.trial_balance(DEFAULT_TENANT)
    if as_json:
        for row in rows:
            line = {
                "account": row.account,
                "name": ledger.chart.names.get(row.account, row.account),
                "currency": row.currency,
                "amount": as_decimal(row.amount, row.currency),
            }
            print(json.dumps(line))  # noqa: T201 - this is the output
        return 0
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
    console.print(table("Trial balance", columns, shown))
    told = ", ".join(f"{currency} {total}" for currency, total in sorted(sums.items()))
    console.print()
    console.print(f"debits less credits: {told or 'no postings yet'}")
    return int(any(sums.values()))


def export(data_dir: Path, to: str) -> int:
    """Print the books in another program's format, streamed.

    UTF-8 whatever the terminal's encoding is, and line ends as the format has them: this is a file.
    """
    ledger = open_house(data_dir).ledger
    formats: dict[str, Writer] = {
        "beancount": partial(beancount, chart=ledger.chart),
        "hledger": partial(hledger, chart=ledger.chart),
        "csv": comma_separated,
        "ndjson": json_lines,
    }
    entries = ledger.journal.entries(DEFAULT_TENANT)
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
