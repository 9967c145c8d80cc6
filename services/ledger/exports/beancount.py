"""Beancount v3: transactions; what posts nothing is a comment."""

from collections.abc import Iterable, Iterator

from services.ledger.chart import Chart
from services.ledger.exports.lines import Exported
from services.ledger.exports.text import plain

OPENED = "1970-01-01"


def beancount(rows: Iterable[Exported], *, chart: Chart) -> Iterator[str]:
    """Yield a beancount file line by line, each with its newline.

    Every line of an entry names its log index.
    """
    names = sorted(chart.names.values())
    yield from (f"{OPENED} open {name}\n" for name in names)
    opened = set(names)
    for row in rows:
        entry = row.entry
        if not row.lines or entry.date is None:
            reason = f" {entry.reason}" if entry.reason else ""
            yield f"; {entry.kind}{reason} ; log {row.index}\n"
            continue
        for line in row.lines:
            if line.account not in opened:  # the chart has it no longer
                yield f"{OPENED} open {line.account} ; log {row.index}\n"
            opened.add(line.account)
        payee = _quoted(row.names.supplier or "")
        narration = _quoted(f"{entry.kind} {row.names.invoice_id or ''}")
        yield f"\n{entry.date.isoformat()} * {payee} {narration} ; log {row.index}\n"
        yield f'  entry: "{entry.entry_id}" ; log {row.index}\n'
        yield f"  log-index: {row.index}\n"
        for line in row.lines:
            yield f"  {line.account}  {line.amount} {line.currency} ; log {row.index}\n"


def _quoted(text: str) -> str:
    escaped = plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
