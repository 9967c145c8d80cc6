"""The posting rules: a table, and properties that hold for every amount."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.chart import Chart, load_chart
from services.ledger.entries import unbalanced
from services.ledger.money import (
    AMOUNT_MOST,
    FinerPrecisionError,
    as_decimal,
    minor_units,
    parse_decimal,
    scale_of,
)
from services.ledger.postings import draw_up
from shared.events.payloads import DocumentType, EntryKind
from shared.events.results import Summary
from shared.telemetry.reasons import HeldReason
from tests.services.ledger.conftest import a_summary

CHART = load_chart()


def lines(summary: Summary) -> list[tuple[str, int]]:
    draft = draw_up(summary, CHART)
    assert draft.kind is EntryKind.POST, draft.reason
    return [(posting.account, posting.amount) for posting in draft.postings]


def test_an_invoice_is_owed() -> None:
    """Debit expense and input tax, credit accounts payable."""
    assert lines(a_summary()) == [("5000", 10000), ("1400", 1900), ("2000", -11900)]


def test_a_receipt_is_paid() -> None:
    """Debit expense and input tax, credit cash."""
    assert lines(a_summary(DocumentType.RECEIPT)) == [
        ("5000", 10000),
        ("1400", 1900),
        ("1000", -11900),
    ]


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_credit_note_is_an_invoice_mirrored(sign: str) -> None:
    """Some suppliers print the minus, some only the title: the books say the same."""
    note = a_summary(
        DocumentType.CREDIT_NOTE,
        net_amount=f"{sign}100.00",
        total_tax_amount=f"{sign}19.00",
        total_amount=f"{sign}119.00",
    )
    assert lines(note) == [("2000", 11900), ("5000", -10000), ("1400", -1900)]


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        (("net_amount", "total_tax_amount"), [("5000", 11900), ("2000", -11900)]),
        (("net_amount",), [("5000", 10000), ("1400", 1900), ("2000", -11900)]),
        (("total_tax_amount",), [("5000", 10000), ("1400", 1900), ("2000", -11900)]),
    ],
)
def test_what_was_not_printed_follows_from_what_was(
    without: tuple[str, ...], expected: list[tuple[str, int]]
) -> None:
    """Receipts often print a total alone; a zero amount makes no posting."""
    assert lines(a_summary(without=without)) == expected  # type: ignore[arg-type]


HELD = [
    ({"currency": "EURO"}, HeldReason.CURRENCY_UNKNOWN),
    ({"currency": "eur"}, HeldReason.CURRENCY_UNKNOWN),
    ({"currency": "QQQ"}, HeldReason.CURRENCY_UNKNOWN),
    ({"currency": "XAU"}, HeldReason.CURRENCY_UNKNOWN),
    ({"currency": "JPY", "total_amount": "119.5"}, HeldReason.FINER_PRECISION),
    ({"total_amount": "119.001"}, HeldReason.FINER_PRECISION),
    ({"total_amount": "119.01"}, HeldReason.TOTAL_MISMATCH),
    ({"total_amount": "abc"}, HeldReason.TOTAL_UNCONFIRMED),
    ({"total_amount": "1e3"}, HeldReason.TOTAL_UNCONFIRMED),
    ({"total_amount": "NaN"}, HeldReason.TOTAL_UNCONFIRMED),
    ({"total_amount": "\u0661\u0662"}, HeldReason.TOTAL_UNCONFIRMED),
    ({"invoice_date": "31.01.2026"}, HeldReason.DATE_MISSING),
    ({"invoice_date": "2026-02-30"}, HeldReason.DATE_MISSING),
    ({"net_amount": "-1.00", "total_tax_amount": "120.00"}, HeldReason.AMOUNT_OUT_OF_RANGE),
    ({"net_amount": "120.00", "total_tax_amount": "-1.00"}, HeldReason.AMOUNT_OUT_OF_RANGE),
]


@pytest.mark.parametrize(("changed", "reason"), HELD)
def test_what_needs_a_guess_is_held(changed: dict[str, str], reason: HeldReason) -> None:
    """Nothing doubtful is posted as if it were sure."""
    draft = draw_up(a_summary(**changed), CHART)  # type: ignore[arg-type] # field names only
    assert (draft.kind, draft.reason, draft.postings) == (EntryKind.HOLD, reason, ())


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("total_amount", HeldReason.TOTAL_MISSING),
        ("currency", HeldReason.CURRENCY_UNKNOWN),
        ("invoice_date", HeldReason.DATE_MISSING),
    ],
)
def test_what_is_missing_is_held(field: str, reason: HeldReason) -> None:
    """A post needs a total, a currency and a day."""
    assert draw_up(a_summary(without=(field,)), CHART).reason is reason  # type: ignore[arg-type]


@pytest.mark.parametrize("total", ["0.00", "-5.00", str(2**60)])
def test_amounts_outside_the_books_are_held(total: str) -> None:
    """Zero says nothing, below zero is another document, and a leaf counts to 2^53."""
    made = a_summary(without=("net_amount", "total_tax_amount"), total_amount=total)
    assert draw_up(made, CHART).reason is HeldReason.AMOUNT_OUT_OF_RANGE


@pytest.mark.parametrize(
    "kind",
    sorted(
        set(DocumentType) - {DocumentType.INVOICE, DocumentType.RECEIPT, DocumentType.CREDIT_NOTE}
    ),
)
def test_everything_else_is_a_memo(kind: DocumentType) -> None:
    """A purchase order moves no money."""
    assert draw_up(a_summary(kind), CHART).kind is EntryKind.MEMO


def test_doubts_come_first_even_for_a_memo() -> None:
    """A doubtful letter may be an invoice."""
    made = a_summary(DocumentType.LETTER, doubts=(HeldReason.LOW_CONFIDENCE,))
    assert draw_up(made, CHART).kind is EntryKind.HOLD


@given(
    kind=st.sampled_from([DocumentType.INVOICE, DocumentType.RECEIPT, DocumentType.CREDIT_NOTE]),
    currency=st.sampled_from(["EUR", "JPY", "BHD", "CLF", "MYR"]),
    net=st.integers(0, 10**12),
    tax=st.integers(0, 10**12),
)
def test_every_post_balances_to_zero(kind: DocumentType, currency: str, net: int, tax: int) -> None:
    """Whatever the amounts, exactly."""
    made = a_summary(
        kind,
        currency=currency,
        net_amount=as_decimal(net, currency),
        total_tax_amount=as_decimal(tax, currency),
        total_amount=as_decimal(net + tax, currency),
    )
    draft = draw_up(made, CHART)
    assert unbalanced(draft.postings) == {}
    assert (draft.kind is EntryKind.POST) == (0 < net + tax <= AMOUNT_MOST)


@pytest.mark.parametrize(
    ("currency", "scale"),
    [("EUR", 2), ("JPY", 0), ("BHD", 3), ("ALL", 2), ("AFN", 2), ("CLF", 4), ("ISK", 0)],
)
def test_scales_are_those_of_iso_4217(currency: str, scale: int) -> None:
    """CLDR says 0 for ALL and AFN; the books follow ISO."""
    assert scale_of(currency) == scale


@given(st.integers(-(10**15), 10**15), st.sampled_from(["EUR", "JPY", "BHD"]))
def test_minor_units_and_decimals_are_each_others_inverse(units: int, currency: str) -> None:
    """Exports say exactly what the journal holds."""
    scale = scale_of(currency)
    assert scale is not None
    text = as_decimal(units, currency)
    parsed = parse_decimal(text)
    assert parsed is not None
    assert minor_units(parsed, scale) == units


def test_finer_amounts_are_never_rounded() -> None:
    """A tenth of a cent is somebody's decision."""
    with pytest.raises(FinerPrecisionError):
        minor_units(Decimal("0.001"), 2)
    assert minor_units(Decimal("1.100"), 2) == 110


