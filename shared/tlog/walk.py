"""One pass over a published log, from any size that is known to be right, in constant memory."""

from collections.abc import Iterable, Iterator

from shared.tlog.checkpoint import Checkpoint
from shared.tlog.edge import RightEdge, Tile
from shared.tlog.encoding import HASH_BYTES
from shared.tlog.errors import (
    MalformedError,
    NotFoundError,
    RolledBackError,
    TlogError,
    UnavailableError,
    VerificationError,
)
from shared.tlog.reader import Listing, Reader, read_bundle_bytes, read_tile
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


def paths_of(start: int, size: int) -> Iterator[str]:
    """Yield the files that a walk from ``start`` to ``size`` reads, but for the few upper tiles."""
    for index in range(start // TILE_WIDTH, -(-size // TILE_WIDTH)):
        width = tile_width(size, 0, index)
        yield bundle_path(index, width)
        yield tile_path(0, index, width)


class Walk:
    """Hashes every bundle and compares every tile with what is below it.

    Args:
        reader: where the log is.
        listing: tells which partial tiles of earlier sizes are there; None where nothing can.
        size: of the tree whose files are read.
        edge: where the walk begins: the right edge of the tree at a size that is known.
        known: earlier checkpoints to compare roots with, smallest first; none below the edge.
    """

    def __init__(
        self,
        reader: Reader,
        listing: Listing | None,
        size: int,
        *,
        edge: RightEdge,
        known: Iterable[Checkpoint] = (),
    ) -> None:
        self._reader = reader
        self._listing = listing
        self._target = size
        self._edge = edge
        self._known = iter(known)
        self._next = next(self._known, None)

    @property
    def size(self) -> int:
        """Return how many leaves the tree has by now."""
        return self._edge.size

    def bundles(self) -> Iterator[int]:
        """Walk to the end; yield the size reached after each bundle.

        Raises:
            VerificationError: a file is not what those below it (or the edge) say.
            UnavailableError: the log can't be read now.
        """
        for index in range(self.size // TILE_WIDTH, -(-self._target // TILE_WIDTH)):
            self._bundle(index)
            yield self.size

    def _bundle(self, index: int) -> None:
        width = tile_width(self._target, 0, index)
        path = bundle_path(index, width)
        first = index * TILE_WIDTH
        try:
            data = read_bundle_bytes(self._reader, index, self._target)
        except TlogError as err:
            raise problem(path, err, index=first) from err
        try:
            hashes = hash_bundle(data, width)
        except MalformedError as err:
            raise problem(path, err, index=first + self._whole(index, data, width)) from err
        self._earlier_bundles(index, data, width)
        begun = self._edge.unfinished()
        if not hashes.startswith(begun):
            raise VerificationError(
                path,
                "differs from what the earlier checkpoint covers",
                index=first + _common_hashes(begun, hashes),
            )
        added = hashes[len(begun) :]
        self._compare_known(added)
        for tile in self._edge.append(added):
            self._compare(tile)

    def finish(self) -> bytes:
        """Compare the partial tiles; return the root."""
        self._compare_known(b"")
        if self._next is not None:
            raise RolledBackError(
                CHECKPOINT_PATH,
                f"of {self.size} does not come after the checkpoint of {self._next.size} seen",
            )
        for tile in self._edge.partial_tiles():
            self._compare(tile)
        return self._edge.root()

    def _compare(self, tile: Tile) -> None:
        """Compare a tile with the published one."""
        path = tile_path(tile.level, tile.index, tile.width)
        try:
            published = read_tile(self._reader, tile.level, tile.index, self._target)
        except TlogError as err:
            raise problem(path, err, index=_leaf(tile, 0)) from err
        if published != tile.hashes:
            raise VerificationError(
                path, _differs_from(tile), index=_leaf(tile, _common_hashes(tile.hashes, published))
            )
        for width in self._earlier_widths(tile_path(tile.level, tile.index), tile.width):
            earlier = tile_path(tile.level, tile.index, width)
            try:
                published = self._reader.read(earlier)
            except TlogError as err:
                raise problem(earlier, err, index=_leaf(tile, 0)) from err
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
                raise problem(path, err, index=index * TILE_WIDTH) from err
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
            raise problem(f"{path}.p", err) from err

    def _compare_known(self, hashes: bytes) -> None:
        """Compare the roots at the sizes of earlier checkpoints that are here."""
        while self._next is not None:
            missing = self._next.size - self.size
            if missing > len(hashes) // HASH_BYTES:
                return
            edge = self._edge.copy()
            edge.append(hashes[: missing * HASH_BYTES])
            if edge.root() != self._next.root:
                raise VerificationError(
                    CHECKPOINT_PATH,
                    f"is inconsistent with the checkpoint of {self._next.size} seen before",
                )
            self._next = next(self._known, None)


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


def problem(path: str, error: TlogError, *, index: int | None = None) -> TlogError:
    """Return what to raise because of an error at one file; an outage is no finding."""
    if isinstance(error, UnavailableError):
        return error
    if isinstance(error, NotFoundError):
        return VerificationError(path, "is missing", index=index)
    problem = str(error).removeprefix(f"{path}: ")
    return VerificationError(path, problem, index=index)
