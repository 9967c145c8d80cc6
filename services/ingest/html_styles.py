"""What the styles of an HTML body hide from whoever looks at it, and where they keep its lines.

No browser is at hand, so what cannot be decided is told as doubtful: a rule with a condition, one
that asks where an element stands, or one for elements that no class, id or tag names.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

_HIDING: Final = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|font-size:0(?![.\d]*[1-9])|opacity:0(?![.\d]*[1-9])|mso-hide:all"
    r"|font-size:[01](?:\.\d+)?p[xt]|(?<![-\w])(?:max-)?(?:height|width):0(?![.\d]*[1-9])"
    r"|(?:left|top|right|text-indent):-\d{3}|(?<![-\w])color:transparent"
)
"""Declarations under which nobody sees a text, as they are written without blanks."""

_WHITE: Final = re.compile(
    r"(?<![-\w])color:(?:white(?!\w)|#fff(?![0-9a-f])|#ffffff(?![0-9a-f])|rgb\(255,255,255\))"
)
_BEHIND: Final = re.compile(r"background(?:-color)?:#([0-9a-f]{6}|[0-9a-f]{3})(?![0-9a-f])")
_WRITTEN: Final = re.compile(r"(?<![-\w])content\s*:[^;}]*(?:\d|attr|counter|url)", re.IGNORECASE)
_WHITE_SPACE: Final = re.compile(r"(?:^|;)white-space(?:-collapse)?:([a-z-]+)")
_DARK: Final = 128  # of 255: white on less can be read

_SHEET: Final = re.compile(r"<style\b[^>]*>(.*?)(?:</style|\Z)", re.IGNORECASE | re.DOTALL)
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)
_PIECES: Final = re.compile(r"[^{}]+|[{}]")
_COMBINATORS: Final = re.compile(r"[\s>+~]+")
_RESTLESS: Final = re.compile(r":(?:hover|active|focus)")
"""Only while a person does something."""

_FURTHER: Final = re.compile(r":{1,2}[\w-]+(?:\([^)]*\))?|\[[^\]]*\]|\*")
_NAMES: Final = re.compile(r"([.#]?)(-?[\w-]+)")
_MOST_CODE: Final = 0x10FFFF


class Sight(Enum):
    """Whether a person sees an element's text."""

    SEEN = auto()
    DOUBTFUL = auto()
    HIDDEN = auto()


@dataclass(frozen=True, slots=True)
class _Rule:
    """One selector and what it declares: all of its names must be an element's."""

    names: frozenset[str]
    sight: Sight
    white_space: str | None


class Styles:
    """The style sheets inside one HTML body.

    Args:
        html: the body.
    """

    def __init__(self, html: str) -> None:
        sheets = [_plain(sheet) for sheet in _SHEET.findall(html)]
        self._rules = [rule for sheet in sheets for rule in _telling_rules(sheet)]
        self.write = any(map(_WRITTEN.search, sheets))
        """Whether they add figures that stand nowhere in the body's text."""

    def sight(self, tag: str, attributes: Mapping[str, str | None]) -> Sight:
        """Tell whether an element's own attributes, or a rule for it, hide its text."""
        if "hidden" in attributes or _hides(_plain(attributes.get("style") or "")):
            return Sight.HIDDEN
        found = {rule.sight for rule in self._for(tag, attributes)}
        return next((one for one in (Sight.HIDDEN, Sight.DOUBTFUL) if one in found), Sight.SEEN)

    def white_space(self, tag: str, attributes: Mapping[str, str | None]) -> str | None:
        """Return the last ``white-space`` for an element, its own or a rule's; None without."""
        told = [rule.white_space for rule in self._for(tag, attributes)]
        told.append(_white_space(_plain(attributes.get("style") or "")))
        return next((one for one in reversed(told) if one is not None), None)

    def _for(self, tag: str, attributes: Mapping[str, str | None]) -> Iterator[_Rule]:
        names = {tag, *(f".{one}" for one in (attributes.get("class") or "").lower().split())}
        names.add(f"#{(attributes.get('id') or '').lower()}")
        return (rule for rule in self._rules if rule.names <= names)


def declared(style: str) -> str:
    """Return declarations as a browser understands them, in small letters and without blanks."""
    return "".join(_plain(style).lower().split())


def _hides(declarations: str) -> bool:
    compact = "".join(declarations.lower().split())
    white = _WHITE.search(compact) is not None and not _is_dark(_BEHIND.search(compact))
    return white or _HIDING.search(compact) is not None


def _is_dark(behind: re.Match[str] | None) -> bool:
    """Tell whether white can be read on a colour, by ITU-R BT.601's luma."""
    if behind is None:
        return False
    digits = behind[1] if len(behind[1]) == 6 else "".join(one * 2 for one in behind[1])  # noqa: PLR2004 - #rrggbb
    red, green, blue = (int(digits[place : place + 2], 16) for place in (0, 2, 4))
    return 0.299 * red + 0.587 * green + 0.114 * blue < _DARK


def _plain(css: str) -> str:
    """Return a style without its comments and escapes, which would hide what it says from us."""
    return _ESCAPED.sub(_unescaped, _COMMENT.sub("", css))


def _unescaped(found: re.Match[str]) -> str:
    digits, other = found.groups()
    if digits is None:
        return str(other)
    code = int(digits, 16)
    return chr(code) if 0 < code <= _MOST_CODE else ""


def _telling_rules(css: str) -> Iterator[_Rule]:
    opened: list[str] = []
    text = ""
    for piece in _PIECES.findall(css + "}}"):  # what is never closed is closed by the sheet's end
        if piece == "{":
            opened.append(text.rpartition(";")[2].strip().lower())
        elif piece == "}" and opened:
            selectors = opened.pop()
            tells = _hides(text) or _white_space(text) is not None
            if tells and not selectors.startswith("@") and "@media print" not in opened:
                sure = not any(_has_condition(one) for one in opened)
                for selector in selectors.split(","):
                    if not _RESTLESS.search(selector):
                        yield _rule(selector.strip(), text, sure=sure)
        text = "" if piece in "{}" else piece


def _white_space(declarations: str) -> str | None:
    found = _WHITE_SPACE.findall("".join(declarations.lower().split()))
    return found[-1] if found else None


def _has_condition(at_rule: str) -> bool:
    return at_rule.startswith("@") and at_rule not in {"@media all", "@media screen"}


def _rule(selector: str, declarations: str, *, sure: bool) -> _Rule:
    *before, last = _COMBINATORS.split(selector) or [""]
    plain = _FURTHER.sub("", last)
    names = frozenset(mark + name for mark, name in _NAMES.findall(plain))
    sure = sure and not before and plain == last and bool(names)
    sight = Sight.SEEN
    if _hides(declarations):
        sight = Sight.HIDDEN if sure else Sight.DOUBTFUL
    return _Rule(names, sight, _white_space(declarations))
