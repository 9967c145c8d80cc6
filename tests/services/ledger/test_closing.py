"""Closing a period: it is sealed once, in order, and nothing is dated in it afterwards."""

import datetime as dt
from collections.abc import Callable
from typing import cast

import pytest

from services.ledger.adapters.memory import MemoryJournal
from services.ledger.audit import check_books
from services.ledger.entries import Booked, standing_entry
from services.ledger.handler import handle
from services.ledger.leaf import read_leaf
from services.ledger.periods import Close, Period, Total
from services.ledger.ports import Journal
from shared.errors import TransientError, UserError
from shared.events.results import Summary
from shared.telemetry.reasons import HeldReason
from tests.services.ledger.conftest import TENANT, House, a_summary, document

MakeSummary = Callable[..., Summary]


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest) -> Journal:
    """Two journals are enough for what stands before them; all of them keep ``journal_guards``."""
    if request.param == "memory":
        return MemoryJournal()
    found: Journal = request.getfixturevalue("sql_journal")
    return found


JANUARY = Period(2026, 1)


@pytest.fixture
def books(house: House) -> House:
    """A ledger with a sealed post of January, in March."""
    house.clock.sleep((dt.datetime(2026, 3, 5, tzinfo=dt.UTC) - house.clock.now()).total_seconds())
    house.books("a")
    house.sequencer.step()
    return house


def close(house: House, period: Period = JANUARY, **how: bool) -> Close:
    """Close a period, seal that, and return what it says."""
    entry = house.periods.close(TENANT, period, actor=house.actor, **how)
    house.sequencer.step()
    return Close.read(entry.particulars)


def test_a_close_seals_the_periods_figures(books: House) -> None:
    """What a filing would submit: turnover and balance of each account, and which entries."""
    books.books("f", replace_date("2026-02-10", "F"))
    books.sequencer.step()
    said = close(books)
    assert said.totals == (
        Total("1400", "EUR", 1900, 0, 1900),
        Total("2000", "EUR", 0, 11900, -11900),
        Total("5000", "EUR", 10000, 0, 10000),
    )
    assert (said.entries, said.first, said.last, said.previous) == (1, 0, 0, None)
    [(booked, again)] = books.periods.closed(TENANT)
    assert again == said
    assert booked.index == 2
    leaf = read_leaf(booked.entry.leaf)
    assert (leaf["kind"], leaf["date"], leaf["actor"]) == (
        *("period_close", "2026-01-31"),
        books.actor,
    )
    assert check_books(books.journal, books.log) == []


def replace_date(date: str, number: str) -> Summary:
    """Return an invoice of another day."""
    return a_summary(invoice_date=date, invoice_id=number)


def test_closes_are_a_chain_that_carries_balances_on(books: House) -> None:
    """A period that was left out, or closed twice differently, would show."""
    books.books("f", replace_date("2026-02-10", "F"))
    books.sequencer.step()
    first = close(books)
    second = close(books, Period(2026, 2))
    assert second.previous == books.periods.closed(TENANT)[0][0].entry.entry_id
    assert second.since == dt.date(2026, 2, 1)
    assert (first.entries, second.entries) == (1, 1)
    assert second.totals[0] == Total("1400", "EUR", 1900, 0, 3800)


def test_a_month_without_entries_closes_too(books: House) -> None:
    """A chain has no holes: nothing happened is a statement as well."""
    close(books)
    empty = close(books, Period(2026, 2))
    assert (empty.entries, empty.first, empty.last) == (0, None, None)
    assert {one.debit for one in empty.totals} == {0}


@pytest.mark.parametrize(
    ("period", "told"),
    [
        (JANUARY, "2026-01 is closed: corrections go into 2026-02"),
        (Period(2025, 12), "2025-12 is closed"),
        (Period(2026, 3), "2026-03 is not over"),
        (Period(2026, 4), "2026-04 is not over"),
    ],
)
def test_what_cannot_be_closed_is_refused(books: House, period: Period, told: str) -> None:
    """Twice, backwards, or before the clock says that the month is over."""
    close(books)
    with pytest.raises(UserError, match=told):
        close(books, period)


