"""The rules post, the model may only object."""

from collections.abc import Sequence
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.ledger.chart import Chart, load_chart
from services.ledger.postings import draw_up
from services.summarize.answer import Answer
from services.summarize.objections import PROPOSED
from services.summarize.page_reading import PageReading
from services.summarize.rules import RulesSummarizer
from services.summarize.second_opinion import advised
from shared.events.payloads import DocumentType, EntryKind
from shared.events.results import FieldName, Summary
from shared.telemetry.reasons import HeldReason
from tests.services.summarize.answers import INVOICE_FIELDS, saying
from tests.services.summarize.documents import CONTRACT, INVOICE, LETTER, RECEIPT
from tests.services.summarize.writing import reading

DIFFER, NOT_IN_WORDS = HeldReason.SUMMARIZERS_DIFFER, HeldReason.NOT_IN_WORDS


def rules(rows: Sequence[str]) -> Summary:
    """Return the embedded summarizer's summary."""
    return RulesSummarizer().summarize(reading(rows))


def both(rows: Sequence[str], said: dict[str, Any]) -> Summary:
    """Return the summary of both."""
    answer = Answer.model_validate(said)
    return advised(rules(rows), answer, PageReading(reading(rows).pages))


def without(rows: Sequence[str], *starts: str) -> list[str]:
    """Return the rows but those that begin so."""
    return [row for row in rows if not row.startswith(starts)]


def test_two_that_agree_post_with_the_evidence_of_both() -> None:
    """Who audits an entry sees where each of the two saw a value."""
    summary = both(INVOICE, saying())
    alone = rules(INVOICE)
    assert summary.doubts == ()
    for name, field in summary.fields.items():
        assert (field.value, field.confidence) == (
            alone.fields[name].value,
            alone.fields[name].confidence,
        )
        assert [one.engine for one in field.evidence][:1] == ["text_layer"]
        assert {one.engine for one in field.evidence[1:]} == {"vertex"}
    total = summary.fields["total_amount"].evidence[1]
    assert (total.text, total.page) == ("119,00 EUR", 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("total_amount", "9999.00"),
        ("total_amount", "119,00"),
        ("total_amount", "1E2"),
        ("total_amount", "NaN"),
        ("invoice_date", "2026-02-30"),
        ("invoice_date", "2031-01-01"),
        ("invoice_id", "4712"),
        ("invoice_id", "47"),
        ("supplier_name", "Evil Ltd"),
        ("supplier_address", "Hauptstr. 5\n10117 Berlin"),
        ("currency", "USD"),
        ("currency", "euro"),
    ],
)
def test_a_value_that_is_not_in_the_words_is_dropped_and_holds(name: str, value: str) -> None:
    """A model that makes something up must not post it, nor be trusted with the rest."""
    summary = both(INVOICE, saying(**{name: value}))
    assert NOT_IN_WORDS in summary.doubts
    assert summary.fields == both(INVOICE, saying(**{name: None})).fields


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("total_amount", "100.00"),
        ("net_amount", "119.00"),
        ("total_tax_amount", "60.00"),
        ("invoice_date", "2026-04-01"),
        ("supplier_name", "Beispiel AG"),
        ("invoice_id", "DE136695976"),
    ],
)
def test_another_value_of_the_page_holds_and_the_rules_reading_stays(name: str, value: str) -> None:
    """It stands in the words, as something else: one of the two is wrong, and a person looks."""
    summary = both(INVOICE, saying(**{name: value}))
    assert summary.doubts == (DIFFER,)
    assert {key: field.value for key, field in summary.fields.items()} == {
        key: field.value for key, field in rules(INVOICE).fields.items()
    }


def test_another_type_holds() -> None:
    """A receipt is paid, an invoice is owed: the accounts differ."""
    assert both(INVOICE, saying("receipt")).doubts == (DIFFER,)
    assert both(INVOICE, saying("letter")).doubts == (DIFFER,)
    held = both(LETTER, saying("invoice", {"supplier_name": "Birkental Holzbau GmbH"}))
    assert (held.document_type, held.doubts) == (DocumentType.LETTER, (DIFFER,))


def test_a_tax_that_the_rules_did_not_see_holds() -> None:
    """Without it the whole total would be booked as net."""
    rows = without(INVOICE, "Nettobetrag", "MwSt.")
    rows.insert(-1, "(im Betrag sind 19,00 EUR Abgaben enthalten)")
    rows.append("Zu zahlen | | | 119,00 EUR")
    assert "total_tax_amount" not in rules(rows).fields
    said = saying(net_amount=None, supplier_address=None, total_tax_amount="19.00")
    assert DIFFER in both(rows, said).doubts
    assert DIFFER not in both(rows, said | {"fields": {"net_amount": "119.00"}}).doubts


