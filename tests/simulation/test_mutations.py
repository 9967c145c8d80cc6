"""Break the pipeline on purpose: the simulation must find it, and the seed must find it again."""

import sys

import pytest

from tests.simulation.mutations import MUTATIONS, planted
from tests.simulation.run import run
from tests.simulation.sweep import find

SEEDS = {
    "starts_not_counted": 300,
    "leases_ignored": 300,
    "checkpoint_may_shrink": 2_000,
    "quarantine_without_a_record": 1_000,
    # The checkpoint's intent guards what this one guards: only few schedules get past it.
    "sequencer_not_fenced": 2_000,
}
"""Within how many seeds a mutation is found, where it hides better than others."""

HINTS = {
    "sequencer_not_fenced": 840,
    "checkpoint_may_shrink": 1_180,
    "leases_ignored": 170,
    "starts_not_counted": 60,
}
"""Where to begin, so that the test is quick; the soak begins at 0."""

ORDINARY = 100


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_planted_fault_is_found_and_found_again(mutation: str) -> None:
    """A guard whose removal nobody notices guards nothing, or nobody looks."""
    first = HINTS.get(mutation, 0)
    found = find(mutation, first=first, most=SEEDS.get(mutation, ORDINARY) - first)
    assert found is not None, "nobody noticed"
    sys.stdout.write(f"{mutation}: seed {found.seed}: {found.violations[0]}\n")
    with planted(mutation):
        assert run(found.seed) == found
    assert run(found.seed).violations == (), "this seed finds something without the mutation, too"


@pytest.mark.soak
@pytest.mark.parametrize("mutation", sorted(HINTS))
def test_what_hides_well_is_found_from_the_first_seed_on(mutation: str) -> None:
    """The hints save time; they are not why it is found."""
    assert find(mutation, most=SEEDS[mutation]) is not None
