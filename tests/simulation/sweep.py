"""Many seeds, over several processes."""

import gc
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.simulation.mutations import planted
from tests.simulation.run import Verdict, run

CHUNK = 50
"""Seeds that a process takes at once."""


@dataclass(frozen=True, slots=True)
class Share:
    """Seeds for one process.

    Attributes:
        first: of them.
        count: how many, one after the other.
        mutation: what is broken meanwhile; None is the pipeline as it is.
        until_found: whether the first violation is enough.
    """

    first: int
    count: int
    mutation: str | None = None
    until_found: bool = False


def run_share(share: Share) -> list[Verdict]:
    """Return what the seeds of a share came to, where anything is wrong."""
    found = []
    with planted(share.mutation), _rare_collections():
        for seed in range(share.first, share.first + share.count):
            verdict = run(seed)
            if verdict.violations:
                found.append(verdict)
                if share.until_found:
                    break
    return found


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let a world be thrown away whole: looking for garbage in it meanwhile costs a tenth."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def sweep(first: int, count: int, *, jobs: int, mutation: str | None = None) -> Iterator[Verdict]:
    """Yield every seed that violates something, in no order.

    Args:
        first: seed.
        count: of seeds.
        jobs: processes side by side.
        mutation: what is broken meanwhile.
    """
    shares = [
        Share(start, min(CHUNK, first + count - start), mutation)
        for start in range(first, first + count, CHUNK)
    ]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for found in pool.imap_unordered(run_share, shares):
            yield from found


def find(mutation: str, *, first: int = 0, most: int) -> Verdict | None:
    """Return the first seed that finds a mutation, or None within ``most`` seeds."""
    found = run_share(Share(first, most, mutation, until_found=True))
    return found[0] if found else None
