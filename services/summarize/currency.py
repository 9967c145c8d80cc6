"""Which currency a document is in: what stands beside its amounts, else the country it is from."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from babel.numbers import get_currency_precision, list_currencies

from services.summarize.folding import fold
from services.summarize.layout import Segment, Sheet
from shared.events.results import Evidence

SYMBOLS: Final = {
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "RM": "MYR",
    "S$": "SGD",
    "A$": "AUD",
    "C$": "CAD",
    "US$": "USD",
    "HK$": "HKD",
    "NZ$": "NZD",
    "FR.": "CHF",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "RP": "IDR",
    "RP.": "IDR",
    "RS": "INR",
    "RS.": "INR",
}
"""Symbols that name one currency."""

_BY_COUNTRY: Final = {
    "$": {"MY": "MYR", "SG": "SGD", "AU": "AUD", "CA": "CAD", "NZ": "NZD", "HK": "HKD"},
    "¥": {"CN": "CNY"},
    "KR": {"NO": "NOK", "DK": "DKK"},
    "KR.": {"NO": "NOK", "SE": "SEK"},
}
_OTHERWISE: Final = {"$": "USD", "¥": "JPY", "KR": "SEK", "KR.": "DKK"}

_HOME: Final = {
    "MY": "MYR", "SG": "SGD", "GB": "GBP", "CH": "CHF", "US": "USD", "AU": "AUD", "CA": "CAD",
    "NZ": "NZD", "HK": "HKD", "SE": "SEK", "NO": "NOK", "DK": "DKK", "PL": "PLN", "EU": "EUR",
}  # fmt: skip

_SIGNS: Final = (
    (
        "MY",
        (
            r"sdn\.?\s?bhd|s/b\b|malaysia|selangor|johor|penang\b|pulau pinang|petaling jaya|"
            r"shah alam|jalan\b|jln\b|gst (?:id|reg)\b"
        ),
        r"kuala\s?lumpur|\+60",
    ),
    ("SG", r"singapore\b|pte\.?\s?ltd|uen\b", r"\+65\b"),
    ("CH", r"schweiz\b|suisse\b|switzerland\b|che-?\d{3}|ch-\d{4}\b", r"\+41\b"),
    ("GB", r"united kingdom\b|england\b|gb\s?\d{9}|sort code\b|london\b", r"\+44\b"),
    ("AU", r"australia\b|abn\b|pty\b", r"\+61\b"),
    ("CA", r"canada\b|hst\b|ontario\b", None),
    ("NZ", r"new zealand\b", None),
    ("HK", r"hong kong\b", None),
    ("US", r"united states\b|usa\b|ein\b|[a-z]{2} \d{5}(?:-\d{4})?$|inc\.", None),
    ("SE", r"sverige\b|sweden\b|organisationsnummer\b", None),
    ("NO", r"norge\b|norway\b", None),
    ("DK", r"danmark\b|denmark\b|cvr\b", None),
    ("PL", r"polska\b|poland\b|nip\b", None),
    (
        "EU",
        (
            r"(?:de|at|fr|it|es|nl|be|lu|ie|fi|pt)\s?u?\d{8,11}\b|deutschland\b|germany\b|"
            r"france\b|osterreich\b|austria\b|gmbh\b|sarl\b|ust-?id|espana\b|"
            r"italia\b|nederland\b|steuernummer\b|siret\b|"
            r"iban:? (?:de|fr|at|nl|es|it|be)"
        ),
        None,
    ),
)
"""Of each country, what begins a word, and what may stand anywhere."""


def _sign(words: Iterable[str], anywhere: Iterable[str | None]) -> re.Pattern[str]:
    """Return the pattern of signs: whether a word begins is asked once, not for each of them."""
    return re.compile("|".join([rf"\b(?:{'|'.join(words)})", *filter(None, anywhere)]))


_COUNTRIES: Final = {country: _sign([words], [anywhere]) for country, words, anywhere in _SIGNS}

_ANY_COUNTRY: Final = _sign(
    [words for _, words, _ in _SIGNS], [anywhere for _, _, anywhere in _SIGNS]
)

_MARKS: Final = re.compile(
    r"(?<![A-Za-z])(?:(?P<rm>RM)(?![A-Za-z])|(?P<symbol>[€£₹])|(?P<iso>[A-Z]{3})(?![A-Za-z]))"
)


@dataclass(frozen=True, slots=True)
class CurrencyFound:
    """A currency, how sure it is, and the words that say so."""

    code: str
    confidence: float
    evidence: Evidence


@cache
def scale_of(code: str) -> int:
    """Return how many decimals a currency has (ISO 4217 by way of CLDR)."""
    return get_currency_precision(code)


@cache
def iso_4217() -> frozenset[str]:
    """Return every currency code that Unicode CLDR knows."""
    return frozenset(list_currencies())


_MOSTLY: Final = 0.6
"""Share of the marks from which a currency is the document's."""

