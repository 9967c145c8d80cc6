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
from shared.errors import TransientError, UserError

Role = Literal["work", "keep"]

DRAIN_S: Final = 20.0
MOST_RESTARTS: Final = 20


@dataclass
class _Child:
    """One process and how often it was restarted."""

    role: Role
    number: int
    process: subprocess.Popen[bytes]
    restarts: int = 0


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
        self._children = [_Child("keep", 0, self._spawn("keep", 0))]
        for number in range(1, self._workers + 1):
            self._children.append(_Child("work", number, self._spawn("work", number)))

    def tend(self) -> None:
        """Start again what died.

        Raises:
            UserError: a process dies again and again.
        """
        for child in self._children:
            if child.process.poll() is None:
                continue
            if child.restarts >= MOST_RESTARTS:
                raise UserError(
                    f"worker {child.number} died {MOST_RESTARTS} times; "
                    f"read {self._log(child.role, child.number)}"
                )
            try:
                self._on_death(child.process.pid)
            except TransientError:
                continue  # nobody can be told now; it stays down until the next look
            child.restarts += 1
            child.process = self._spawn(child.role, child.number)

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
