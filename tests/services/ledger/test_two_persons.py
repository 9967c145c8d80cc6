"""Above a limit it takes two: no entry without both, whatever one of them tries."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.ledger.adapters.admission import UnbalancedError
from services.ledger.audit import check_books
from services.ledger.drafting import paper_of
from services.ledger.entries import Approval, Booking, Entry, Trail
from services.ledger.fx import Rate
from services.ledger.leaf import read_leaf
from services.ledger.ports import AlreadySettledError, ConflictError
from services.ledger.proposals import (
    Action,
    Ask,
    Corrections,
    Ended,
    How,
    Proposal,
    SecondPersonError,
    above_limit,
    approved,
)
from shared.errors import UserError
from shared.events.ids import keyed_id
from shared.events.payloads import DocumentType, EntryKind
from shared.events.results import Summary
from shared.telemetry.reasons import HeldReason
from tests.services.ledger.conftest import TENANT, TRACE, House, document
from tests.services.ledger.papers import NOW, a_proposal, person

MakeSummary = Callable[..., Summary]

ALICE, BOB = person("alice"), person("bob")

LARGE = {"net_amount": "10000.00", "total_tax_amount": "0.01", "total_amount": "10000.01"}


def held(house: House, summary: MakeSummary, **changed: str) -> Ask:
    """Let a document above the limit be held; return what Alice wants to be done with it."""
    house.books("a", summary(doubts=(HeldReason.LOW_CONFIDENCE,), **{**LARGE, **changed}))
    return Ask(Action.POST, document("a"))


def test_one_person_posts_up_to_the_limit(house: House, summary: MakeSummary) -> None:
    """Ten thousand exactly is still one person's."""
    ask = held(house, summary, total_tax_amount="0.00", total_amount="10000.00")
    assert house.desk.post(TENANT, ask.document_id, actor=ALICE).approver is None


def test_above_the_limit_nothing_is_booked_by_one(house: House, summary: MakeSummary) -> None:
    """A cent more takes a second person, and says so."""
    ask = held(house, summary)
    with pytest.raises(SecondPersonError, match=r"10000\.01 EUR is more than one person"):
        house.desk.post(TENANT, ask.document_id, actor=ALICE)
    assert house.kinds("a") == ["hold"]


def test_two_persons_post_and_both_stand_in_the_log(house: House, summary: MakeSummary) -> None:
    """Who proposed is the actor, who approved the approver."""
    ask = held(house, summary)
    proposal = house.desk.propose(TENANT, ask, actor=ALICE)
    assert house.kinds("a") == ["hold"]
    entry = house.desk.approve(TENANT, proposal.proposal_id, actor=BOB)
    leaf = read_leaf(entry.leaf)
    assert (leaf["actor"], leaf["approver"]) == (ALICE, BOB)
    [kept] = house.desk.proposals(TENANT)
    assert kept.ended == Ended(How.APPROVED, BOB, house.clock.now(), entry.entry_id)
    house.sequencer.step()
    assert check_books(house.journal, house.log) == []


def test_the_same_person_twice_is_one_person(house: House, summary: MakeSummary) -> None:
    """Whatever they call themselves between."""
    proposal = house.desk.propose(TENANT, held(house, summary), actor=ALICE)
    with pytest.raises(UserError, match="takes a second person"):
        house.desk.approve(TENANT, proposal.proposal_id, actor=ALICE)
    assert house.kinds("a") == ["hold"]


def test_amounts_count_after_correction(house: House, summary: MakeSummary) -> None:
    """A large amount read as a small one, and corrected by hand, is a large amount."""
    house.books("a", summary(doubts=(HeldReason.LOW_CONFIDENCE,)))
    corrections = Corrections(
        net_amount="10000.00", total_tax_amount="0.01", total_amount="10000.01"
    )
    with pytest.raises(SecondPersonError):
        house.desk.post(TENANT, document("a"), actor=ALICE, corrections=corrections)
    ask = Ask(Action.POST, document("a"), corrections)
    proposal = house.desk.propose(TENANT, ask, actor=ALICE)
    assert house.desk.approve(TENANT, proposal.proposal_id, actor=BOB).postings[0].amount == 1000000


def test_a_reversal_above_the_limit_takes_two(house: House, summary: MakeSummary) -> None:
    """Posted by the rules, taken back by two."""
    house.books("a", summary(**LARGE))
    with pytest.raises(SecondPersonError):
        house.desk.reverse(TENANT, document("a"), actor=ALICE)
    proposal = house.desk.propose(TENANT, Ask(Action.REVERSE, document("a")), actor=ALICE)
    house.desk.approve(TENANT, proposal.proposal_id, actor=BOB)
    assert house.kinds("a") == ["post", "reversal"]


