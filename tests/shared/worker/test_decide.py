"""What an error means: a table."""

import pytest

from shared.errors import PermanentError, TransientError, Verdict, backoff_s, decide
from shared.telemetry.reasons import QuarantineReason

UNREADABLE = QuarantineReason.UNREADABLE


@pytest.mark.parametrize(
    ("error", "attempt", "verdict", "delay_s", "reason", "counts"),
    [
        (TransientError("x"), 1, Verdict.RETRY, 1, None, False),
        (TransientError("x"), 99, Verdict.RETRY, 600, None, False),
        (PermanentError(UNREADABLE), 1, Verdict.QUARANTINE, 0, UNREADABLE, False),
        (ValueError("x"), 1, Verdict.RETRY, 1, None, True),
        (ValueError("x"), 4, Verdict.RETRY, 8, None, True),
        (ValueError("x"), 5, Verdict.QUARANTINE, 0, QuarantineReason.ATTEMPTS_EXHAUSTED, True),
        (MemoryError(), 5, Verdict.QUARANTINE, 0, QuarantineReason.ATTEMPTS_EXHAUSTED, True),
    ],
)
def test_decision(
    error: Exception,
    attempt: int,
    verdict: Verdict,
    delay_s: float,
    reason: QuarantineReason | None,
    counts: bool,  # noqa: FBT001 - a column of the table
) -> None:
    decision = decide(error, attempt)
    assert (decision.verdict, decision.delay_s) == (verdict, delay_s)
    assert (decision.reason, decision.counts_for_breaker) == (reason, counts)


def test_backoff_is_bounded_for_any_attempt() -> None:
    """A message that has been tried for weeks still waits minutes, not for ever."""
    assert [backoff_s(n) for n in (0, 1, 2, 11, 10_000)] == [1, 1, 2, 600, 600]
