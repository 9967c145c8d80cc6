"""The published log as its readers get it: which paths there are, and how each file travels.

Source: c2sp.org/tlog-tiles. A path that is not exactly one of these reaches no store.
"""

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from fastapi import Request, Response

from services.ledger import served
from services.ledger.api_checked import CheckedLog, Kept, published_checkpoint
from shared.tlog.checkpoint import LogKeys, SignedCheckpoint
from shared.tlog.reader import Reader
from shared.tlog.tiles import CHECKPOINT_PATH

FOREVER: Final = f"private, {served.LASTING}"
"""Private: whoever asks was let in by name."""

FRESH: Final = f"private, {served.FRESH}"
"""304 where nothing is new."""

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
        key: what its checkpoints are signed with, or the history of several keys.
        history: the file of that history; None where there was always one key.
        kept: what was read of it and checked before.
    """

    files: Reader
    key: LogKeys
    history: bytes | None = None
    kept: Kept = field(default_factory=Kept, compare=False, repr=False)

    def published(self) -> SignedCheckpoint | None:
        """Return the published checkpoint, its signature checked; None before the first.

        Raises:
            TlogError: it is none, or not signed by a key of the log.
        """
        return published_checkpoint(self.files, self.key, self.kept)

    def checked(self, signed: SignedCheckpoint) -> CheckedLog:
        """Return the leaves, each checked against ``signed`` before it is told."""
        return CheckedLog(self.files, signed, self.kept)


Logs = Callable[[str], PublishedLog | None]
"""Gives the log of a tenant; None where there is none. Any string may come in."""


def is_public(path: str) -> bool:
    """Tell whether a log can have a public file at ``path``."""
    return path == CHECKPOINT_PATH or _TILE.fullmatch(path) is not None


def travelling(request: Request, path: str, data: bytes) -> Response:
    """Return the file at ``path`` as an answer; bundles are compressed for who can read that.

    The tag is of the bytes that travel (RFC 9110 §8.8.3): compressed ones have another.
    """
    headers = {"cache-control": f"private, {served.lifetime_of(path)}"}
    if path.startswith(_BUNDLES):
        headers["vary"] = "Accept-Encoding"
        if accepts_gzip(request.headers.get("accept-encoding")):
            headers["content-encoding"] = "gzip"
            data = gzip.compress(data, compresslevel=5, mtime=0)
    return tagged(request, data, served.media_type_of(path), headers)


def tagged(request: Request, data: bytes, media_type: str, headers: dict[str, str]) -> Response:
    """Return bytes with their entity tag, or 304 to who has them already."""
    tag = f'"{sha256(data).hexdigest()[:32]}"'
    headers = {**headers, "etag": tag}
    if _has_already(request.headers.getlist("if-none-match"), tag):
        headers.pop("content-encoding", None)
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)


def _has_already(fields: list[str], tag: str) -> bool:
    """Tell whether If-None-Match (RFC 9110 §13.1.2) names the tag; weak comparison."""
    named = [one.strip() for one in ",".join(fields).split(",")]
    return "*" in named or any(one.removeprefix("W/") == tag for one in named)


def accepts_gzip(header: str | None) -> bool:
    """Tell whether an Accept-Encoding header (RFC 9110 §12.5.3) names gzip."""
    for choice in (header or "").lower().split(","):
        coding, _, weight = choice.partition(";")
        if coding.strip() == "gzip":
            return re.fullmatch(r"\s*q=0(\.0*)?\s*", weight) is None
    return False
