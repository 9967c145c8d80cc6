"""One contract for every summarizer: rules, rules with a model, rules with a model that is down."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from services.ledger.chart import load_chart
from services.ledger.postings import draw_up
from services.summarize.advised import AdvisedSummarizer
from services.summarize.folding import fold
from services.summarize.labels import read_label
from services.summarize.ports import Model, Summarizer
from services.summarize.rules import RulesSummarizer
from shared.clock import FakeClock
from shared.errors import PermanentError
from shared.events.payloads import DocumentType, EntryKind
from shared.events.results import EInvoice, Reading
from shared.telemetry.metrics import NullMetrics
from shared.telemetry.reasons import HeldReason, InsteadReason, QuarantineReason
from tests.services.summarize.answers import FakeModel, saying
from tests.services.summarize.documents import CONTRACT, INVOICE, LETTER
from tests.services.summarize.test_sandboxed import INVOICE as XML
from tests.services.summarize.writing import reading

if TYPE_CHECKING:
    from tests.emulators.vertex import VertexServer

Making = Callable[[pytest.FixtureRequest], Summarizer]


def well(words: str) -> dict[str, object]:
    """Answer as a model that reads well."""
    if "Gesamtbetrag" in words:
        return saying()
    return saying("contract" if "agreement" in words else "letter", {})


def on_server(request: pytest.FixtureRequest) -> Summarizer:
    """Return the summarizer that asks over HTTP."""
    server: VertexServer = request.getfixturevalue("vertex_server")
    server.answer = well
    model: Model = request.getfixturevalue("opened")
    return AdvisedSummarizer(RulesSummarizer(), model, metrics=NullMetrics(), clock=FakeClock())


def with_fake(answer: object) -> Making:
    """Return what makes the summarizer around a model in memory."""

    def made(_request: pytest.FixtureRequest) -> Summarizer:
        model = FakeModel(answer)  # type: ignore[arg-type] # either of its two
        return AdvisedSummarizer(RulesSummarizer(), model, metrics=NullMetrics(), clock=FakeClock())

    return made


@pytest.fixture(
    params=[
        pytest.param(lambda _request: RulesSummarizer(), id="embedded"),
        pytest.param(with_fake(InsteadReason.UNAVAILABLE), id="model-down"),
        pytest.param(
            on_server, id="vertex", marks=[pytest.mark.integration, pytest.mark.enable_socket]
        ),
    ]
)
def summarizer(request: pytest.FixtureRequest) -> Summarizer:
    """Give one summarizer after the other."""
    made: Summarizer = request.param(request)
    return made


def test_an_invoice_posts_its_figures(summarizer: Summarizer) -> None:
    """Whoever summarizes, the books say the same."""
    draft = draw_up(summarizer.summarize(reading(INVOICE)), load_chart())
    assert draft.kind is EntryKind.POST
    assert sorted(line.amount for line in draft.postings) == [-11900, 1900, 10000]


def test_every_value_has_evidence_on_the_page(summarizer: Summarizer) -> None:
    """No figure without the place where anyone can see it."""
    made = reading(INVOICE)
    texts = " ".join(word.text for word in made.pages[0].words)
    for name, field in summarizer.summarize(made).fields.items():
        assert field.evidence, name
        for one in field.evidence:
            assert one.text.split()[0] in texts
            assert one.page == 1
            assert one.box is not None


def test_figures_that_do_not_add_up_are_held(summarizer: Summarizer) -> None:
    """The arithmetic is the same for everybody."""
    rows = [row.replace("100,00 EUR", "101,00 EUR") for row in INVOICE]
    assert HeldReason.TOTAL_MISMATCH in summarizer.summarize(reading(rows)).doubts


@pytest.mark.parametrize(
    ("rows", "kind"), [(CONTRACT, DocumentType.CONTRACT), (LETTER, DocumentType.LETTER)]
)
def test_a_memo_has_no_doubts_and_no_fields(
    summarizer: Summarizer, rows: tuple[str, ...], kind: DocumentType
) -> None:
    """It posts nothing, so there is nothing to hold."""
    summary = summarizer.summarize(reading(rows))
    assert (summary.document_type, summary.doubts, summary.fields) == (kind, (), {})
    assert summary.summary


def test_xml_is_read_by_its_own_rules(summarizer: Summarizer) -> None:
    """An e-invoice is exact, whoever is asked about pages; beside a page it is held against it."""
    hidden = Reading(pages=(), einvoice=EInvoice(syntax="ubl", xml=XML, visible=False))
    total = summarizer.summarize(hidden).fields["total_amount"]
    assert Decimal(total.value) == 1
    assert total.evidence[0].xpath
    beside = reading(INVOICE, einvoice=EInvoice(syntax="ubl", xml=XML, visible=True))
    assert HeldReason.XML_DIFFERS in summarizer.summarize(beside).doubts


def test_broken_xml_goes_to_quarantine(summarizer: Summarizer) -> None:
    """The reason is the same code whoever was asked."""
    broken = EInvoice(syntax="ubl", xml="<Invoice>", visible=False)
    with pytest.raises(PermanentError) as caught:
        summarizer.summarize(Reading(pages=(), einvoice=broken))
    assert caught.value.reason is QuarantineReason.MALFORMED_XML


@pytest.mark.parametrize("rows", [[], ["7"]])
def test_next_to_nothing_is_held(summarizer: Summarizer, rows: list[str]) -> None:
    """A page that was hardly read says nothing that could be posted."""
    assert summarizer.summarize(reading(rows)).doubts == (HeldReason.LOW_CONFIDENCE,)


def test_the_same_reading_gives_the_same_bytes(summarizer: Summarizer) -> None:
    """A redelivery must not make another result."""
    one, other = (summarizer.summarize(reading(INVOICE)).model_dump_json() for _ in range(2))
    assert one == other


def test_nothing_of_a_document_stays_in_memory(summarizer: Summarizer) -> None:
    """It may be erased, and the process lives on."""
    summarizer.summarize(reading(INVOICE))
    assert (fold.cache_info().currsize, read_label.cache_info().currsize) == (0, 0)
