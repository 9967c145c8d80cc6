"""Foreign currencies: converted in an entry of their own, exactly, and reversed with the post."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.adapters.memory import MemoryJournal
from services.ledger.audit import check_books
from services.ledger.chart import load_chart
from services.ledger.drafting import conversions
from services.ledger.entries import (
    Entry,
    Posting,
    Standing,
    standing_entry,
    standing_of,
    unbalanced,
)
from services.ledger.fx import Rate, conversion, rate_for, read_rates
from services.ledger.leaf import read_leaf
from services.ledger.money import scale_of
from services.ledger.periods import Period
from services.ledger.ports import Journal
from services.ledger.restore import entry_in
from shared.errors import UserError
from shared.events.payloads import EntryKind
from shared.events.results import Summary
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


ALICE = person("alice")
DAY = dt.date(2026, 1, 31)
DOLLARS = Rate("USD", "EUR", "0.9215", "ECB", DAY)


@pytest.fixture
def dollars(house: House, summary: MakeSummary) -> House:
    """A ledger in EUR with a post of 119.00 USD."""
    house.books("a", summary(currency="USD"))
    return house


def balances(house: House) -> dict[tuple[str, str], int]:
    """Return what every account stands at, by currency; accounts at zero are left out."""
    found = house.journal.trial_balance(TENANT)
    return {(one.account, one.currency): one.amount for one in found if one.amount}


def convert(house: House, rate: Rate = DOLLARS) -> Entry:
    """Convert the post of the fixture."""
    return house.desk.convert(TENANT, document("a"), actor=ALICE, rate=rate)


def test_a_post_stays_in_its_currency(dollars: House) -> None:
    """No rate was given, so none is made up."""
    assert balances(dollars) == {
        ("5000", "USD"): 10000,
        ("1400", "USD"): 1900,
        ("2000", "USD"): -11900,
    }


def test_a_conversion_moves_every_line_into_the_books_currency(dollars: House) -> None:
    """Each currency sums to zero; rate, source and day stand in the leaf, and which post it is."""
    [post] = dollars.journal.history(TENANT, document("a"))
    entry = convert(dollars)
    # 17.5085 rounds up to 17.51, 109.6585 to 109.66: the cent over goes to the rounding account.
    assert balances(dollars) == {
        ("5000", "EUR"): 9215,
        ("1400", "EUR"): 1751,
        ("2000", "EUR"): -10966,
    }
    leaf = read_leaf(entry.leaf)
    assert leaf["links"] == post.entry.entry_id
    assert leaf["fx"] == {
        "from": "USD",
        "into": "EUR",
        "rate": "0.9215",
        "source": "ECB",
        "date": "2026-01-31",
    }
    assert entry.date == post.entry.date
    assert dollars.kinds("a") == ["post", "fx"]
    dollars.sequencer.step()
    assert check_books(dollars.journal, dollars.log) == []


def test_what_rounding_leaves_over_is_posted_by_itself(house: House, summary: MakeSummary) -> None:
    """Half a cent on each side is a cent that belongs to neither."""
    figures = {"net_amount": "0.01", "total_tax_amount": "0.01", "total_amount": "0.02"}
    house.books("a", summary(currency="USD", **figures))
    convert(house, replace(DOLLARS, rate="0.5"))
    assert balances(house) == {
        ("5000", "EUR"): 1,
        ("1400", "EUR"): 1,
        ("2000", "EUR"): -1,
        ("5900", "EUR"): -1,
    }


def test_a_later_rate_revalues_what_is_owed_and_nothing_else(dollars: House) -> None:
    """The purchase stays what it cost; the debt grows, and the loss stands by itself."""
    convert(dollars)
    entry = convert(dollars, replace(DOLLARS, rate="1.0000", date=dt.date(2026, 2, 28)))
    assert entry.date == dt.date(2026, 2, 28)
    assert entry.postings == (Posting("2000", "EUR", -934), Posting("5950", "EUR", 934))
    assert balances(dollars)["2000", "EUR"] == -11900
    with pytest.raises(UserError, match="nothing changes"):
        convert(dollars, replace(DOLLARS, rate="1", date=dt.date(2026, 3, 31)))
    with pytest.raises(UserError, match="a later day"):
        convert(dollars, replace(DOLLARS, rate="2", date=dt.date(2026, 2, 28)))
    back = convert(dollars, replace(DOLLARS, rate="0.9", date=dt.date(2026, 3, 31)))
    assert back.postings == (Posting("2000", "EUR", 1190), Posting("5950", "EUR", -1190))


def test_a_conversion_says_nothing_of_where_the_document_stands(dollars: House) -> None:
    """It is posted, before and after; and its invoice is still known."""
    convert(dollars)
    standing = standing_entry(dollars.journal.history(TENANT, document("a")))
    assert standing is not None
    assert standing_of(standing) is Standing.POSTED
    dollars.books("again", dollars.summaries.stored[next(iter(dollars.summaries.stored))])
    assert dollars.kinds("again") == ["hold"]  # the same invoice in another file


def test_a_reversal_takes_the_conversions_back_too(dollars: House) -> None:
    """In one transaction: half of it would be a debt that nobody has."""
    convert(dollars)
    convert(dollars, replace(DOLLARS, rate="1", date=dt.date(2026, 2, 28)))
    entry = dollars.desk.reverse(TENANT, document("a"), actor=ALICE)
    assert dollars.kinds("a") == ["post", "fx", "fx", "reversal", "reversal", "reversal"]
    assert balances(dollars) == {}
    assert entry.links is None
    dollars.sequencer.step()
    assert check_books(dollars.journal, dollars.log) == []
    again = dollars.desk.post(TENANT, document("a"), actor=ALICE)
    assert again.settles == entry.entry_id
    assert conversions(dollars.journal.history(TENANT, document("a")), again.entry_id) == []


def test_a_new_revision_takes_the_conversions_back_too(
    dollars: House, summary: MakeSummary
) -> None:
    """The rules reverse like people do."""
    convert(dollars)
    dollars.books("a", summary(total_amount="120.00", net_amount="101.00"), revision=1)
    assert dollars.kinds("a") == ["post", "fx", "reversal", "reversal", "post"]
    assert {currency for _, currency in balances(dollars)} == {"EUR"}


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (Rate("GBP", "EUR", "1.15", "ECB", DAY), "not posted in GBP"),
        (Rate("USD", "GBP", "0.8", "ECB", DAY), "the books are in EUR"),
        (replace(DOLLARS, rate="999999999999.999999"), "more than books can count"),
    ],
)
def test_a_rate_that_does_not_fit_is_refused(dollars: House, rate: Rate, told: str) -> None:
    """Nothing is booked at it."""
    with pytest.raises(UserError, match=told):
        convert(dollars, rate)
    assert dollars.kinds("a") == ["post"]


def test_a_post_of_a_closed_period_is_converted_in_the_open_one(dollars: House) -> None:
    """The closed month's figures stay as they were sealed; the day of the post stays known."""
    dollars.clock.sleep(
        (dt.datetime(2026, 3, 5, tzinfo=dt.UTC) - dollars.clock.now()).total_seconds()
    )
    dollars.sequencer.step()
    dollars.periods.close(TENANT, Period(2026, 1), actor=ALICE)
    leaf = read_leaf(convert(dollars).leaf)
    assert (leaf["date"], leaf["document_date"]) == ("2026-02-01", "2026-01-31")


