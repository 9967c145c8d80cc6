"""Arithmetic chooses between candidates, exactly, and says what does not add up.

Nothing here knows pages or words: amounts go in with the role that their label gave them, and the
choice comes out with the equations that hold for it. Tolerance is zero.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import product
from typing import Final

from services.summarize.labels import Role
from shared.telemetry.reasons import HeldReason

ZERO: Final = Decimal(0)
_MOST: Final = 6
"""How many different values of one role are tried; more than that is a table, not a label."""


class Proof(StrEnum):
    """An equation that holds for a total, exactly."""

    NET_AND_TAX = "net_and_tax"  # net + tax (+ charges - discount ± rounding) = total
    TAX_TABLE = "tax_table"  # the bases and taxes of the tax summary add up to the total
    CASH = "cash"  # cash - change = total
    CARD = "card"  # a card or transfer paid exactly the total
    LINES = "lines"  # the lines (+ tax, charges, - discount, ± rounding) add up to the total
    SUBTOTAL = "subtotal"  # subtotal + charges - discount ± rounding = total
    PREPAID = "prepaid"  # total - prepaid = payable
    INCLUDED_TAX = "included_tax"  # the tax is the share of the total that a printed rate makes it
    REPEATED = "repeated"  # two different labels name the same total


STRONG: Final = frozenset({Proof.NET_AND_TAX, Proof.TAX_TABLE, Proof.CASH, Proof.PREPAID})
"""Equations between figures that differ: one of them is enough."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that a label gave a role.

    Attributes:
        value: exact.
        role: what the label says it is.
        strength: how clearly it says so, 0 to 1.
        place: identifies the figure; two candidates with one place are one figure.
        label: the label's letters, to tell labels apart.
    """

    value: Decimal
    role: Role
    strength: float
    place: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Ledgered:
    """Everything on the pages that takes part in the arithmetic.

    Attributes:
        candidates: labelled amounts.
        tax_rows: (base, tax) of each row of a tax summary.
        lines: the amounts of the line items, () when there is no table worth trusting.
        rates: tax rates printed on the pages, in percent.
        net_is_total: whether "net total" means what is to be paid (receipts of South-East Asia).
    """

    candidates: tuple[Candidate, ...]
    tax_rows: tuple[tuple[Decimal, Decimal], ...] = ()
    lines: tuple[Decimal, ...] = ()
    rates: tuple[Decimal, ...] = ()
    net_is_total: bool = False

    def of(self, *roles: Role) -> list[Candidate]:
        """Return the candidates of ``roles``, the clearest first, in page order."""
        found = [item for item in self.candidates if item.role in roles]
        return sorted(found, key=lambda item: (-item.strength, item.place))

    def values(self, *roles: Role) -> list[Decimal]:
        """Return the different values of ``roles``, the clearest first."""
        return list(dict.fromkeys(item.value for item in self.of(*roles)))[:_MOST]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What the arithmetic chose.

    Attributes:
        total: the total; None when there is no candidate.
        net: the amount before tax that goes with it, or None.
        tax: the tax that goes with it, or None.
        proofs: the equations that hold for the total.
        strength: how clearly the total's label names it, 0 to 1.
        rivals: how many other values a label calls total just as clearly.
        doubts: what does not add up.
    """

    total: Decimal | None
    net: Decimal | None
    tax: Decimal | None
    proofs: frozenset[Proof]
    strength: float
    rivals: int
    doubts: tuple[HeldReason, ...]

    @property
    def is_confirmed(self) -> bool:
        """Whether something besides its own label confirms the total."""
        return bool(self.proofs)


def adjustments_of(facts: Ledgered) -> list[Decimal]:
    """Return every sum of charges, discounts and rounding that the pages allow, simplest first."""
    charges = facts.values(Role.CHARGE)
    discounts = [abs(value) for value in facts.values(Role.DISCOUNT)]
    roundings = [value for value in facts.values(Role.ROUNDING) if abs(value) < 1]
    charge_options = [ZERO, *charges, sum(charges, ZERO)]
    discount_options = [ZERO, *(-value for value in discounts), -sum(discounts, ZERO)]
    rounding_options = [ZERO, *roundings, *(-value for value in roundings)]
    sums = (a + b + c for a, b, c in product(charge_options, discount_options, rounding_options))
    return list(dict.fromkeys(sums))


def _taxes(facts: Ledgered) -> list[Decimal]:
    """Return every tax that the pages allow: one label's, all labels' sum, the summary's sum."""
    single = facts.values(Role.TAX)
    every = [item.value for item in facts.of(Role.TAX)]
    options = [*single]
    if len(every) > 1:
        options.append(sum(every, ZERO))
        options.append(sum(dict.fromkeys(every), ZERO))
        if len(single) > 2:  # noqa: PLR2004 - rates and their sum
            options.append(sum(sorted(single)[:-1], ZERO))
    if facts.tax_rows:
        options.append(sum((tax for _, tax in facts.tax_rows), ZERO))
        options.extend(tax for _, tax in facts.tax_rows)
    return list(dict.fromkeys(options))


