"""How a country writes money and dates."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Final, Literal

NO_BREAK_SPACE: Final = "\u00a0"

MONTHS: Final = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "ms": "Januari Februari Mac April Mei Jun Julai Ogos September Oktober November Disember",
}

DateStyle = Literal["iso", "d.m.y", "d/m/y", "m/d/y", "d month y", "month d, y", "d. month y"]


def write_date(day: date, style: DateStyle, language: str) -> str:
    """Return ``day`` as a document of that style and language prints it."""
    month = MONTHS[language].split()[day.month - 1]
    return {
        "iso": day.isoformat(),
        "d.m.y": day.strftime("%d.%m.%Y"),
        "d/m/y": day.strftime("%d/%m/%Y"),
        "m/d/y": day.strftime("%m/%d/%Y"),
        "d month y": f"{day.day} {month} {day.year}",
        "month d, y": f"{month} {day.day}, {day.year}",
        "d. month y": f"{day.day}. {month} {day.year}",
    }[style]


def scale_of(currency: str) -> int:
    """Return the digits after the point (ISO 4217)."""
    return 0 if currency == "JPY" else 2


def round_to(amount: Decimal, currency: str) -> Decimal:
    """Round half up to the currency's minor unit, as invoices do."""
    return amount.quantize(Decimal(1).scaleb(-scale_of(currency)), ROUND_HALF_UP)


def plain_number(value: Decimal) -> str:
    """Return a quantity without trailing zeros or exponent: 2, 2.5, 0.75."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True)
class Convention:
    """How one document writes what it says.

    Attributes:
        language: ISO 639-1.
        currency: ISO 4217.
        group: between thousands.
        point: before the fraction.
        money: a pattern of ``{amount}``, with the currency's symbol or code in it.
        dates: the style of dates.
    """

    language: str
    currency: str
    group: str
    point: str
    money: str
    dates: DateStyle

    def number(self, value: Decimal) -> str:
        """Return a quantity or percentage."""
        return plain_number(value).replace(".", self.point)

    def amount(self, value: Decimal) -> str:
        """Return an amount without its currency."""
        digits = f"{value:,.{scale_of(self.currency)}f}"
        whole, _, fraction = digits.partition(".")
        whole = whole.replace(",", self.group)
        return f"{whole}{self.point}{fraction}" if fraction else whole

    def cash(self, value: Decimal) -> str:
        """Return an amount with its currency."""
        return self.money.format(amount=self.amount(value))

    def date(self, day: date) -> str:
        """Return a date."""
        style = self.dates
        if style == "m/d/y" and day.day <= 12:  # nobody could tell the day from the month
            style = "month d, y"
        return write_date(day, style, self.language)


@dataclass(frozen=True, slots=True)
class Country:
    """What the documents of a country choose from.

    Attributes:
        language: of its documents.
        currency: ISO 4217.
        numbers: pairs of group and point.
        money: patterns.
        dates: styles.
        rates: tax rates in per cent, the standard rate first.
        price_factor: what a thing of 1 EUR costs here, roughly.
    """

    language: str
    currency: str
    numbers: tuple[tuple[str, str], ...]
    money: tuple[str, ...]
    dates: tuple[DateStyle, ...]
    rates: tuple[str, ...]
    price_factor: int = 1

    def convention(self, random: Random) -> Convention:
        """Choose how one document of this country writes."""
        group, point = random.choice(self.numbers)
        return Convention(
            language=self.language,
            currency=self.currency,
            group=group,
            point=point,
            money=random.choice(self.money),
            dates=random.choice(self.dates),
        )


_GERMAN = ((".", ","), (".", ","), ("", ","))
_ENGLISH = ((",", "."), (",", "."), ("", "."))
_EURO = ("{amount} €", "{amount} EUR", "EUR {amount}")

COUNTRIES: Final = {
    "GB": Country(
        "en", "GBP", _ENGLISH, ("£{amount}", "GBP {amount}"),
        ("d month y", "d/m/y", "iso"), ("20",),
    ),
    "IE": Country(
        "en", "EUR", _ENGLISH, ("€{amount}", "EUR {amount}"), ("d month y", "d/m/y"), ("23",)
    ),
    "US": Country(
        "en", "USD", ((",", "."),), ("${amount}", "USD {amount}"),
        ("month d, y", "m/d/y"), ("8.25", "7"),
    ),
    "DE": Country("de", "EUR", _GERMAN, _EURO, ("d.m.y", "d. month y"), ("19", "7")),
    "AT": Country("de", "EUR", _GERMAN, _EURO, ("d.m.y", "d. month y"), ("20", "10")),
    "CH": Country(
        "de", "CHF", (("'", "."),), ("CHF {amount}",), ("d.m.y", "d. month y"), ("8.1", "2.6")
    ),
    "FR": Country(
        "fr", "EUR", ((NO_BREAK_SPACE, ","), (" ", ","), ("", ",")), ("{amount} €", "{amount} EUR"),
        ("d/m/y", "d month y"), ("20", "10"),
    ),
    "MY": Country(
        "ms", "MYR", ((",", "."),), ("RM {amount}", "RM{amount}", "MYR {amount}"),
        ("d/m/y", "d month y"), ("8", "6"), 4,
    ),
    "JP": Country(
        "en", "JPY", ((",", "."),), ("¥{amount}", "JPY {amount}"),
        ("iso", "month d, y"), ("10",), 150,
    ),
}  # fmt: skip
