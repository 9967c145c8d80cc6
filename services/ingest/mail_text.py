"""The text of one body part of an e-mail, as mail programs decode and wrap it."""

import codecs
import re
from email.message import Message
from typing import Final

_KNOWN: Final = re.compile(
    r"ascii|utf-(?:8(?:-sig)?|16(?:-[bl]e)?)|iso8859-\d+|tis-620|cp(?:125\d|874|866|932|949)|koi8-[ru]|mac-(?:roman|cyrillic)"
    r"|gb(?:k|2312|18030)|big5(?:hkscs)?|euc_(?:jp|kr)|shift_jis|iso2022_jp"
)
"""Codecs that mail programs have, too (WHATWG, Encoding, 4.2); Python knows stranger ones, in which
``+ADk-`` or ``\\x39`` is a nine."""

_HEADERS: Final = ("content-type", "content-transfer-encoding", "content-disposition")
_SIGNATURE: Final = "-- "


def text_in(part: Message) -> str:
    """Return a body's characters; a label that mail programs do not know is taken for UTF-8."""
    codec = _codec(part) or ""
    text = bytes_in(part).decode(codec if _KNOWN.fullmatch(codec) else "utf-8", "replace")
    text = text.replace("\x00", "")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if str(part.get_param("format", "")).lower() == "flowed":
        text = flowed(text, joined=str(part.get_param("delsp", "")).lower() == "yes")
    return text


def bytes_in(part: Message) -> bytes:
    """Return what a part holds, its transfer encoding undone."""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def is_sure(part: Message) -> bool:
    """Tell whether all mail programs read a part alike: no stranger charset, no header twice."""
    if any(len(part.get_all(name, [])) > 1 for name in _HEADERS):
        return False
    codec = _codec(part)
    return codec is None or _KNOWN.fullmatch(codec) is not None


def flowed(text: str, *, joined: bool = False) -> str:
    """Return paragraphs whose lines end in a space as the one line that is shown (RFC 3676).

    Args:
        text: its lines end in LF.
        joined: whether the space itself is none (``DelSp=yes``).
    """
    lines: list[str] = []
    before: str | None = None  # the marks of the quotation that goes on
    for line in text.split("\n"):
        rest = line.lstrip(">")
        quoted = line[: len(line) - len(rest)]
        rest = rest.removeprefix(" ")
        if before == quoted and rest != _SIGNATURE:
            lines[-1] = (lines[-1][:-1] if joined else lines[-1]) + rest
        else:
            lines.append(f"{quoted} {rest}" if quoted else rest)
        before = quoted if rest.endswith(" ") and rest != _SIGNATURE else None
    return "\n".join(lines)


def _codec(part: Message) -> str | None:
    """Return the codec of a part's charset; None for one that nobody knows."""
    try:
        return codecs.lookup(part.get_content_charset("utf-8")).name
    except (LookupError, ValueError):
        return None