def test_voiding_takes_one(house: House, summary: MakeSummary) -> None:
    """It posts nothing."""
    ask = held(house, summary)
    assert house.desk.void(TENANT, ask.document_id, actor=ALICE).kind is EntryKind.VOID


def test_a_currency_without_a_limit_always_takes_two(house: House, summary: MakeSummary) -> None:
    """Nobody said how much is little in rupiah."""
    house.books(
        "a",
        summary(
            doubts=(HeldReason.LOW_CONFIDENCE,),
            currency="IDR",
            net_amount="1",
            total_tax_amount="0",
            total_amount="1",
        ),
    )
    with pytest.raises(SecondPersonError, match="IDR"):
        house.desk.post(TENANT, document("a"), actor=ALICE)


def test_a_proposal_is_rejected_by_another_and_withdrawn_by_its_own(
    house: House, summary: MakeSummary
) -> None:
    """It ends once, and the document can be proposed again."""
    ask = held(house, summary)
    for actor, how in ((BOB, How.REJECTED), (ALICE, How.WITHDRAWN)):
        proposal = house.desk.propose(TENANT, ask, actor=ALICE)
        ended = house.desk.reject(TENANT, proposal.proposal_id, actor=actor)
        assert ended.status(house.clock.now()) == how
        with pytest.raises(UserError, match=f"the proposal is {how}"):
            house.desk.approve(TENANT, proposal.proposal_id, actor=BOB)
        house.clock.sleep(1)
    assert house.kinds("a") == ["hold"]


def test_a_proposal_expires(house: House, summary: MakeSummary) -> None:
    """What nobody looked at for two weeks is looked at anew."""
    ask = held(house, summary)
    proposal = house.desk.propose(TENANT, ask, actor=ALICE)
    house.clock.sleep(14 * 86400)
    with pytest.raises(UserError, match="the proposal is expired"):
        house.desk.approve(TENANT, proposal.proposal_id, actor=BOB)
    again = house.desk.propose(TENANT, ask, actor=ALICE)
    house.desk.approve(TENANT, again.proposal_id, actor=BOB)


def test_one_document_has_one_open_proposal(house: House, summary: MakeSummary) -> None:
    """Two would make it a race which of them counts."""
    ask = held(house, summary)
    house.desk.propose(TENANT, ask, actor=ALICE)
    with pytest.raises(UserError, match="proposed for that document already"):
        house.desk.propose(TENANT, ask, actor=BOB)


def test_what_changed_since_cannot_be_approved(house: House, summary: MakeSummary) -> None:
    """The second person approves what the first one saw, nothing else."""
    ask = held(house, summary)
    proposal = house.desk.propose(TENANT, ask, actor=ALICE)
    name = next(iter(house.summaries.stored))
    kept = house.summaries.stored[name]
    house.summaries.stored[name] = summary(
        doubts=(HeldReason.LOW_CONFIDENCE,),
        **{**LARGE, "net_amount": "90000.00", "total_amount": "90000.01"},
    )
    with pytest.raises(UserError, match="changed since"):
        house.desk.approve(TENANT, proposal.proposal_id, actor=BOB)
    house.summaries.stored[name] = kept
    house.desk.void(TENANT, ask.document_id, actor=BOB)
    with pytest.raises(UserError, match="the document is voided"):
        house.desk.approve(TENANT, proposal.proposal_id, actor=BOB)


