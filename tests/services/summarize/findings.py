"""What Document AI finds in a document, as the reader's mapping hands it over."""

from collections.abc import Mapping
from typing import Final

from shared.events.results import Box, Evidence, Extraction, FieldValue
from tests.services.summarize.answers import INVOICE_FIELDS

SURE: Final = 0.9


def field(value: str, sure: float = SURE, box: Box = (0.0, 0.0, 1.0, 1.0)) -> FieldValue:
    """Return a field as the reader's mapping hands it over."""
    seen = Evidence(page=1, box=box, text=value, engine="documentai", confidence=sure)
    return FieldValue(value=value, confidence=sure, evidence=(seen,))


def found(**changed: str | None) -> Extraction:
    """Return what Document AI finds in the invoice, with some fields changed."""
    told = {name: value for name, value in (INVOICE_FIELDS | changed).items() if value}
    del told["supplier_address"]
    return extraction({name: field(value) for name, value in told.items()})


def extraction(fields: Mapping[str, FieldValue]) -> Extraction:
    """Return findings."""
    return Extraction.model_validate({"document_type": "invoice", "fields": fields})
