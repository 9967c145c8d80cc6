"""Asking no faster than a quota allows: who asks waits for his turn, or is told to come later."""

import threading
from typing import Final

from shared.clock import Clock
from shared.errors import TransientError

BURST: Final = 5
"""So many turns may be taken at once after a rest; the quota is counted over a minute."""


class Pace:
    """Turns at an even pace. Safe for threads.

    Args:
        per_minute: turns.
        clock: time.
        burst: turns that a rest may save up.
    """

    def __init__(self, per_minute: float, *, clock: Clock, burst: int = BURST) -> None:
        self._step_s = 60.0 / per_minute
        self._saved_s = self._step_s * (burst - 1)
        self._clock = clock
        self._lock = threading.Lock()
        self._next = clock.monotonic() - self._saved_s

    def turn(self, most_s: float) -> None:
        """Wait for a turn.

        Args:
            most_s: how long at most.

        Raises:
            TransientError: it would take longer; no turn was used up.
        """
        with self._lock:
            now = self._clock.monotonic()
            mine = max(self._next, now - self._saved_s)
            if mine - now > most_s:
                raise TransientError("the quota is used up for now: others wait for their turn")
            self._next = mine + self._step_s
        if mine > now:
            self._clock.sleep(mine - now)
