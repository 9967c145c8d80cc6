"""Whether a document states another total as well as the chosen one: two in one, or a forged one.

A document may call several sums its total: before tax and after, before a discount, a rounding, a
payment. From one to the other leads what is printed between them. A proved total to which nothing
leads contests the chosen one, and a person must look.
"""

from decimal import Decimal
from typing import Final

from services.summarize.labels import Role
from services.summarize.reconcile import (
    ZERO,
    Ledgered,
    Proof,
    Reconciled,
    adjustments_of,
    proofs_of,
)

_PROVED: Final = frozenset({Proof.NET_AND_TAX, Proof.TAX_TABLE, Proof.LINES})

_NAMED: Final = 0.6
"""How clearly a label must call a sum the total."""

_STEPS: Final = (
    Role.TAX,
    Role.CHARGE,
    Role.DISCOUNT,
    Role.ROUNDING,
    Role.PREPAID,
    Role.PAID,
    Role.TENDERED,
    Role.CHANGE,
)


def reached(chosen: Reconciled, facts: Ledgered) -> frozenset[Decimal]:
    """Return the sums to which something printed leads from the chosen total."""
    if chosen.total is None:
        return frozenset()
    total = chosen.total
    taxes = [tax for _, tax in facts.tax_rows]
    steps = [abs(value) for value in facts.values(*_STEPS)]
    steps += [sum(steps, ZERO), *taxes, sum(taxes, ZERO), *map(abs, adjustments_of(facts))]
    found = {total, *(total + step for step in steps), *(total - step for step in steps)}
    for base in (chosen.net, chosen.tax):
        if base is not None:
            found |= {base, total - base, *(base + step for step in steps)}
            found |= {base - step for step in steps}
    for base, tax in facts.tax_rows:
        found |= {base, base + tax}
    return frozenset(found)


def is_contested(chosen: Reconciled, facts: Ledgered) -> bool:
    """Tell whether another total is proved, to which nothing printed leads."""
    if chosen.total is None:
        return False
    named = {
        item.value
        for item in facts.of(Role.TOTAL, Role.PAYABLE)
        if item.strength >= _NAMED and item.value > 0
    }
    others = named - reached(chosen, facts)
    return any(proofs_of(value, facts) & _PROVED for value in sorted(others))