def _net_and_tax(
    total: Decimal, facts: Ledgered, taxes: Sequence[Decimal], adjustments: Sequence[Decimal]
) -> tuple[Decimal, Decimal] | None:
    """Return the net amount and tax that make ``total``, if any do."""
    stated = [*facts.values(Role.NET), *facts.values(Role.SUBTOTAL)]
    nets = [item for item in dict.fromkeys(stated) if item != total]
    if len(stated) > 1:  # one for each rate
        nets.append(sum(facts.values(Role.NET), ZERO))
        nets.append(sum(stated, ZERO))
    nets += [base for base, _ in facts.tax_rows if base not in nets and base != total]
    for adjustment in adjustments:
        for net in nets:
            for tax in taxes:
                if tax and (net > 0) == (total > 0) and net + tax + adjustment == total:
                    return net + (adjustment if abs(adjustment) >= 1 else ZERO), tax
    return None


def _cash(total: Decimal, facts: Ledgered) -> bool:
    """Tell whether cash less change is the total (or differs by a rounding that is printed)."""
    roundings = {ZERO}
    for value in facts.values(Role.ROUNDING):
        if abs(value) < 1:
            roundings |= {value, -value}
    changes = [abs(value) for value in facts.values(Role.CHANGE)]
    tendered = [abs(value) for value in facts.values(Role.TENDERED, Role.PAID)]
    return total > 0 and any(
        change and paid - change == total + rounding
        for paid, change, rounding in product(tendered, changes, roundings)
    )


def _tax_table(total: Decimal, facts: Ledgered, adjustments: Sequence[Decimal]) -> bool:
    """Tell whether the tax summary adds up to the total."""
    rows = facts.tax_rows
    if not rows:
        return False
    sums = {sum((base + tax for base, tax in rows), ZERO)}
    sums |= {base + tax for base, tax in rows if tax}
    sums.add(sum((base + tax for base, tax in dict.fromkeys(rows)), ZERO))
    return any(item + adjustment == total for item in sums if item for adjustment in adjustments)


