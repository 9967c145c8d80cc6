"""Foreign text made harmless, once for all formats; each format escapes its own signs besides."""

import unicodedata
from typing import Final

LONGEST: Final = 200

# Cc: terminal escapes, newlines. Cf: bidirectional overrides, zero-width. Cs, Co, Cn: no text.
# Zl, Zp: line breaks that str.splitlines and some parsers obey.
_HARMFUL: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str) -> str:
    """Return ``text`` on one line without control, format or unassigned characters.

    Runs of them and of spaces become one space; more than 200 characters are cut.
    """
    kept = "".join(
        " " if unicodedata.category(character) in _HARMFUL else character for character in text
    )
    return " ".join(kept.split())[:LONGEST]
