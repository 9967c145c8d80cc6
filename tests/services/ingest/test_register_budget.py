"""What every register promises about budgets: never more than the limit, never the same twice."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from services.ingest.budget import Budgets, BudgetUse, Limits, Period
from services.ingest.register import TableRegister
from services.ingest.register_memory import MemoryTables
from services.ingest.register_schema import REGISTER
from services.ingest.register_sql import SqlRegister
from services.ingest.registered import SubmissionStatus
from shared.database.database import Database
from shared.database.migrations import migrate
from shared.database.sqlite import open_sqlite
from shared.errors import PermanentError
from shared.events.envelope import Event
from shared.events.payloads import DocumentErased
from shared.telemetry.reasons import QuarantineReason, RefusedReason
from tests.services.ingest.lifecycle import (
    DEADLINES,
    DOC,
    OTHER,
    SECOND,
    START,
    THIRD,
    event,
    posted,
    quarantined,
    received,
    upload,
)

DAY = 24 * 60  # minutes
DAILY = Budgets(everybody=Limits(pages_a_day=10))
MONTHLY = Budgets(everybody=Limits(pages_a_day=10, pages_a_month=12))

Opened = Callable[[Budgets], TableRegister]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Open one empty register of each kind in turn, as often as wanted, with other budgets."""
    if request.param == "memory":
        memory = MemoryTables()
        yield lambda budgets: TableRegister(memory, DEADLINES, budgets)
        return
    with database_of(request, tmp_path) as database:
        yield lambda budgets: SqlRegister(database, DEADLINES, budgets)


@contextmanager
def database_of(request: pytest.FixtureRequest, folder: Path) -> Iterator[Database]:
    """Give the empty database that a test's parameter names."""
    if request.param == "postgres":
        register: SqlRegister = request.getfixturevalue("postgres_register")
        yield register.database
        return
    database = open_sqlite(folder / "register.sqlite", REGISTER)
    yield database
    database.close()


def used(register: TableRegister, minutes: float = 0, tenant: str = "acme") -> int:
    """Return what the register says is used of a day."""
    at = upload(minutes=minutes).time
    return next(one.pages for one in register.budget(at, tenant) if one.period is Period.DAY)


def refused(register: TableRegister, arrived: Event, document_id: str, pages: int) -> None:
    """Let the register refuse a document for its pages."""
    with pytest.raises(PermanentError) as caught:
        register.accept(arrived, document_id=document_id, pages=pages)
    assert caught.value.reason is QuarantineReason.BUDGET_EXCEEDED
    assert caught.value.document_id == document_id


def test_acceptance_reserves_the_pages(opened: Opened) -> None:
    """Before any paid call, and to be looked at."""
    register = opened(MONTHLY)
    register.accept(upload(), document_id=DOC, pages=3)
    assert register.budget(START, "acme") == [
        BudgetUse(Period.DAY, 3, 10),
        BudgetUse(Period.MONTH, 3, 12),
    ]
    assert opened(Budgets()).budget(START, "acme") == []


def test_above_the_limit_nothing_is_lost(opened: Opened) -> None:
    """It is a document, counted, and its way ends in quarantine; what fits still goes on."""
    register = opened(DAILY)
    register.accept(upload(), document_id=DOC, pages=8)
    refused(register, upload(SECOND), OTHER, 3)
    counts = register.counts(START)
    assert (counts.submissions, counts.made, counts.documents, counts.in_flight) == (2, 2, 2, 2)
    told = quarantined(OTHER, QuarantineReason.BUDGET_EXCEEDED).model_copy(
        update={"stage": "ingest"}
    )
    register.apply([event(told, job=SECOND)])
    counts = register.counts(START)
    assert counts.balanced
    assert (counts.documents, counts.quarantined, counts.in_flight) == (2, 1, 1)
    register.accept(upload(THIRD), document_id="d2" * 20, pages=2)
    assert used(register) == 10


def test_pages_are_reserved_once(opened: Opened) -> None:
    """Redelivered, handed in again, replayed on another day, told by an event: the same pages."""
    register = opened(DAILY)
    for _ in range(3):
        register.accept(upload(), document_id=DOC, pages=6)
    assert register.accept(upload(SECOND), document_id=DOC, pages=6).status is (
        SubmissionStatus.DUPLICATE
    )
    register.duplicate(upload(THIRD), document_id=DOC)
    register.apply([event(received()), event(received(), replay=1, minutes=DAY)])
    register.accept(upload(replay=1, minutes=DAY), document_id=DOC, pages=6)
    assert (used(register), used(register, DAY)) == (6, 0)


