"""What people see: consoles, safe text, tables."""

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.local.files import printable

UNBOUNDED: Final = 10_000
"""Columns where nobody looks: what goes into a pipe or a file is not folded."""

SHORT_ID: Final = 12
"""Characters of an id that tables show: enough to name a document by."""

ROOMY: Final = 110
"""From so many columns on, tables show what is worth knowing but not needed."""


def to_stdout() -> Console:
    """Return the console for results."""
    return Console(highlight=False, markup=False, width=None if _is_seen() else UNBOUNDED)


def to_stderr() -> Console:
    """Return the console for progress and remarks."""
    width = None if sys.stderr.isatty() else UNBOUNDED
    return Console(stderr=True, highlight=False, markup=False, width=width)


def safe(text: object, *, style: str = "") -> Text:
    """Return foreign text that cannot control the terminal, nor Rich."""
    return Text(printable(text), style=style)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table for the console of ``to_stdout``.

    Args:
        title: above it; may be empty.
        columns: their names; marks may stand before one, in this order: ``?`` leaves it out where
            there is little room, ``!`` never folds it, ``>`` sets it right, as figures stand.
        rows: cells of text; foreign text is made safe.
    """
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    roomy = to_stdout().width >= ROOMY
    shown = [roomy or not column.startswith("?") for column in columns]
    for column, seen in zip(columns, shown, strict=True):
        name = column.lstrip("?!>")
        marks = column[: len(column) - len(name)]
        if seen:
            made.add_column(
                name,
                justify="right" if ">" in marks else "left",
                no_wrap="!" in marks,
                overflow="ellipsis" if "!" in marks else "fold",
            )
    for row in rows:
        cells = [cell for cell, seen in zip(row, shown, strict=True) if seen]
        made.add_row(*(cell if isinstance(cell, Text) else safe(cell) for cell in cells))
    return made


STATUS_STYLES = {
    "posted": "green",
    "held": "yellow",
    "voided": "dim",
    "quarantined": "red",
    "refused": "red",
    "duplicate": "cyan",
    "expanded": "blue",
}


def status_text(status: str) -> Text:
    """Return a status in its colour."""
    return Text(status, style=STATUS_STYLES.get(status, ""))


def block() -> str:
    """Return what bars are made of: a full block, or what an ASCII terminal has instead."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    return "█" if encoding.startswith("utf") else "#"


def _is_seen() -> bool:
    return sys.stdout.isatty()
