"""Each invariant notices what it is there for: an ending with one thing wrong."""

from dataclasses import replace

import pytest

from tests.simulation import invariants
from tests.simulation.ending import Ending, look_at
from tests.simulation.run import Simulation
from tests.simulation.watched import Acknowledged, Escaped, Overlap, Published, Stored

SEED = 4
"""A calm seed: documents post, one is erased."""


def an_ending(seed: int) -> Ending:
    """Return how a seed ends."""
    simulation = Simulation(seed)
    assert simulation.run().violations == ()
    return look_at(simulation.world, simulation.workload, simulation.done, quiet=True)


@pytest.fixture(scope="module")
def ending() -> Ending:
    """Return an ending with a posted document in it."""
    return next(
        one for one in map(an_ending, range(SEED, 50)) if one.counts.posted and one.books
    )
