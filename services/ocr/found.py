"""Entities that Document AI found, as canonical fields with evidence: pure rules over its JSON.

What has no normalized value keeps its text only where a text is what the field holds: a date or an
amount that Document AI could not normalize is no date and no amount.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final, get_args

from services.ocr.answer import WHOLE, Json, box_of, stands, storable, sure, turn_of
from services.ocr.processors import Processor
from shared.events.results import Evidence, Extraction, FieldName, FieldValue, LineItem

_FIELDS: Final[frozenset[str]] = frozenset(get_args(FieldName))
_DATES: Final = {"invoice_date", "due_date"}
_LINE_AMOUNTS: Final = {"unit_price", "amount"}
_LINE_FIELDS: Final = ("description", "quantity", "unit_price", "amount")
_PLAIN: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_MOST_TEXT: Final = 1_000
_NANOS: Final = Decimal(10) ** -9


def extraction_in(document: Json, processor: Processor, *, before: int) -> Extraction | None:
    """Return what an answer says of the document's fields; None where it says nothing.

    Args:
        document: the answer.
        processor: whose names its entities have.
        before: pages of the document before those that were sent.

    Raises:
        Exception: one of ``answer.OUT_OF_SHAPE``.
    """
    pages: Sequence[Json] = document.get("pages", ())
    fields: dict[FieldName, FieldValue] = {}
    lines: list[LineItem] = []
    for entity in document.get("entities", ()):
        kind = str(entity.get("type", ""))
        if kind == processor.lines:
            line = _line(entity, pages, before)
            if line is not None:
                lines.append(line)
            continue
        for name in _canonical(kind, processor.fields):
            value = _value(entity, name, pages, before)
            if value is not None:
                fields[name] = _surer(fields.get(name), value)
    if not fields and not lines:
        return None
    return Extraction(document_type=processor.document_type, fields=fields, line_items=tuple(lines))


def merged(parts: Iterable[Extraction | None]) -> Extraction | None:
    """Return what several parts of a document, in order, say together: of two values the surer."""
    fields: dict[FieldName, FieldValue] = {}
    lines: list[LineItem] = []
    said = [part for part in parts if part is not None]
    for part in said:
        lines += part.line_items
        for name, value in part.fields.items():
            fields[name] = _surer(fields.get(name), value)
    if not said:
        return None
    return Extraction(document_type=said[0].document_type, fields=fields, line_items=tuple(lines))


def _surer(one: FieldValue | None, other: FieldValue) -> FieldValue:
    return other if one is None or other.confidence > one.confidence else one


def _canonical(kind: str, names: Mapping[str, FieldName]) -> Iterator[FieldName]:
    if kind in names:
        yield names[kind]
    elif kind in _FIELDS:
        yield kind  # type: ignore[misc]  # it is one of them


def _line(entity: Json, pages: Sequence[Json], before: int) -> LineItem | None:
    found: dict[str, FieldValue] = {}
    for part in entity.get("properties", ()):
        name = str(part.get("type", "")).rpartition("/")[2]
        if name in _LINE_FIELDS:
            value = _value(part, name, pages, before)
            if value is not None:
                found[name] = _surer(found.get(name), value)
    return LineItem(**found) if found else None


def _value(entity: Json, name: str, pages: Sequence[Json], before: int) -> FieldValue | None:
    text = storable(" ".join(str(entity.get("mentionText", "")).split())[:_MOST_TEXT])
    value = _written(name, text, entity.get("normalizedValue", {}))
    if not value:
        return None
    reference: Json = next(iter(entity.get("pageAnchor", {}).get("pageRefs", ())), {})
    place = int(reference.get("page", 0))
    if not 0 <= place < max(1, len(pages)):
        return None  # it was seen nowhere
    page = pages[place] if pages else {}
    box = box_of(reference.get("boundingPoly", {}), page.get("dimension", {})) or WHOLE
    seen = Evidence(
        page=int(page.get("pageNumber", place + 1)) + before,
        box=stands(box, turn_of(page)),
        text=text,
        engine="documentai",
        confidence=sure(entity),
    )
    return FieldValue(value=value, confidence=sure(entity), evidence=(seen,))


def _written(name: str, text: str, normalized: Json) -> str | None:
    """Return a value as we write it; None where it is not what the field holds."""
    if name in _DATES:
        return _date(normalized.get("dateValue", {}))
    if name.endswith("_amount") or name in _LINE_AMOUNTS:
        return _money(normalized.get("moneyValue")) or _plain(text)
    if name == "quantity":
        return _plain(str(normalized.get("text", ""))) or _plain(text)
    if name == "currency":
        told = str(normalized.get("text", "")) or text
        return told if _CURRENCY.fullmatch(told) else None
    return text or None


def _date(value: Json) -> str | None:
    year, month, day = (int(value.get(part, 0)) for part in ("year", "month", "day"))
    return f"{year:04d}-{month:02d}-{day:02d}" if year and month and day else None


def _money(value: Json | None) -> str | None:
    """Return google.type.Money (units and billionths, of one sign) as a decimal string."""
    if value is None:
        return None
    amount = Decimal(int(value.get("units", 0))) + int(value.get("nanos", 0)) * _NANOS
    return f"{amount.normalize():f}"


def _plain(text: str) -> str | None:
    """Return a number that is written as we write them; grouping and commas are not guessed at."""
    if not _PLAIN.fullmatch(text):
        return None
    try:
        return str(Decimal(text))
    except InvalidOperation:
        return None
