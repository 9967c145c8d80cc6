"""How a hostile file may end: always in one line, never in a crash, never with a wrong posting."""

from dataclasses import replace
from random import Random
from typing import Final

from examples.invoice import Invoice, fields_of, lines_of, make_invoice
from examples.truth import POSTED, Example, Expected, Truth
from shared.telemetry.reasons import HeldReason, QuarantineReason, RefusedReason


def quarantined(*reasons: QuarantineReason) -> tuple[Expected, ...]:
    """Return a quarantine for each reason."""
    return tuple(Expected("quarantined", reason) for reason in reasons)


def refused(*reasons: RefusedReason) -> tuple[Expected, ...]:
    """Return a refusal for each reason."""
    return tuple(Expected("refused", reason) for reason in reasons)


Q: Final = QuarantineReason
EXHAUSTED: Final = quarantined(Q.RESOURCE_EXHAUSTED, Q.KILLS_WORKERS)
"""The parser hit its limits; right for any bomb that no rule names."""

READ: Final = (POSTED, *(Expected("held", reason) for reason in HeldReason))
"""Read after all: whatever the books decide, it was within the limits."""


def hostile(name: str, content: bytes, about: str, *outcomes: Expected) -> Example:
    """Return an example of which only the acceptable ends are known, the best first."""
    return Example(name=name, content=content, truth=Truth(outcomes=outcomes), about=about)


def sound_invoice(serial: int, country: str = "GB", supplier: str | None = None) -> Invoice:
    """Return an invoice with nothing wrong but, perhaps, the supplier's name."""
    invoice = make_invoice(Random(f"hostile {serial}"), country, serial=serial, lines=3)
    if supplier is None:
        return invoice
    return replace(invoice, supplier=replace(invoice.supplier, name=supplier))


def around(invoice: Invoice, name: str, content: bytes, about: str, *outcomes: Expected) -> Example:
    """Return an example that holds a whole invoice: if it is posted, then with these figures."""
    truth = Truth(
        outcomes=outcomes,
        document_type=invoice.kind,
        language=invoice.convention.language,
        pages=1,
        fields=fields_of(invoice),
        line_items=lines_of(invoice),
    )
    return Example(name=name, content=content, truth=truth, about=about)
