"""Starts the processes of one machine, restarts those that die, and drains them."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from deploy.local.site import Site
from shared.clock import Clock
from shared.errors import TransientError

Role = Literal["work", "keep"]

DRAIN_S: Final = 20.0
MOST_RESTARTS: Final = 12
PAUSE_FIRST_S: Final = 0.1
PAUSE_MOST_S: Final = 5.0
LIVED_WELL_S: Final = 60.0
"""A process that ran so long did not die of how it was started: it is counted anew."""


@dataclass
class _Child:
    """One process.

    Attributes:
        role: what it does.
        number: among the processes of its role.
        process: as it runs now, or ran last.
        born: when that began, in the clock's monotonic seconds.
        restarts: how often it was started again in all.
        deaths: how often it died in a row without having lived well.
        due: when it may be started again; None while it lives.
    """

    role: Role
    number: int
    process: subprocess.Popen[bytes]
    born: float
    restarts: int = 0
    deaths: int = 0
    due: float | None = None


class Supervisor:
    """The workers of one site.

    Args:
        site: where they work.
        workers: how many processes take documents; one more keeps register and log.
        clock: to wait with.
        on_death: told the id of a process that died, before another takes its place.
    """

    def __init__(
        self, site: Site, *, workers: int, clock: Clock, on_death: Callable[[int], object]
    ) -> None:
        self._site = site
        self._on_death = on_death
        self._workers = workers
        self._clock = clock
        self._epoch = secrets.token_hex(8)
        self._children: list[_Child] = []

    @property
    def restarts(self) -> int:
        """How many processes died and were started again."""
        return sum(child.restarts for child in self._children)

    def start(self) -> None:
        """Start every process."""
        self._site.logs.mkdir(mode=0o700, exist_ok=True)
        roles: list[tuple[Role, int]] = [("keep", 0)]
        roles += [("work", number) for number in range(1, self._workers + 1)]
        self._children = []
        for role, number in roles:
            process = self._spawn(role, number)
            self._children.append(_Child(role, number, process, self._clock.monotonic()))

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
                child.process = self._spawn(child.role, child.number)
                child.born, child.due = self._clock.monotonic(), None

    def _mourn(self, child: _Child) -> None:
        now = self._clock.monotonic()
        child.deaths = 1 if now - child.born >= LIVED_WELL_S else child.deaths + 1
        if child.deaths > MOST_RESTARTS:
            raise TransientError(
                f"a process died {child.deaths} times, one after the other: "
                f"read {self._log(child.role, child.number)}"
            )
        child.due = now + pause_s(child.deaths)

    def stop(self) -> None:
        """Let every process finish what it has in hand, then end it.

        The keeper ends last: what the workers tell at the end is still followed and sealed.
        """
        workers = [child for child in self._children if child.role == "work"]
        self._end(workers)
        self._end([child for child in self._children if child.role == "keep"])
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

    def _spawn(self, role: Role, number: int) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            *("-m", "deploy.local.process"),
            *("--data-dir", str(self._site.folder)),
            *("--role", role),
            *("--epoch", self._epoch),
            *("--parent", str(os.getpid())),
        ]
        with self._log(role, number).open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own module, our own arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # an interrupt at the terminal is ours to handle
            )

    def _log(self, role: Role, number: int) -> Path:
        return self._site.logs / f"{role}-{number}.ndjson"


def pause_s(deaths: int) -> float:
    """Return how long a process stays down after dying so many times in a row (from 1).

    None the first time: somebody killed it. Then 0.1, 0.2, 0.4 … 5 seconds: it dies of how it is
    started, and what starts it again and again would only take the machine from the others.
    """
    if deaths <= 1:
        return 0.0
    return min(PAUSE_MOST_S, PAUSE_FIRST_S * 2.0 ** min(deaths - 2, 32))
