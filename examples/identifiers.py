"""Invented tax ids, IBANs and phone numbers that pass the checks a reader may make of them.

Check digits: ISO 13616 (IBAN, ISO 7064 mod 97-10), ISO 7064 mod 11,10 (German VAT), Luhn (SIREN)
and each country's own rule otherwise.
"""

from collections.abc import Callable
from random import Random
from typing import Final

_LETTER_VALUES: Final = {chr(code): str(code - 55) for code in range(65, 91)}
_IE_LETTERS: Final = "WABCDEFGHIJKLMNOPQRSTUV"


def _digits(random: Random, count: int) -> str:
    """Return digits, the first not zero, so that they look like a number somebody was given."""
    return str(random.randrange(10 ** (count - 1), 10**count))


def _iban(country: str, account: str) -> str:
    """Return the IBAN of a national account number: check digits make it 1 modulo 97."""
    spelled = "".join(_LETTER_VALUES.get(c, c) for c in account + country + "00")
    return f"{country}{98 - int(spelled) % 97:02d}{account}"


def _french_account(random: Random) -> str:
    """Return bank, branch and account with the two-digit RIB key."""
    bank, branch, account = _digits(random, 5), _digits(random, 5), _digits(random, 11)
    key = 97 - (89 * int(bank) + 15 * int(branch) + 3 * int(account)) % 97
    return f"{bank}{branch}{account}{key:02d}"


def make_iban(random: Random, country: str) -> str:
    """Return an IBAN of ``country``, without spaces; "" where the country has none."""
    match country:
        case "DE":
            return _iban("DE", _digits(random, 18))
        case "AT":
            return _iban("AT", _digits(random, 16))
        case "CH":
            return _iban("CH", _digits(random, 17))
        case "FR":
            return _iban("FR", _french_account(random))
        case "GB" | "IE":
            bank = "".join(random.choice("BCDFGHKLMNPRSTW") for _ in range(4))
            return _iban(country, bank + _digits(random, 14))
        case _:
            return ""


def spaced_iban(iban: str) -> str:
    """Return an IBAN in groups of four, as paper shows it."""
    return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))


def _german(random: Random) -> str:
    number = _digits(random, 8)
    check = 10
    for digit in number:
        step = (check + int(digit)) % 10 or 10
        check = step * 2 % 11
    return f"DE{number}{(11 - check) % 10}"


def _austrian(random: Random) -> str:
    number = _digits(random, 7)
    total = sum(
        int(d) if i % 2 == 0 else sum(map(int, str(2 * int(d)))) for i, d in enumerate(number)
    )
    return f"ATU{number}{(6 - total) % 10}"


def _british(random: Random) -> str:
    number = _digits(random, 7)
    total = sum(w * int(d) for w, d in zip(range(8, 1, -1), number, strict=True))
    return f"GB{number}{97 - total % 97:02d}"


def _irish(random: Random) -> str:
    number = _digits(random, 7)
    total = sum(w * int(d) for w, d in zip(range(8, 1, -1), number, strict=True))
    return f"IE{number}{_IE_LETTERS[total % 23]}"


def _luhn_digit(number: str) -> str:
    doubled = (
        int(d) if i % 2 else sum(map(int, str(2 * int(d)))) for i, d in enumerate(number[::-1])
    )
    return str(-sum(doubled) % 10)


def _french(random: Random) -> str:
    siren = _digits(random, 8)
    siren += _luhn_digit(siren)
    return f"FR{int(siren + '12') % 97:02d}{siren}"


def _swiss(random: Random) -> str:
    while True:
        number = _digits(random, 8)
        weighed = zip((5, 4, 3, 2, 7, 6, 5, 4), number, strict=True)
        check = (11 - sum(w * int(d) for w, d in weighed)) % 11
        if check < 10:
            full = f"{number}{check}"
            return f"CHE-{full[:3]}.{full[3:6]}.{full[6:]}"


def _japanese(random: Random) -> str:
    number = _digits(random, 12)
    total = sum((1 + i % 2) * int(d) for i, d in enumerate(number[::-1]))
    return f"T{9 - total % 9}{number}"


def _malaysian(random: Random) -> str:
    return f"W10-{random.randrange(1808, 2512)}-{_digits(random, 8)}"


def _american(random: Random) -> str:
    return f"{random.choice((20, 26, 45, 47, 81, 82))}-{_digits(random, 7)}"


_TAX_IDS: Final[dict[str, Callable[[Random], str]]] = {
    "AT": _austrian,
    "CH": _swiss,
    "DE": _german,
    "FR": _french,
    "GB": _british,
    "IE": _irish,
    "JP": _japanese,
    "MY": _malaysian,
    "US": _american,
}


def make_tax_id(random: Random, country: str) -> str:
    """Return a tax id of ``country`` as its invoices print it; check digits are right."""
    return _TAX_IDS[country](random)


def make_phone(random: Random, country: str) -> str:
    """Return a phone number, from a range kept free for fiction where there is one."""
    last = random.randrange(100, 1000)
    return {
        "GB": f"020 7946 0{last}",
        "IE": f"020 915 {last}0",
        "US": f"(312) 555-0{100 + last % 100}",
        "DE": f"030 23125 {last}",
        "AT": f"01 5550 {last}",
        "CH": f"044 555 {last // 10} {last % 100:02d}",
        "FR": f"01 99 00 {last // 10:02d} {last % 100:02d}",
        "MY": f"03-5550 1{last}",
        "JP": f"03-5550-1{last}",
    }[country]
