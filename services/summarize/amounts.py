"""Number conventions: 1,234.56 and 1.234,56 and 1 234,56 and 1'234.56, signs, currencies."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

Separator = Literal[".", ","]

CURRENCY_MARK: Final = (
    r"(?:RM|MYR|EUR|USD|GBP|CHF|SGD|AUD|CAD|NZD|HKD|JPY|CNY|INR|IDR|THB|PHP|SEK|NOK|DKK|PLN|CZK|HUF"
    r"|BRL|MXN|ZAR|AED|TRY|S\$|A\$|C\$|US\$|HK\$|NZ\$|Fr\.|kr\.?|z\u0142|K\u010d|Rp\.?|Rs\.?"
    r"|[\u20ac$\u00a3\u00a5\u20b9])"
)

_DIGITS: Final = (
    r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+,\d{2}(?!\d)"  # 1 234,56
    r"|\d{1,3}(?:['\u2019]\d{3})+(?:[.,]\d{1,4})?"  # 1'234.56
    r"|\d{1,3}(?:,\d{3})+\.\d{1,4}"  # 1,234.56
    r"|\d{1,3}(?:\.\d{3})+,\d{1,4}"  # 1.234,56
    r"|\d{1,3}(?:,\d{3}){2,}|\d{1,3}(?:\.\d{3}){2,}"  # 1,234,567
    r"|\d+\s?[.,]\s?\d{2}(?!\d)"  # 12.50, and 12. 50 as OCR reads it
    r"|\d+[.,]\d{1,4}"  # 9.000, 3,3333
    r"|[.,]\d{2}(?!\d)"  # .50
    r"|\d+(?:,-|,--|\.-|\.--)?"  # 12 and 12,-
)

_AMOUNT: Final = re.compile(
    rf"(?P<open>\()?(?P<sign>[-\u2212\u2013+])?\s?(?P<before>{CURRENCY_MARK})?\s?(?::|\.(?=\s))?\s?"
    rf"(?P<sign2>[-\u2212\u2013])?\s?(?P<digits>{_DIGITS})"
    rf"(?P<trail>[-\u2212](?![\w]))?(?P<close>\))?\s?(?P<after>{CURRENCY_MARK}(?![A-Za-z]))?"
)

_DIGIT: Final = re.compile(r"\d")

_MOST_DIGITS: Final = 11
"""An amount with more digits before the point is a code."""

_GROUP: Final = 3  # digits between two separators of thousands

_RUN: Final = re.compile(
    rf"(?<![\w.,])(?P<before>{CURRENCY_MARK})?\s?(?P<digits>[\d.,]+(?: [\d.,]+)+)(?!\w)"
)
_ONE: Final = re.compile(_DIGITS)
_APART: Final = re.compile(r"\d(?: \d){2,}|.+[.,]\d \d|(?P<groups>\d{1,3}(?: \d{3})+[.,]\d{2})")

_PLAIN: Final = re.compile(r"\d[.,]\d{2}(?![\d.,/:-]*\d)")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that may be money, and where it stands in its text.

    Attributes:
        value: exact, with the decimals as written.
        start: where it starts in the text, sign and currency included.
        end: where it ends.
        decimals: how many decimals were written.
        mark: the currency written beside it, as written, else None.
        is_grouped: whether it is a whole number in groups of three digits.
    """

    value: Decimal
    start: int
    end: int
    decimals: int
    mark: str | None
    is_grouped: bool = False

    @property
    def is_money(self) -> bool:
        """Whether it looks like money: two decimals, or a currency beside it, and no code."""
        if self.value.adjusted() > _MOST_DIGITS:
            return False
        return self.decimals == 2 or self.mark is not None  # noqa: PLR2004 - cents


def decimal_separator(texts: Iterable[str]) -> Separator:
    """Return the decimal separator that most numbers of a document use (a tie is a point)."""
    points = commas = 0
    for text in texts:
        for match in _PLAIN.finditer(text):
            if match.group()[1] == ",":
                commas += 1
            else:
                points += 1
    return "," if commas > points else "."