CHART_HEAD = (
    'accounts: {"1000": Assets:Cash}\n'
    'foreign: {books_currency: EUR, rounding: "1000", differences: "1000", monetary: ["1000"]}\n'
    'two_persons: {above: {EUR: "10.00"}, open_days: 14}\n'
    "rules:\n  invoice:\n"
)


@pytest.mark.parametrize(
    "rule",
    [
        (
            '    - {debit: "9999", amount: net}\n    - {debit: "1000", amount: tax}\n'
            '    - {credit: "1000", amount: total}'
        ),
        '    - {debit: "1000", amount: net}\n    - {credit: "1000", amount: total}',
        (
            '    - {debit: "1000", amount: net}\n    - {credit: "1000", amount: tax}\n'
            '    - {credit: "1000", amount: total}'
        ),
        '    - {debit: "1000", credit: "1000", amount: net}',
    ],
    ids=["unknown account", "no tax", "tax on the wrong side", "both sides"],
)
def test_a_chart_that_cannot_balance_is_refused(tmp_path: Path, rule: str) -> None:
    """A bookkeeper's slip in the file is found at start, not at the year's end."""
    path = tmp_path / "chart.yaml"
    path.write_text(CHART_HEAD + rule, encoding="utf-8")
    with pytest.raises(ValueError, match=r"rule|line"):
        load_chart(path)


def test_the_chart_that_ships_loads(chart: Chart, summary: Callable[..., Summary]) -> None:
    """Three document types post."""
    assert set(chart.rules) == {
        DocumentType.INVOICE,
        DocumentType.RECEIPT,
        DocumentType.CREDIT_NOTE,
    }
    assert summary().doubts == ()


def test_a_printed_rounding_is_posted_by_itself() -> None:
    """Tills without small coins round; the cents are an expense, not a mismatch."""
    found = a_summary(net_amount="4.00", total_tax_amount="0.24", total_amount="4.25")
    assert draw_up(found, CHART).reason is HeldReason.TOTAL_MISMATCH
    rounded = a_summary(
        net_amount="4.00", total_tax_amount="0.24", rounding_amount="0.01", total_amount="4.25"
    )
    assert lines(rounded) == [("5000", 400), ("1400", 24), ("5900", 1), ("2000", -425)]
