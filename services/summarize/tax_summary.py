"""Tax summaries: rows of a base and its tax, and the rates printed on the pages."""

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Final

from services.summarize.figures import Figure

_RATE: Final = re.compile(r"(?<![\d.,])(\d{1,2}(?:[.,]\d{1,3})?)\s?%|@\s?(\d{1,2})\s?%?(?![\d.,X])")
_USUAL: Final = tuple(
    Decimal(rate)
    for rate in (
        "6",
        "8",
        "10",
        "5",
        "7",
        "19",
        "20",
        "5.5",
        "21",
        "22",
        "2.1",
        "8.1",
        "2.6",
        "25",
        "9",
        "15",
        "7.7",
        "23",
    )
)
_CENTS: Final = Decimal("0.02")
"""Tills round tax line by line: a row is recognised within this, and summed exactly."""


def printed_rates(texts: Iterable[str]) -> tuple[Decimal, ...]:
    """Return the percentages on the pages that may be tax rates, ascending, without zero."""
    found: set[Decimal] = set()
    for text in texts:
        if "%" in text or "@" in text:
            for match in _RATE.finditer(text):
                rate = Decimal((match[1] or match[2]).replace(",", "."))
                if 0 < rate <= 30:  # noqa: PLR2004 - no tax on sales is higher
                    found.add(rate)
    return tuple(sorted(found))


def tax_rows(
    figures: Sequence[Figure], rates: Sequence[Decimal]
) -> tuple[tuple[Decimal, Decimal], ...]:
    """Return (base, tax) of each row whose second figure is a rate's share of the first.

    A row whose tax is zero counts where a row with tax stands next to it.
    """
    tried = tuple(rates) or _USUAL
    rows: dict[int, list[Figure]] = {}
    for figure in figures:
        rows.setdefault(figure.segment.row, []).append(figure)
    shares: dict[int, tuple[Decimal, Decimal]] = {}
    free: dict[int, tuple[Decimal, Decimal]] = {}
    for index, found in rows.items():
        for first, second in pairwise(found):
            base, tax = first.value, second.value
            if tax == 0 and base:
                free[index] = (base, tax)
            elif base and abs(tax) < abs(base) and _is_share(base, tax, tried):
                shares[index] = (base, tax)
                break
    for index, pair in free.items():
        if any(abs(index - other) <= 2 for other in shares):  # noqa: PLR2004 - the same block
            shares.setdefault(index, pair)
    return _without_sum([shares[index] for index in sorted(shares)])


def _is_share(base: Decimal, tax: Decimal, rates: Sequence[Decimal]) -> bool:
    return any(
        abs((base * rate / 100).quantize(Decimal("0.01"), ROUND_HALF_UP) - tax) <= _CENTS
        for rate in rates
    )


def _without_sum(rows: list[tuple[Decimal, Decimal]]) -> tuple[tuple[Decimal, Decimal], ...]:
    """Drop a last row that only sums up the ones before it."""
    if len(rows) > 1:
        before = rows[:-1]
        sums = (sum(base for base, _ in before), sum(tax for _, tax in before))
        if rows[-1] == sums:
            return tuple(before)
    return tuple(rows)
