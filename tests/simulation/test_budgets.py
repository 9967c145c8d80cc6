"""Limits of tenants under repetition, reordering and crashes between any two effects."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from unittest.mock import patch

import pytest

from services.ingest.budget import Budgets, Limits, ReservationKey, day_of
from services.ingest.register import TableRegister
from services.ingest.register_memory import MemoryTables
from shared.events.envelope import Event
from shared.events.payloads import DocumentReceived
from shared.telemetry.reasons import QuarantineReason
from tests.simulation import run as runs
from tests.simulation.watched import WatchedBus
from tests.simulation.world import World

LIMIT = 5
BUDGETS = Budgets(everybody=Limits(pages_a_day=LIMIT))
SEEDS = range(40)


class Spending:
    """What one seed's world reserved, and what it gave to a reader."""

    def __init__(self, world: World) -> None:
        self.tables = MemoryTables()
        self.world = world
        self.read: set[ReservationKey] = set()
        world.register = TableRegister(self.tables, world.topology.deadline, BUDGETS)

    def published(self, events: Sequence[Event]) -> None:
        """Remember what a reader will be paid for."""
        self.read |= {
            (event.tenant, event.data.document_id, event.data.revision)
            for event in events
            if isinstance(event.data, DocumentReceived)
        }

    def most_a_day(self, tenant: str) -> int:
        """Return how many pages were reserved on the day that had the most."""
        last = day_of(self.world.clock.now())
        return max(self.tables.fetch_spent(tenant, (day, day)) for day in range(last - 9, last + 1))


def watching(worlds: list[Spending]) -> tuple[AbstractContextManager[object], ...]:
    """Give each world that is made a register with limits, and listen to its bus."""

    class Limited(World):
        def __init__(self, seed: int) -> None:
            super().__init__(seed)
            worlds.append(Spending(self))

    said = WatchedBus.publish

    def publish(self: WatchedBus, events: Sequence[Event]) -> None:
        worlds[-1].published(events)
        said(self, events)

    return patch.object(runs, "World", Limited), patch.object(WatchedBus, "publish", publish)


@pytest.fixture(scope="module")
def stories() -> list[tuple[Spending, runs.Verdict]]:
    """Run some seeds under a limit that is too small for them."""
    worlds: list[Spending] = []
    limited, listening = watching(worlds)
    with limited, listening:
        verdicts = [runs.run(seed) for seed in SEEDS]
    return list(zip(worlds, verdicts, strict=True))


def test_nothing_is_read_that_was_not_reserved(
    stories: list[tuple[Spending, runs.Verdict]],
) -> None:
    """Whatever crashes in between: first the pages are taken out of the budget, then they cost."""
    assert sum(len(spending.read) for spending, _ in stories) > len(SEEDS)
    for spending, _ in stories:
        assert set(spending.tables.fetch_reserved(spending.read)) == spending.read


def test_no_day_has_more_than_its_limit(stories: list[tuple[Spending, runs.Verdict]]) -> None:
    """A redelivery, a replay and a second worker ask again; they are not given more."""
    most = [
        spending.most_a_day(document.tenant)
        for spending, _ in stories
        for document in spending.world.register.documents()
    ]
    assert 0 < max(most) <= LIMIT


def test_what_is_above_ends_in_quarantine_and_nothing_else_is_wrong(
    stories: list[tuple[Spending, runs.Verdict]],
) -> None:
    """The only fault that the simulation finds is that papers were not posted."""
    exceeded = f"({QuarantineReason.BUDGET_EXCEEDED.value})"
    told = [one for _, verdict in stories for one in verdict.violations]
    assert told
    assert [one for one in told if not one.endswith(exceeded)] == []
    for spending, _ in stories:
        counts = spending.world.register.counts(spending.world.clock.now())
        assert counts.balanced
        assert counts.in_flight == 0
