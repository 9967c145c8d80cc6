"""The sequencer as a service: a thread that seals, for as long as the process lives."""

import threading
from contextlib import suppress
from typing import Final

from deploy.cloudrun.platform import Platform
from deploy.local.site import KEEPER, KEEPER_LOCK, SiteLock
from services.ledger.main import build
from shared.errors import TransientError
from shared.telemetry.log_events import LogEvent
from shared.telemetry.metrics import Metric

PACE_S: Final = 0.15
"""Between two steps: each costs a checkpoint however little there is to do."""


class Sealing:
    """Gives entries their index and tells of them; one such service is enough, two do no harm.

    Args:
        platform: what it stands on.
    """

    def __init__(self, platform: Platform) -> None:
        self._log = platform.log
        self._clock = platform.clock
        self._metrics = platform.metrics
        self._began = self._clock.now()
        ledger = build(
            data_dir=platform.settings.data_dir,
            results=platform.results,
            keyring=platform.keyring,
            publisher=platform.publisher,
            clock=platform.clock,
            holder=KEEPER if platform.run.named else platform.run.holder,
            tracing=platform.tracing,
            lines=platform.log,
        )
        self._sequencer = ledger.sequencer
        self._journal = ledger.journal
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)
        self._failure: BaseException | None = None
        # On one machine the kernel sees to it that there is one, and tells at once when it died.
        lock = SiteLock(platform.settings.data_dir / KEEPER_LOCK)
        self._lock = lock if platform.run.named else None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the step in hand, then one more, and end."""
        self._ends.set()
        self._thread.join()

    def check(self) -> None:
        """Tell whether it seals.

        Raises:
            TransientError: its last step failed, or it has ended.
        """
        if self._failure is not None:
            raise TransientError("the sequencer's last step failed") from self._failure
        if not self._thread.is_alive():
            raise TransientError("the sequencer has ended")

    def _run(self) -> None:
        while self._lock is not None and not self._lock.acquire(wait=False):
            if self._ends.wait(PACE_S):
                return
        while not self._ends.wait(PACE_S):
            self._step()
        self._step()
        if self._lock is not None:
            self._lock.release()

    def _step(self) -> None:
        """Seal once; whatever fails is told, and tried again: nobody else would."""
        try:
            while self._sequencer.step():
                pass
        except TransientError as error:
            self._failure = error
            self._log.warning(LogEvent.STORE_UNAVAILABLE, error=error)
        except Exception as error:  # noqa: BLE001 - a log that refuses to sign must be seen, and the thread live
            self._failure = error
            self._log.error(LogEvent.UNHANDLED_ERROR, error=error)
        else:
            self._failure = None
        with suppress(TransientError):  # the step has told of it
            self._measure()

    def _measure(self) -> None:
        """Tell how fresh the checkpoints are, whether or not the step went well."""
        fresh = self._journal.freshness()
        since = (fresh.since or self._began) if fresh.unsealed else self._clock.now()
        age = max(0.0, (self._clock.now() - since).total_seconds())
        self._metrics.level(Metric.CHECKPOINT_AGE, age)
        self._metrics.level(Metric.UNSEALED_ENTRIES, fresh.unsealed)
