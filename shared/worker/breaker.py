"""The breaker: when everything fails for no reason of its own, stop and keep the queue.

It counts unknown errors only, in a row and across tenants. At the threshold the worker tries its
built-in canary, a document that it must be able to do. The canary works: the documents are at
fault, and go on to quarantine one by one. The canary fails too: the worker is at fault; it takes
no more work until the canary works again.
"""

from collections.abc import Callable
from typing import Final

from shared.clock import Clock
from shared.errors import TransientError
from shared.telemetry.log_events import LogEvent

THRESHOLD: Final = 3
RETRY_AFTER_S: Final = 30.0


class BreakerOpenError(TransientError):
    """The worker itself is broken: the delivery stays on the bus (503)."""


def told_nobody(_event: LogEvent) -> None:
    """Nobody is on call here."""


class Breaker:
    """One worker's breaker.

    Args:
        canary: does the built-in document; raises whatever the worker would.
        clock: tells when to try the canary again.
        tell: told when it opens, and when it closes again.
    """

    def __init__(
        self,
        canary: Callable[[], object],
        *,
        clock: Clock,
        tell: Callable[[LogEvent], object] = told_nobody,
    ) -> None:
        self._canary = canary
        self._clock = clock
        self._tell = tell
        self._unknown_in_a_row = 0
        self._open_since: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the worker takes no work."""
        return self._open_since is not None

    def check(self) -> None:
        """Let work through, or not.

        Raises:
            BreakerOpenError: the canary failed, and its next try is not due or failed as well.
        """
        if self._open_since is None:
            return
        if self._clock.monotonic() - self._open_since < RETRY_AFTER_S or not self._canary_works():
            raise BreakerOpenError("this worker fails its own canary; the queue is kept")
        self.success()

    def success(self) -> None:
        """Work went well: start counting afresh."""
        self._unknown_in_a_row = 0
        was_open, self._open_since = self.is_open, None
        if was_open:
            self._tell(LogEvent.BREAKER_CLOSED)

    def unknown_error(self) -> None:
        """Count an unknown error; at the threshold try the canary."""
        self._unknown_in_a_row += 1
        if self._unknown_in_a_row >= THRESHOLD:
            self._unknown_in_a_row = 0
            self._canary_works()

    def _canary_works(self) -> bool:
        try:
            self._canary()
        except Exception:  # noqa: BLE001 - any failure of the canary means the same
            was_open, self._open_since = self.is_open, self._clock.monotonic()
            if not was_open:
                self._tell(LogEvent.BREAKER_OPENED)
            return False
        return True