_COMMON: Final = frozenset(
    [
        "EUR",
        "USD",
        "GBP",
        "CHF",
        "MYR",
        "SGD",
        "AUD",
        "CAD",
        "NZD",
        "HKD",
        "JPY",
        "CNY",
        "INR",
        "IDR",
        "THB",
        "PHP",
        "SEK",
        "NOK",
        "DKK",
        "PLN",
        "CZK",
        "HUF",
        "RON",
        "BGN",
        "BRL",
        "MXN",
        "ZAR",
        "AED",
        "SAR",
        "TRY",
        "KRW",
        "TWD",
        "VND",
        "ISK",
        "ILS",
    ]
)
"""Codes that are taken for a currency wherever they stand."""


def countries(texts: Iterable[str]) -> Counter[str]:
    """Count the signs of each country in a document's rows."""
    found: Counter[str] = Counter()
    for text in texts:
        folded = fold(text)
        if not _ANY_COUNTRY.search(folded):
            continue
        for country, pattern in _COUNTRIES.items():
            if pattern.search(folded):
                found[country] += 1
    return found


def resolve(mark: str, home: Counter[str]) -> str | None:
    """Return the currency that ``mark`` stands for in a document from these countries."""
    upper = mark.upper()
    if upper in SYMBOLS:
        return SYMBOLS[upper]
    if upper in _OTHERWISE:
        local = _BY_COUNTRY[upper]
        known = [country for country, _ in home.most_common() if country in local]
        return local[known[0]] if known else _OTHERWISE[upper]
    return upper if upper in _COMMON else None


def home_currency(home: Counter[str]) -> str:
    """Return the currency of the country that a document has most signs of; "" of none."""
    return next((_HOME[country] for country, _ in home.most_common(1)), "")


def _votes(
    sheet: Sheet, beside: Sequence[tuple[str, Segment]], home: Counter[str]
) -> tuple[Counter[str], dict[str, Evidence]]:
    """Count what the marks say, those beside amounts doubly, and where each code is said first."""
    votes: Counter[str] = Counter()
    first: dict[str, Evidence] = {}
    for mark, segment in beside:
        code = resolve(mark, home)
        if code is not None:
            votes[code] += 2
            at = max(0, segment.text.find(mark))
            first.setdefault(code, segment.evidence(at, at + len(mark)))
    for segment in sheet.segments:
        for match in _MARKS.finditer(segment.text):
            code = resolve(match.group(), home)
            if code is not None:
                votes[code] += 1
                first.setdefault(code, segment.evidence(match.start(), match.end()))
    return votes, first


def find_currency(
    sheet: Sheet, beside: Sequence[tuple[str, Segment]], home: Counter[str]
) -> CurrencyFound | None:
    """Return the document's currency, or None when nothing says which.

    Args:
        sheet: the document.
        beside: marks that stand beside amounts, the most telling first, and where.
        home: signs of countries (``countries``).
    """
    votes, first = _votes(sheet, beside, home)
    if votes:
        (code, count), *_ = votes.most_common()
        confidence = 0.98 * count / votes.total()
        own = home_currency(home)
        if confidence < _MOSTLY and own in votes:
            return CurrencyFound(own, _MOSTLY, first[own])
        if code == "USD" and first[code].text == "$" and not home["US"]:
            confidence *= 0.9  # some other country's dollar
        return CurrencyFound(code, confidence, first[code])
    for country, _ in home.most_common(1):
        for segment in sheet.segments:
            if _COUNTRIES[country].search(fold(segment.text)):
                return CurrencyFound(_HOME[country], 0.9, segment.evidence())
    return None
