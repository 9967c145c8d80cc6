"""Asking no faster than a quota allows: who asks waits for a turn, or is told to come later."""

import threading

from shared.clock import Clock
from shared.errors import TransientError


class Pace:
    """Turns at an even pace; a rest saves up none. Safe for threads.

    Args:
        per_minute: turns.
        clock: time.
    """

    def __init__(self, per_minute: float, *, clock: Clock) -> None:
        self._step_s = 60.0 / per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._next = clock.monotonic()

    def turn(self, most_s: float) -> None:
        """Wait for a turn.

        Args:
            most_s: how long at most.

        Raises:
            TransientError: it would take longer; no turn was used up.
        """
        with self._lock:
            now = self._clock.monotonic()
            mine = max(self._next, now)
            if mine - now > most_s:
                raise TransientError("the quota is used up for now: others wait for their turn")
            self._next = mine + self._step_s
        if mine > now:
            self._clock.sleep(mine - now)
