"""Above a limit it takes two: no entry without both, whatever one of them tries."""

from collections.abc import Callable

import pytest

from services.ledger.adapters.memory import MemoryJournal
from services.ledger.audit import check_books
from services.ledger.leaf import read_leaf
from services.ledger.ports import Journal
from services.ledger.proposals import (
    Action,
    Ask,
    Corrections,
    Ended,
    How,
    SecondPersonError,
    above_limit,
)
from shared.errors import UserError
from shared.events.payloads import EntryKind
from shared.events.results import Summary
from shared.telemetry.reasons import HeldReason
from tests.services.ledger.conftest import TENANT, House, document
from tests.services.ledger.papers import person

MakeSummary = Callable[..., Summary]


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest) -> Journal:
    """Two journals are enough for what stands before them; all of them keep ``journal_guards``."""
    if request.param == "memory":
        return MemoryJournal()
    found: Journal = request.getfixturevalue("sql_journal")
    return found


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


def test_the_limit_is_on_each_entry_and_currency(summary: MakeSummary, memory_house: House) -> None:
    """An entry in two currencies is above when one of them is."""
    memory_house.books("a", summary())
    [booked] = memory_house.journal.history(TENANT, document("a"))
    assert above_limit([booked.entry], {"EUR": 11900}) is None
    assert above_limit([booked.entry], {"EUR": 11899}) == "119.00 EUR"
    assert above_limit([booked.entry], {}) == "119.00 EUR"
