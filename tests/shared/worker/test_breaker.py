"""The breaker says when it opens and closes: else nobody learns why a queue stands still."""

import pytest

from shared.clock import FakeClock
from shared.telemetry.log_events import LogEvent
from shared.worker.breaker import RETRY_AFTER_S, THRESHOLD, Breaker, BreakerOpenError


class _Worker:
    """A worker that is broken, or not."""

    broken = True

    def canary(self) -> None:
        if self.broken:
            raise RuntimeError


def test_it_tells_once_that_it_opened_and_once_that_it_closed() -> None:
    """On call reads it from the log: one line for a deployment, not one for each document."""
    worker, clock, told = _Worker(), FakeClock(), list[LogEvent]()
    breaker = Breaker(worker.canary, clock=clock, tell=told.append)
    breaker.success()
    for _ in range(3 * THRESHOLD):
        breaker.unknown_error()
    clock.sleep(RETRY_AFTER_S)
    with pytest.raises(BreakerOpenError):
        breaker.check()
    assert told == [LogEvent.BREAKER_OPENED]
    worker.broken = False
    clock.sleep(RETRY_AFTER_S)
    breaker.check()
    breaker.success()
    assert told == [LogEvent.BREAKER_OPENED, LogEvent.BREAKER_CLOSED]


def test_it_tells_nothing_of_documents_that_are_at_fault_themselves() -> None:
    """Its canary works: nobody need get up for them."""
    told = list[LogEvent]()
    breaker = Breaker(lambda: None, clock=FakeClock(), tell=told.append)
    for _ in range(3 * THRESHOLD):
        breaker.unknown_error()
    assert told == []
