"""The text of an HTML body, as a person would read it from top to bottom."""

import re
from html.parser import HTMLParser
from typing import Final

from services.ingest.html_spaces import KEPT, Spaces
from services.ingest.html_styles import Sight, Styles, declared

_BLOCKS: Final = frozenset(
    (
        *("address", "article", "blockquote", "br", "div", "dl", "dt", "dd", "footer", "form"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre"),
        *("section", "table", "tr", "ul"),
    )
)
_CELLS: Final = frozenset(("td", "th"))
_UNSEEN: Final = frozenset(("script", "style", "title", "template"))
_FALLBACK: Final = frozenset(
    (
        *("audio", "canvas", "datalist", "details", "dialog", "iframe", "math", "noembed"),
        *("noframes", "noscript", "object", "rp", "select", "svg", "video"),
    )
)
"""What stands in these some programs show and some do not."""

_VOID: Final = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
_TURNS: Final = "bidi-override"
_TURNED: Final = "\u202e"
"""Says of the text that it may be shown otherwise than it is written: nothing of it is posted."""

_COMMENT_ENDS: Final = re.compile(r"(?<=<!--)-?>|--!?>|\Z")
_TAG_BEGINS: Final = re.compile(r"<[A-Za-z/!?]")
_BARE: Final = re.compile(
    r"<!--.*?-->|</?(?:!doctype|html|head|body|meta|title|div|p|br|span|font)(?:\s[^<>]*)?/?>",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST: Final = 10_000  # of a body that says nothing
_DRAWN: Final = re.compile(r"style|src|background", re.IGNORECASE)


class _Inside:
    """Whether a parser is inside an element of some kind, however many of its name it holds."""

    def __init__(self) -> None:
        self._tag: str | None = None
        self._open = 0  # elements of its name, itself included

    def __bool__(self) -> bool:
        return self._tag is not None

    def begin(self, tag: str, *, of_the_kind: bool) -> None:
        """Take note of a start tag."""
        if self._tag is None and of_the_kind and tag not in _VOID:
            self._tag, self._open = tag, 0
        self._open += tag == self._tag

    def end(self, tag: str) -> None:
        """Take note of an end tag."""
        if tag == self._tag:
            self._open -= 1
            if not self._open:
                self._tag = None


class _Reader(HTMLParser):
    def __init__(self, styles: Styles) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._styles = styles
        self._hidden, self._doubtful = _Inside(), _Inside()
        self._spaces = Spaces(styles)

    def parse_comment(self, i: int, report: bool = True) -> int:  # noqa: FBT001, FBT002 - the base class's signature
        """Skip a comment as far as HTML does (13.2.5.43 to 52): one that never ends, to the end."""
        del report
        ends = _COMMENT_ENDS.search(self.rawdata, i + len("<!--"))
        return ends.end() if ends else len(self.rawdata)

    def close(self) -> None:
        """Take the last words; a tag that never ends is none of them, with all that follows."""
        if _TAG_BEGINS.match(self.rawdata):
            self.rawdata = ""
        super().close()

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: FBT001, FBT002 - the base class's signature
        """Skip ``<![if mso]>`` and its kind; the base class raises on those it does not know."""
        del report
        return self.rawdata.find(">", i) + 1 or -1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        sight = Sight.HIDDEN if tag in _UNSEEN else self._styles.sight(tag, told)
        if sight is Sight.SEEN and tag in _FALLBACK:
            sight = Sight.DOUBTFUL
        self._hidden.begin(tag, of_the_kind=sight is Sight.HIDDEN)
        self._doubtful.begin(tag, of_the_kind=sight is Sight.DOUBTFUL)
        if tag not in _VOID:
            self._spaces.begin(tag, told)
        if tag == "bdo" or _TURNS in declared(told.get("style") or ""):
            self.parts.append(_TURNED)
        self.parts.append("\n" if tag in _BLOCKS else "\t" if tag in _CELLS else "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take ``<div/>`` for ``<div>``, as HTML does: what it hides goes on after it."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._hidden.end(tag)
        self._doubtful.end(tag)
        self._spaces.end(tag)
        self.parts.append("\n" if tag in _BLOCKS else "")

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._doubtful and any(map(str.isdigit, data)):
            self.parts.append(_TURNED)
        self.parts.append(self._spaces.shown(data))


def text_of(html: str) -> str:
    """Return lines of text; cells of a table row are four spaces apart."""
    styles = Styles(html)
    reader = _Reader(styles)
    reader.feed(html)
    reader.close()
    lines = []
    for line in "".join(reader.parts).split("\n"):
        cells = (cell.strip() for cell in line.split("\t"))
        joined = "    ".join(cell for cell in cells if cell)
        if joined:
            mark = _TURNED if styles.write else ""
            lines.append(mark + joined.replace(KEPT, " ").rstrip())
    return "\n".join(lines).strip("\n")


def is_blank(html: str) -> bool:
    """Tell whether nothing at all is shown: no word, hidden or not, no picture and no style."""
    if len(html) > _LONGEST or _DRAWN.search(html):
        return False
    return not _BARE.sub("", html).strip(" \t\r\n\xa0")
