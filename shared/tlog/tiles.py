"""C2SP tlog-tiles: where the hashes and entries of a log are, and how entries are bundled.

Source: c2sp.org/tlog-tiles.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from shared.tlog.encoding import HASH_BYTES
from shared.tlog.errors import MalformedError
from shared.tlog.merkle import LEAF_PREFIX

TILE_WIDTH: Final = 256
"""Hashes in a full tile, entries in a full bundle."""

TILE_HEIGHT: Final = 8
"""Tree levels from one tile level to the next: 256 = 2⁸."""

TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES

MOST_LEAF_BYTES: Final = 0xFFFF

MOST_FILE_BYTES: Final = TILE_WIDTH * (2 + MOST_LEAF_BYTES)
"""No file of a log is larger than a full bundle of the longest leaves (16 MiB)."""

CHECKPOINT_PATH: Final = "checkpoint"

_LENGTH_BYTES: Final = 2
_GROUP: Final = 1000


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of one tile of hashes, such as ``tile/0/x001/x234/067.p/8``.

    Args:
        level: 0 holds leaf hashes; each level above, the roots of the full tiles below.
        index: which tile of its level, from 0.
        width: hashes in it, 1 to 256; below 256 the tile is partial.
    """
    return f"tile/{level}/{_numbered(index, width)}"


def bundle_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of one bundle of entries, such as ``tile/entries/067``."""
    return f"tile/entries/{_numbered(index, width)}"


def widths(size: int, level: int = 0) -> tuple[int, int]:
    """Return how many full tiles a level has in a tree of ``size``, and its partial tile's width.

    The width is 0 where there is no partial tile.
    """
    return divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)


def tile_width(size: int, level: int, index: int) -> int:
    """Return the width of one tile in a tree of ``size``: 256, less at the edge, 0 beyond it."""
    full, partial = widths(size, level)
    if index < full:
        return TILE_WIDTH
    return partial if index == full else 0


def encode_bundle(leaves: Iterable[bytes]) -> bytes:
    """Return the leaves, each after its length (uint16, big-endian).

    Raises:
        MalformedError: a leaf is longer than 65,535 bytes.
    """
    parts: list[bytes] = []
    for leaf in leaves:
        if len(leaf) > MOST_LEAF_BYTES:
            raise MalformedError(f"a leaf has at most {MOST_LEAF_BYTES} bytes")
        parts.append(len(leaf).to_bytes(_LENGTH_BYTES, "big"))
        parts.append(leaf)
    return b"".join(parts)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Take a bundle of exactly ``width`` leaves apart.

    Raises:
        MalformedError: it ends early, or goes on after the last leaf.
    """
    leaves, end = whole_leaves(data, width)
    if len(leaves) < width:
        raise MalformedError(f"the bundle ends within entry {len(leaves)} of {width}")
    if end != len(data):
        raise MalformedError(f"{len(data) - end} bytes follow the last of {width} entries")
    return leaves


def whole_leaves(data: bytes, most: int) -> tuple[list[bytes], int]:
    """Return the leaves, ``most`` at the most, that are all there, and where the last one ends."""
    leaves: list[bytes] = []
    start = 0
    while len(leaves) < most:
        body = start + _LENGTH_BYTES
        end = body + int.from_bytes(data[start:body], "big")
        if max(body, end) > len(data):
            break
        leaves.append(data[body:end])
        start = end
    return leaves, start


def hash_bundle(data: bytes, width: int) -> bytes:
    """Return the leaf hashes of a bundle of exactly ``width`` leaves, one after the other.

    One pass and no object a leaf that outlives it: this is what verifying a log spends its time on.

    Raises:
        MalformedError: it ends early, or goes on after the last leaf.
    """
    sha256 = hashlib.sha256
    hashes: list[bytes] = []
    start = 0
    try:
        for _ in range(width):
            body = start + _LENGTH_BYTES
            end = body + (data[start] << 8 | data[start + 1])
            hashes.append(sha256(LEAF_PREFIX + data[body:end]).digest())
            start = end
    except IndexError:
        start = -1
    if start != len(data):
        decode_bundle(data, width)  # says where it goes wrong
    return b"".join(hashes)


def hash_leaves(leaves: Iterable[bytes]) -> bytes:
    """Return the leaf hashes of ``leaves``, one after the other."""
    sha256 = hashlib.sha256
    return b"".join([sha256(LEAF_PREFIX + leaf).digest() for leaf in leaves])


def _numbered(index: int, width: int) -> str:
    groups = [f"{index % _GROUP:03}"]
    while index >= _GROUP:
        index //= _GROUP
        groups.append(f"x{index % _GROUP:03}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return "/".join(reversed(groups)) + partial
