"""The arithmetic: what it chooses, what it proves, and that it never proves a lie."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.summarize.labels import Role
from services.summarize.reconcile import Candidate, Ledgered, Proof, reconcile
from shared.telemetry.reasons import HeldReason


def facts(*pairs: tuple[Role, str], **more: object) -> Ledgered:
    """Return labelled amounts, in page order."""
    candidates = tuple(
        Candidate(Decimal(value), role, 0.7 if role is Role.TOTAL else 1.0, place, f"{role}{place}")
        for place, (role, value) in enumerate(pairs)
    )
    return Ledgered(candidates=candidates, **more)  # type: ignore[arg-type] # test shorthand


NET, TAX, TOTAL, SUBTOTAL = Role.NET, Role.TAX, Role.TOTAL, Role.SUBTOTAL
CASH, CHANGE, ROUNDING = Role.TENDERED, Role.CHANGE, Role.ROUNDING

CONFIRMED = [
    (facts((NET, "100.00"), (TAX, "19.00"), (TOTAL, "119.00")), "119.00", Proof.NET_AND_TAX),
    (
        facts(
            (SUBTOTAL, "295.00"),
            (Role.CHARGE, "29.50"),
            (TAX, "19.47"),
            (ROUNDING, "-0.02"),
            (TOTAL, "343.95"),
        ),
        "343.95",
        Proof.NET_AND_TAX,
    ),
    (
        facts((NET, "50.00"), (NET, "30.00"), (TAX, "5.00"), (TOTAL, "85.00")),
        "85.00",
        Proof.NET_AND_TAX,
    ),
    (facts((TOTAL, "14.10"), (CASH, "20.00"), (CHANGE, "5.90")), "14.10", Proof.CASH),
    (
        facts((TOTAL, "9.48"), (ROUNDING, "0.02"), (TOTAL, "9.50"), (CASH, "10"), (CHANGE, "0.50")),
        "9.50",
        Proof.CASH,
    ),
    (
        facts((TOTAL, "530.75"), (Role.PREPAID, "147.00"), (Role.PAYABLE, "383.75")),
        "530.75",
        Proof.PREPAID,
    ),
    (
        facts((TOTAL, "8.20"), tax_rows=((Decimal("7.74"), Decimal("0.46")),)),
        "8.20",
        Proof.TAX_TABLE,
    ),
    (facts((TOTAL, "42.90"), (TAX, "2.43"), rates=(Decimal(6),)), "42.90", Proof.INCLUDED_TAX),
    (facts((TOTAL, "30.00"), lines=(Decimal(24), Decimal(6))), "30.00", Proof.LINES),
    (facts((TOTAL, "41.95"), (Role.PAID, "41.95")), "41.95", Proof.CARD),
    (facts((SUBTOTAL, "15.60"), (Role.DISCOUNT, "8.40"), (TOTAL, "7.20")), "7.20", Proof.SUBTOTAL),
]


@pytest.mark.parametrize(("given_facts", "total", "proof"), CONFIRMED)
def test_an_equation_confirms_the_total(given_facts: Ledgered, total: str, proof: Proof) -> None:
    """Each kind of evidence that documents offer is recognised."""
    chosen = reconcile(given_facts)
    assert chosen.total == Decimal(total)
    assert proof in chosen.proofs
    assert chosen.doubts == ()


def test_arithmetic_beats_a_stronger_label() -> None:
    """A label may be misread; an equation is not a coincidence."""
    chosen = reconcile(
        facts(
            (Role.PAYABLE, "191.00"),
            (Role.NET, "100.00"),
            (Role.TAX, "19.00"),
            (Role.TOTAL, "119.00"),
        )
    )
    assert chosen.total == Decimal("119.00")


def test_net_and_tax_that_do_not_make_the_total_are_a_mismatch() -> None:
    """Nothing that does not add up is posted as if it were sure; one cent is enough."""
    chosen = reconcile(facts((Role.NET, "100.00"), (Role.TAX, "19.00"), (Role.TOTAL, "119.01")))
    assert HeldReason.TOTAL_MISMATCH in chosen.doubts


def test_paying_the_wrong_total_does_not_make_it_right() -> None:
    """Cash that matches does not excuse a sum that is wrong."""
    chosen = reconcile(
        facts(
            (Role.NET, "100.00"),
            (Role.TAX, "19.00"),
            (Role.TOTAL, "129.00"),
            (Role.TENDERED, "150.00"),
            (Role.CHANGE, "21.00"),
        )
    )
    assert HeldReason.TOTAL_MISMATCH in chosen.doubts


def test_a_printed_rate_does_not_excuse_a_cent() -> None:
    """The tax of 119.01 rounds to that of 119.00; the sum still differs."""
    chosen = reconcile(
        facts((NET, "100.00"), (TAX, "19.00"), (TOTAL, "119.01"), rates=(Decimal(19),))
    )
    assert HeldReason.TOTAL_MISMATCH in chosen.doubts


def test_a_total_that_only_its_label_names_is_unconfirmed() -> None:
    """One reading of one number proves nothing."""
    assert reconcile(facts((Role.TOTAL, "55.00"))).doubts == (HeldReason.TOTAL_UNCONFIRMED,)


def test_cash_does_not_confirm_itself() -> None:
    """The sum handed over is not what was due."""
    chosen = reconcile(facts((Role.TENDERED, "50.00"), (Role.CHANGE, "0.00")))
    assert HeldReason.TOTAL_UNCONFIRMED in chosen.doubts


def test_nothing_found_is_missing() -> None:
    """No candidate, no total, and a reason."""
    chosen = reconcile(facts((Role.TAX, "1.00")))
    assert chosen.total is None
    assert chosen.doubts == (HeldReason.TOTAL_MISSING,)


CENTS = st.integers(-20000, 20000).map(lambda cents: Decimal(cents) / 100)


@given(st.lists(st.tuples(st.sampled_from(Role), CENTS), max_size=9), st.lists(CENTS, max_size=3))
def test_no_proof_is_ever_a_lie(pairs: list[tuple[Role, Decimal]], lines: list[Decimal]) -> None:
    """Whatever amounts come in: the total is one of them, and each equation is exact."""
    given_facts = facts(*((role, str(value)) for role, value in pairs), lines=tuple(lines))
    chosen = reconcile(given_facts)
    if chosen.total is None:
        assert HeldReason.TOTAL_MISSING in chosen.doubts
        return
    assert chosen.total in {item.value for item in given_facts.candidates}
    assert bool(chosen.proofs) != (HeldReason.TOTAL_UNCONFIRMED in chosen.doubts)
    if not given_facts.of(Role.CHARGE, Role.DISCOUNT, Role.ROUNDING):
        if Proof.NET_AND_TAX in chosen.proofs:
            assert chosen.net is not None
            assert chosen.tax is not None
            assert chosen.net + chosen.tax == chosen.total
        if Proof.CASH in chosen.proofs:
            paid = given_facts.values(Role.TENDERED, Role.PAID)
            changes = given_facts.values(Role.CHANGE)
            assert any(abs(a) - abs(b) == chosen.total for a in paid for b in changes)


@given(CENTS, CENTS, CENTS)
def test_a_false_sum_is_never_without_doubt(net: Decimal, tax: Decimal, total: Decimal) -> None:
    """Net, tax and total alone, and they do not add up: held, always."""
    if net + tax == total or 0 in {net, tax, total} or net == total:
        return
    chosen = reconcile(facts((Role.NET, str(net)), (Role.TAX, str(tax)), (Role.TOTAL, str(total))))
    assert chosen.doubts
