"""One document's outcome, as ``docledger run --format json`` prints it."""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from shared.events.results import FieldValue, LineItem, Summary

Status = Literal["posted", "held", "voided", "quarantined", "refused", "duplicate", "expanded"]


@dataclass(frozen=True, slots=True)
class EntryLine:
    """The sealed entry: its index in the log and its id."""

    index: int
    id: str


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One line of the documented format.

    Attributes:
        source: path of the file; an attachment is ``path#name``.
        document_id: None when no document was made.
        job_id: of the submission; None when the file never became one.
        status: where it ended.
        reason: a code, or None.
        document_type: None when it was not read.
        summary: likewise.
        fields: by canonical name: value, confidence, evidence.
        line_items: each with the fields that were found.
        entry: None when nothing stands in the log.
        pages: 0 when unknown.
        seconds: from submission to end.
    """

    source: str
    document_id: str | None
    job_id: str | None
    status: Status
    reason: str | None = None
    document_type: str | None = None
    summary: str | None = None
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    line_items: list[dict[str, Any]] = field(default_factory=list)
    entry: EntryLine | None = None
    pages: int = 0
    seconds: float = 0.0

    def as_json(self) -> str:
        """Return the line, ASCII only: a terminal shows it as it is."""
        # Not asdict() of the whole: it copies every evidence box, and takes longer than json does.
        shown = {one.name: getattr(self, one.name) for one in fields(self)}
        shown["entry"] = asdict(self.entry) if self.entry else None
        return json.dumps(shown, separators=(",", ":"))


def fields_of(summary: Summary) -> dict[str, dict[str, Any]]:
    """Return a summary's fields in the documented form."""
    return {name: _value(value) for name, value in summary.fields.items()}


def line_items_of(summary: Summary) -> list[dict[str, Any]]:
    """Return a summary's line items in the documented form."""
    return [_item(item) for item in summary.line_items]


def _item(item: LineItem) -> dict[str, Any]:
    values = {name: getattr(item, name) for name in LineItem.model_fields}
    return {name: _value(value) for name, value in values.items() if value is not None}


def _value(value: FieldValue) -> dict[str, Any]:
    evidence = [
        {
            key: part
            for key, part in seen.model_dump(mode="json").items()
            if key in {"page", "box", "text"} or (key == "xpath" and part is not None)
        }
        for seen in value.evidence
    ]
    return {"value": value.value, "confidence": round(value.confidence, 4), "evidence": evidence}
