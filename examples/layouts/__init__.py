"""How invoices look: each layout turns an invoice into a PDF."""

from collections.abc import Callable
from random import Random
from typing import Final

from examples.invoice import Invoice
from examples.layouts.columns import draw_two_columns
from examples.layouts.labelled import draw_label_above, draw_label_left
from examples.layouts.letter import draw_letter

Layout = Callable[[Invoice, Random], bytes]

LAYOUTS: Final[dict[str, Layout]] = {
    "label-left": draw_label_left,
    "label-above": draw_label_above,
    "two-columns": draw_two_columns,
    "letter": draw_letter,
}
"""Layouts of one-page invoices by name."""