def test_periods_close_one_by_one(books: House) -> None:
    """February left out would be open for ever between two closed months."""
    close(books)
    books.clock.sleep(60 * 86400)
    with pytest.raises(UserError, match="2026-02 comes first"):
        close(books, Period(2026, 3))


def test_an_empty_ledger_has_nothing_to_close(house: House) -> None:
    """A slip in the year must not lock every day up to it."""
    with pytest.raises(UserError, match="nothing is dated up to"):
        close(house, Period(2000, 1))


def test_open_holds_keep_a_period_open_unless_somebody_says_so(
    books: House, summary: MakeSummary
) -> None:
    """What is still undecided may belong into the month; the close says how many there were."""
    books.books("h", summary(doubts=(HeldReason.LOW_CONFIDENCE,), invoice_id="H"))
    books.sequencer.step()
    with pytest.raises(UserError, match="1 documents are held"):
        close(books)
    assert close(books, with_open_holds=True).open_holds == 1


def test_what_is_not_sealed_keeps_a_period_open(books: House) -> None:
    """An entry without a place in the log cannot be counted by its place."""
    books.books("b", replace_date("2026-01-15", "B"))
    with pytest.raises(UserError, match="not all sealed"):
        close(books)
    books.sequencer.step()
    assert close(books).entries == 2


def test_a_late_document_is_held_and_posted_into_the_open_period(
    books: House, summary: MakeSummary
) -> None:
    """Nobody moves a figure to another month silently, and nobody changes a closed one."""
    close(books)
    books.books("late", summary(invoice_id="L"))
    history = books.journal.history(TENANT, document("late"))
    assert history[-1].entry.reason is HeldReason.PERIOD_CLOSED
    entry = books.desk.post(TENANT, document("late"), actor=books.actor)
    leaf = read_leaf(entry.leaf)
    assert (leaf["date"], leaf["document_date"]) == ("2026-02-01", "2026-01-31")
    books.sequencer.step()
    assert close(books, Period(2026, 2)).entries == 1
    assert check_books(books.journal, books.log) == []


def test_a_reversal_of_a_closed_period_counts_in_the_open_one(books: House) -> None:
    """Corrections go forward."""
    close(books)
    entry = books.desk.reverse(TENANT, document("a"), actor=books.actor)
    assert entry.date == dt.date(2026, 2, 1)
    books.sequencer.step()
    second = close(books, Period(2026, 2))
    assert {one.balance for one in second.totals} == {0}


def test_a_new_revision_reverses_into_the_open_period(books: House, summary: MakeSummary) -> None:
    """The rules obey the lock like people do; the new figures wait for a person."""
    close(books)
    books.books("a", summary(total_amount="120.00", net_amount="101.00"), revision=1)
    assert books.kinds("a") == ["post", "reversal", "hold"]
    standing = standing_entry(books.journal.history(TENANT, document("a")))
    assert standing is not None
    assert standing.entry.reason is HeldReason.PERIOD_CLOSED


class Late:
    """A journal as somebody saw it before the close."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)

    def closed_until(self, _tenant: str) -> None:
        return None


def test_a_document_that_meets_a_close_is_tried_again(books: House, summary: MakeSummary) -> None:
    """Drawn up before, appended after: the bus brings it back, and then it is held."""
    event = books.arrives("late", summary(invoice_id="L"))
    close(books)
    with pytest.raises(TransientError):
        handle(
            event,
            summaries=books.summaries,
            keyring=books.keyring,
            journal=cast("Journal", Late(books.journal)),
            chart=books.chart,
        )
    books.handle(event)
    assert books.kinds("late") == ["hold"]


def test_leaves_of_closes_are_made_again_from_their_rows(books: House) -> None:
    """The audit compares every row with its leaf; a close's figures are no exception."""
    close(books)
    rows: list[Booked] = books.journal.closes(TENANT)
    assert [read_leaf(one.entry.leaf)["period"] for one in rows]
    assert check_books(books.journal, books.log) == []


def test_a_period_is_a_month() -> None:
    """And nothing else."""
    assert str(Period.parse("2026-12").following) == "2027-01"
    assert Period.parse("2024-02").last == dt.date(2024, 2, 29)
    for text in ("2026-13", "2026-1", "26-01", "0000-01", "2026-01 ", "২০২৬-01"):
        with pytest.raises(ValueError, match="a period is a month"):
            Period.parse(text)
