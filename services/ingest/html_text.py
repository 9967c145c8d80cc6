"""The text of an HTML body, as a person would read it from top to bottom."""

import re
from html.parser import HTMLParser
from typing import Final

_BLOCKS: Final = frozenset(
    (
        *("address", "article", "blockquote", "br", "div", "dl", "dt", "dd", "footer", "form"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre"),
        *("section", "table", "tr", "ul"),
    )
)
_CELLS: Final = frozenset(("td", "th"))
_UNSEEN: Final = frozenset(("script", "style", "title", "template"))
_VOID: Final = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
_HIDING: Final = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|font-size:0(?![.\d]*[1-9])|opacity:0(?![.\d]*[1-9])|mso-hide:all"
    r"|font-size:[01](?:\.\d+)?p[xt]|(?:max-)?(?:height|width):0(?![.\d]*[1-9])"
    r"|(?:left|top|right|text-indent):-\d{3}"
    r"|(?<![-\w])color:(?:white(?!\w)|#fff(?![0-9a-f])|#ffffff(?![0-9a-f])|transparent"
    r"|rgb\(255,255,255\))"
)
"""Styles of an element under which nobody sees its text, as they are written without blanks."""

_TURNS: Final = "bidi-override"
_TURNED: Final = "\u202e"
"""Says of the text that it is shown in another order than it is written in."""

_SPACES: Final = re.compile(r"[ \t\r\n\xa0]+")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen: str | None = None
        self._open = 0  # elements inside the one that is not seen, itself included

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: FBT001, FBT002 - the base class's signature
        """Skip ``<![if mso]>`` and its kind; the base class raises on those it does not know."""
        del report
        return self.rawdata.find(">", i) + 1 or -1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._unseen is None and tag not in _VOID and (tag in _UNSEEN or _hides(attrs)):
            self._unseen, self._open = tag, 0
        self._open += tag == self._unseen
        if tag == "bdo" or _TURNS in (dict(attrs).get("style") or "").lower():
            self.parts.append(_TURNED)
        self.parts.append("\n" if tag in _BLOCKS else "\t" if tag in _CELLS else "")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._unseen:
            self._open -= 1
            if not self._open:
                self._unseen = None
        self.parts.append("\n" if tag in _BLOCKS else "")

    def handle_data(self, data: str) -> None:
        if self._unseen is None:
            self.parts.append(_SPACES.sub(" ", data))


def _hides(attributes: list[tuple[str, str | None]]) -> bool:
    """Tell whether an element's own attributes hide it."""
    told = dict(attributes)
    style = "".join((told.get("style") or "").lower().split())
    return "hidden" in told or _HIDING.search(style) is not None


def text_of(html: str) -> str:
    """Return lines of text; cells of a table row are four spaces apart."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = []
    for line in "".join(reader.parts).split("\n"):
        cells = (" ".join(cell.split(" ")).strip() for cell in line.split("\t"))
        joined = "    ".join(cell for cell in cells if cell)
        if joined:
            lines.append(joined)
    return "\n".join(lines)
