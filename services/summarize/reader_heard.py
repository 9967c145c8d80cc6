"""The summarizer that hears the reader too: what Document AI found beside the words may object.

It is weighed as a model's answer is (ADR 25). What it says of the document's type is not heard:
that is the processor's type, whatever was sent there.
"""

from typing import Final

from services.summarize.answer import AMOUNTS, ASKED, well_formed
from services.summarize.doctype import POSTING
from services.summarize.folding import alnum
from services.summarize.objections import BESIDE, Found, same, to_scale, weighed
from services.summarize.page_reading import PageReading
from services.summarize.ports import Summarizer
from services.summarize.rules import forget
from services.summarize.visible import on_page
from shared.events.results import Evidence, Extraction, FieldName, FieldValue, Reading, Summary
from shared.telemetry.reasons import HeldReason

HEARD: Final = 0.5
"""A finding that its reader itself thinks less likely right than wrong is not heard."""


class ReaderHeard:
    """Says what a document is and says, with what its reader found in it.

    Args:
        summarizer: who else speaks; its doubts stay.
    """

    def __init__(self, summarizer: Summarizer) -> None:
        self._summarizer = summarizer

    def summarize(self, reading: Reading) -> Summary:
        """Return the summary; see ``services.summarize.ports.Summarizer``."""
        summary = self._summarizer.summarize(reading)
        if reading.extraction is None or reading.einvoice is not None:
            return summary  # an e-invoice's XML is exact, and was held against its page
        try:
            return heard(summary, reading.extraction, PageReading(reading.pages))
        finally:
            forget()


def heard(summary: Summary, extraction: Extraction, page: PageReading) -> Summary:
    """Return a summary with what a reader's findings add and what they object to.

    Args:
        summary: what would stand without them.
        extraction: the findings, as they came.
        page: the words that they must stand in.
    """
    if summary.document_type not in POSTING and not summary.doubts:
        return summary  # a memo posts nothing, and a letter may name a date and a sum
    found: dict[FieldName, Found] = {}
    missing = False
    for name, said in extraction.fields.items():
        if name not in ASKED or said.confidence < HEARD:
            continue
        one = _found(page, name, said)
        if one is not None:
            found[name] = one
        elif name not in BESIDE and not _says(summary, name, said.value):
            missing = True
    return weighed(summary, found, [HeldReason.NOT_IN_WORDS] if missing else [])


def _found(page: PageReading, name: FieldName, said: FieldValue) -> Found | None:
    """Return a finding as fields hold it, with where it stands; None where it stands nowhere."""
    if not said.value.isprintable() or not well_formed(name, said.value):
        return None
    place = on_page(page, name, said.value)
    if place is not None:
        value = to_scale(said.value, page) if name in AMOUNTS else said.value
        sure = min(place.confidence, said.confidence)
        seen = place.model_copy(update={"engine": "documentai", "confidence": sure})
        return Found(value, (seen,))
    places = tuple(one for one in said.evidence if _lies_there(page, one))
    return Found(said.value, places) if name in BESIDE and places else None


def _lies_there(page: PageReading, seen: Evidence) -> bool:
    """Tell whether the words in a box are those that were seen there: an address has rows."""
    if seen.box is None:
        return False
    left, top, right, bottom = seen.box
    words = [
        alnum(word.text)
        for one in page.pages
        if one.number == seen.page
        for word in one.words
        if left <= (word.box[0] + word.box[2]) / 2 <= right
        and top <= (word.box[1] + word.box[3]) / 2 <= bottom
    ]
    return sorted(filter(None, words)) == sorted(filter(None, map(alnum, seen.text.split())))


def _says(summary: Summary, name: FieldName, value: str) -> bool:
    """Tell whether the summary says so already: an id without its spaces, a sum of taxes."""
    known = summary.fields.get(name)
    return known is not None and well_formed(name, value) and same(name, known.value, value)
