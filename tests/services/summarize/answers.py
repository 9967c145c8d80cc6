"""What a model says of a document when it reads well, and a model in memory."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.summarize.answer import ASKED
from services.summarize.ports import InsteadError
from services.summarize.prompt import Prompt
from shared.telemetry.reasons import InsteadReason

INVOICE_FIELDS: Final[dict[str, str | None]] = {
    **dict.fromkeys(ASKED),
    "supplier_name": "Muster GmbH",
    "supplier_address": "Hauptstr. 5\n10115 Berlin",
    "supplier_tax_id": "DE136695976",
    "receiver_name": "Beispiel AG",
    "invoice_id": "4711",
    "invoice_date": "2026-03-02",
    "due_date": "2026-04-01",
    "currency": "EUR",
    "net_amount": "100.00",
    "total_tax_amount": "19.00",
    "total_amount": "119.00",
}


def saying(
    kind: str = "invoice",
    fields: Mapping[str, object] | None = None,
    summary: str = "A document.",
    /,
    **changed: object,
) -> dict[str, Any]:
    """Return an answer: the invoice's, with some fields changed."""
    return {
        "document_type": kind,
        "fields": dict(INVOICE_FIELDS if fields is None else fields) | changed,
        "summary": summary,
    }


class FakeModel:
    """A model that answers what it is told to, or does not answer."""

    name = "gemini-fake"
    most_tokens = 32_000

    def __init__(self, answer: Callable[[str], str] | InsteadReason) -> None:
        self.answer = answer
        self.asked: list[Prompt] = []

    def ask(self, prompt: Prompt) -> str:
        """Return the answer, or say why there is none."""
        self.asked.append(prompt)
        if isinstance(self.answer, InsteadReason):
            raise InsteadError(self.answer)
        return self.answer(prompt.document)
