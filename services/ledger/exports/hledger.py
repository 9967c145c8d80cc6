"""hledger journals: transactions; what posts nothing is a comment."""

from collections.abc import Iterable, Iterator
from typing import Final

from services.ledger.chart import Chart
from services.ledger.exports.lines import Exported
from services.ledger.exports.text import plain
from services.ledger.money import as_decimal, scale_of

# A description ends at a semicolon and is split at a bar; hledger knows no escape for either.
_SIGNS: Final = str.maketrans({";": ",", "|": "/"})


def hledger(rows: Iterable[Exported], *, chart: Chart) -> Iterator[str]:
    """Yield an hledger journal line by line, each with its newline.

    Status and code always stand before the description, so that no name can be taken for them.
    Every line of an entry carries its log index as a tag. ``hledger check --strict`` accepts it.
    """
    names = sorted(chart.names.values())
    yield from (f"account {name}\n" for name in names)
    declared = set(names)
    for row in rows:
        entry = row.entry
        if not row.lines or entry.date is None:
            reason = f" {entry.reason}" if entry.reason else ""
            yield f"; {entry.kind}{reason} log:{row.index}\n"
            continue
        # Strict books declare what they use; a stream does so at the first use.
        for line in row.lines:
            if line.account not in declared:
                yield f"account {line.account}  ; log:{row.index}\n"
            if line.currency not in declared:
                example = as_decimal(10 ** (scale_of(line.currency) or 0), line.currency)
                mark = "" if "." in example else "."
                yield f"commodity {example}{mark} {line.currency}  ; log:{row.index}\n"
            declared |= {line.account, line.currency}
        called = " ".join(filter(None, (row.names.supplier, row.names.invoice_id)))
        told = f"{entry.kind} {_harmless(called)}".rstrip()
        yield f"\n{entry.date.isoformat()} * ({row.index}) {told}  ; log:{row.index}\n"
        for line in row.lines:
            yield f"    {line.account}  {line.amount} {line.currency}  ; log:{row.index}\n"


def _harmless(text: str) -> str:
    return plain(text).translate(_SIGNS)
