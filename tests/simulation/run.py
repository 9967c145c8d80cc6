"""One seed, from its first submission to the verdict."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

from deploy.local.keeper import SWEEP_EVERY_S
from tests.simulation.chaos import Crashed
from tests.simulation.ending import Ending, look_at
from tests.simulation.invariants import violations
from tests.simulation.people import Done, Errand, People
from tests.simulation.processes import keeper, worker
from tests.simulation.watched import Escaped
from tests.simulation.workload import Workload, workload_of
from tests.simulation.world import World

STORMY_TURNS: Final = 120
"""Turns while things go wrong."""

CALM_ROUNDS: Final = 2_000
"""Rounds of turns, and leaps in time, within which everything must come to rest."""

MOST_ESCAPES: Final = 20
"""Processes that end by an error; after so many there is nothing left to wait for."""

DEEPEST: Final = 3
"""Processes that stand still while another works."""

TICK_S: Final = 0.05


@dataclass(slots=True)
class Process:
    """One process: killed, it comes back with nothing in its memory."""

    name: str
    build: Callable[[str], Callable[[], bool]]
    life: int = 0
    busy: bool = False
    step: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a seed came to.

    Attributes:
        seed: which.
        violations: one line each; none is what we want.
        trace: the schedule, where it was asked for.
    """

    seed: int
    violations: tuple[str, ...]
    trace: tuple[str, ...] = field(default=(), repr=False)


class Simulation:
    """The scheduler of one seed.

    Args:
        seed: what makes everything.
        trace: whether to write the schedule down.
    """

    def __init__(self, seed: int, *, trace: bool = False) -> None:
        self.seed = seed
        self.world = world = World(seed)
        self._chaos = world.chaos
        self._chaos.trace = [] if trace else None
        self._chaos.interlude = self._interlude
        self.workload: Workload = workload_of(world.chaos.rng)
        self.done = Done()
        self._errands: list[Errand] = list(self.workload.errands)
        self._depth = 0
        self._escapes = 0
        rng = world.chaos.rng
        self._processes = [
            Process("somebody", lambda _: People(world, self._errands, self.done).turn),
            Process("w1", lambda who: worker(world, who)),
            *([Process("w2", lambda who: worker(world, who))] if rng.random() < 0.7 else []),
            Process("k1", lambda who: keeper(world, who)),
            *([Process("k2", lambda who: keeper(world, who))] if rng.random() < 0.3 else []),
        ]

    def run(self) -> Verdict:
        """Let everything go wrong, then let it come to rest, then judge."""
        self._storm()
        self._chaos.on = False
        self._chaos.note("the weather clears")
        quiet = self._calm()
        if self.workload.afterwards:
            now = self.world.clock.monotonic()
            for errand in self.workload.afterwards:
                errand.at += now
            self._errands += self.workload.afterwards
            quiet = self._calm() and quiet
        if self.world.sweeps:  # one more sweep, after the last one who had stood still
            # What is old is looked for again when it is twice as old, at the latest.
            self.world.clock.sleep(SWEEP_EVERY_S + self.world.clock.monotonic())
            quiet = self._calm() and quiet
        ending: Ending = look_at(self.world, self.workload, self.done, quiet=quiet)
        return Verdict(self.seed, tuple(violations(ending)), tuple(self._chaos.trace or ()))

    def _storm(self) -> None:
        idle = 0
        for _ in range(STORMY_TURNS):
            worked = self._turn(self._chaos.pick(self._processes))
            idle = 0 if worked else idle + 1
            self.world.clock.sleep(TICK_S)
            if idle > 2 * len(self._processes):
                idle = 0
                if not self._leap():
                    return

    def _calm(self) -> bool:
        for _ in range(CALM_ROUNDS):
            if self._escapes > MOST_ESCAPES:
                return False
            worked = [self._turn(process) for process in self._processes]
            if not any(worked) and not self._leap():
                return True
        return False

    def _leap(self) -> bool:
        """Move to when something is due; return False when nothing ever will be."""
        world = self.world
        now = world.clock.now()
        moments = [(due - now).total_seconds() for due in [world.bus.next_due()] if due]
        moments += [errand.at - world.clock.monotonic() for errand in self._errands]
        if world.sweeps:
            moments += [
                max(10.0, (document.deadline - now).total_seconds() + 31)
                for document in world.register.documents()
                if document.deadline
            ]
            known = {one.job_id for one in world.register.submissions()}
            waiting = (info.name.rsplit("/", 1)[1] for info in world.objects.list("inbox/"))
            moments += [310.0 for job_id in waiting if job_id not in known]
        if any(world.journal.tenants_waiting()):
            moments.append(31.0)  # a sequencer's lease
        if not moments:
            return False
        world.clock.sleep(max(TICK_S, min(moments)))
        return True

    def _turn(self, process: Process) -> bool:
        """Give one process its turn; if it dies, it is started again."""
        who = f"{process.name}.{process.life}"
        process.busy = True
        try:
            if process.step is None:
                self.world.alive.add(who)
                process.step = process.build(who)
            return process.step()
        except Crashed:
            self._bury(process, who)
            return True
        except Exception as error:  # noqa: BLE001 - whatever ends a process is for the verdict
            self._chaos.note(f"{who} ends by {_place(error)}")
            self.world.history.add(Escaped(process.name, _place(error)))
            self._escapes += 1
            self._bury(process, who)
            return False
        finally:
            process.busy = False

    def _bury(self, process: Process, who: str) -> None:
        self.world.alive.discard(who)
        process.step = None
        process.life += 1

    def _interlude(self) -> None:
        """Let others work while a process stands still."""
        if self._depth >= DEEPEST:
            return
        self._depth += 1
        for _ in range(self._chaos.rng.randint(1, 12)):
            free = [process for process in self._processes if not process.busy]
            if not free:
                break
            self._turn(self._chaos.pick(free))
            self.world.clock.sleep(TICK_S)
        self._depth -= 1


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {PurePath(frame.filename).name}:{frame.name}"


def run(seed: int, *, trace: bool = False) -> Verdict:
    """Run one seed."""
    return Simulation(seed, trace=trace).run()