def test_what_only_the_model_found_is_a_proposal_for_a_hold() -> None:
    """The person who decides sees it, less sure than anything that posts."""
    alone = rules(without(INVOICE, "Rechnungsnummer"))
    assert "invoice_id" not in alone.fields
    told = without(INVOICE, "Rechnungsnummer")
    told.insert(7, "Zeichen 4711")
    assert "invoice_id" not in both(told, saying()).fields, "nothing new where it posts"
    doubtful = both(told, saying(total_amount="100.00"))
    proposed = doubtful.fields["invoice_id"]
    assert (proposed.value, proposed.confidence) == ("4711", PROPOSED)
    assert [one.engine for one in proposed.evidence] == ["vertex"]


def test_a_proposal_holds_nothing_that_nobody_sees() -> None:
    """The attack: a value that is shown in another order to whoever decides on it."""
    told = without(INVOICE, "Rechnungsnummer")
    told.insert(7, "Zeichen 4711")
    doubtful = both(told, saying(total_amount="100.00", invoice_id="\u202e47\u200b11"))
    assert doubtful.fields["invoice_id"].value == "4711"


def test_a_doubt_of_the_rules_stays_whatever_the_model_says() -> None:
    """Nothing that a document talks a model into makes it post."""
    rows = without(INVOICE, "Nettobetrag", "MwSt.", "Wartung", "Ersatz")
    alone = rules(rows)
    assert alone.doubts
    said = saying(net_amount=None, total_tax_amount=None)
    assert set(alone.doubts) <= set(both(rows, said).doubts)


def test_a_memo_is_told_in_the_models_words_where_their_figures_are_the_documents() -> None:
    """A figure that is not in a contract must not stand in what people read of it."""
    told = both(CONTRACT, saying("contract", {}, "Northgate maintains the lifts (Article 2)."))
    assert told.summary == "Northgate maintains the lifts (Article 2)."
    assert (told.document_type, told.doubts, told.fields) == (DocumentType.CONTRACT, (), {})
    lied = both(CONTRACT, saying("contract", {}, "Northgate pays 9,999 a month."))
    assert lied.summary == rules(CONTRACT).summary
    hidden = both(CONTRACT, saying("contract", {}, "Lifts\u202e\n\nare\u200b maintained."))
    assert hidden.summary == "Lifts are maintained."


def test_a_posting_documents_sentence_is_made_from_its_fields() -> None:
    """What stands beside an entry says what the entry says."""
    said = saying("invoice", None, "The total of this invoice is 60,00.")
    assert both(INVOICE, said).summary == rules(INVOICE).summary


CHART: Chart = load_chart()
PAGES = (INVOICE, RECEIPT, CONTRACT, LETTER, without(INVOICE, "MwSt."), ["just", "a few", "words"])
SHOWN = sorted({word for rows in PAGES for row in rows for word in row.replace("|", " ").split()})

values = st.one_of(
    st.none(),
    st.sampled_from([*SHOWN, *(value for value in INVOICE_FIELDS.values() if value)]),
    st.sampled_from(["9.54", "9.55", "0.01", "10.00", "2018-12-25", "MYR", "60.00", "-119.00"]),
    st.from_regex(r"\A-?[0-9]{1,12}(\.[0-9]{1,4})?\Z"),
    st.text(max_size=30).filter(lambda text: not any(ord(c) < 32 or ord(c) == 127 for c in text)),
)
answers = st.fixed_dictionaries(
    {
        "document_type": st.sampled_from([kind.value for kind in DocumentType]),
        "fields": st.dictionaries(st.sampled_from(get_args(FieldName)), values, max_size=12),
        "summary": st.text(max_size=60),
    }
)


@settings(max_examples=30)
@given(st.sampled_from(PAGES), answers)
@example(INVOICE, saying())
def test_whatever_a_model_says_only_what_the_rules_read_is_posted(
    rows: Sequence[str], said: dict[str, Any]
) -> None:
    """The promise itself: a model can hold an entry and change none."""
    embedded, asked = rules(rows), both(rows, said)
    alone, together = draw_up(embedded, CHART), draw_up(asked, CHART)
    assert set(embedded.doubts) <= set(asked.doubts)
    if together.kind is EntryKind.HOLD:
        return
    assert together == alone
    assert {name: field.value for name, field in asked.fields.items()} == {
        name: field.value for name, field in embedded.fields.items()
    }
    Summary.model_validate_json(asked.model_dump_json())