def test_a_lost_row_is_made_again_from_its_leaf(dollars: House) -> None:
    """Links, approver and rate are in the leaf, so a restored row has them."""
    entry = convert(dollars)
    assert entry_in(entry.leaf, tenant=TENANT, document_id=document("a")) == entry


@given(
    st.integers(-(10**8), 10**8),
    st.decimals("0.000001", "9999", places=6).map(str),
    st.sampled_from(["USD", "JPY", "BHD"]),
    st.sampled_from(["EUR", "ISK", "KWD"]),
)
def test_rounding_is_to_the_nearest_unit_and_the_same_on_both_sides(
    amount: int, rate: str, currency: str, into: str
) -> None:
    """A credit converts like a debit, so reversals leave nothing; never off by more than a half."""
    one = Rate(currency, into, rate, "test", DAY)
    found = one.convert(amount)
    scale = Fraction(10) ** ((scale_of(into) or 0) - (scale_of(currency) or 0))
    exact = Fraction(rate) * amount * scale
    assert abs(found - exact) <= Fraction(1, 2)
    assert one.convert(-amount) == -found


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=6),
    st.decimals("0.0001", "999", places=4).map(str),
)
def test_conversions_sum_to_zero_in_both_currencies(amounts: list[int], rate: str) -> None:
    """Whatever is rounded."""
    lines = [Posting("5000", "USD", one) for one in amounts]
    lines.append(Posting("2000", "USD", -sum(amounts)))
    post = Entry(
        *("e" * 40, TENANT, document("a"), 0, EntryKind.POST, 0, "c", None, DAY, None),
        *(tuple(lines), None, None, b""),
    )
    postings = conversion(post, replace(DOLLARS, rate=rate), load_chart().foreign)
    assert unbalanced(postings) == {}
    assert sum(one.amount for one in postings if one.account == "5000" and one.currency == "USD")


