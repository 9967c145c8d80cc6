"""Amounts as integers at the currency's ISO 4217 scale; nothing is ever rounded.

The scales are those of the ISO 4217 table (``iso4217``). CLDR's, which Babel has, serve display and
differ from it: 0 for ALL and AFN, whose minor unit ISO 4217 gives as 2.
"""

import re
from decimal import Decimal
from functools import cache
from typing import Final

from iso4217 import Currency

AMOUNT_MOST: Final = 2**53 - 1
"""The largest integer that RFC 8785 (and so a leaf) can hold."""

_DECIMAL: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


class FinerPrecisionError(ArithmeticError):
    """The amount has digits below the currency's minor unit."""


@cache
def scale_of(currency: str) -> int | None:
    """Return how many decimals the currency's minor unit has; None for what is no money.

    None as well for codes without a minor unit (gold, testing codes): they are never posted.
    """
    if re.fullmatch(r"[A-Z]{3}", currency, re.ASCII) is None:
        return None
    try:
        exponent: int | None = Currency(currency).exponent
    except ValueError:
        return None
    return exponent


def parse_decimal(text: str) -> Decimal | None:
    """Return the decimal that a field's value says; None when it is not a plain decimal."""
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def minor_units(amount: Decimal, scale: int) -> int:
    """Return ``amount`` in minor units, exactly.

    Raises:
        FinerPrecisionError: it would have to be rounded.
    """
    numerator, denominator = amount.as_integer_ratio()
    shift: int = 10**scale
    units, rest = divmod(numerator * shift, denominator)
    if rest:
        raise FinerPrecisionError
    return units


def as_decimal(units: int, currency: str) -> str:
    """Return minor units as a decimal string with all of the currency's decimals: ``-10.05``."""
    scale = scale_of(currency) or 0
    digits = str(abs(units)).rjust(scale + 1, "0")
    sign = "-" if units < 0 else ""
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}" if scale else f"{sign}{digits}"
