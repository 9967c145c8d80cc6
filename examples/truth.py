"""What an example is, and what is true of it."""

from dataclasses import dataclass, field
from typing import Literal

from shared.events.payloads import DocumentType
from shared.events.results import FieldName
from shared.telemetry.reasons import Reason

Status = Literal["posted", "held", "quarantined", "refused", "duplicate", "expanded"]


@dataclass(frozen=True, slots=True)
class Expected:
    """One acceptable end of a document.

    Attributes:
        status: as ``docledger run --format json`` reports it. A contract, letter or statement is
            ``posted`` too: as a memo entry.
        reason: of a hold, quarantine or refusal, else None.
    """

    status: Status
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line item as printed: decimal strings, "." as the point, no grouping."""

    description: str
    quantity: str
    unit_price: str
    amount: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What a perfect reader would report.

    Attributes:
        outcomes: acceptable ends, the best first; never empty.
        document_type: None where nobody can read one (refused, quarantined, an e-mail).
        language: ISO 639-1, None where there is no text.
        pages: as a person counts them; 1 for text and XML, 0 for e-mail and what cannot be opened.
        fields: by canonical name, what stands in the document and nothing else. Dates ISO 8601,
            amounts decimal strings, addresses joined with ", ".
        line_items: in the order of the document.
        duplicate_of: file name of the example with the same bytes. Whichever of the two is taken
            in first is the document, the other the duplicate.
        resends: file name of the example that is the same invoice in another file. Whichever of
            the two comes to the books second is held.
    """

    outcomes: tuple[Expected, ...]
    document_type: DocumentType | None = None
    language: str | None = None
    pages: int = 0
    fields: dict[FieldName, str] = field(default_factory=dict)
    line_items: tuple[Line, ...] = ()
    duplicate_of: str | None = None
    resends: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One file with its truth.

    Attributes:
        name: of the file; in the hostile set it may hold newlines or escapes.
        content: its bytes; not shown by ``repr``.
        truth: what is true of it.
        about: what it shows, in a few words.
        fast: whether it can be read without OCR.
        attachments: of an e-mail, each with its own truth.
    """

    name: str
    content: bytes = field(repr=False)
    truth: Truth = field(repr=False)
    about: str = ""
    fast: bool = True
    attachments: tuple["Example", ...] = ()

    @property
    def status(self) -> Status:
        """The best acceptable status."""
        return self.truth.outcomes[0].status

    @property
    def reason(self) -> Reason | None:
        """The reason that goes with ``status``."""
        return self.truth.outcomes[0].reason

    def accepts(self, status: str, reason: str | None) -> bool:
        """Return whether a run that reported this may call it right."""
        return any(e.status == status and e.reason == reason for e in self.truth.outcomes)


POSTED = Expected("posted")
EXPANDED = Expected("expanded")


def example_json(example: Example) -> dict[str, object]:
    """Return an example without its bytes, as it stands in the truth file."""
    truth = example.truth
    return {
        "about": example.about,
        "fast": example.fast,
        "status": example.status,
        "reason": example.reason,
        "acceptable": [[e.status, e.reason] for e in truth.outcomes],
        "document_type": truth.document_type,
        "language": truth.language,
        "pages": truth.pages,
        "fields": truth.fields,
        "line_items": [
            {
                "description": line.description,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "amount": line.amount,
            }
            for line in truth.line_items
        ],
        "duplicate_of": truth.duplicate_of,
        "resends": truth.resends,
        "attachments": [{"name": a.name, **example_json(a)} for a in example.attachments],
    }
