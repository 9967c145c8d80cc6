"""Reading a published log so that what is told has been checked against a signed checkpoint.

A leaf is hashed and compared with its level-0 tile; a full tile's root with its hash one level up;
and so on to the right edge, whose root is the checkpoint's. What was checked once is kept.
"""

from collections import OrderedDict
from threading import Lock
from typing import Final

from shared.tlog.checkpoint import LogKeys, SignedCheckpoint, open_checkpoint
from shared.tlog.edge import tile_root
from shared.tlog.encoding import HASH_BYTES
from shared.tlog.errors import MalformedError, NotFoundError, SignatureError, TlogError
from shared.tlog.key_history import formerly
from shared.tlog.merkle import leaf_hash
from shared.tlog.note import decode_text
from shared.tlog.reader import Reader, read_bundle, read_edge, read_tile
from shared.tlog.tiles import CHECKPOINT_PATH, TILE_WIDTH, bundle_path, tile_path, tile_width

MOST_TILES: Final = 1_024
"""Full tiles kept, 8 KiB each: the hashes of 262,144 entries."""

MOST_BUNDLES: Final = 4
"""Bundles kept while one request is answered: what settles an entry is rarely far from it."""

_Edge = dict[int, bytes]


class ClosedKeyError(SignatureError):
    """Keys of the log signed it, but all of them were closed at a smaller size."""


def opened_note(note: str, key: LogKeys) -> SignedCheckpoint:
    """Return the checkpoint of a note that a key of the log signed.

    Raises:
        ClosedKeyError: it counted, until the keys that signed it were closed below its size.
        TlogError: it is none, or no key of the log signed it.
    """
    try:
        return open_checkpoint(note, key)
    except SignatureError as err:
        try:
            size = open_checkpoint(note, formerly(key)).checkpoint.size
        except TlogError:
            raise err from None
        raise ClosedKeyError(f"only closed keys signed the checkpoint of {size}") from err


class Kept:
    """What was checked before, of one log; threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tiles: OrderedDict[str, bytes] = OrderedDict()
        self._edge: tuple[int, bytes, _Edge] | None = None
        self._opened: tuple[bytes, LogKeys, SignedCheckpoint] | None = None

    def opened(self, data: bytes, key: LogKeys) -> SignedCheckpoint:
        """Return the checkpoint of a note, its signature checked.

        Raises:
            TlogError: as ``opened_note``.
        """
        known = self._opened
        if known is not None and known[:2] == (data, key):
            return known[2]
        signed = opened_note(decode_text(data, what="checkpoint"), key)
        self._opened = data, key, signed
        return signed

    def edge(self, files: Reader, signed: SignedCheckpoint) -> _Edge:
        """Return the partial tile of each level that has one, checked against the root."""
        size, root = signed.checkpoint.size, signed.checkpoint.root
        known = self._edge
        if known is not None and known[:2] == (size, root):
            return known[2]
        edge = read_edge(files, size)
        if edge.root() != root:
            raise MalformedError(f"the tiles have another root than the checkpoint of {size}")
        found = {tile.level: tile.hashes for tile in edge.partial_tiles()}
        self._edge = size, root, found
        return found

    def tile(self, path: str) -> bytes | None:
        """Return a full tile that was checked, if it is kept."""
        with self._lock:
            data = self._tiles.get(path)
            if data is not None:
                self._tiles.move_to_end(path)
            return data

    def keep(self, path: str, data: bytes) -> None:
        """Keep a full tile that was checked."""
        with self._lock:
            self._tiles[path] = data
            while len(self._tiles) > MOST_TILES:
                self._tiles.popitem(last=False)


def published_checkpoint(files: Reader, key: LogKeys, kept: Kept) -> SignedCheckpoint | None:
    """Return the published checkpoint, its signature checked; None before the first.

    Raises:
        TlogError: as ``opened_note``.
    """
    try:
        data = files.read(CHECKPOINT_PATH)
    except NotFoundError:
        return None
    return kept.opened(data, key)


class CheckedLog:
    """The leaves of one log at one checkpoint.

    Args:
        files: of the log.
        signed: the checkpoint, its signature checked.
        kept: what was checked before.
    """

    def __init__(self, files: Reader, signed: SignedCheckpoint, kept: Kept) -> None:
        self._files = files
        self._signed = signed
        self._kept = kept
        self._bundles: dict[int, list[bytes]] = {}

    @property
    def size(self) -> int:
        """How many leaves the checkpoint covers."""
        return self._signed.checkpoint.size

    def leaf(self, index: int) -> bytes:
        """Return the leaf at ``index``, which is below ``size``.

        Raises:
            TlogError: the log is damaged there.
        """
        number, within = divmod(index, TILE_WIDTH)
        try:
            leaf = self._bundle(number)[within]
            hashed = self._tile(0, number)[within * HASH_BYTES : (within + 1) * HASH_BYTES]
        except NotFoundError as err:
            raise MalformedError(f"a file of leaf {index} is missing") from err
        if leaf_hash(leaf) != hashed:
            raise MalformedError(f"leaf {index} in {bundle_path(number)} has another hash")
        return leaf

    def _bundle(self, number: int) -> list[bytes]:
        found = self._bundles.get(number)
        if found is None:
            if len(self._bundles) == MOST_BUNDLES:
                self._bundles.clear()
            found = self._bundles[number] = read_bundle(self._files, number, self.size)
        return found

    def _tile(self, level: int, number: int) -> bytes:
        if tile_width(self.size, level, number) < TILE_WIDTH:
            return self._kept.edge(self._files, self._signed)[level]
        path = tile_path(level, number)
        known = self._kept.tile(path)
        if known is not None:
            return known
        data = read_tile(self._files, level, number, self.size)
        above, within = divmod(number, TILE_WIDTH)
        above_hashes = self._tile(level + 1, above)
        if tile_root(data) != above_hashes[within * HASH_BYTES : (within + 1) * HASH_BYTES]:
            raise MalformedError(f"{path} has another root than the tile above it says")
        self._kept.keep(path, data)
        return data
