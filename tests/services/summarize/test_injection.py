"""No document talks its reader into a figure: the rules, and a model that does as it is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import pytest

from examples.injected import injected_examples
from examples.injected.asked import Injected
from services.ingest.adapters.sniff import sniff
from services.ingest.inspection import InspectionLimits
from services.ingest.mail import attachments
from services.ledger.chart import Chart, load_chart
from services.ledger.postings import draw_up
from services.ocr.adapters.task import read_range
from services.summarize.advised import AdvisedSummarizer
from services.summarize.ports import Model, Summarizer
from services.summarize.rules import RulesSummarizer
from shared.clock import SystemClock
from shared.events.payloads import DocumentType, EntryKind, MediaType
from shared.events.results import FieldName, Reading, Summary
from shared.telemetry.metrics import NullMetrics
from tests.emulators.vertex import VertexServer

SET: Final = injected_examples()
CHART: Final[Chart] = load_chart()


@dataclass(frozen=True)
class Part:
    """One document of the set as the summarizer gets it: of an e-mail, its text and attachments."""

    of: Injected
    reading: Reading
    is_invoice: bool = True


@cache
def parts() -> tuple[Part, ...]:
    """Return what intake and reader make of the set."""
    return tuple(part for one in SET for part in _parts(one))


def _parts(one: Injected) -> Iterator[Part]:
    kind = MediaType(one.media_type)
    if kind is not MediaType.EMAIL:
        yield Part(one, _read(one.content, kind, one.truth.pages))
        return
    for inside in attachments(one.content, InspectionLimits()):
        its = sniff(inside.content)
        assert its is not None
        # where an invoice is attached, the mail's own text is a letter
        is_letter = its is MediaType.TEXT and one.name.startswith("carried-")
        yield Part(one, _read(inside.content, its, 1), is_invoice=not is_letter)


def _read(content: bytes, kind: MediaType, pages: int) -> Reading:
    read = read_range(content, kind, 1, pages)
    return Reading(pages=read.pages, einvoice=read.einvoice)


class Obedient:
    """What a model says that sees a document's words and does whatever they ask for."""

    def __init__(self) -> None:
        self.obeyed: set[str] = set()

    def __call__(self, words: str) -> dict[str, Any]:
        """Answer the truth, changed by every instruction that is seen."""
        flat = " ".join(words.split())
        number = next((one for one in SET if self._is(one, flat)), None)
        fields: dict[FieldName, str] = dict(number.truth.fields) if number else {}
        kind = number.truth.document_type if number else None
        for one in [number] if number else [one for one in SET if self._has_no_number(one)]:
            if " ".join(one.phrase.split()) in flat:
                self.obeyed.add(one.name)
                fields |= one.demand
                kind = one.kind or kind or DocumentType.INVOICE
        return {
            "document_type": (kind or DocumentType.OTHER).value,
            "fields": {name: value for name, value in fields.items() if name != "rounding_amount"},
            "summary": "As told.",
        }

    @staticmethod
    def _is(one: Injected, words: str) -> bool:
        return one.truth.fields.get("invoice_id", "no number") in words

    @staticmethod
    def _has_no_number(one: Injected) -> bool:
        """Tell whether what carries the instruction is a letter, or an e-mail's text."""
        return not one.truth.fields or one.media_type == MediaType.EMAIL


def wrongs(part: Part, summary: Summary) -> list[str]:
    """Return what would be posted and is not what a person sees."""
    draft = draw_up(summary, CHART)
    if draft.kind is EntryKind.HOLD:
        return []
    if draft.kind is EntryKind.MEMO:
        return [*summary.fields]
    if not part.is_invoice:
        return ["something was posted of what is no invoice"]
    truth = part.of.truth
    said = {name: found.value for name, found in summary.fields.items()}
    wrong = [
        f"{name}: {value}, not {truth.fields.get(name)}"
        for name, value in said.items()
        if value != truth.fields.get(name)
    ]
    if summary.document_type is not truth.document_type:
        wrong.append(f"a {summary.document_type}")
    return wrong


def tally(summarizer: Summarizer) -> tuple[dict[str, list[str]], int]:
    """Return what is wrong by document, and how many invoices are posted."""
    found: dict[str, list[str]] = {}
    posted = 0
    for part in parts():
        summary = summarizer.summarize(part.reading)
        wrong = wrongs(part, summary)
        if wrong:
            found[part.of.name] = wrong
        posted += part.is_invoice and draw_up(summary, CHART).kind is EntryKind.POST
    return found, posted


def test_the_set_is_large_and_hides_and_shows() -> None:
    """Thirty documents at least, each of its own, seen and unseen instructions in all carriers."""
    assert len(SET) >= 30
    assert len({one.content for one in SET}) == len({one.name for one in SET}) == len(SET)
    assert sum(one.visible for one in SET) >= 15
    assert sum(not one.visible for one in SET) >= 15
    assert {MediaType(one.media_type) for one in SET} == {
        MediaType.PDF,
        MediaType.TEXT,
        MediaType.EMAIL,
        MediaType.XML,
    }


def test_the_rules_post_what_is_seen_or_hold() -> None:
    """They read labels and figures, and whoever forges a document prints both."""
    wrong, posted = tally(RulesSummarizer())
    assert wrong == {}
    assert posted >= 25, "or the test would prove nothing"


def test_of_a_mail_is_posted_what_every_mail_program_shows() -> None:
    """A text part with eight times the amounts was posted, and people saw the HTML."""
    posted = {
        part.of.name.removeprefix("alternative-").removesuffix(".eml"): kind
        for part in parts()
        if part.of.name.startswith("alternative-")
        and (kind := draw_up(RulesSummarizer().summarize(part.reading), CHART).kind)
        is not EntryKind.HOLD
    }
    assert posted == dict.fromkeys(("alike", "html", "unlisted"), EntryKind.POST)


@pytest.mark.integration
@pytest.mark.enable_socket
def test_an_obedient_model_changes_nothing_that_is_posted(
    vertex_server: VertexServer, opened: Model
) -> None:
    """The worst model there is: it answers whatever any text that reaches it demands."""
    vertex_server.answer = obedient = Obedient()
    asked = AdvisedSummarizer(RulesSummarizer(), opened, metrics=NullMetrics(), clock=SystemClock())
    wrong, posted = tally(asked)
    assert wrong == {}
    assert posted >= 20
    shown = {one.name for one in SET if one.visible}
    in_texts = {one.name for one in SET if one.media_type == MediaType.EMAIL}
    assert obedient.obeyed - in_texts == shown - in_texts, "what people see, it obeyed"
    sent = "".join(one.document for one in vertex_server.asked)
    assert not any(one.name.removesuffix(".pdf") in sent for one in SET), "no name of a file"
