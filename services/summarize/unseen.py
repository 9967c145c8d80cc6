"""Characters that nobody sees: what stands between two digits there is no gap between them."""

import re
from collections.abc import Iterable
from typing import Final

from shared.events.results import Word

_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties), controls, Braille's blank."""

_TURNING: Final = re.compile("[\u061c\u200f\u202a-\u202e\u2066-\u2069]")
"""Bidi_Control without the mark that keeps what is left to right: figures change their places."""


def shown(words: Iterable[Word]) -> list[Word]:
    """Return words as they are seen, without those of which nothing is.

    Where something turns the order round, nobody can be sure of what a line shows.
    """
    every = list(words)
    if all(word.text.isascii() and word.text.isprintable() for word in every):
        return [word for word in every if word.text.strip()]
    turned = {word.line for word in every if _TURNING.search(word.text)}
    return [
        Word(text, word.box, 0.0 if word.line in turned else word.confidence, word.line)
        for word in every
        if (text := _UNSEEN.sub("", word.text)).strip()
    ]
