"""How probable it is that a value is right, from what speaks for it. Measured by tests/eval."""

from typing import Final

from services.summarize.reconcile import STRONG, Proof, Reconciled
from shared.telemetry.reasons import HeldReason

ENOUGH: Final = 0.75
"""A total less sure than this is not posted without a person."""

ENOUGH_DATE: Final = 0.5
"""A date less sure than this is not posted without a person."""


def of_reading(confidence: float) -> float:
    """Return what a reader's confidence in the words leaves of a figure's (1 stays 1)."""
    return min(1.0, 0.4 + 0.6 * confidence) if confidence < 0.95 else 1.0  # noqa: PLR2004


def of_total(chosen: Reconciled, words: float) -> float:
    """Return the probability that a total is right.

    Args:
        chosen: what the arithmetic says.
        words: the reader's confidence in the total's words.
    """
    strong = len(chosen.proofs & STRONG)
    others = len(chosen.proofs) - strong
    if strong:
        base = 0.95 + 0.02 * min(2, strong - 1) + 0.005 * min(2, others)
    elif Proof.LINES in chosen.proofs:
        base = 0.93 + 0.01 * min(2, others - 1)
    elif chosen.proofs:
        base = 0.84 + 0.04 * min(2, others - 1)
    else:
        base = 0.3 + 0.35 * chosen.strength
    if HeldReason.TOTAL_MISMATCH in chosen.doubts:
        base *= 0.5
    if chosen.strength < 0.5:  # noqa: PLR2004 - no label calls it a total
        base *= 0.8
    return base * of_reading(words) * (0.93 if chosen.rivals else 1.0)


def of_part(chosen: Reconciled, words: float) -> float:
    """Return the probability that a net amount or a tax is right."""
    base = 0.96 if Proof.NET_AND_TAX in chosen.proofs else 0.7
    if HeldReason.TOTAL_MISMATCH in chosen.doubts:
        base *= 0.6
    return base * of_reading(words)
