"""What a model may answer, and nothing else: the schema, and who checks that it was kept.

A model's answer is foreign text. What is not exactly as the schema says is no answer at all.
"""

import datetime as dt
import json
import re
from typing import Annotated, Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shared.events.payloads import DocumentType
from shared.events.results import FieldName

LONGEST: Final = 65_536
"""Characters of an answer; a longer one is not looked at."""

ASKED: Final[tuple[FieldName, ...]] = tuple(
    name for name in get_args(FieldName) if name != "rounding_amount"
)
"""The fields that a model is asked for; a rounding follows from the arithmetic."""

AMOUNTS: Final[frozenset[FieldName]] = frozenset({"net_amount", "total_tax_amount", "total_amount"})
DATES: Final[frozenset[FieldName]] = frozenset({"invoice_date", "due_date"})

_TEXT: Final = r"^[^\x00-\x09\x0b-\x1f\x7f]*$"
"""No control characters but line breaks, which addresses have."""

_Value = Annotated[str, StringConstraints(max_length=300, pattern=_TEXT)]
_AMOUNT: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,4})?", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CODE: Final = re.compile(r"[A-Z]{3}", re.ASCII)


class UnusableAnswerError(ValueError):
    """What came back is no answer. It does not say what it was: that may be a document's text."""


class Answer(BaseModel):
    """One answer.

    Attributes:
        document_type: what the model takes the document for.
        fields: what it says, by canonical name; nothing is checked against the words yet.
        summary: one paragraph.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    document_type: DocumentType
    fields: dict[FieldName, _Value | None] = Field(repr=False)
    summary: Annotated[str, Field(max_length=1_500, repr=False)]


def _schema() -> dict[str, Any]:
    """Return the schema that the answer is made under (OpenAPI 3.0's subset, as Vertex AI has)."""
    value = {"type": "STRING", "nullable": True}
    return {
        "type": "OBJECT",
        "properties": {
            "document_type": {"type": "STRING", "enum": [kind.value for kind in DocumentType]},
            "fields": {
                "type": "OBJECT",
                "properties": dict.fromkeys(ASKED, value),
            },
            "summary": {"type": "STRING"},
        },
        "required": ["document_type", "fields", "summary"],
    }


SCHEMA: Final = _schema()


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of an answer; one that says something twice has not made up its mind."""
    told = dict(pairs)
    if len(told) != len(pairs):
        raise UnusableAnswerError
    return told


def read_answer(text: str) -> Answer:
    """Return what a model said.

    Raises:
        UnusableAnswerError: it is not as the schema says.
    """
    if len(text) > LONGEST:
        raise UnusableAnswerError
    try:
        answer = Answer.model_validate(json.loads(text, object_pairs_hook=_each_once))
    except (ValidationError, ValueError, RecursionError):
        # The chain is cut: both quote what they could not read.
        raise UnusableAnswerError from None
    if not set(answer.fields) <= set(ASKED):
        raise UnusableAnswerError
    return answer


def well_formed(name: FieldName, value: str) -> bool:
    """Tell whether a value has the form that its field must have."""
    if name in AMOUNTS:
        return bool(_AMOUNT.fullmatch(value))
    if name in DATES:
        return bool(_DATE.fullmatch(value)) and _is_day(value)
    if name == "currency":
        return bool(_CODE.fullmatch(value))
    return bool(value.strip())


def _is_day(value: str) -> bool:
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        return False
    return True
