"""One sentence that says what a posting document says, made from its fields."""

from collections.abc import Mapping
from typing import Final

from shared.events.payloads import DocumentType
from shared.events.results import FieldName, FieldValue

_NAMES: Final = {
    DocumentType.INVOICE: "Invoice",
    DocumentType.RECEIPT: "Receipt",
    DocumentType.CREDIT_NOTE: "Credit note",
    DocumentType.PURCHASE_ORDER: "Purchase order",
}


def sentence(kind: DocumentType, fields: Mapping[FieldName, FieldValue]) -> str:
    """Return "Invoice 4711 of 2026-03-02 from Muster GmbH: EUR 119.00, due 2026-04-01."."""

    def part(name: FieldName, before: str) -> str:
        return f"{before}{fields[name].value}" if name in fields else ""

    text = _NAMES.get(kind, "Document")
    text += part("invoice_id", " ") + part("invoice_date", " of ") + part("supplier_name", " from ")
    if "total_amount" in fields:
        text += ":" + part("currency", " ") + part("total_amount", " ")
    return text + part("due_date", ", due ") + "."
