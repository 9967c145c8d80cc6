"""A model's answer beside the rules' reading of the same words: what becomes of the two. Pure.

The rules post, the model may only object. Where both say the same, the entry posts as the rules
drew it up, with the evidence of both. Where they differ, or the model says what is nowhere in the
words, it is held. What the model alone found is a proposal to the person who decides a hold, and
never posts. So whatever a document talks a model into, no figure is posted that the rules did not
read from the page (ADR 25).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from services.summarize.amounts import written
from services.summarize.answer import AMOUNTS, DATES, Answer, well_formed
from services.summarize.currency import scale_of
from services.summarize.doctype import POSTING
from services.summarize.folding import alnum
from services.summarize.layout import Sheet
from services.summarize.page_reading import PageReading
from services.summarize.prompt import seen
from services.summarize.visible import on_page
from shared.events.payloads import DocumentType
from shared.events.results import Evidence, FieldName, FieldValue, Summary
from shared.telemetry.reasons import HeldReason

PROPOSED: Final = 0.5
"""The confidence of what only the model says: nothing else speaks for it."""

_BESIDE: Final[frozenset[FieldName]] = frozenset({"supplier_address", "receiver_name"})
"""What an entry does not stand on: the rules' reading of these is not held against the model's."""

_PARTS: Final = re.compile(r"\s*[\n;]\s*|\s*,\s+")
_SHORTEST: Final = 3  # letters and digits from which one name may be a part of the other
_FIGURES: Final = re.compile(r"\w*\d[\w.,/-]*")


@dataclass(frozen=True, slots=True)
class _Found:
    """A value of the model's and the words that it stands on."""

    value: str
    places: tuple[Evidence, ...]

    def proposal(self) -> FieldValue:
        """Return it as a field that only the model speaks for."""
        read = min(place.confidence for place in self.places)
        return FieldValue(
            value=self.value, confidence=round(PROPOSED * read, 4), evidence=self.places
        )


def advised(summary: Summary, answer: Answer, page: PageReading) -> Summary:
    """Return the rules' summary with what the model adds and what it objects to.

    Args:
        summary: the rules' reading of the page.
        answer: the model's, as it came.
        page: the words that both read.
    """
    kind, said = summary.document_type, answer.document_type
    if kind not in POSTING and not summary.doubts and said not in POSTING:
        return _memo(summary, answer, page.sheet)
    found, missing = _places(page, answer)
    doubts = [*summary.doubts]
    if said is not kind and {said, kind} & POSTING:
        doubts.append(HeldReason.SUMMARIZERS_DIFFER)
    if missing:
        doubts.append(HeldReason.NOT_IN_WORDS)
    if any(_objects(name, one.value, summary.fields) for name, one in found.items()):
        doubts.append(HeldReason.SUMMARIZERS_DIFFER)
    fields = {
        name: _both(value, found[name]) if _agrees(name, value.value, found.get(name)) else value
        for name, value in summary.fields.items()
    }
    if doubts:
        fields |= {name: one.proposal() for name, one in found.items() if name not in fields}
    update = {"fields": fields, "doubts": tuple(dict.fromkeys(doubts))}
    return summary.model_copy(update=update)


def _memo(summary: Summary, answer: Answer, sheet: Sheet) -> Summary:
    """Return a memo in the model's words, where every figure in them is the document's."""
    kind = summary.document_type
    if kind is DocumentType.OTHER:
        kind = answer.document_type  # the rules know no better name
    text = " ".join(filter(None, map(seen, answer.summary.split())))
    words = {alnum(word) for row in sheet.rows for word in row.text.split()}
    figures = (alnum(match) for match in _FIGURES.findall(text))
    faithful = bool(text) and all(figure in words for figure in figures)
    told = text if faithful else summary.summary
    return summary.model_copy(update={"document_type": kind, "summary": told})


def _places(page: PageReading, answer: Answer) -> tuple[dict[FieldName, _Found], bool]:
    """Return what of the answer stands in the words, and whether something does not."""
    found: dict[FieldName, _Found] = {}
    missing = False
    for name, value in answer.fields.items():
        if value is None or not value.strip():
            continue
        places = _seen_at(page, name, value.strip())
        if places:
            found[name] = _Found(_normal(name, value.strip(), page), places)
        else:
            missing = True
    return found, missing


def _seen_at(page: PageReading, name: FieldName, value: str) -> tuple[Evidence, ...]:
    """Return where a value stands in the visible words; a name or address may stand in parts."""
    if not well_formed(name, value):
        return ()
    whole = on_page(page, name, value)
    if whole is not None:
        return (_by_model(whole),)
    if name not in _BESIDE:
        return ()
    parts = [on_page(page, name, part) for part in _PARTS.split(value) if part]
    return tuple(_by_model(part) for part in parts if part) if all(parts) else ()


def _by_model(place: Evidence) -> Evidence:
    return place.model_copy(update={"engine": "vertex"})


def _normal(name: FieldName, value: str, page: PageReading) -> str:
    """Return a value as fields hold it."""
    if name in AMOUNTS:
        scale = scale_of(page.currency.code) if page.currency else 2
        return written(Decimal(value), scale)
    return ", ".join(part for part in _PARTS.split(value) if part) if name in _BESIDE else value


def _both(value: FieldValue, found: _Found) -> FieldValue:
    return value.model_copy(update={"evidence": (*value.evidence, *found.places)})


def _agrees(name: FieldName, rules: str, found: _Found | None) -> bool:
    return found is not None and _same(name, rules, found.value)


def _same(name: FieldName, one: str, other: str) -> bool:
    """Tell whether two values of a field say the same; signs do not count (credit notes)."""
    if name in AMOUNTS:
        return abs(Decimal(one)) == abs(Decimal(other))
    if name in DATES or name == "currency":
        return one == other
    short, long = sorted((alnum(one), alnum(other)), key=len)
    if name == "invoice_id":
        return short == long
    return short == long or (len(short) >= _SHORTEST and short in long)


def _objects(name: FieldName, value: str, fields: Mapping[FieldName, FieldValue]) -> bool:
    """Tell whether a value of the model's speaks against what would be posted."""
    if name in _BESIDE:
        return False
    if name in fields:
        return not _same(name, fields[name].value, value)
    implied = _implied(name, fields)
    return implied is not None and abs(Decimal(value)) != abs(implied)


def _implied(name: FieldName, fields: Mapping[FieldName, FieldValue]) -> Decimal | None:
    """Return what the books make of net or tax where the rules found only the total."""
    if name not in {"net_amount", "total_tax_amount"} or "total_amount" not in fields:
        return None
    other: FieldName = "total_tax_amount" if name == "net_amount" else "net_amount"
    rounding = fields["rounding_amount"].value if "rounding_amount" in fields else "0"
    rest = Decimal(fields["total_amount"].value) - Decimal(rounding)
    if other in fields:
        return rest - Decimal(fields[other].value)
    return rest if name == "net_amount" else Decimal(0)
