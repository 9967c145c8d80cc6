"""Text made comparable: lower case without accents, character by character.

Folding keeps the length, so an offset in the folded text is an offset in the original.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final


def _base(codepoint: int) -> str:
    """Return the base letter of an accented Latin letter, else the character itself."""
    first = unicodedata.normalize("NFKD", chr(codepoint))[0]
    return first if first.isascii() and first.isalpha() else chr(codepoint)


_TABLE: Final = {
    **{codepoint: _base(codepoint) for codepoint in range(0xC0, 0x250)},
    ord("ß"): "s",
    ord("ø"): "o",
    ord("Ø"): "O",
    ord("œ"): "o",
    ord("æ"): "a",
    ord("\u2019"): "'",
    ord("\u00a0"): " ",
    ord("\u202f"): " ",
    ord("\u2212"): "-",
    ord("\u2013"): "-",
    ord("\u2014"): "-",
}

_NOT_LETTERS: Final = re.compile(r"[^a-z]+")
_NOT_ALNUM: Final = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Return ``text`` in lower case without accents, of the same length."""
    return text.translate(_TABLE).lower()


@lru_cache(maxsize=8192)
def letters(text: str) -> str:
    """Return only the letters of the folded text: OCR loses and invents spaces."""
    return _NOT_LETTERS.sub("", fold(text))


def alnum(text: str) -> str:
    """Return only the letters and digits of the folded text."""
    return _NOT_ALNUM.sub("", fold(text))


def forget_texts() -> None:
    """Drop the texts that were folded: they are a document's, and it may be erased."""
    fold.cache_clear()
    letters.cache_clear()
