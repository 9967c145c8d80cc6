"""The right edge of a growing tree: one unfinished tile a level, whatever the log's size."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.tlog.encoding import HASH_BYTES
from shared.tlog.merkle import EMPTY_ROOT, NODE_PREFIX, node_hash
from shared.tlog.tiles import TILE_BYTES, TILE_WIDTH

_PAIR: Final = 2 * HASH_BYTES


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: its place and its hashes, 32 bytes each.

    Attributes:
        level: 0 for leaf hashes.
        index: which tile of its level.
        hashes: 1 to 256 of them.
    """

    level: int
    index: int
    hashes: bytes

    @property
    def width(self) -> int:
        """Return how many hashes it has."""
        return len(self.hashes) // HASH_BYTES


class RightEdge:
    """What it takes to append to a tree and to know its root.

    Args:
        size: leaves so far.
        partial: the hashes of each level's unfinished tile, level 0 first.
    """

    def __init__(self, size: int = 0, partial: list[bytes] | None = None) -> None:
        self._size = size
        self._levels = [bytearray(hashes) for hashes in partial or []]

    @property
    def size(self) -> int:
        """Return how many leaves were appended."""
        return self._size

    @property
    def room(self) -> int:
        """Return how many leaf hashes the unfinished level-0 tile still takes, 1 to 256."""
        return TILE_WIDTH - self._size % TILE_WIDTH

    def unfinished(self) -> bytes:
        """Return the leaf hashes of the unfinished level-0 tile; none where it is full."""
        return bytes(self._levels[0]) if self._levels else b""

    def append(self, leaf_hashes: bytes) -> list[Tile]:
        """Append up to ``room`` leaf hashes; return the tiles that became full, lowest first."""
        added = len(leaf_hashes) // HASH_BYTES
        if added > self.room or len(leaf_hashes) % HASH_BYTES:
            raise ValueError("leaf hashes are appended whole, and no more than the tile has room")
        self._size += added
        finished: list[Tile] = []
        carried, level, end = leaf_hashes, 0, self._size
        while carried:
            if level == len(self._levels):
                self._levels.append(bytearray())
            hashes = self._levels[level]
            hashes += carried
            if len(hashes) < TILE_BYTES:
                break
            end //= TILE_WIDTH
            tile = Tile(level, end - 1, bytes(hashes))
            hashes.clear()
            finished.append(tile)
            carried = tile_root(tile.hashes)
            level += 1
        return finished

    def partial_tiles(self) -> Iterator[Tile]:
        """Yield the unfinished tile of every level that has one, lowest first."""
        span = 1
        for level, hashes in enumerate(self._levels):
            span *= TILE_WIDTH
            if hashes:
                yield Tile(level, self._size // span, bytes(hashes))

    def root(self) -> bytes:
        """Return the root of the tree as it stands."""
        root: bytes | None = None
        for hashes in self._levels:
            for peak in reversed(_peaks(bytes(hashes))):
                root = peak if root is None else node_hash(peak, root)
        return EMPTY_ROOT if root is None else root

    def copy(self) -> "RightEdge":
        """Return an edge that grows on its own from here."""
        return RightEdge(self._size, [bytes(hashes) for hashes in self._levels])


def tile_root(hashes: bytes) -> bytes:
    """Return the root over a power of two of hashes."""
    sha256 = hashlib.sha256
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(
            [
                sha256(NODE_PREFIX + hashes[start : start + _PAIR]).digest()
                for start in range(0, len(hashes), _PAIR)
            ]
        )
    return hashes


def _peaks(hashes: bytes) -> list[bytes]:
    """Return the roots of the perfect subtrees that these hashes make, left to right."""
    peaks: list[bytes] = []
    start, count = 0, len(hashes) // HASH_BYTES
    while count:
        span = (1 << (count.bit_length() - 1)) * HASH_BYTES
        peaks.append(tile_root(hashes[start : start + span]))
        start += span
        count -= span // HASH_BYTES
    return peaks
