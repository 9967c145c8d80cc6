"""How much a tenant may hand in: what the file may say, and on which days it counts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.budget import Budgets, BudgetUse, Limits, Period, day_of
from services.ingest.register_opened import open_register
from services.ingest.settings import RegisterSettings
from shared.errors import UserError

MOMENTS = st.datetimes(
    min_value=datetime(1970, 2, 1),  # noqa: DTZ001 - made aware by the strategy
    max_value=datetime(9000, 1, 1),  # noqa: DTZ001 - same
    timezones=st.sampled_from([UTC]),
)

FILE = """
everybody:
  pages_a_day: 5000
tenants:
  acme: {pages_a_day: 2000, pages_a_month: 30000}
  globex: {}
"""


def written(folder: Path, said: str) -> str:
    """Return where a file says something."""
    path = folder / "budgets.yaml"
    path.write_text(said, encoding="utf-8")
    return str(path)


def test_a_tenant_has_its_own_limits_or_everybodys(tmp_path: Path) -> None:
    """The example in the docstring means what it says."""
    budgets = Budgets.read(written(tmp_path, FILE))
    assert budgets.of("acme") == Limits(pages_a_day=2000, pages_a_month=30000)
    assert budgets.of("globex") == Limits()
    assert budgets.of("another") == Limits(pages_a_day=5000)


def test_where_no_file_is_at_hand_it_is_said_in_braces() -> None:
    """On Cloud Run a variable is what an installation sets."""
    budgets = Budgets.read("{everybody: {pages_a_day: 5}, tenants: {globex: {}}}")
    assert budgets.of("acme") == Limits(pages_a_day=5)
    assert budgets.of("globex") == Limits()
    with pytest.raises(UserError, match=r"the budgets, everybody\.pages_an_hour: "):
        Budgets.read("{everybody: {pages_an_hour: 5}}")


@pytest.mark.parametrize("said", [None, "", "tenants: {}"])
def test_without_a_word_there_is_no_limit(tmp_path: Path, said: str | None) -> None:
    """Nobody's documents stop because of a file that was never written."""
    budgets = Budgets.read(None if said is None else written(tmp_path, said))
    assert budgets.of("acme").leave(10**9, datetime(2026, 1, 1, tzinfo=UTC), lambda _days: 10**9)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("tenants: {acme: {pages_a_week: 3}}", "tenants.acme.pages_a_week"),
        ("tenants: {acme: {pages_a_day: -1}}", "tenants.acme.pages_a_day"),
        ("tenants: {acme: {pages_a_day: yes}}", "tenants.acme.pages_a_day"),
        ("tenants: {acme: {pages_a_day: 1.5}}", "tenants.acme.pages_a_day"),
        ("tenants: {ACME/..: {}}", "tenants"),
        ("everyone: {pages_a_day: 1}", "everyone"),
        ("[", "cannot be read"),
    ],
)
def test_what_no_budget_says_is_told_in_one_line(tmp_path: Path, said: str, told: str) -> None:
    """A limit that is misspelt would be no limit, and nobody would know until the bill."""
    path = written(tmp_path, said)
    with pytest.raises(UserError, match=told) as caught:
        open_register(
            tmp_path / "register.sqlite",
            lambda _stage: timedelta(hours=1),
            settings=RegisterSettings(budgets=path),
        )
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A worker that starts without its limits would spend without them."""
    with pytest.raises(UserError, match="cannot be read"):
        Budgets.read(str(tmp_path / "none.yaml"))


@given(MOMENTS)
def test_every_moment_is_in_its_periods(at: datetime) -> None:
    """What is in no period would cost nothing; what is in two would cost twice."""
    first, last = Period.DAY.days(at)
    assert first == last == day_of(at)
    first, last = Period.MONTH.days(at)
    assert first <= day_of(at) <= last
    begins, ends = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in (first, last))
    assert (begins.day, begins.month) == (1, at.month)
    assert (ends + timedelta(days=1)).day == 1
    assert ends.month == at.month


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_what_is_left_is_left_to_the_last_page(limit: int, spent: int, pages: int) -> None:
    """A limit is what may be reached, not what must stay out of reach."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    limits = Limits(pages_a_month=limit)
    assert limits.leave(pages, at, lambda _days: spent) == (spent + pages <= limit)
    assert list(limits.uses(at, lambda _days: spent)) == [BudgetUse(Period.MONTH, spent, limit)]