def parse_number(digits: str, separator: Separator) -> Decimal | None:
    """Return the value of ``digits`` as written, or None when it is no number.

    One separator before exactly three digits is read by the document's convention: ``1.234`` is
    1234 where the comma separates decimals, and 1.234 where the point does.
    """
    text = re.sub(r"[\s'\u2019]|[.,]-+$", "", digits)
    last = max(text.rfind("."), text.rfind(","))
    if last < 0:
        return Decimal(text) if text.isdigit() else None
    mark = text[last]
    other = "." if mark == "," else ","
    whole, fraction = text[:last], text[last + 1 :]
    groups = mark in whole
    thousands = (
        len(fraction) == _GROUP
        and whole not in {"", "0"}
        and (groups or (other not in whole and mark != separator))
    )
    plain = (text if thousands else whole).replace(".", "").replace(",", "")
    if not (plain + fraction).isdigit() or (groups and not thousands):
        return None
    return Decimal(plain) if thousands else Decimal(f"{plain or '0'}.{fraction}")


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Tell whether a number is not a piece of a date, a time, a code or a percentage."""
    before = text[start - 1] if start else " "
    before2 = text[start - 2] if start > 1 else " "
    after = text[end] if end < len(text) else " "
    after2 = text[end + 1] if end + 1 < len(text) else " "
    if before.isalnum() and not (before in "xX" and (before2.isdigit() or before2.isspace())):
        return False
    if before in "./:,-#" and (before2.isalnum() and before != ":"):
        return False
    if before in "#/":
        return False
    if after.isdigit() or (after in ".,:/-" and after2.isdigit()):
        return False
    if after.isalpha() and after2.isalpha() and text[end : end + 2].upper() not in {"SR", "ZR"}:
        return False
    return not text[end : end + 2].strip().startswith("%")


def _is_in_pieces(run: re.Match[str]) -> bool:
    """Tell whether numbers side by side are one with gaps in it: "1 2 5 6 . 76", "2, 581.6 8".

    Nobody can say where it begins, so no piece of it is an amount.
    """
    digits = run["digits"]
    if _ONE.fullmatch(digits):
        return False
    first, *others = digits.split(" ")
    marked = run["before"] is not None
    ends = [first, *others] if marked else others  # a list's "1." is not a piece
    if any(one[-1] in ".," for one in ends) or any(one[0] in ".," for one in others):
        return True
    apart = _APART.fullmatch(digits)
    return apart is not None and (marked or apart["groups"] is None)


def find_amounts(text: str, separator: Separator) -> list[Amount]:
    """Return the numbers in ``text`` that stand alone, from left to right."""
    found: list[Amount] = []
    if not _DIGIT.search(text):
        return found
    pieces = [match.span() for match in _RUN.finditer(text) if _is_in_pieces(match)]
    for match in _AMOUNT.finditer(text):
        start, end = match.start("digits"), match.end("digits")
        marked = match["before"] or match["after"]
        before = match.start("before") if match["before"] else start
        if not _stands_alone(text, before, end) or (
            match["sign"] and match.start() and text[match.start() - 1].isalnum()
        ):
            continue
        value = parse_number(match["digits"], separator)
        if value is None or any(a < end and start < b for a, b in pieces):
            continue
        negative = (
            match["sign"] not in {None, "+"}
            or match["sign2"] is not None
            or match["trail"] is not None
            or (match["open"] is not None and match["close"] is not None)
        )
        exponent = value.as_tuple().exponent
        found.append(
            Amount(
                value=-value if negative and value else value,
                start=before if not negative else match.start(),
                end=match.end("after") if match["after"] else end,
                decimals=-exponent if isinstance(exponent, int) else 0,
                mark=marked,
                is_grouped=exponent == 0 and not match["digits"].isdigit(),
            )
        )
    return found


def written(value: Decimal, scale: int = 2) -> str:
    """Return an amount as a decimal string: ``scale`` decimals, or as many as it has."""
    exact = value.normalize()
    exponent = exact.as_tuple().exponent
    places = max(scale, -exponent if isinstance(exponent, int) else 0)
    return f"{exact:.{places}f}"
