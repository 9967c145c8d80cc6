"""What people see: consoles, safe text, tables."""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.local.files import printable


def to_stdout() -> Console:
    """Return the console for results."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def to_stderr() -> Console:
    """Return the console for progress and remarks."""
    return Console(stderr=True, highlight=False)


def safe(text: object, *, style: str = "") -> Text:
    """Return foreign text that cannot control the terminal, nor Rich."""
    return Text(printable(text), style=style)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table; columns whose name begins with ``>`` are figures and stand right."""
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        name = column.removeprefix(">")
        made.add_column(name, justify="right" if name != column else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else safe(cell) for cell in row))
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