def test_a_replay_finds_room_on_the_next_day(opened: Opened) -> None:
    """A day's budget ends with the day; what waits in quarantine is another's."""
    register = opened(DAILY)
    register.accept(upload(), document_id=DOC, pages=10)
    refused(register, upload(SECOND), OTHER, 1)
    refused(register, upload(SECOND), OTHER, 1)  # redelivered: as before
    refused(register, upload(SECOND, replay=1, minutes=DAY - 1), OTHER, 1)
    register.accept(upload(SECOND, replay=2, minutes=DAY), document_id=OTHER, pages=1)
    assert (used(register), used(register, DAY)) == (10, 1)


def test_a_replay_finds_room_under_a_higher_limit(opened: Opened) -> None:
    """Whoever pays may say so."""
    refused(opened(DAILY), upload(), DOC, 11)
    register = opened(Budgets(everybody=Limits(pages_a_day=11)))
    register.accept(upload(replay=1), document_id=DOC, pages=11)
    assert used(register) == 11


def test_a_limit_that_is_set_later_counts_what_was_before(opened: Opened) -> None:
    """Else a day on which somebody looks at the bill costs twice."""
    opened(Budgets()).accept(upload(), document_id=DOC, pages=10)
    refused(opened(DAILY), upload(SECOND), OTHER, 1)


def test_a_month_is_over_when_its_pages_are(opened: Opened) -> None:
    """Each limit holds, whatever the other one leaves."""
    register = opened(MONTHLY)
    register.accept(upload(), document_id=DOC, pages=10)
    refused(register, upload(SECOND, minutes=DAY), OTHER, 3)
    register.accept(upload(SECOND, minutes=31 * DAY), document_id=OTHER, pages=3)


def test_tenants_pay_for_themselves(opened: Opened) -> None:
    """Nobody's documents wait because of another's."""
    register = opened(Budgets(tenants={"acme": Limits(pages_a_day=1)}))
    register.accept(upload(), document_id=DOC, pages=1)
    others = event(upload(SECOND).data, job=SECOND, tenant="globex")
    register.accept(others, document_id=OTHER, pages=500)
    assert used(register) == 1
    assert register.budget(START, "globex") == []


def test_another_revision_is_paid_for_again(opened: Opened) -> None:
    """It is read anew: once, however many jobs ask for it."""
    register = opened(DAILY)
    register.accept(upload(), document_id=DOC, pages=4)
    for job in (SECOND, SECOND, THIRD):
        register.reserve(upload(job), document_id=DOC, revision=1, pages=4)
    register.apply([event(received(revision=1), job=SECOND)])
    assert used(register) == 8
    with pytest.raises(PermanentError) as caught:
        register.reserve(upload(THIRD), document_id=DOC, revision=2, pages=4)
    assert caught.value.reason is QuarantineReason.BUDGET_EXCEEDED
    assert used(register) == 8


def test_what_was_spent_stays_spent(opened: Opened) -> None:
    """The work is paid for, whatever becomes of the document."""
    register = opened(DAILY)
    register.accept(upload(), document_id=DOC, pages=9)
    register.apply([event(DocumentErased(document_id=DOC))])
    register.refuse(upload(), RefusedReason.ERASED, document_id=DOC)
    assert used(register) == 9


def test_what_nobody_reads_costs_nothing(opened: Opened) -> None:
    """A cover, and a file that nobody could look into, end in ingest."""
    register = opened(Budgets(everybody=Limits(pages_a_day=0)))
    register.expand(upload(), document_id=DOC)
    register.accept(upload(SECOND), document_id=OTHER, pages=0)
    refused(register, upload(SECOND, replay=1), OTHER, 1)  # now somebody could
    assert used(register) == 0


def happened() -> list[Event]:
    """Return what a bus remembers of two documents, one of them read twice."""
    return [
        event(received()),
        event(received(OTHER), job=SECOND, minutes=1),
        event(received(revision=1), job=THIRD, minutes=DAY),
        event(posted(revision=1), job=THIRD, minutes=DAY + 1),
    ]


