"""Three signals, and only three: transient, permanent with a reason, and everything else.

Adapters translate foreign exceptions into these (``raise TransientError(...) from err``).
``decide`` turns an error and its attempt count into what the edge does; it is pure.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.telemetry.reasons import QuarantineReason

UNKNOWN_ERROR_ATTEMPTS: Final = 5
"""How often an unknown error is tried before the document goes into quarantine."""

BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MOST_S: Final = 600.0


class TransientError(Exception):
    """It may work later (an outage, a full disk): retried with backoff, never quarantined."""


class PermanentError(Exception):
    """It will never work on these bytes.

    Args:
        reason: why, from the closed set. No message: document content must not get into errors.
        document_id: the document, where the event does not name it yet (ingest).
    """

    def __init__(self, reason: QuarantineReason, *, document_id: str | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.document_id = document_id


class UserError(Exception):
    """A person's mistake: one line that says what is wrong and what to do."""


class Verdict(StrEnum):
    """What the edge does with a delivery that raised."""

    RETRY = "retry"  # leave it on the bus, back off
    QUARANTINE = "quarantine"  # write a quarantine record, acknowledge


@dataclass(frozen=True, slots=True)
class Decision:
    """The edge's answer to an error.

    Attributes:
        verdict: retry or quarantine.
        delay_s: seconds to back off (0 when quarantined).
        reason: why it is quarantined, else None.
        counts_for_breaker: whether the error speaks against the worker rather than the document.
    """

    verdict: Verdict
    delay_s: float = 0.0
    reason: QuarantineReason | None = None
    counts_for_breaker: bool = False


def backoff_s(attempt: int) -> float:
    """Return the seconds to wait after the ``attempt``-th failure (from 1): 1, 2, 4 … 600."""
    return min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0 ** (min(max(attempt, 1), 32) - 1))


def decide(error: BaseException, attempt: int) -> Decision:
    """Decide what an error means for the delivery that raised it.

    Args:
        error: what the handler or an effect raised.
        attempt: how many times this delivery was tried, this one included (from 1).
    """
    if isinstance(error, PermanentError):
        return Decision(Verdict.QUARANTINE, reason=error.reason)
    if isinstance(error, TransientError):
        return Decision(Verdict.RETRY, delay_s=backoff_s(attempt))
    if attempt >= UNKNOWN_ERROR_ATTEMPTS:
        return Decision(
            Verdict.QUARANTINE,
            reason=QuarantineReason.ATTEMPTS_EXHAUSTED,
            counts_for_breaker=True,
        )
    return Decision(Verdict.RETRY, delay_s=backoff_s(attempt), counts_for_breaker=True)
