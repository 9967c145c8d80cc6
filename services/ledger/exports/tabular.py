"""CSV (RFC 4180) for spreadsheets, and NDJSON for programs: one line a posting or entry."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Final

from services.ledger.exports.lines import Exported, Line
from services.ledger.exports.text import plain

COLUMNS: Final = (
    "index",
    "entry_id",
    "document_id",
    "revision",
    "kind",
    "type",
    "date",
    "reason",
    "supplier",
    "invoice_id",
    "account",
    "amount",
    "currency",
)

# What Excel, LibreOffice and Sheets may take for the start of a formula, full-width forms too.
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\u2212", "|", "%")


def comma_separated(rows: Iterable[Exported]) -> Iterator[str]:
    """Yield a CSV file line by line: a header, then one line a posting.

    An entry that posts nothing has one line without account and amount. A name that a spreadsheet
    could run as a formula gets an apostrophe before it; amounts are ours and stay numbers.
    """
    yield _csv_line(COLUMNS)
    for row in rows:
        lines: tuple[Line | None, ...] = row.lines or (None,)
        entry = row.entry
        for line in lines:
            yield _csv_line(
                (
                    str(row.index),
                    entry.entry_id,
                    entry.document_id,
                    str(entry.revision),
                    entry.kind.value,
                    entry.document_type.value if entry.document_type else "",
                    entry.date.isoformat() if entry.date else "",
                    entry.reason.value if entry.reason else "",
                    _cell(row.names.supplier),
                    _cell(row.names.invoice_id),
                    line.account if line else "",
                    line.amount if line else "",
                    line.currency if line else "",
                )
            )


def json_lines(rows: Iterable[Exported]) -> Iterator[str]:
    """Yield one JSON object an entry and line; ASCII only, so that no terminal obeys a name."""
    for row in rows:
        entry = row.entry
        told = {
            "index": row.index,
            "entry_id": entry.entry_id,
            "document_id": entry.document_id,
            "revision": entry.revision,
            "kind": entry.kind.value,
            "type": entry.document_type.value if entry.document_type else None,
            "date": entry.date.isoformat() if entry.date else None,
            "reason": entry.reason.value if entry.reason else None,
            "settles": entry.settles,
            "actor": entry.actor,
            "supplier": plain(row.names.supplier) if row.names.supplier is not None else None,
            "invoice_id": plain(row.names.invoice_id) if row.names.invoice_id is not None else None,
            "postings": [
                {"account": line.account, "amount": line.amount, "currency": line.currency}
                for line in row.lines
            ],
        }
        yield json.dumps(told, separators=(",", ":")) + "\n"


def _cell(text: str | None) -> str:
    harmless = plain(text or "")
    return f"'{harmless}" if harmless.startswith(_FORMULA) else harmless


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)  # RFC 4180: quotes doubled, CRLF at the end
    return line.getvalue()
