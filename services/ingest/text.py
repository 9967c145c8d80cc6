"""Plain text: whether bytes are text, and how many pages it has."""

from typing import Final

PAGE_LINES: Final = 60
"""Lines of a page, as a printer breaks it. The reader breaks pages likewise; a test compares."""

_MARKS: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CONTROLS: Final = bytes(
    code for code in range(32) if code not in b"\t\n\v\f\r\x1a\x1b"
)  # of text, only old printers' controls
_MOST_HIGH_SHARE: Final = 0.3  # of bytes outside ASCII in text of a single-byte encoding


def decoded(content: bytes) -> str | None:
    """Return text by its byte order mark, as UTF-8, or as Windows-1252; None if it is no text."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                text = content.decode(encoding)
            except UnicodeDecodeError:
                return None
            return None if any(chr(code) in text for code in _CONTROLS) else text
    if any(code in content for code in _CONTROLS):
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        high = len(content) - len(content.decode("ascii", "ignore"))
        if high > len(content) * _MOST_HIGH_SHARE:
            return None
        return content.decode("cp1252", "replace")


def count_pages(text: str) -> int:
    """Return how many pages text has: at form feeds, and after every ``PAGE_LINES`` lines."""
    counts = []
    for sheet in text.replace("\r\n", "\n").replace("\r", "\n").split("\f"):
        lines = sheet.split("\n")
        while lines and not lines[-1].strip():
            lines.pop()
        counts.append(max(1, -(-len(lines) // PAGE_LINES)) if lines else 0)
    while len(counts) > 1 and counts[-1] == 0:
        counts.pop()
    return sum(max(count, 1) for count in counts)
