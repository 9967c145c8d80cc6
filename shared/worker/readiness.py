"""Whether what a worker needs is there, asked at most once a second."""

import threading
from collections.abc import Callable, Mapping
from typing import Final

from shared.clock import Clock

FRESH_S: Final = 1.0
"""How long an answer holds: a probe must not become load for the stores behind it."""


class Readiness:
    """Runs the checks of one worker. Safe for threads.

    Args:
        checks: by name, what raises when something is not there.
        clock: tells how old an answer is.
    """

    def __init__(self, checks: Mapping[str, Callable[[], object]], *, clock: Clock) -> None:
        self._checks = dict(checks)
        self._clock = clock
        self._asking = threading.Lock()
        self._answer: tuple[float, tuple[str, ...]] | None = None

    def missing(self) -> tuple[str, ...]:
        """Return the names of what is not there.

        Who asks while a check is still running gets the last answer: probes must not pile up
        behind a store that hangs.
        """
        answer = self._answer
        if answer is not None and self._clock.monotonic() - answer[0] < FRESH_S:
            return answer[1]
        if not self._asking.acquire(blocking=answer is None):
            assert answer is not None
            return answer[1]
        try:
            if self._answer is not answer and self._answer is not None:
                return self._answer[1]  # somebody else asked while this one waited
            found = tuple(name for name, check in self._checks.items() if not _passes(check))
            self._answer = (self._clock.monotonic(), found)
            return found
        finally:
            self._asking.release()


def _passes(check: Callable[[], object]) -> bool:
    try:
        check()
    except Exception:  # noqa: BLE001 - whatever it raises, the thing is not there
        return False
    return True
