"""A model's answer beside the rules' reading of the same words: what becomes of the two. Pure.

The rules post, the model may only object. Where both say the same, the entry posts as the rules
drew it up, with the evidence of both. Where they differ, or the model says what is nowhere in the
words, it is held. What the model alone found is a proposal to the person who decides a hold, and
never posts. So whatever a document talks a model into, no figure is posted that the rules did not
read from the page (ADR 25).
"""

import re
from typing import Final

from services.summarize.answer import AMOUNTS, Answer, well_formed
from services.summarize.doctype import POSTING
from services.summarize.folding import alnum
from services.summarize.layout import Sheet
from services.summarize.objections import BESIDE, Found, to_scale, weighed
from services.summarize.page_reading import PageReading
from services.summarize.prompt import seen
from services.summarize.visible import on_page
from shared.events.payloads import DocumentType
from shared.events.results import Evidence, FieldName, Summary
from shared.telemetry.reasons import HeldReason

_PARTS: Final = re.compile(r"\s*[\n;]\s*|\s*,\s+")
_FIGURES: Final = re.compile(r"\w*\d[\w.,/-]*")


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
    objections = []
    if said is not kind and {said, kind} & POSTING:
        objections.append(HeldReason.SUMMARIZERS_DIFFER)
    if missing:
        objections.append(HeldReason.NOT_IN_WORDS)
    return weighed(summary, found, objections)


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


def _places(page: PageReading, answer: Answer) -> tuple[dict[FieldName, Found], bool]:
    """Return what of the answer stands in the words, and whether something does not."""
    found: dict[FieldName, Found] = {}
    missing = False
    for name, value in answer.fields.items():
        # What nobody sees in a proposal would mislead whoever decides on it.
        shown = "\n".join(map(seen, (value or "").split("\n"))).strip()
        if not shown:
            continue
        places = _seen_at(page, name, shown)
        if places:
            found[name] = Found(_normal(name, shown, page), places)
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
    if name not in BESIDE:
        return ()
    parts = [on_page(page, name, part) for part in _PARTS.split(value) if part]
    return tuple(_by_model(part) for part in parts if part) if all(parts) else ()


def _by_model(place: Evidence) -> Evidence:
    return place.model_copy(update={"engine": "vertex"})


def _normal(name: FieldName, value: str, page: PageReading) -> str:
    """Return a value as fields hold it."""
    if name in AMOUNTS:
        return to_scale(value, page)
    return ", ".join(part for part in _PARTS.split(value) if part) if name in BESIDE else value