def _included_tax(total: Decimal, facts: Ledgered) -> Decimal | None:
    """Return the printed tax that is exactly the share that a printed rate makes of the total."""
    taxes = facts.values(Role.TAX)
    for rate in facts.rates:
        share = (total * rate / (100 + rate)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        if share and share in taxes:
            return share
    return None


def _lines(
    total: Decimal, facts: Ledgered, taxes: Sequence[Decimal], adjustments: Sequence[Decimal]
) -> bool:
    """Tell whether the lines add up to the total, with taxes and adjustments."""
    if not facts.lines:
        return False
    lines = sum(facts.lines, ZERO)
    return any(
        lines + tax + adjustment == total
        for tax, adjustment in product([ZERO, *taxes], adjustments)
    )


def _proofs(
    total: Decimal, facts: Ledgered, taxes: Sequence[Decimal], adjustments: Sequence[Decimal]
) -> Iterator[Proof]:
    """Yield the equations that hold for ``total``."""
    if _net_and_tax(total, facts, taxes, adjustments):
        yield Proof.NET_AND_TAX
    if _cash(total, facts):
        yield Proof.CASH
    if _tax_table(total, facts, adjustments):
        yield Proof.TAX_TABLE
    if _included_tax(total, facts) is not None:
        yield Proof.INCLUDED_TAX
    if _lines(total, facts, taxes, adjustments):
        yield Proof.LINES
    named = set(facts.values(Role.TOTAL, Role.PAYABLE, Role.NET, Role.SUBTOTAL))
    if total in named & {abs(value) for value in facts.values(Role.PAID, Role.TENDERED)}:
        yield Proof.CARD  # a payment proves what a label names, never itself
    subtotals = [*facts.values(Role.SUBTOTAL), *facts.values(Role.NET)]
    owed = set(facts.values(Role.TOTAL, Role.PAYABLE))
    if total in owed and any(
        item + adjustment == total for item in subtotals for adjustment in adjustments
    ):
        yield Proof.SUBTOTAL
    prepaid = [abs(value) for value in facts.values(Role.PREPAID, Role.PAID)]
    payable = facts.values(Role.PAYABLE)
    if any(item and total - item == due for item in prepaid for due in payable):
        yield Proof.PREPAID
    labels = {item.label for item in facts.of(Role.TOTAL, Role.PAYABLE) if item.value == total}
    if len(labels) > 1:
        yield Proof.REPEATED


_WORTH: Final = {
    Proof.NET_AND_TAX: 3.0,
    Proof.CASH: 2.5,
    Proof.TAX_TABLE: 2.0,
    Proof.INCLUDED_TAX: 2.0,
    Proof.PREPAID: 3.0,
    Proof.LINES: 1.5,
    Proof.CARD: 1.0,
    Proof.SUBTOTAL: 0.7,
    Proof.REPEATED: 0.5,
}


def _candidates(facts: Ledgered) -> dict[Decimal, float]:
    """Return the values that may be the total, with how clearly a label says so."""
    found: dict[Decimal, float] = {}
    for item in facts.of(Role.TOTAL, Role.PAYABLE):
        found[item.value] = max(found.get(item.value, 0.0), item.strength)
    if facts.net_is_total or not found:
        for item in facts.of(Role.NET):
            if item.strength <= 0.5:  # noqa: PLR2004 - "net total", which may be either
                found[item.value] = max(found.get(item.value, 0.0), 0.85)
    for role, strength in ((Role.SUBTOTAL, 0.4), (Role.PAID, 0.35), (Role.TENDERED, 0.3)):
        if any(value > 0 for value in found):
            break
        for item in facts.of(role):
            found[item.value] = max(found.get(item.value, 0.0), strength)
    return found


def _mismatch(total: Decimal, facts: Ledgered, proofs: Iterable[Proof]) -> bool:
    """Tell whether the pages state net and tax, and they do not make the total."""
    if Proof.NET_AND_TAX in proofs:
        return False
    nets = [item for item in facts.values(Role.NET) if item]
    subtotals = [item for item in facts.values(Role.SUBTOTAL) if item]
    taxes = [item for item in facts.values(Role.TAX) if item]
    if not taxes:
        others = [item for item in nets + subtotals if item != total]
        settled = {Proof.SUBTOTAL, Proof.LINES, Proof.TAX_TABLE, Proof.CASH, Proof.PREPAID}
        return bool(others) and total not in nets + subtotals and not settled & set(proofs)
    if nets and total not in nets:
        return True
    if subtotals and total not in subtotals:
        return Proof.SUBTOTAL not in proofs and Proof.TAX_TABLE not in proofs
    return False


def reconcile(facts: Ledgered) -> Reconciled:
    """Choose the total, net and tax that the arithmetic supports best, and say what it does not."""
    found = _candidates(facts)
    if not found:
        return Reconciled(None, None, None, frozenset(), 0.0, 0, (HeldReason.TOTAL_MISSING,))
    taxes, adjustments = _taxes(facts), adjustments_of(facts)
    roundings = [item for item in facts.values(Role.ROUNDING) if abs(item) < 1]
    places = {item.value: item.place for item in facts.of(Role.TOTAL, Role.PAYABLE, Role.NET)}
    scored = []
    for value, strength in found.items():
        proofs = frozenset(_proofs(value, facts, taxes, adjustments))
        if value == 0 and len(found) > 1:
            continue
        worth = 3 * strength + sum(_WORTH[proof] for proof in sorted(proofs))
        scored.append((worth, abs(value), places.get(value, 0), value, proofs))
    worth, _, _, total, proofs = max(scored)
    for other in scored:  # what stands below the rounding is what is due
        rounded = abs(other[3] - total) in {abs(item) for item in roundings if item}
        if rounded and other[2] > places.get(total, 0) and found[other[3]] >= 0.6:  # noqa: PLR2004
            worth, _, _, total, proofs = other
            break
    rivals = sum(1 for other in scored if other[3] != total and worth - other[0] < 1)
    pair = _net_and_tax(total, facts, taxes, adjustments)
    net, tax = pair or _alone(total, facts)
    doubts: list[HeldReason] = []
    if _mismatch(total, facts, proofs):
        doubts.append(HeldReason.TOTAL_MISMATCH)
    if not proofs:
        doubts.append(HeldReason.TOTAL_UNCONFIRMED)
    return Reconciled(
        total=total,
        net=net,
        tax=tax,
        proofs=proofs,
        strength=found[total],
        rivals=rivals,
        doubts=tuple(doubts),
    )


def proofs_of(value: Decimal, facts: Ledgered) -> frozenset[Proof]:
    """Return the equations that hold for ``value`` as a total."""
    return frozenset(_proofs(value, facts, _taxes(facts), adjustments_of(facts)))


def _alone(total: Decimal, facts: Ledgered) -> tuple[Decimal | None, Decimal | None]:
    """Return net and tax where no labelled pair makes the total."""
    for base, tax in facts.tax_rows:
        if base + tax == total and tax:
            return base, tax
    included = _included_tax(total, facts)
    if included is not None:
        return total - included if total - included in facts.values(Role.NET) else None, included
    if total in facts.values(Role.NET) and ZERO in facts.values(Role.TAX):
        return total, ZERO
    nets = [item.value for item in facts.of(Role.NET) if item.strength > 0.5]  # noqa: PLR2004
    taxes = facts.values(Role.TAX)
    return (nets[0] if nets else None), (taxes[0] if taxes else None)
