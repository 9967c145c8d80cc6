"""Where an HTML body keeps its line breaks and spaces (CSS Text, 3: ``white-space``)."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from services.ingest.html_styles import Styles

KEPT: Final = "\x00"
"""Stands for a space that is shown, until a line is put together: it is no blank to trim."""

_RUN: Final = re.compile(r"[ \t\r\n\f\v\x1c-\x1f\x85\xa0]+")
_ROW: Final = re.compile(r"[ \t\f\v\x1c-\x1f\x85\xa0]+")
_BREAK: Final = re.compile(r"\r\n?|\n")
_TAB: Final = 8
_LINES: Final = frozenset(("pre-line", "preserve-breaks"))
_ALL: Final = frozenset(("pre", "pre-wrap", "break-spaces", "-moz-pre-wrap", "preserve"))
_NONE: Final = frozenset(("normal", "nowrap", "initial", "collapse"))
_PRE: Final = frozenset(("pre", "listing", "xmp", "plaintext", "textarea"))
_ENDS: Final[Mapping[str, frozenset[str]]] = {
    "td": frozenset(("td", "th")),
    "th": frozenset(("td", "th")),
    "tr": frozenset(("tr", "td", "th")),
    "li": frozenset(("li",)),
    "p": frozenset(("p",)),
}
"""What a start tag ends by itself (HTML, 13.1.2.4)."""


class Spaces:
    """How white space is shown at the place where a parser is.

    Args:
        styles: of the body.
    """

    def __init__(self, styles: Styles) -> None:
        self._styles = styles
        self._open: list[tuple[str, str]] = []
        self._count: Counter[str] = Counter()

    def begin(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        """Take note of a start tag."""
        while self._open and self._open[-1][0] in _ENDS.get(tag, ()):
            self._count[self._open.pop()[0]] -= 1
        told = self._styles.white_space(tag, attributes)
        if told not in _LINES | _ALL | _NONE:
            told = "pre" if tag in _PRE else self._now()
        self._open.append((tag, told))
        self._count[tag] += 1

    def end(self, tag: str) -> None:
        """Take note of an end tag, and of what it ends with it."""
        ended = "" if self._count[tag] else tag
        while ended != tag:
            ended = self._open.pop()[0]
            self._count[ended] -= 1

    def shown(self, data: str) -> str:
        """Return characters as they are shown; kept spaces as ``KEPT``."""
        now = self._now()
        data = data.replace(KEPT, "")
        if now in _LINES:
            return "\n".join(_ROW.sub(" ", line) for line in _BREAK.split(data))
        if now in _ALL:
            lines = (_ROW.sub(_spaces, line.expandtabs(_TAB)) for line in _BREAK.split(data))
            return f"{KEPT}\n".join(lines)  # so that an empty line is one
        return _RUN.sub(" ", data)

    def _now(self) -> str:
        return self._open[-1][1] if self._open else "normal"


def _spaces(found: re.Match[str]) -> str:
    return KEPT * len(found[0])
