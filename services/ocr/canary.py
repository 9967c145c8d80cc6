"""The document that ocr must always be able to read: if it cannot, it is itself broken."""

import struct
import zlib
from typing import Final

from services.ocr.ports import Reader
from shared.errors import TransientError
from shared.events.payloads import MediaType


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _white_page(side: int) -> bytes:
    """Return a PNG, grey, of ``side`` x ``side`` white pixels (ISO/IEC 15948)."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff" * side) * side)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", rows)
        + _chunk(b"IEND", b"")
    )


CANARY: Final = _white_page(64)
"""A blank scan: it takes the models to find that nothing is on it."""


def sing(reader: Reader, *, elsewhere: bool = False) -> None:
    """Read the canary.

    Args:
        reader: must be able to.
        elsewhere: whether somebody else reads, who may be unavailable or throttle us. Then the
            worker is not at fault, and is not stopped: what it is handed waits, as for any outage.

    Raises:
        Exception: whatever the worker would raise for a sound document, but for that.
    """
    try:
        found = reader.read(CANARY, MediaType.PNG, first=1, last=1)
    except TransientError:
        if elsewhere:
            return
        raise
    if len(found.pages) != 1 or found.pages[0].words:
        raise AssertionError("the canary is not one blank page")
