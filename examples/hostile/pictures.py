"""Pictures that are small on disk and enormous in memory."""

import struct
import zlib

from examples.hostile.outcomes import EXHAUSTED, Q, hostile, quarantined
from examples.hostile.raw_pdf import repeated_deflate
from examples.truth import Example


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def zero_png(side: int) -> bytes:
    """Return a black-and-white PNG of ``side`` squared pixels, all zero (ISO/IEC 15948)."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = repeated_deflate(0, side * (side // 8 + 1))
    parts = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def boastful_tiff() -> bytes:
    """Return a TIFF of a few bytes that says it is 200,000 by 200,000 pixels (TIFF 6.0)."""
    entries = ((256, 200_000), (257, 200_000), (258, 8), (259, 1), (262, 1), (273, 8), (279, 64))
    directory = struct.pack("<H", len(entries))
    for tag, value in entries:
        directory += struct.pack("<HHII", tag, 4, 1, value)
    return b"II*\x00" + struct.pack("<I", 8) + directory + bytes(4)


def cyclic_tiff() -> bytes:
    """Return a TIFF whose only directory is followed by itself."""
    return boastful_tiff()[:-4] + struct.pack("<I", 8)


def hostile_pictures() -> list[Example]:
    """Return the hostile pictures."""
    outcomes = (*quarantined(Q.TOO_MANY_PIXELS, Q.UNREADABLE), *EXHAUSTED)
    circle = (*quarantined(Q.TOO_MANY_PAGES), *outcomes)
    return [
        hostile("image-bomb.png", zero_png(60_000), "3.6 gigapixels of zeros", *outcomes),
        hostile("boastful.tiff", boastful_tiff(), "100 bytes that say 40 gigapixels", *outcomes),
        hostile("cyclic.tiff", cyclic_tiff(), "a TIFF whose pages run in a circle", *circle),
    ]