def test_lost_rows_come_back_with_what_they_cost(opened: Opened) -> None:
    """A register that was rebuilt from the events knows what was spent, even above the limit."""
    register = opened(Budgets(everybody=Limits(pages_a_day=1)))
    register.apply(happened()[:1])
    register.apply(happened())
    assert (used(register), used(register, DAY)) == (4, 2)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_lost_rows_come_back_in_any_order(order: tuple[int, ...]) -> None:
    """Neither order nor repetition adds or takes a page."""
    register = TableRegister(MemoryTables(), DEADLINES, DAILY)
    for number in (*order, *order):
        register.apply([happened()[number]])
    assert (used(register), used(register, DAY)) == (4, 2)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 2), st.integers(1, 5)),
        max_size=25,
    )
)
def test_no_story_spends_more_than_its_limit(story: list[tuple[int, int, int, int]]) -> None:
    """Documents, revisions, days and sizes as they come: within the limit, and each once."""
    register = TableRegister(MemoryTables(), DEADLINES, DAILY)
    pages: dict[int, int] = {}
    paid: dict[tuple[int, int], tuple[int, int]] = {}
    for number, revision, day, size in story:
        count = pages.setdefault(number, size)
        name, arrived = f"{number:040x}", upload(f"{number:040x}", minutes=day * DAY)
        before = sum(cost for when, cost in paid.values() if when == day)
        fits = (number, revision) in paid or before + count <= 10
        try:
            if revision == 0:
                register.accept(arrived, document_id=name, pages=count)
            else:
                register.reserve(arrived, document_id=name, revision=revision, pages=count)
        except PermanentError:
            assert not fits
            continue
        assert fits
        paid.setdefault((number, revision), (day, count))
    for day in range(3):
        spent = sum(cost for when, cost in paid.values() if when == day)
        assert used(register, day * DAY) == spent <= 10
    assert register.counts(START).balanced


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give an empty database of each kind in turn."""
    with database_of(request, tmp_path) as opened:
        yield opened


@pytest.fixture
def workers(database: Database) -> list[SqlRegister]:
    """Give one register to four workers."""
    return [SqlRegister(database, DEADLINES, DAILY) for _ in range(4)]


def at_once(workers: list[SqlRegister], sizes: list[int]) -> list[int]:
    """Hand in documents all at once; return the sizes of those that were too many."""

    def hand_in(number: int) -> int:
        name = f"{number:040x}"
        register = workers[number % len(workers)]
        try:
            register.accept(upload(name), document_id=name, pages=sizes[number])
        except PermanentError:
            return sizes[number]
        return 0

    with ThreadPoolExecutor(8) as pool:
        return [size for size in pool.map(hand_in, range(len(sizes))) if size]


def sums_agree(register: SqlRegister) -> bool:
    """Tell whether the sums by day are those of the rows."""
    added = "SELECT tenant, day, sum(pages) FROM reservations GROUP BY tenant, day"
    kept = "SELECT tenant, day, pages FROM spent"
    with register.database.reading() as connection:
        rows, sums = ({tuple(row) for row in connection.execute(text(q))} for q in (added, kept))
    return rows == sums


def test_of_fifty_at_once_ten_fit_a_limit_of_ten(workers: list[SqlRegister]) -> None:
    """The attack on a limit is to come all at once: every worker sees room, and there is one."""
    assert len(at_once(workers, [1] * 50)) == 40
    assert used(workers[0]) == 10
    counts = workers[0].counts(START)
    assert counts.balanced
    assert (counts.submissions, counts.documents) == (50, 50)
    assert sums_agree(workers[0])


@pytest.mark.parametrize("sizes", [[1, 2, 3, 4, 5] * 5, [7, 7, 7, 2, 1, 4], [11] * 5, [4, 3] * 8])
def test_at_once_no_page_is_too_many_and_none_too_few(
    workers: list[SqlRegister], sizes: list[int]
) -> None:
    """Whatever comes first: within the limit, and who was refused would not have fitted."""
    too_many = at_once(workers, sizes)
    assert used(workers[0]) == sum(sizes) - sum(too_many) <= 10
    assert all(used(workers[0]) + size > 10 for size in too_many)
    assert sums_agree(workers[0])


def test_what_was_handed_in_before_counts_after_a_migration(database: Database) -> None:
    """An upgrade in the middle of a month begins with what that month has cost."""
    register = SqlRegister(database, DEADLINES, DAILY)
    register.accept(upload(), document_id=DOC, pages=2)
    register.accept(upload(SECOND), document_id=OTHER, pages=0)
    register.apply([event(received(), minutes=1), event(received(revision=1), minutes=DAY)])
    refused(register, upload(THIRD), "d2" * 20, 9)  # lies in ingest: nothing was paid for it
    migrate(database, to="0005")
    migrate(database)
    assert (used(register), used(register, DAY)) == (2, 2)
    assert sums_agree(register)
    register.apply([event(received(), minutes=1)])
    assert used(register) == 2
