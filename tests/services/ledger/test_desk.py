"""What a person decides: post, void, reverse; once, with arithmetic intact, under an opaque id."""

import datetime as dt
from collections.abc import Callable

import pytest

from services.ledger.audit import check_books
from services.ledger.desk import actor_id
from services.ledger.erasure import record_erasure
from services.ledger.leaf import read_leaf
from services.ledger.ports import AlreadySettledError
from services.ledger.proposals import Corrections
from shared.errors import UserError
from shared.events.payloads import DocumentType, EntryKind
from shared.events.results import Summary
from shared.telemetry.reasons import HeldReason
from tests.services.ledger.conftest import TENANT, House, document

MakeSummary = Callable[..., Summary]


def held(house: House, summary: MakeSummary, name: str = "a", **changed: str) -> str:
    """Let a document be held and return its id."""
    house.books(name, summary(doubts=(HeldReason.LOW_CONFIDENCE,), **changed))
    assert house.kinds(name) == ["hold"]
    return document(name)


def test_a_hold_is_posted_as_it_is(house: House, summary: MakeSummary) -> None:
    """The person saw the page and agrees."""
    entry = house.desk.post(TENANT, held(house, summary), actor=house.actor)
    assert (entry.kind, entry.actor) == (EntryKind.POST, house.actor)
    assert read_leaf(entry.leaf)["actor"] == house.actor
    assert house.kinds("a") == ["hold", "post"]


def test_a_hold_is_posted_with_corrections(house: House, summary: MakeSummary) -> None:
    """The person read what the machine could not."""
    corrections = Corrections(
        document_type=DocumentType.RECEIPT,
        invoice_date=dt.date(2026, 2, 1),
        currency="JPY",
        net_amount="100",
        total_tax_amount="10",
        total_amount="110",
    )
    entry = house.desk.post(
        TENANT, held(house, summary), actor=house.actor, corrections=corrections
    )
    assert entry.date == dt.date(2026, 2, 1)
    assert entry.document_type is DocumentType.RECEIPT
    assert [(p.account, p.currency, p.amount) for p in entry.postings] == [
        ("5000", "JPY", 100),
        ("1400", "JPY", 10),
        ("1000", "JPY", -110),
    ]
    house.sequencer.step()
    assert check_books(house.journal, house.log) == []


def test_corrections_never_override_arithmetic(house: House, summary: MakeSummary) -> None:
    """A person can decide what a figure is, not that 2 + 2 is 5."""
    document_id = held(house, summary)
    with pytest.raises(UserError, match="total_mismatch"):
        house.desk.post(
            TENANT, document_id, actor=house.actor, corrections=Corrections(total_amount="120.00")
        )
    assert house.kinds("a") == ["hold"]


def test_a_letter_cannot_be_posted(house: House, summary: MakeSummary) -> None:
    """It has no rule; the person is told what to do instead."""
    document_id = held(house, summary)
    letter = Corrections(document_type=DocumentType.LETTER)
    with pytest.raises(UserError, match="void it"):
        house.desk.post(TENANT, document_id, actor=house.actor, corrections=letter)


def test_a_void_ends_a_hold(house: House, summary: MakeSummary) -> None:
    """Not ours to book; on record who said so."""
    document_id = held(house, summary)
    house.desk.void(TENANT, document_id, actor=house.actor)
    assert house.desk.held(TENANT) == []
    with pytest.raises(UserError, match="voided"):
        house.desk.post(TENANT, document_id, actor=house.actor)


def test_a_reversal_takes_a_post_back_once(house: House) -> None:
    """Mistakes are reversed, never edited, and never twice."""
    house.books("a")
    house.desk.reverse(TENANT, document("a"), actor=house.actor)
    assert {b.amount for b in house.journal.trial_balance(TENANT)} == {0}
    with pytest.raises(UserError, match="reversed"):
        house.desk.reverse(TENANT, document("a"), actor=house.actor)


