"""What every journal refuses by itself, whatever program appends."""

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.ledger.adapters.admission import UnbalancedError
from services.ledger.drafting import Paper, paper_of
from services.ledger.entries import Approval, Booking, Entry, Posting, Trail
from services.ledger.fx import Rate, conversion
from services.ledger.periods import Close, Period, PeriodClosedError, StaleCloseError, Total
from services.ledger.ports import AlreadySettledError, ConflictError
from services.ledger.proposals import Action, Ask, Corrections, Ended, How, Proposal, approved
from shared.events.ids import keyed_id
from shared.events.payloads import DocumentType, EntryKind
from shared.events.results import Summary
from shared.telemetry.reasons import HeldReason
from tests.services.ledger.conftest import TENANT, TRACE, House, document
from tests.services.ledger.papers import NOW, a_proposal, person

MakeSummary = Callable[..., Summary]

ALICE, BOB = person("alice"), person("bob")
DAY = dt.date(2026, 1, 31)
DOLLARS = Rate("USD", "EUR", "0.9215", "ECB", DAY)
JANUARY = Period(2026, 1)


@pytest.fixture
def books(house: House) -> House:
    """A ledger with a sealed post of January, in March."""
    house.clock.sleep((dt.datetime(2026, 3, 5, tzinfo=dt.UTC) - house.clock.now()).total_seconds())
    house.books("a")
    house.sequencer.step()
    return house


def close(house: House) -> None:
    """Close January."""
    house.periods.close(TENANT, JANUARY, actor=house.actor)
    house.sequencer.step()


def held(house: House, summary: MakeSummary) -> None:
    """Let a document be held."""
    house.books("a", summary(doubts=(HeldReason.LOW_CONFIDENCE,)))


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


def a_post(house: House, date: dt.date, name: str = "z") -> Booking:
    """Return a post by the rules, dated as somebody likes."""
    paper = Paper(
        tenant=TENANT,
        tenant_key=b"k" * 32,
        document_id=document(name),
        revision=0,
        document_type=None,
        commitment="c",
    )
    lines = (Posting("5000", "EUR", 1), Posting("2000", "EUR", -1))
    del house
    entry = paper.entry(EntryKind.POST, date=date, postings=lines)
    return Booking((entry,), Trail(keyed_id(b"test", "job"), TRACE))


def test_the_journal_itself_refuses_what_is_dated_in_a_closed_period(books: House) -> None:
    """Whoever drew an entry up before the close comes too late, to the last day, not beyond."""
    close(books)
    for date in (dt.date(2026, 1, 31), dt.date(2025, 6, 1)):
        with pytest.raises(PeriodClosedError):
            books.journal.append(a_post(books, date))
    books.journal.append(a_post(books, dt.date(2026, 2, 1)))
    assert books.journal.closed_until("other") is None


def forged(entry: Entry, **changed: object) -> Booking:
    """Return a close that says something else than the period holds."""
    said = replace(Close.read(entry.particulars), **changed)  # type: ignore[arg-type] # the test's own
    paper = Paper(
        tenant=TENANT,
        tenant_key=b"k" * 32,
        document_id=keyed_id(b"test", "period"),
        revision=0,
        document_type=None,
        commitment="",
    )
    false = paper.entry(
        EntryKind.PERIOD_CLOSE,
        date=said.period.last,
        actor=entry.actor,
        particulars=said.particulars(),
    )
    return Booking((false,), Trail(keyed_id(b"test", "job"), TRACE))


FALSE: list[dict[str, object]] = [
    {"entries": 7},
    {"digest": "0" * 64},
    {"totals": (Total("5000", "EUR", 1, 1, 0),)},
    {"previous": "0" * 40},
    {"period": Period(2026, 3)},
    {"since": dt.date(2026, 1, 1)},
    {"first": 3},
]


def test_the_journal_takes_no_close_that_is_not_true(books: House) -> None:
    """It adds up itself, in the transaction that seals; also when somebody posts in between."""
    close(books)
    [(booked, _)] = books.periods.closed(TENANT)
    # As the close of February would be: no entries, the balances carried on.
    true = {
        "period": Period(2026, 2),
        "since": dt.date(2026, 2, 1),
        "entries": 0,
        "first": None,
        "last": None,
        "digest": hashlib.sha256().hexdigest(),
        "previous": booked.entry.entry_id,
        "totals": tuple(
            replace(one, debit=0, credit=0) for one in Close.read(booked.entry.particulars).totals
        ),
    }
    for changed in FALSE:
        with pytest.raises(StaleCloseError):
            books.journal.append(forged(booked.entry, **true | changed))
    books.journal.append(forged(booked.entry, **true))


def test_the_journal_leaves_no_conversion_without_its_post(
    house: House, summary: MakeSummary
) -> None:
    """Drawn up by two programs at once: who comes second is told to look again."""
    house.books("a", summary(currency="USD"))
    [post] = house.journal.history(TENANT, document("a"))
    trail = Trail(keyed_id(b"test", "job"), TRACE)
    paper = paper_of(post.entry, b"k" * 32)
    alone = paper.entry(
        EntryKind.REVERSAL,
        date=DAY,
        postings=tuple(replace(one, amount=-one.amount) for one in post.entry.postings),
        settles=post.entry.entry_id,
        actor=ALICE,
    )
    late = paper.entry(
        EntryKind.FX,
        ordinal=7,
        date=DAY,
        postings=conversion(post.entry, DOLLARS, house.chart.foreign),
        links=post.entry.entry_id,
        actor=ALICE,
    )
    house.desk.convert(TENANT, document("a"), actor=ALICE, rate=DOLLARS)
    with pytest.raises(AlreadySettledError):
        house.journal.append(Booking((alone,), trail))
    house.desk.reverse(TENANT, document("a"), actor=ALICE)
    with pytest.raises(AlreadySettledError):
        house.journal.append(Booking((late,), trail))
