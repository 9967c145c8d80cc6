"""How each public file of a log travels: as what, and for how long a reader may keep it.

The auditor API and a bucket say the same. Source: c2sp.org/tlog-tiles.
"""

from typing import Final

TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"

LASTING: Final = "max-age=31536000, immutable"
"""A tile never changes, a partial one neither. Neither ``public`` nor ``private``: a cache between
keeps what everybody may read, and never what was read with a token (RFC 9111 §3.5)."""

FRESH: Final = "no-cache"
"""To be asked for again each time: checkpoints grow, and key histories do."""

TILES: Final = "tile/"


def media_type_of(path: str) -> str:
    """Return the media type of the file at ``path`` of a log, or beside it."""
    return BYTES if path.startswith(TILES) else TEXT


def lifetime_of(path: str) -> str:
    """Return the Cache-Control directives of the file at ``path`` of a log, or beside it."""
    return LASTING if path.startswith(TILES) else FRESH
