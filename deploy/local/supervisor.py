"""Starts the processes of one machine, restarts those that die, and drains them."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.house import House
from deploy.local.site import Site
from shared.clock import Clock
from shared.errors import TransientError

DRAIN_S: Final = 20.0
MOST_RESTARTS: Final = 12
PAUSE_FIRST_S: Final = 0.1
PAUSE_MOST_S: Final = 5.0
LIVED_WELL_S: Final = 60.0
"""A process that ran so long did not die of how it was started: it is counted anew."""


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep alive.

    Attributes:
        name: of its log, ``<name>.ndjson``.
        command: what to start.
        environment: variables beside this process's own.
        last: end it after the others: it follows what they tell at their end.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    last: bool = False


def programs_of(site: Site, *, workers: int) -> list[Program]:
    """Return the processes of a site on the embedded bus.

    Args:
        site: where they work.
        workers: how many processes take documents; one more keeps register and log.
    """
    epoch = secrets.token_hex(8)

    def program(name: str, role: str, *, last: bool = False) -> Program:
        command = (
            *(sys.executable, "-m", "deploy.local.process"),
            *("--data-dir", str(site.folder), "--role", role),
            *("--epoch", epoch, "--parent", str(os.getpid())),
        )
        return Program(name, command, {"OMP_NUM_THREADS": "1"}, last=last)

    work = [program(f"work-{number}", "work") for number in range(1, workers + 1)]
    return [program("keep-0", "keep", last=True), *work]


@dataclass
class _Child:
    """One process.

    Attributes:
        program: what it is.
        process: as it runs now, or ran last.
        born: when that began, in the clock's monotonic seconds.
        restarts: how often it was started again in all.
        deaths: how often it died in a row without having lived well.
        due: when it may be started again; None while it lives.
    """

    program: Program
    process: subprocess.Popen[bytes]
    born: float
    restarts: int = 0
    deaths: int = 0
    due: float | None = None


class Supervisor:
    """The processes of one site.

    Args:
        programs: to start and keep alive.
        logs: the folder that their output goes to.
        clock: to wait with.
        on_death: told the id of a process that died, before another takes its place.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        logs: Path,
        clock: Clock,
        on_death: Callable[[int], object] = lambda _pid: None,
    ) -> None:
        self._programs = programs
        self._logs = logs
        self._on_death = on_death
        self._clock = clock
        self._children: list[_Child] = []

    @property
    def restarts(self) -> int:
        """How many processes died and were started again."""
        return sum(child.restarts for child in self._children)

    def start(self) -> None:
        """Start every process."""
        self._logs.mkdir(mode=0o700, exist_ok=True)
        self._children = []
        for program in self._programs:
            process = self._spawn(program)
            self._children.append(_Child(program, process, self._clock.monotonic()))

    def running(self) -> dict[str, int]:
        """Return the process ids of the programs that live, by name."""
        return {
            child.program.name: child.process.pid
            for child in self._children
            if child.process.poll() is None
        }

    def tend(self) -> None:
        """Start again what died: the first time at once, then after a pause that grows.

        Raises:
            TransientError: a process dies again and again.
        """
        for child in self._children:
            if child.process.poll() is None:
                continue
            if child.due is None:
                try:
                    self._on_death(child.process.pid)
                except TransientError:
                    continue  # nobody can be told now; it stays down until the next look
                self._mourn(child)
            if child.due is not None and self._clock.monotonic() >= child.due:
                child.restarts += 1
                child.process = self._spawn(child.program)
                child.born, child.due = self._clock.monotonic(), None

    def _mourn(self, child: _Child) -> None:
        now = self._clock.monotonic()
        child.deaths = 1 if now - child.born >= LIVED_WELL_S else child.deaths + 1
        if child.deaths > MOST_RESTARTS:
            raise TransientError(
                f"a process died {child.deaths} times, one after the other: "
                f"read {self._log(child.program)}"
            )
        child.due = now + pause_s(child.deaths)

    def stop(self) -> None:
        """Let every process finish what it has in hand, then end it.

        Who follows ends last: what the others tell at the end is still followed and sealed.
        """
        self._end([child for child in self._children if not child.program.last])
        self._end([child for child in self._children if child.program.last])
        self._children = []

    def _end(self, children: Sequence[_Child]) -> None:
        for child in children:
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        deadline = self._clock.monotonic() + DRAIN_S
        for child in children:
            try:
                child.process.wait(timeout=max(0.1, deadline - self._clock.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        with self._log(program).open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own modules, our own arguments
                program.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **program.environment},
                start_new_session=True,  # an interrupt at the terminal is ours to handle
            )

    def _log(self, program: Program) -> Path:
        return self._logs / f"{program.name}.ndjson"


def supervisor_of(house: House, *, workers: int) -> Supervisor:
    """Return the supervisor of a site on the embedded bus."""
    return Supervisor(
        programs_of(house.site, workers=workers),
        logs=house.site.logs,
        clock=house.clock,
        on_death=house.bus.release_leases,
    )


def pause_s(deaths: int) -> float:
    """Return how long a process stays down after dying so many times in a row (from 1).

    None the first time: somebody killed it. Then 0.1, 0.2, 0.4 … 5 seconds: it dies of how it is
    started, and what starts it again and again would only take the machine from the others.
    """
    if deaths <= 1:
        return 0.0
    return min(PAUSE_MOST_S, PAUSE_FIRST_S * 2.0 ** min(deaths - 2, 32))