@pytest.mark.parametrize(
    "changed",
    [
        *({"rate": text} for text in ("0", "0.0", "-1", "1e3", "1,5", "", "٣", "1" * 13)),
        *({"source": text} for text in ("", " ECB", "=cmd()", "E\x1b[31m", "a" * 41, "Müller")),
        *({"currency": text} for text in ("EUR", "XAU", "usd", "dollars")),
    ],
    ids=str,
)
def test_what_is_no_rate_is_refused(changed: dict[str, str]) -> None:
    """A rate goes into the log and into exports: figures, codes and a plain source."""
    with pytest.raises(UserError):
        replace(DOLLARS, **changed)  # type: ignore[arg-type] # strings, all of them


RATES = """date,from,to,rate,source
2026-01-28,USD,EUR,0.9100,ECB
2026-01-30,USD,EUR,0.9215,ECB
2026-02-02,USD,EUR,0.9300,ECB
2026-01-30,JPY,EUR,0.0061,ECB
"""


def test_a_file_of_rates_gives_the_day_or_the_newest_before() -> None:
    """The 31st was a Saturday: Friday's counts. After a week it is no rate any more."""
    rates = read_rates(RATES)
    assert rate_for(rates, "USD", "EUR", DAY).rate == "0.9215"
    assert rate_for(rates, "USD", "EUR", dt.date(2026, 2, 2)).rate == "0.9300"
    for currency, day in (
        ("GBP", DAY),
        ("USD", dt.date(2026, 1, 27)),
        ("JPY", dt.date(2026, 2, 7)),
    ):
        with pytest.raises(UserError, match="no rate from"):
            rate_for(rates, currency, "EUR", day)
    with pytest.raises(UserError, match="two rates"):
        rate_for([*rates, replace(rates[1], rate="0.9")], "USD", "EUR", DAY)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from,to,rate\nUSD,EUR,1\n", "starts with the line date,from,to,rate,source"),
        ("", "starts with the line"),
        ("date,from,to,rate,source\n2026-01-30,USD,EUR,abc,ECB\n", "line 2 of the file of rates"),
        ("date,from,to,rate,source\n30.1.2026,USD,EUR,1.0,ECB\n", "line 2"),
        ("date,from,to,rate,source\n2026-01-30,USD\n", "line 2"),
        ('date,from,to,rate,source\n"2026-01-30\n', "line "),
    ],
)
def test_a_file_that_is_none_of_rates_names_the_line(text: str, told: str) -> None:
    """A bookkeeper's slip is found before anything is booked."""
    with pytest.raises(UserError, match=told):
        read_rates(text)


def test_conversions_need_a_post(house: House, summary: MakeSummary) -> None:
    """A memo, a hold, a reversal: nothing to convert."""
    house.books("a", summary(currency="USD"))
    house.desk.reverse(TENANT, document("a"), actor=ALICE)
    with pytest.raises(UserError, match="the document is reversed"):
        convert(house)
    assert house.kinds("a") == ["post", "reversal"]