def test_a_second_approval_finds_the_first(
    house: House, summary: MakeSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two approvers in the same instant make one entry."""
    proposal = house.desk.propose(TENANT, held(house, summary), actor=ALICE)
    monkeypatch.setattr(house.desk, "proposals", lambda _tenant: [proposal])
    house.desk.approve(TENANT, proposal.proposal_id, actor=BOB)
    with pytest.raises(UserError):
        house.desk.approve(TENANT, proposal.proposal_id, actor=person("carol"))
    with pytest.raises(UserError, match="look again"):
        house.desk.reject(TENANT, proposal.proposal_id, actor=BOB)
    assert house.kinds("a") == ["hold", "post"]


@pytest.mark.parametrize("actor", ["bob", "", "B" * 40])
def test_a_second_person_is_an_opaque_id_too(
    house: House, summary: MakeSummary, actor: str
) -> None:
    """No name gets into the log through this door either."""
    proposal = house.desk.propose(TENANT, held(house, summary), actor=ALICE)
    with pytest.raises(UserError, match="opaque"):
        house.desk.approve(TENANT, proposal.proposal_id, actor=actor)
    with pytest.raises(UserError, match="opaque"):
        house.desk.propose(TENANT, Ask(Action.POST, document("a")), actor=actor)


def test_a_proposal_of_another_tenant_is_none(house: House, summary: MakeSummary) -> None:
    """Nobody decides in books that are not theirs, nor learns that there is something."""
    proposal = house.desk.propose(TENANT, held(house, summary), actor=ALICE)
    with pytest.raises(UserError, match="no such proposal"):
        house.desk.approve("other", proposal.proposal_id, actor=BOB)


# The journal's part, on each journal


def test_a_proposal_is_kept_as_it_was_made(house: House) -> None:
    """Across restarts; its order is that of time."""
    rate = Rate("USD", "EUR", "0.92", "ECB", dt.date(2026, 1, 30))
    corrections = Corrections(
        DocumentType.RECEIPT, dt.date(2026, 1, 2), "EUR", "1.00", "0.19", "1.19"
    )
    ask = Ask(Action.FX, document("a"), corrections, rate)
    second = a_proposal("b", proposed_at=NOW + dt.timedelta(seconds=1))
    first = a_proposal(ask=ask)
    for one in (second, first):
        house.journal.propose(one)
    assert house.journal.proposals(TENANT) == [first, second]
    assert house.journal.proposals("other") == []
    with pytest.raises(ConflictError):
        house.journal.propose(replace(first, proposer=BOB))


def test_a_proposal_ends_once(house: House) -> None:
    """And one that is none, never."""
    made = a_proposal()
    house.journal.propose(made)
    ended = Ended(How.REJECTED, BOB, NOW)
    house.journal.end_proposal(made.proposal_id, ended)
    assert house.journal.proposals(TENANT) == [replace(made, ended=ended)]
    for proposal_id in (made.proposal_id, keyed_id(b"test", "none")):
        with pytest.raises(AlreadySettledError):
            house.journal.end_proposal(proposal_id, ended)


def a_booking(house: House, proposal: Proposal, *, approver: str | None) -> Booking:
    """Return what would carry a proposal out."""
    [before] = house.journal.history(TENANT, document("a"))
    entry: Entry = paper_of(before.entry, b"k" * 32).entry(
        EntryKind.VOID, settles=before.entry.entry_id, actor=ALICE, approver=approver
    )
    trail = Trail(keyed_id(b"test", "job"), TRACE)
    return Booking((entry,), trail, approval=Approval(proposal.proposal_id, NOW))


def test_entry_and_approval_are_one_transaction(house: House, summary: MakeSummary) -> None:
    """Of two who carry a proposal out, one does; of a failure, nothing stays."""
    held(house, summary)
    made = a_proposal()
    house.journal.propose(made)
    booking = a_booking(house, made, approver=BOB)
    unbalanced = replace(
        booking, entries=(replace(booking.subject, kind=EntryKind.POST, entry_id="0" * 40),)
    )
    with pytest.raises(UnbalancedError):
        house.journal.append(unbalanced)
    assert house.journal.proposals(TENANT) == [made]
    house.journal.append(booking)
    [kept] = house.journal.proposals(TENANT)
    assert kept.ended == approved(booking)
    other = replace(booking, entries=(replace(booking.subject, entry_id="1" * 40),))
    with pytest.raises(AlreadySettledError):
        house.journal.append(other)


def test_no_journal_takes_an_approval_by_nobody_or_by_the_actor(
    house: House, summary: MakeSummary
) -> None:
    """Whatever program appends: the rule is the journal's own."""
    held(house, summary)
    made = a_proposal()
    house.journal.propose(made)
    for approver in (None, ALICE):
        with pytest.raises(ValueError, match="second person"):
            house.journal.append(a_booking(house, made, approver=approver))
    lone = replace(a_booking(house, made, approver=BOB), approval=None)
    with pytest.raises(ValueError, match="second person"):
        house.journal.append(lone)
    assert house.kinds("a") == ["hold"]


def test_the_limit_is_on_each_entry_and_currency(summary: MakeSummary, memory_house: House) -> None:
    """An entry in two currencies is above when one of them is."""
    memory_house.books("a", summary())
    [booked] = memory_house.journal.history(TENANT, document("a"))
    assert above_limit([booked.entry], {"EUR": 11900}) is None
    assert above_limit([booked.entry], {"EUR": 11899}) == "119.00 EUR"
    assert above_limit([booked.entry], {}) == "119.00 EUR"
