"""hledger journals: transactions; what posts nothing is a comment."""

from collections.abc import Iterable, Iterator
from typing import Final

from services.ledger.chart import Chart
from services.ledger.exports.lines import Exported
from services.ledger.exports.text import plain

# A description ends at a semicolon and is split at a bar; hledger knows no escape for either.
_SIGNS: Final = str.maketrans({";": ",", "|": "/"})


def hledger(rows: Iterable[Exported], *, chart: Chart) -> Iterator[str]:
    """Yield an hledger journal line by line, each with its newline.

    Status and code always stand before the description, so that no name can be taken for them.
    Every line of an entry carries its log index as a tag.
    """
    for name in sorted(chart.names.values()):
        yield f"account {name}\n"
    for row in rows:
        entry = row.entry
        if not row.lines or entry.date is None:
            reason = f" {entry.reason}" if entry.reason else ""
            yield f"; {entry.kind}{reason} log:{row.index}\n"
            continue
        names = " ".join(filter(None, (row.names.supplier, row.names.invoice_id)))
        told = f"{entry.kind} {_harmless(names)}".rstrip()
        yield f"\n{entry.date.isoformat()} * ({row.index}) {told}  ; log:{row.index}\n"
        for line in row.lines:
            yield f"    {line.account}  {line.amount} {line.currency}  ; log:{row.index}\n"


def _harmless(text: str) -> str:
    return plain(text).translate(_SIGNS)
