"""The published log as its readers get it: which paths there are, and how each file travels.

Source: c2sp.org/tlog-tiles. A path that is not exactly one of these reaches no store.
"""

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fastapi import Response

from shared.tlog.note import VerifierKey
from shared.tlog.reader import Reader
from shared.tlog.tiles import CHECKPOINT_PATH

TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"

FOREVER: Final = "private, max-age=31536000, immutable"
"""A tile never changes, a partial one neither. Private: whoever asks was let in by name."""

FRESH: Final = "private, no-cache"
"""To be asked for again each time."""

_GROUPS: Final = r"(?:x(?!000/)[0-9]{3}/(?:x[0-9]{3}/){0,4})?[0-9]{3}"
_LEVEL: Final = r"(?:[0-9]|[1-5][0-9]|6[0-3])"
_WIDTH: Final = r"(?:[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
_TILE: Final = re.compile(rf"tile/(?:{_LEVEL}|entries)/{_GROUPS}(?:\.p/{_WIDTH})?")
_BUNDLES: Final = "tile/entries/"


@dataclass(frozen=True, slots=True)
class PublishedLog:
    """One tenant's log, as anybody could read it.

    Attributes:
        files: checkpoint and tiles.
        key: what the checkpoint is signed with.
    """

    files: Reader
    key: VerifierKey


Logs = Callable[[str], PublishedLog | None]
"""Gives the log of a tenant; None where there is none. Any string may come in."""


def is_public(path: str) -> bool:
    """Tell whether a log can have a public file at ``path``."""
    return path == CHECKPOINT_PATH or _TILE.fullmatch(path) is not None


def travelling(path: str, data: bytes, *, accepts_gzip: bool) -> Response:
    """Return the file at ``path`` as an answer; bundles are compressed for who can read that."""
    if path == CHECKPOINT_PATH:
        return Response(data, media_type=TEXT, headers={"cache-control": FRESH})
    headers = {"cache-control": FOREVER}
    if path.startswith(_BUNDLES):
        headers["vary"] = "Accept-Encoding"
        if accepts_gzip:
            headers["content-encoding"] = "gzip"
            data = gzip.compress(data, compresslevel=5, mtime=0)
    return Response(data, media_type=BYTES, headers=headers)


def accepts_gzip(header: str | None) -> bool:
    """Tell whether an Accept-Encoding header (RFC 9110 §12.5.3) names gzip."""
    for choice in (header or "").lower().split(","):
        coding, _, weight = choice.partition(";")
        if coding.strip() == "gzip":
            return re.fullmatch(r"\s*q=0(\.0*)?\s*", weight) is None
    return False