def test_a_reversed_document_can_be_posted_anew(house: House) -> None:
    """Reverse, correct, post: the usual way out of a mistake."""
    house.books("a")
    house.desk.reverse(TENANT, document("a"), actor=house.actor)
    again = house.desk.post(
        TENANT,
        document("a"),
        actor=house.actor,
        corrections=Corrections(net_amount="50", total_amount="69"),
    )
    assert again.ordinal == 1
    assert house.kinds("a") == ["post", "reversal", "post"]
    house.desk.reverse(TENANT, document("a"), actor=house.actor)
    assert {b.amount for b in house.journal.trial_balance(TENANT)} == {0}


@pytest.mark.parametrize("act", ["void", "post"])
def test_what_is_posted_is_not_held(house: House, act: str) -> None:
    """A command for another state says which state it is in."""
    house.books("a")
    with pytest.raises(UserError, match="is posted"):
        getattr(house.desk, act)(TENANT, document("a"), actor=house.actor)


def test_an_unknown_document_is_a_mistake(house: House) -> None:
    """One line, no traceback."""
    with pytest.raises(UserError, match="no entry"):
        house.desk.void(TENANT, document("nowhere"), actor=house.actor)


@pytest.mark.parametrize("actor", ["alice", "alice@example.com", "", "A" * 40])
def test_a_name_is_no_actor(house: House, summary: MakeSummary, actor: str) -> None:
    """A log that keeps everything must not keep people's names."""
    with pytest.raises(UserError, match="opaque"):
        house.desk.void(TENANT, held(house, summary), actor=actor)


def test_an_actor_id_is_the_tenants_own(memory_house: House) -> None:
    """Nobody can follow a person from one tenant's books to another's."""
    one, other = (actor_id(memory_house.keyring, tenant, "alice") for tenant in (TENANT, "other"))
    assert one != other
    assert len(one) == 40


def test_two_bookkeepers_cannot_both_decide(
    house: House, summary: MakeSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one's command finds the first one's entry, even in the same instant."""
    document_id = held(house, summary)

    def too_late(_booking: object) -> None:
        raise AlreadySettledError

    monkeypatch.setattr(house.journal, "append", too_late)
    with pytest.raises(UserError, match="look again"):
        house.desk.void(TENANT, document_id, actor=house.actor)


def test_an_erased_hold_can_only_be_voided(house: House, summary: MakeSummary) -> None:
    """Without the document nobody can say what to post."""
    document_id = held(house, summary)
    house.keyring.destroy_document_key(document_id)
    with pytest.raises(UserError, match="only be voided"):
        house.desk.post(TENANT, document_id, actor=house.actor)
    house.desk.void(TENANT, document_id, actor=house.actor)
    assert house.kinds("a") == ["hold", "void"]


def test_a_key_that_dies_meanwhile_is_a_mistake_too(
    house: House, summary: MakeSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Erased between reading the summary and committing to it."""
    document_id = held(house, summary)
    monkeypatch.setattr(house.summaries, "open", lambda _name: summary())
    house.keyring.destroy_document_key(document_id)
    with pytest.raises(UserError, match="only be voided"):
        house.desk.post(TENANT, document_id, actor=house.actor)


def test_voiding_frees_the_invoice_for_another_file(house: House, summary: MakeSummary) -> None:
    """The first scan was bad and is voided: the second one posts by itself."""
    house.desk.void(TENANT, held(house, summary), actor=house.actor)
    house.books("b")
    assert house.kinds("b") == ["post"]


def test_an_erasure_is_marked_and_the_proof_stays(house: House) -> None:
    """Provable, yet erasable: the log grows by a mark, nothing in it changes."""
    house.books("a")
    house.sequencer.step()
    before = list(house.log.leaves(TENANT))
    house.keyring.destroy_document_key(document("a"))
    for _ in range(2):
        record_erasure(TENANT, document("a"), journal=house.journal, keyring=house.keyring)
    house.sequencer.step()
    after = list(house.log.leaves(TENANT))
    assert after[:1] == before
    assert house.kinds("a") == ["post", "erasure"]
    assert "commitment" not in read_leaf(after[1])
    assert check_books(house.journal, house.log) == []
    house.books("b")  # the fingerprint died with the document
    assert house.kinds("b") == ["post"]


def test_erasing_what_the_books_never_heard_of_is_nothing(house: House) -> None:
    """Erased before it was summarized."""
    found = record_erasure(TENANT, document("a"), journal=house.journal, keyring=house.keyring)
    assert found is None
