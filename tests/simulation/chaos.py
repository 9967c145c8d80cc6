"""What goes wrong, and when: every decision of a run comes from here, and from its seed alone."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from shared.clock import FakeClock
from shared.errors import TransientError

_T = TypeVar("_T")


class Crashed(BaseException):
    """Kills the process that meets it; nothing between here and the scheduler may stop it."""


class Fault(StrEnum):
    """What may happen at an effect."""

    CRASH = "crash"  # the process dies
    FAIL = "fail"  # the port is unavailable
    PAUSE = "pause"  # the process stands still while others work, perhaps past its leases


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad a run is.

    Attributes:
        every: effects between two faults, on average; 0 is a calm day.
        faults: which may happen, more often where repeated.
        delays: share of deliveries that come late (and so in another order).
        doubles: share of events that the bus takes twice.
        losses: share of events that are lost behind the bus's back.
        tells_dead: whether the supervisor knows which holders of leases are gone.
    """

    every: int = 0
    faults: tuple[Fault, ...] = ()
    delays: float = 0.0
    doubles: float = 0.0
    losses: float = 0.0
    tells_dead: bool = False


PAUSES: Final = (0.0, 0.0, 1.0, 10.0, 70.0, 400.0)
"""Seconds that a process may stand still; the last two outlive leases of 60 and 300."""


def weather_of(rng: random.Random) -> Weather:
    """Return the weather of a seed: one in eight is calm, one in eight loses events."""
    if rng.random() < 1 / 8:
        return Weather()
    kinds = [rng.choice(list(Fault)) for _ in range(rng.randint(1, 4))]
    return Weather(
        every=rng.choice((25, 60, 150)),
        faults=tuple(kinds),
        delays=rng.choice((0.0, 0.0, 0.1, 0.3)),
        doubles=rng.choice((0.0, 0.0, 0.1)),
        losses=rng.choice((0.0,) * 7 + (0.1,)),
        tells_dead=rng.random() < 0.5,
    )


class Chaos:
    """Decides at every effect whether it goes well.

    Args:
        rng: seeded; nothing else in a run is random.
        weather: how bad it is.
        clock: moves while a process stands still.
    """

    def __init__(self, rng: random.Random, weather: Weather, clock: FakeClock) -> None:
        self.rng = rng
        self.weather = weather
        self.clock = clock
        self.on = True
        self.trace: list[str] | None = None
        self.interlude: Callable[[], None] = lambda: None
        self._left = self._next()

    def note(self, line: str) -> None:
        """Write a line of the schedule, where somebody reads it."""
        if self.trace is not None:
            self.trace.append(f"{self.clock.monotonic():9.2f}  {line}")

    def point(self, who: str, what: str, *, may_fail: bool) -> None:
        """Be a moment between two effects.

        Args:
            who: which process.
            what: the effect that comes next, or that is done.
            may_fail: whether the port may be unavailable here.

        Raises:
            Crashed: the process dies.
            TransientError: the port is unavailable.
        """
        if not self.on:
            return
        self._left -= 1
        if self._left > 0:
            return
        self._left = self._next()
        fault = self.rng.choice(self.weather.faults)
        if fault is Fault.CRASH:
            self.note(f"{who} dies at {what}")
            raise Crashed
        if fault is Fault.FAIL and may_fail:
            self.note(f"{who} is refused {what}")
            raise TransientError("unavailable")
        if fault is Fault.PAUSE:
            self.pause(who, what)

    def pause(self, who: str, what: str) -> None:
        """Let the others work while this process stands still."""
        if not self.on:
            return
        seconds = self.rng.choice(PAUSES)
        self.note(f"{who} stands still for {seconds:g} s at {what}")
        self.clock.sleep(seconds)
        self.interlude()
        self.note(f"{who} goes on")

    def happens(self, share: float) -> bool:
        """Tell whether something that happens in a ``share`` of cases happens now."""
        return self.on and share > 0 and self.rng.random() < share

    def pick(self, choices: Sequence[_T]) -> _T:
        """Return one of ``choices``."""
        return choices[int(self.rng.random() * len(choices))]

    def _next(self) -> int:
        if not self.weather.every or not self.weather.faults:
            return 1 << 60
        return 1 + int(self.rng.random() * 2 * self.weather.every)
