"""Kills deployables in the middle of their work, each so many times."""

import contextlib
import queue
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Final, Self

import psutil

from shared.worker.leases import MOST_STARTS
from tests.e2e.cluster import Cluster
from tests.e2e.commands import alive

LONGEST_S: Final = 0.03
"""From a push to the kill, at most: what is in hand takes about as long."""

STALE_S: Final = 0.2
"""What was told of longer ago is done; the next push comes soon."""

LOOK_S: Final = 0.5
"""Between two looks at which processes there are."""

MOST_DEATHS: Final = MOST_STARTS - 1
"""In whose hands a document may die of us, and still end as in peace."""

WAYS: Final = ("all", "worker", "arbiter", "all", "all")
"""Which processes die: all of a deployable's at once, its worker alone, the arbiter above it."""

_AT_LEAST: Final = 2  # gunicorn's arbiter, and its worker


class Reaper:
    """A thread that kills whoever has work in hand.

    Nobody can tell a document that kills workers from one that was in hand each time that somebody
    else killed them: three such deaths, and it is in quarantine (``shared.worker.leases``). So that
    every document ends here as it does in peace, none is in hand at more than two kills of one
    worker.

    Args:
        cluster: whose deployables.
        kills: by deployable, how many.
        in_hand: by deployable, the documents that it works on.
        seed: of the moments.
    """

    def __init__(
        self,
        cluster: Cluster,
        kills: Mapping[str, int],
        *,
        in_hand: Callable[[str], set[str]],
        seed: str,
    ) -> None:
        self._cluster = cluster
        self._wanted = Counter(kills)
        self._in_hand = in_hand
        self._random = random.Random(seed)
        self._told: queue.SimpleQueue[tuple[str, float] | None] = queue.SimpleQueue()
        self._processes: dict[str, list[psutil.Process]] = {}
        self._looked = float("-inf")
        self._deaths: Counter[tuple[str, str]] = Counter()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.killed: Counter[str] = Counter()
        """By deployable."""
        self.ways: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._told.put(None)
        self._thread.join()

    @property
    def done(self) -> bool:
        """Whether every deployable was killed as often as it should be."""
        return self.killed >= self._wanted

    def told(self, deployable: str) -> None:
        """Hear that a delivery is about to reach a deployable; never waits."""
        self._told.put((deployable, time.monotonic()))

    def _run(self) -> None:
        while (told := self._told.get()) is not None:
            deployable, at = told
            if deployable == "ledger" and self._random.random() < 1 / 2:
                deployable = "sequencer"  # nothing is pushed to it: it has work when the ledger has
            if self.killed[deployable] >= self._wanted[deployable]:
                continue
            time.sleep(self._random.uniform(0, LONGEST_S))
            if time.monotonic() - at < STALE_S:
                with contextlib.suppress(psutil.NoSuchProcess):
                    self._kill(deployable)

    def _kill(self, deployable: str) -> None:
        way = WAYS[self.killed[deployable] % len(WAYS)]
        chosen = self._chosen(deployable, way)
        for one in chosen:
            with contextlib.suppress(psutil.NoSuchProcess):  # or the others would stay suspended
                one.suspend()  # what is in its hands now is in its hands when it dies
        in_hand = self._in_hand("ledger" if deployable == "sequencer" else deployable)
        deaths = Counter({(deployable, subject): 1 for subject in in_hand if subject})
        enough = any(self._deaths[one] >= MOST_DEATHS for one in deaths)
        if not chosen or not in_hand or enough:
            for one in chosen:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.resume()
            return
        for one in chosen:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        if deployable != "sequencer":  # it has no leases
            self._deaths += deaths
        self.killed[deployable] += 1
        self.ways[way] += 1

    def _chosen(self, deployable: str, way: str) -> list[psutil.Process]:
        """Return the processes to kill; none where it is down, or not up again yet."""
        found = self._processes.get(deployable, [])
        if len(found) < _AT_LEAST or not all(map(alive, found)):
            self._look()  # that takes long: what there is to kill now is known the next time
            return []
        arbiters = [one for one in found if one.ppid() == self._cluster.started.pid]
        workers = [one for one in found if one.ppid() in {arbiter.pid for arbiter in arbiters}]
        if not workers:
            self._look()
            return []
        return {"all": found, "worker": workers, "arbiter": arbiters}[way]

    def _look(self) -> None:
        """Learn which processes there are, now and then."""
        if time.monotonic() - self._looked < LOOK_S:
            return
        self._processes = defaultdict(list)
        for one in psutil.Process(self._cluster.started.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                self._processes[one.environ().get("FUNCTION_TARGET", "")].append(one)
        self._looked = time.monotonic()
