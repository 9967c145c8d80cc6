"""Masks for the one free-text field: what looks like personal data or a secret is replaced.

A mask errs on the side of masking. Amounts and dates of ordinary size stay readable. A person's
name cannot be recognised; that is why nothing of ours writes free text, and only messages of
libraries pass through here. Every pattern is linear in the length of the text.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

MOST_CHARACTERS: Final = 400
"""Of free text in a line; the rest is cut, after masking."""

_MOST_READ: Final = 4_000  # beyond this nothing is looked at
_TORN: Final = 300  # characters before a cut that may be half of something to mask

_TOKENS: Final = re.compile(
    r"""
      -----BEGIN\s[\s\S]*+                                        # a PEM block, to the end
    | \beyJ[\w-]{6,}+(?:\.[\w-]*+){0,4}                            # a JSON Web Token, or its start
    | (?<=://)[^\s/@]++@                                           # user and password in a URL
    | \b(?:bearer|basic|digest)\s++[^\s,;"']++                     # an Authorization header
    | \b(?:api[ _-]?key|access[ _-]?key|access[ _-]?token|token|secret|password|passwort|passwd
        |passphrase|pwd|authorization|cookie|signature|credential)s?+["']?+\s*+[:=]
        [^\n,;&}]++                                                # key: value, to the next
    | \b(?:sk|pk|rk|gh[opsur]|glpat|xox[abeprs]|whsec|shp(?:at|ss))[_-][\w-]{8,}+
    | \bya29\.[\w.-]++
    | (?<![\w+/-])(?=[\w+/-]{0,200}?\d)(?=[\w+/-]{0,200}?[A-Za-z])[\w+/-]{24,}+={0,2}
    """,  # the last line: any long run of letters and digits
    re.IGNORECASE | re.VERBOSE,
)
_PATHS: Final = re.compile(
    r"""
      (?<=://)(?P<host>[^\s/?#"'<>\\]++)[/?#][^\s"<>]*+   # of a URL, with its query
    | (?<=')/[^'\n]++ | (?<=")/[^"\n]++                   # in quotes: it may hold spaces
    | (?<![^\s(\[<{=,:])/(?!/)[^\s"<>]++                  # that a request or a file is named by
    """,
    re.VERBOSE,
)
_EMAIL: Final = re.compile(
    r""""[^"\n]{1,64}"(?:@|%40)[^\s<>()"',;]++"""
    r"""|(?<![^\s<>()\[\],;:"\\@])[^\s@<>()\[\],;:"\\]++@(?:\[[^\]\s]*+\]|[^\s@<>()\[\],;:"\\]++)"""
    r"""|(?<![\w.+-])[\w.+-]++%40[\w.-]++""",
    re.IGNORECASE,
)
_DATE: Final = re.compile(
    r"""
    (?<![\d./-])(?:
        \d{4}([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])
      | (?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\2(?:\d{4}|\d{2})
    )(?!\d|[-/.]\d)
    (?:[T\s]\s?(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?
       (?:Z|\s?[+-](?:0\d|1[0-4]):?[0-5]\d)?(?!\d))?
    """,
    re.VERBOSE,
)
_GPS: Final = re.compile(
    r"""
      [-+]?\d{1,3}\.\d{4,}°?\s*[NS]?\s*[,;/|\s]\s*[EWO]?\s*[-+]?\d{1,3}\.\d{4,}°?(?:\s*[EWO]\b)?
    | \d{1,3}\s*°\s*\d[\d.,]*+[^\w\s]{0,2}(?:\s*\d[\d.,]*+[^\w\s]{0,2})?\s*[NSEWO]?
    | \b(?:lat|latitude|lon|lng|long|longitude)\b["']?\s*[:=]?\s*[-+]?\d{1,3}[.,]\d+
    | \bgeo:[-+\d.,]+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_IBAN: Final = re.compile(r"(?=([A-Za-z]{2}\d{2}(?:[ .\-]?[A-Za-z0-9]){11,30}))")
_CARD: Final = re.compile(r"(?<!\d)(?=(\d(?:[ .\-]?\d){11,18}))")
_CARD_ANYWHERE: Final = re.compile(r"(?<=[ .\-])(?=(\d(?:[ .\-]?\d){11,18}))")
_PLUS: Final = re.compile(r"\+\s?\(?\d(?:[ ()./\-]{0,3}\d){6,18}")
_PHONE: Final = re.compile(
    r"""
      (?<!\w)00\s?\(?\d(?:[ ()./\-]{0,3}\d){6,14}                    # international
    | (?<![\w.,])\(?0\d{1,5}\)?[ ./\-]{1,3}\d(?:[ ./\-]{0,2}\d){3,10}  # national, with a zero
    | (?<![\w.,])(?:1[ .\-])?\(?\d{3}\)?[ .\-]\d{3}[ .\-]\d{4}(?!\d)   # North American
    """,
    re.VERBOSE,
)
_DIGITS: Final = re.compile(r"\d{9,}+")

_SHORTEST_IBAN: Final = 15
_SHORTEST_CARD: Final = 12


def mask(text: str) -> str:
    """Return ``text`` with personal data and secrets replaced, control characters escaped, capped.

    Paths, e-mail addresses, telephone numbers, IBANs (by checksum), card numbers (by Luhn),
    coordinates, tokens and long runs of digits become ``[path]``, ``[email]``, ``[phone]``,
    ``[iban]``, ``[card]``, ``[gps]``, ``[token]`` and ``[digits]``. A path names files as their
    senders do: clients of object stores tell every request that they make.
    """
    cut = len(text) > _MOST_READ
    plain = _plain(text[:_MOST_READ])
    plain = _PATHS.sub(_pathless, plain)
    plain = _TOKENS.sub("[token]", plain)
    plain = _EMAIL.sub("[email]", plain)
    plain = _GPS.sub("[gps]", plain)
    plain = _masked(plain, _IBAN, _iban_length, "[iban]")
    plain = _outside_dates(plain)
    if cut:
        plain = plain[:-_TORN]
    if cut or len(plain) > MOST_CHARACTERS:
        plain = plain[:MOST_CHARACTERS] + "…"
    return "".join(map(_escaped, plain))


def _pathless(found: re.Match[str]) -> str:
    """Return what stays of a URL, its host, or of a path, nothing."""
    return f"{found['host'] or ''}/[path]"


def _plain(text: str) -> str:
    """Return the text in one form: full-width digits as digits, invisible characters gone."""
    if text.isascii():
        return text
    kept = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    # Digits of other scripts count as digits for ``\d``; the checksums need them as 0 to 9.
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in kept)


def _outside_dates(text: str) -> str:
    """Mask numbers, but not in dates."""
    parts: list[str] = []
    end = 0
    for date in _DATE.finditer(text):
        parts += (_numbers(text[end : date.start()]), date[0])
        end = date.end()
    parts.append(_numbers(text[end:]))
    return "".join(parts)


def _numbers(text: str) -> str:
    text = _PLUS.sub("[phone]", text)  # before a checksum that holds by chance tears it
    text = _masked(text, _CARD, _card_length, "[card]")
    text = _masked(text, _CARD_ANYWHERE, _card_length, "[card]")
    return _DIGITS.sub("[digits]", _PHONE.sub("[phone]", text))


def _masked(
    text: str, pattern: re.Pattern[str], length_of: Callable[[str], int], label: str
) -> str:
    """Replace what the pattern proposes and the checksum confirms.

    The pattern proposes at every position, so that a neighbour taken for a part hides nothing.
    """
    parts: list[str] = []
    end = 0
    for found in pattern.finditer(text):
        if found.start() >= end:
            length = length_of(found[1])
            if length:
                parts += (text[end : found.start()], label)
                end = found.start() + length
    parts.append(text[end:])
    return "".join(parts)


def _iban_length(candidate: str) -> int:
    """Return how much of ``candidate`` is an IBAN (ISO 13616), the longest; 0 if nothing is."""
    return _longest(candidate, _SHORTEST_IBAN, _is_iban)


def _card_length(candidate: str) -> int:
    """Return how much of ``candidate`` is a card number, the longest; 0 if nothing is."""
    return _longest(candidate, _SHORTEST_CARD, _passes_luhn)


def _longest(candidate: str, shortest: int, passes: Callable[[str], bool]) -> int:
    ends = [place + 1 for place, character in enumerate(candidate) if character.isalnum()]
    compact = "".join(filter(str.isalnum, candidate))
    for count in range(len(ends), shortest - 1, -1):
        if passes(compact[:count]):
            return ends[count - 1]
    return 0


def _is_iban(compact: str) -> bool:
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _passes_luhn(digits: str) -> bool:
    doubled = (2 * int(digit) for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(n - 9 * (n > 9) for n in doubled)) % 10 == 0  # noqa: PLR2004 - Luhn's digit sum


def _escaped(character: str) -> str:
    """Return a printable character as it is, any other as its escape."""
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
