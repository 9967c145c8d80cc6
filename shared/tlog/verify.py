"""Verifying a whole published log with nothing but its public key, in constant memory.

Every entry bundle is hashed and compared with its level-0 tile, every tile level with the one
below, and the root with the signed checkpoint. At any time one tile a level is in memory.
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.tlog.checkpoint import Checkpoint, LogKeys
from shared.tlog.edge import RightEdge, Tile
from shared.tlog.encoding import HASH_BYTES
from shared.tlog.errors import MalformedError, NotFoundError, TlogError, VerificationError
from shared.tlog.reader import (
    Listing,
    Reader,
    read_bundle_bytes,
    read_checkpoint,
    read_tile,
)
from shared.tlog.tiles import (
    CHECKPOINT_PATH,
    TILE_HEIGHT,
    TILE_WIDTH,
    bundle_path,
    decode_bundle,
    hash_bundle,
    hash_leaves,
    tile_path,
    tile_width,
    whole_leaves,
)

Progress = Callable[[int], None]
"""Told how many leaves are verified so far, once a bundle."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A log that is what its checkpoint says.

    Attributes:
        origin: the log's name.
        size: leaves, each of them hashed.
        root: of the tree.
    """

    origin: str
    size: int
    root: bytes


def verify_log(
    reader: Reader,
    key: LogKeys,
    *,
    since: Checkpoint | None = None,
    on_progress: Progress | None = None,
) -> Verified:
    """Verify a published log from its first leaf to its checkpoint.

    Args:
        reader: where the log is. If it is a ``Listing``, the partial tiles of earlier sizes are
            compared too.
        key: the log's public key, or its key history.
        since: a checkpoint seen before: the log must have grown from it.
        on_progress: told how far it is.

    Raises:
        VerificationError: the log is not what its checkpoint says, or not all there; the error
            names the file and, where one can be named, the first leaf that differs.
    """
    try:
        checkpoint = read_checkpoint(reader, key).checkpoint
    except TlogError as err:
        raise _problem(CHECKPOINT_PATH, err) from err
    if since is not None and (since.origin != checkpoint.origin or since.size > checkpoint.size):
        raise VerificationError(
            CHECKPOINT_PATH, f"does not come after the checkpoint of {since.size} seen before"
        )
    walk = _Walk(reader, checkpoint.size, since)
    for index in range(-(-checkpoint.size // TILE_WIDTH)):
        walk.bundle(index)
        if on_progress is not None:
            on_progress(walk.size)
    if walk.finish() != checkpoint.root:
        raise VerificationError(CHECKPOINT_PATH, "the entries have another root")
    return Verified(checkpoint.origin, checkpoint.size, checkpoint.root)


class _Walk:
    """One pass over a log of ``size`` leaves."""

    def __init__(self, reader: Reader, size: int, since: Checkpoint | None) -> None:
        self._reader = reader
        self._listing = reader if isinstance(reader, Listing) else None
        self._target = size
        self._since = since
        self._edge = RightEdge()

    @property
    def size(self) -> int:
        return self._edge.size

    def bundle(self, index: int) -> None:
        """Hash one bundle and compare the tiles that it completes."""
        width = tile_width(self._target, 0, index)
        path = bundle_path(index, width)
        first = index * TILE_WIDTH
        try:
            data = read_bundle_bytes(self._reader, index, self._target)
        except TlogError as err:
            raise _problem(path, err, index=first) from err
        try:
            hashes = hash_bundle(data, width)
        except MalformedError as err:
            raise _problem(path, err, index=first + self._whole(index, data, width)) from err
        self._earlier_bundles(index, data, width)
        self._compare_since(hashes)
        for tile in self._edge.append(hashes):
            self._compare(tile)

    def finish(self) -> bytes:
        """Compare the partial tiles; return the root."""
        self._compare_since(b"")
        for tile in self._edge.partial_tiles():
            self._compare(tile)
        return self._edge.root()

    def _compare(self, tile: Tile) -> None:
        """Compare a tile with the published one."""
        path = tile_path(tile.level, tile.index, tile.width)
        try:
            published = read_tile(self._reader, tile.level, tile.index, self._target)
        except TlogError as err:
            raise _problem(path, err, index=_leaf(tile, 0)) from err
        if published != tile.hashes:
            raise VerificationError(
                path, _differs_from(tile), index=_leaf(tile, _common_hashes(tile.hashes, published))
            )
        for width in self._earlier_widths(tile_path(tile.level, tile.index), tile.width):
            earlier = tile_path(tile.level, tile.index, width)
            try:
                published = self._reader.read(earlier)
            except TlogError as err:
                raise _problem(earlier, err, index=_leaf(tile, 0)) from err
            if published != tile.hashes[: width * HASH_BYTES]:
                raise VerificationError(
                    earlier,
                    _differs_from(tile),
                    index=_leaf(tile, _common_hashes(tile.hashes, published)),
                )

    def _whole(self, index: int, data: bytes, width: int) -> int:
        """Return how many leaves at the beginning of a damaged bundle are what they should be.

        A length that was changed shifts all the leaves after it, and is noticed too late.
        """
        hashes = hash_leaves(whole_leaves(data, width)[0])
        try:
            published = read_tile(self._reader, 0, index, self._target)
        except TlogError:
            return 0
        return _common_hashes(hashes, published)

    def _earlier_bundles(self, index: int, data: bytes, width: int) -> None:
        """Compare the partial bundles of earlier sizes with the beginning of this one."""
        for partial in self._earlier_widths(bundle_path(index), width):
            path = bundle_path(index, partial)
            try:
                published = self._reader.read(path)
                decode_bundle(published, partial)
            except TlogError as err:
                raise _problem(path, err, index=index * TILE_WIDTH) from err
            if not data.startswith(published):
                raise VerificationError(
                    path, "differs from the later bundle", index=index * TILE_WIDTH
                )

    def _earlier_widths(self, path: str, width: int) -> list[int]:
        """Return the widths of the partial tiles that are there and smaller than ``width``.

        Wider ones belong to a checkpoint that is still being published.
        """
        if self._listing is None:
            return []
        try:
            return [known for known in self._listing.partial_widths(path) if known < width]
        except TlogError as err:
            raise _problem(f"{path}.p", err) from err

    def _compare_since(self, hashes: bytes) -> None:
        """Compare the root at the size of the earlier checkpoint, if it is here."""
        since = self._since
        if since is None:
            return
        missing = since.size - self.size
        if missing > len(hashes) // HASH_BYTES:
            return
        edge = self._edge.copy()
        edge.append(hashes[: missing * HASH_BYTES])
        if edge.root() != since.root:
            raise VerificationError(
                CHECKPOINT_PATH, f"is inconsistent with the checkpoint of {since.size} seen before"
            )
        self._since = None


def _leaf(tile: Tile, position: int) -> int:
    """Return the first leaf under one hash of a tile."""
    return (tile.index * TILE_WIDTH + position) << (TILE_HEIGHT * tile.level)


def _common_hashes(left: bytes, right: bytes) -> int:
    """Return how many hashes are the same from the start."""
    shorter = min(len(left), len(right))
    for start in range(0, shorter, HASH_BYTES):
        end = start + HASH_BYTES
        if left[start:end] != right[start:end]:
            return start // HASH_BYTES
    return shorter // HASH_BYTES


def _differs_from(tile: Tile) -> str:
    return "differs from the " + ("tiles below" if tile.level else "entries")


def _problem(path: str, error: TlogError, *, index: int | None = None) -> VerificationError:
    if isinstance(error, NotFoundError):
        return VerificationError(path, "is missing", index=index)
    problem = str(error).removeprefix(f"{path}: ")
    return VerificationError(path, problem, index=index)
