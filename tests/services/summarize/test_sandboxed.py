"""Foreign XML is parsed in a confined process, never in one that holds keys."""

from collections.abc import Mapping

import pytest

from services.summarize.adapters.sandboxed import TASK, SandboxedSummarizer
from services.summarize.main import build
from services.summarize.rules import RulesSummarizer
from shared.clock import FakeClock
from shared.errors import PermanentError
from shared.events.results import EInvoice, Reading
from shared.keys.memory import MemoryKeyring
from shared.keys.vault import Vault
from shared.objects.memory import MemoryObjects
from shared.sandbox.inline import InlineSandbox
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import JSON, Limits
from shared.telemetry.reasons import QuarantineReason
from shared.worker.results import Results

BOMB = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>]><Invoice>&a;</Invoice>"
INVOICE = """<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">
<ID>4711</ID><IssueDate>2026-03-02</IssueDate><DocumentCurrencyCode>EUR</DocumentCurrencyCode>
<LegalMonetaryTotal><TaxExclusiveAmount>1.00</TaxExclusiveAmount>
<TaxInclusiveAmount>1.00</TaxInclusiveAmount></LegalMonetaryTotal></Invoice>"""


class Watched(InlineSandbox):
    """A sandbox that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[str] = []

    def run(self, task: str, content: bytes, parameters: Mapping[str, JSON]) -> bytes:
        self.tasks.append(task)
        return super().run(task, content, parameters)


def with_xml(xml: str) -> Reading:
    """Return a reading of an e-invoice without a page."""
    return Reading(pages=(), einvoice=EInvoice(syntax="ubl", xml=xml, visible=False))


def test_xml_goes_to_the_sandbox_and_words_do_not() -> None:
    """Text is only text; XML is a format with a parser."""
    sandbox = Watched()
    summarizer = SandboxedSummarizer(sandbox, RulesSummarizer())
    summarizer.summarize(Reading(pages=()))
    assert sandbox.tasks == []
    summary = summarizer.summarize(with_xml(INVOICE))
    assert sandbox.tasks == [TASK]
    assert summary == RulesSummarizer().summarize(with_xml(INVOICE))


@pytest.mark.integration
def test_entities_are_refused_in_a_real_child() -> None:
    """The reason crosses from the child as a code."""
    with Sandbox(Limits(memory_mb=768)) as sandbox, pytest.raises(PermanentError) as caught:
        SandboxedSummarizer(sandbox, RulesSummarizer()).summarize(with_xml(BOMB))
    assert caught.value.reason is QuarantineReason.FORBIDDEN_XML


def test_a_child_that_answers_out_of_shape_is_not_believed() -> None:
    """Whoever took the child over cannot hand in what is no summary."""

    class Taken:
        def run(self, *_: object) -> bytes:
            return b'{"document_type": "invoice", "Jane": "Canary"}'

    with pytest.raises(PermanentError) as caught:
        SandboxedSummarizer(Taken(), RulesSummarizer()).summarize(with_xml(INVOICE))
    assert caught.value.reason is QuarantineReason.MALFORMED_XML
    assert caught.value.__cause__ is None


def test_building_starts_no_child_until_xml_comes() -> None:
    """A worker without e-invoices pays for no process."""
    objects, keyring = MemoryObjects(FakeClock()), MemoryKeyring()
    worker = build(results=Results(Vault(objects, keyring)))
    worker.canary()
    worker.close()
