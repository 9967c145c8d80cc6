"""The handler over both journals: what a summarized document becomes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.ledger.entries import Standing, standing_entry, standing_of
from services.ledger.leaf import commitment, read_leaf
from shared.errors import PermanentError
from shared.events.ids import keyed_id
from shared.events.payloads import (
    DocumentErased,
    DocumentRead,
    DocumentSummarized,
    DocumentType,
    EntryKind,
    Reference,
)
from shared.events.results import Summary
from shared.telemetry.reasons import HeldReason, QuarantineReason
from tests.services.ledger.conftest import TENANT, House, document

MakeSummary = Callable[..., Summary]


def standing(house: House, name: str) -> Standing:
    """Return where a document stands."""
    found = standing_entry(house.journal.history(TENANT, document(name)))
    assert found is not None
    return standing_of(found)


def test_a_sure_invoice_posts_balanced(house: House) -> None:
    """The main job: debit expense and input tax, credit what we owe."""
    house.books("a")
    [booked] = house.journal.history(TENANT, document("a"))
    assert booked.entry.kind is EntryKind.POST
    assert [(p.account, p.currency, p.amount) for p in booked.entry.postings] == [
        ("5000", "EUR", 10000),
        ("1400", "EUR", 1900),
        ("2000", "EUR", -11900),
    ]


def test_a_doubt_holds_with_its_reason(house: House, summary: MakeSummary) -> None:
    """Nothing doubtful is posted as if it were sure."""
    house.books("a", summary(doubts=(HeldReason.XML_DIFFERS, HeldReason.LOW_CONFIDENCE)))
    [held] = house.journal.open_holds(TENANT)
    assert held.entry.reason is HeldReason.XML_DIFFERS
    assert held.entry.postings == ()


def test_a_contract_becomes_a_memo(house: House, summary: MakeSummary) -> None:
    """A document that is no transaction is on record without touching the accounts."""
    house.books("a", summary(DocumentType.CONTRACT))
    assert house.kinds("a") == ["memo"]
    assert house.journal.trial_balance(TENANT) == []


def test_redelivery_books_nothing_twice_and_is_told_again(house: House) -> None:
    """At-least-once delivery must not become twice in the books, nor a lost event for good."""
    event = house.books("a")
    house.sequencer.step()
    house.handle(event)
    assert house.kinds("a") == ["post"]
    house.sequencer.step()
    first, second = house.publisher.events
    assert first.id == second.id


def test_redelivery_after_the_other_was_voided_does_not_post(
    house: House, summary: MakeSummary
) -> None:
    """A decision that stands is not made again under today's circumstances."""
    house.books("a", summary(doubts=(HeldReason.LOW_CONFIDENCE,)))
    event = house.books("b")
    assert house.kinds("b") == ["hold"]
    house.desk.void(TENANT, document("a"), actor=house.actor)
    house.handle(event)
    assert house.kinds("b") == ["hold"]


def test_the_same_revision_from_another_summary_is_refused(
    house: House, summary: MakeSummary
) -> None:
    """Exists with other input is an error, never an overwrite."""
    house.books("a")
    changed = house.arrives("a", summary(total_amount="120.00", net_amount="101.00"))
    with pytest.raises(PermanentError) as caught:
        house.handle(changed)
    assert caught.value.reason is QuarantineReason.CONFLICTING_INPUT
    assert house.kinds("a") == ["post"]


@pytest.mark.parametrize(
    "same",
    [{}, {"supplier_name": "MÜLLER  gmbh."}, {"invoice_id": "r1"}, {"total_amount": "119"}],
)
def test_the_same_invoice_in_another_file_is_held(
    house: House, summary: MakeSummary, same: dict[str, str]
) -> None:
    """Scanned twice, paid once: supplier, number and total tell, however they are spelt."""
    house.books("a")
    house.books("b", summary(**same))
    [held] = house.journal.open_holds(TENANT)
    assert held.entry.document_id == document("b")
    assert held.entry.reason is HeldReason.POSSIBLE_DUPLICATE


@pytest.mark.parametrize(
    "other",
    [{"invoice_id": "R-2"}, {"supplier_name": "Meier"}, {"total_amount": "119.01"}],
)
def test_another_invoice_is_no_duplicate(
    house: House, summary: MakeSummary, other: dict[str, str]
) -> None:
    """One of the three differs: another invoice."""
    house.books("a")
    changed = summary(without=("net_amount", "total_tax_amount"), **other)
    house.books("b", changed)
    assert house.kinds("b") == ["post"]


