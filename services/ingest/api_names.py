"""What a caller says about a body beside it: the file's name, and a key for sending it again.

Sources: RFC 6266 (Content-Disposition), RFC 8187 (``filename*``), RFC 9110 (tokens and quoted
strings). The name is the one thing that is taken from a header into the sealed upload, so it is
read strictly: what cannot be read for certain is refused, not guessed.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from services.ingest.inbox import MOST_NAME

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's word for it
_QUOTED: Final = r'"(?:[^"\\\x00-\x1f\x7f-\xff]|\\[\x20-\x7e])*"'
_TYPE: Final = re.compile(rf"\s*{_TOKEN}\s*")
_PARAMETER: Final = re.compile(rf";\s*({_TOKEN})\s*=\s*({_TOKEN}|{_QUOTED})\s*")
_EXTENDED: Final = re.compile(
    r"utf-8'[A-Za-z0-9-]{0,32}'((?:[!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-Fa-f]{2})*)", re.IGNORECASE
)
_ESCAPED: Final = re.compile(r"\\(.)")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_MOST_HEADER: Final = 8_192


class MalformedNameError(Exception):
    """The header names no file for certain; nothing of it is said."""


def file_name(disposition: str | None) -> str:
    """Return the file's name in a Content-Disposition header, empty without one.

    ``filename*`` counts before ``filename``. The name is foreign: it goes into the sealed upload.

    Raises:
        MalformedNameError: the header is not as RFC 6266 says, or longer than 8 KB.
    """
    if disposition is None:
        return ""
    parameters = _parameters(disposition)
    extended = parameters.get("filename*")
    if extended is None:
        return _unquoted(parameters.get("filename", ""))[:MOST_NAME]
    found = _EXTENDED.fullmatch(extended)
    if found is None:
        raise MalformedNameError
    return percent_decoded(found[1])[:MOST_NAME]


def percent_decoded(text: str) -> str:
    """Return percent-encoded UTF-8 as text.

    Raises:
        MalformedNameError: the bytes are no UTF-8.
    """
    decoded: str | None
    try:
        decoded = unquote_to_bytes(text).decode("utf-8")
    except UnicodeError:
        decoded = None  # raised outside: the error quotes what it was given
    if decoded is None:
        raise MalformedNameError
    return decoded


def is_key(text: str) -> bool:
    """Tell whether an Idempotency-Key is 1 to 255 visible ASCII characters."""
    return _KEY.fullmatch(text) is not None


def _parameters(disposition: str) -> dict[str, str]:
    if len(disposition) > _MOST_HEADER:
        raise MalformedNameError
    start = _TYPE.match(disposition)
    place = start.end() if start else 0
    parameters: dict[str, str] = {}
    while start and place < len(disposition):
        found = _PARAMETER.match(disposition, place)
        if found is None or found[1].lower() in parameters:
            raise MalformedNameError
        parameters[found[1].lower()] = found[2]
        place = found.end()
    if start is None:
        raise MalformedNameError
    return parameters


def _unquoted(value: str) -> str:
    return _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
