"""Balances by day and by size: two different questions, each answered exactly."""

import datetime as dt

import pytest

from services.ledger.entries import ALL, View
from services.ledger.ports import Balance
from tests.services.ledger.conftest import TENANT, House, a_summary, document

FIRST, SECOND = dt.date(2026, 1, 10), dt.date(2026, 2, 10)


@pytest.fixture
def books(house: House) -> House:
    """A January invoice, sealed after a February one; then its reversal, and one not sealed."""
    for name, date in (("feb", SECOND), ("jan", FIRST)):
        house.books(name, a_summary(invoice_date=date.isoformat(), invoice_id=name))
        house.sequencer.step()
        house.clock.sleep(3600)
    house.desk.reverse(TENANT, document("feb"), actor=house.actor)
    house.sequencer.step()
    house.books("new", a_summary(invoice_date=FIRST.isoformat(), invoice_id="new"))
    return house


def purchases(house: House, view: View = ALL) -> int:
    """Return what the purchases stand at."""
    found = {one.account: one.amount for one in house.journal.trial_balance(TENANT, view)}
    return found.get("5000", 0)


def test_a_day_is_the_accounting_date(books: House) -> None:
    """The last day counts, whenever the entry was booked."""
    assert purchases(books) == 20000
    assert purchases(books, View(until=dt.date(2026, 1, 9))) == 0
    assert purchases(books, View(until=FIRST)) == 20000
    assert purchases(books, View(since=dt.date(2026, 1, 11))) == 0
    assert books.journal.trial_balance(TENANT, View(since=SECOND)) == [
        Balance(account, "EUR", 0) for account in ("1400", "2000", "5000")
    ]


def test_a_size_is_what_the_log_knew(books: House) -> None:
    """By the order of sealing, whatever the dates say; what is not sealed is not known."""
    assert [purchases(books, View(size=size)) for size in range(5)] == [
        *(0, 10000, 20000, 10000, 10000),
    ]


def test_day_and_size_go_together(books: House) -> None:
    """What did we know then of what had happened until then?"""
    assert purchases(books, View(until=FIRST, size=1)) == 0
    assert purchases(books, View(until=FIRST, size=2)) == 10000


def test_a_moment_is_the_size_of_its_checkpoint(books: House) -> None:
    """The last one at or before it; none before the first."""
    now = books.clock.now()
    hours = (dt.timedelta(hours=3), dt.timedelta(hours=2), dt.timedelta(hours=1), dt.timedelta())
    found = [books.journal.size_at(TENANT, now - before) for before in hours]
    assert found == [0, 1, 2, 3]
    assert books.journal.size_at("other", now) == 0


def test_a_view_shows_what_the_balance_adds_up(books: House) -> None:
    """The journal that is printed under a filter makes the balance under that filter."""
    for view in (ALL, View(until=FIRST), View(size=2), View(since=SECOND, size=3)):
        seen = [one for one in books.journal.all_entries(TENANT) if view.shows(one)]
        sums: dict[str, int] = {}
        for line in (line for one in seen for line in one.entry.postings):
            sums[line.account] = sums.get(line.account, 0) + line.amount
        told = {one.account: one.amount for one in books.journal.trial_balance(TENANT, view)}
        assert sums == told


def test_dated_entries_come_in_the_order_of_the_log(books: House) -> None:
    """Those without a place come last, and another tenant's never."""
    found = list(books.journal.dated(TENANT, None, SECOND))
    assert [one.index for one in found] == [0, 1, 2, None]
    assert [one.index for one in books.journal.dated(TENANT, SECOND, SECOND)] == [0, 2]
    assert list(books.journal.dated("other", None, SECOND)) == []
