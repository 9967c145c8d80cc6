"""Thousands of varied one-page born-digital invoices, each with its truth."""

from collections.abc import Iterator
from random import Random

from examples.conventions import COUNTRIES
from examples.invoice import fields_of, lines_of, make_invoice
from examples.layouts import LAYOUTS
from examples.truth import POSTED, Example, Truth


def stream_invoice(seed: int, index: int) -> Example:
    """Return the invoice number ``index`` of a stream; it depends on nothing else."""
    random = Random(f"invoice {seed} {index}")
    country = random.choice(tuple(COUNTRIES))
    invoice = make_invoice(random, country, serial=index + 1)
    layout = random.choice(tuple(LAYOUTS))
    return Example(
        name=f"invoice-{index + 1:07d}.pdf",
        content=LAYOUTS[layout](invoice, random),
        truth=Truth(
            outcomes=(POSTED,),
            document_type=invoice.kind,
            language=invoice.convention.language,
            pages=1,
            fields=fields_of(invoice),
            line_items=lines_of(invoice),
        ),
        about=f"{layout}, {country}, {invoice.currency}",
    )


def invoice_stream(seed: int, count: int) -> Iterator[Example]:
    """Yield ``count`` invoices; a longer stream of the same seed begins with the shorter one."""
    for index in range(count):
        yield stream_invoice(seed, index)
