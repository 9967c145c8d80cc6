"""What a person sees on an invoice that somebody else has written on."""

from examples.hostile.outcomes import READ
from examples.invoice import Invoice, fields_of
from examples.truth import Truth


def seen_on(invoice: Invoice, pages: int = 1) -> Truth:
    """Return the truth of an invoice: it may be posted with these figures, or held."""
    return Truth(
        outcomes=READ,
        document_type=invoice.kind,
        language=invoice.convention.language,
        pages=pages,
        fields=fields_of(invoice),
    )
