"""From a summary to balanced postings, or to the reason why a person must look. Pure."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from services.ledger.chart import Amount, Chart
from services.ledger.entries import Posting
from services.ledger.money import (
    AMOUNT_MOST,
    FinerPrecisionError,
    minor_units,
    parse_decimal,
    scale_of,
)
from shared.events.payloads import DocumentType, EntryKind
from shared.events.results import FieldName, Summary
from shared.telemetry.reasons import HeldReason

_ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Draft:
    """What the rules make of one summary.

    Attributes:
        kind: post, memo or hold.
        postings: of a post, balanced per currency to zero.
        date: of a post.
        reason: of a hold.
    """

    kind: EntryKind
    postings: tuple[Posting, ...] = ()
    date: dt.date | None = None
    reason: HeldReason | None = None


class _DoubtError(Exception):
    def __init__(self, reason: HeldReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def draw_up(summary: Summary, chart: Chart) -> Draft:
    """Return the post, memo or hold that ``summary`` becomes.

    A doubt of an earlier stage holds it, and so does anything here that would need a guess: an
    unknown currency, an amount below the minor unit, net + tax (+ a printed rounding) beside the
    total.
    """
    if summary.doubts:
        return Draft(EntryKind.HOLD, reason=summary.doubts[0])
    rule = chart.rules.get(summary.document_type)
    if rule is None:
        return Draft(EntryKind.MEMO)
    try:
        currency = _currency(summary)
        figures = _figures(summary, currency)
        date = _date(summary)
    except _DoubtError as doubt:
        return Draft(EntryKind.HOLD, reason=doubt.reason)
    postings = tuple(
        Posting(line.account, currency, line.sign * figures[line.amount])
        for line in rule
        if figures[line.amount]
    )
    return Draft(EntryKind.POST, postings=postings, date=date)


def value_of(summary: Summary, name: FieldName) -> str | None:
    """Return a field's value, or None when it was not found."""
    found = summary.fields.get(name)
    return found.value if found is not None else None


def _currency(summary: Summary) -> str:
    currency = value_of(summary, "currency")
    if currency is None or scale_of(currency) is None:
        raise _DoubtError(HeldReason.CURRENCY_UNKNOWN)
    return currency


def _figures(summary: Summary, currency: str) -> dict[Amount, int]:
    """Return net, tax, rounding and total in minor units; all but the rounding at least zero."""
    total = _units(summary, "total_amount", currency)
    net = _units(summary, "net_amount", currency)
    tax = _units(summary, "total_tax_amount", currency)
    rounding = _units(summary, "rounding_amount", currency) or 0
    if total is None:
        raise _DoubtError(HeldReason.TOTAL_MISSING)
    # What was not printed follows from what was; without either, all of it is net.
    if tax is None:
        tax = total - rounding - net if net is not None else 0
    if net is None:
        net = total - rounding - tax
    if net + tax + rounding != total:
        raise _DoubtError(HeldReason.TOTAL_MISMATCH)
    if summary.document_type is DocumentType.CREDIT_NOTE and total < 0:
        # Some suppliers print the minus, some only the title.
        net, tax, rounding, total = (
            -net,
            -tax,
            -rounding,
            -total,
        )
    if not 0 < total <= AMOUNT_MOST or net < 0 or tax < 0:
        raise _DoubtError(HeldReason.AMOUNT_OUT_OF_RANGE)
    return {"net": net, "tax": tax, "rounding": rounding, "total": total}


def _units(summary: Summary, name: FieldName, currency: str) -> int | None:
    text = value_of(summary, name)
    if text is None:
        return None
    amount = parse_decimal(text)
    scale = scale_of(currency)
    if amount is None or scale is None:
        raise _DoubtError(HeldReason.TOTAL_UNCONFIRMED)
    try:
        return minor_units(amount, scale)
    except FinerPrecisionError:
        raise _DoubtError(HeldReason.FINER_PRECISION) from None


def _date(summary: Summary) -> dt.date:
    text = value_of(summary, "invoice_date")
    try:
        if text is not None and _ISO_DATE.fullmatch(text):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass  # a day that the calendar does not have
    raise _DoubtError(HeldReason.DATE_MISSING)