def test_another_tenant_is_no_duplicate(house: House, summary: MakeSummary) -> None:
    """Tenants know nothing of each other."""
    house.books("a")
    house.handle(house.arrives("b", summary(), tenant="other"))
    assert house.kinds("b", "other") == ["post"]


def test_a_receipt_without_number_is_never_a_duplicate(house: House, summary: MakeSummary) -> None:
    """Two coffees at one price are two coffees."""
    coffee = summary(DocumentType.RECEIPT, without=("invoice_id",))
    house.books("a", coffee)
    house.books("b", coffee)
    assert house.kinds("b") == ["post"]


def test_a_new_revision_reverses_and_posts_together(house: House, summary: MakeSummary) -> None:
    """Both or neither: the books never count a document twice or not at all."""
    house.books("a")
    house.books("a", summary(net_amount="200.00", total_amount="219.00"), revision=1)
    assert house.kinds("a") == ["post", "reversal", "post"]
    balances = {b.account: b.amount for b in house.journal.trial_balance(TENANT)}
    assert balances == {"1400": 1900, "2000": -21900, "5000": 20000}


def test_a_new_revision_of_a_hold_voids_it(house: House, summary: MakeSummary) -> None:
    """The hold of the old reading must not wait for a person any more."""
    house.books("a", summary(doubts=(HeldReason.LOW_CONFIDENCE,)))
    house.books("a", revision=1)
    assert house.kinds("a") == ["hold", "void", "post"]
    assert house.journal.open_holds(TENANT) == []


def test_a_late_older_revision_changes_nothing(house: House) -> None:
    """Events arrive in any order; the newest reading stands."""
    house.books("a", revision=1)
    house.books("a", revision=0)
    assert house.kinds("a") == ["post", "void"]
    assert standing(house, "a") is Standing.POSTED


def test_a_memo_of_an_older_revision_stays(house: House, summary: MakeSummary) -> None:
    """Nothing to take back: it posted nothing."""
    house.books("a", summary(DocumentType.LETTER))
    house.books("a", revision=1)
    assert house.kinds("a") == ["memo", "post"]


def test_an_erased_document_is_not_booked(
    house: House, summary: MakeSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its key there is nothing to commit to."""
    event = house.arrives("a", summary())

    def opened(source: Reference | str) -> Summary:
        del source  # a summary from a cache, say: the key decides
        return summary()

    house.keyring.destroy_document_key(document("a"))
    monkeypatch.setattr(house.summaries, "open", opened)
    with pytest.raises(PermanentError) as caught:
        house.handle(event)
    assert caught.value.reason is QuarantineReason.KEY_MISSING


def test_another_event_is_refused(memory_house: House, summary: MakeSummary) -> None:
    """A worker handles its own subscription's events only."""
    event = memory_house.arrives("a", summary())
    assert isinstance(event.data, DocumentSummarized)
    read = DocumentRead(
        document_id=document("a"), original=event.data.original, result=event.data.result, pages=1
    )
    wrong = replace(event, data=read)
    with pytest.raises(PermanentError) as caught:
        memory_house.handle(wrong)
    assert caught.value.reason is QuarantineReason.MALFORMED_EVENT


def test_an_erasure_leaves_its_mark_in_the_books(memory_house: House, summary: MakeSummary) -> None:
    """The log says that a document was erased; what it posted still stands."""
    event = memory_house.arrives("a", summary())
    memory_house.handle(event)
    memory_house.handle(replace(event, data=DocumentErased(document_id=document("a"))))
    assert memory_house.kinds("a") == ["post", "erasure"]


def test_the_leaf_commits_to_the_fields_under_the_documents_key(
    memory_house: House, summary: MakeSummary
) -> None:
    """Whoever has the key can show what was booked; after erasure nobody can."""
    memory_house.books("a")
    [booked] = memory_house.journal.history(TENANT, document("a"))
    key = memory_house.keyring.document_key(document("a"))
    leaf = read_leaf(booked.entry.leaf)
    assert leaf["commitment"] == commitment(key, summary())
    assert leaf["commitment"] != commitment(keyed_id(b"x", "other")[:32].encode(), summary())


def test_no_leaf_and_no_row_names_anybody(memory_house: House) -> None:
    """Books are kept for years and logs for ever: no names, and no document id in a leaf."""
    memory_house.books("a")
    [booked] = memory_house.journal.history(TENANT, document("a"))
    leaf = booked.entry.leaf.decode()
    assert document("a") not in leaf
    for value in ("Müller", "M\\u00fc", "R-1"):
        assert value not in leaf
        assert value not in repr(booked)
