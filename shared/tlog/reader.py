"""Reading a published log: files by path, single leaves, and the hash of any range of leaves."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

from shared.tlog.checkpoint import LogKeys, SignedCheckpoint, open_checkpoint
from shared.tlog.edge import RightEdge, tile_root
from shared.tlog.encoding import HASH_BYTES
from shared.tlog.errors import MalformedError, NotFoundError, ProofError, TlogError
from shared.tlog.merkle import node_hash
from shared.tlog.note import decode_text
from shared.tlog.tiles import (
    CHECKPOINT_PATH,
    MOST_FILE_BYTES,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    bundle_path,
    decode_bundle,
    encode_bundle,
    tile_path,
    tile_width,
    widths,
)


class Reader(Protocol):
    """Where a log is published: a directory, a web server."""

    def read(self, path: str) -> bytes:
        """Return the file at ``path``, relative to the log's prefix.

        Raises:
            NotFoundError: there is none.
            TlogError: it can't be read; the message says why in one line.
        """
        ...


@runtime_checkable
class Listing(Protocol):
    """A reader that can also tell which partial tiles are there, old ones too."""

    def partial_widths(self, path: str) -> list[int]:
        """Return the widths W for which ``<path>.p/<W>`` exists."""
        ...


@runtime_checkable
class Distant(Protocol):
    """A reader that takes long to answer, but can be asked several things at once."""

    def ahead(self, paths: Iterator[str], /) -> AbstractContextManager[Reader]:
        """Return a reader that has these files read before they are asked for, in this order."""
        ...


class DirectoryReader:
    """Reads a log from a directory that holds ``checkpoint`` and ``tile/``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> bytes:
        """Return the file at ``path``.

        Raises:
            NotFoundError: there is none.
            TlogError: it can't be read.
        """
        try:
            with (self._root / path).open("rb") as file:
                data = file.read(MOST_FILE_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError) as err:
            raise NotFoundError(f"{path}: there is no such file") from err
        except OSError as err:
            raise TlogError(f"{path}: can't be read ({type(err).__name__})") from err
        if len(data) > MOST_FILE_BYTES:
            raise MalformedError(f"{path}: is larger than any file of a log")
        return data

    def partial_widths(self, path: str) -> list[int]:
        """Return the widths W for which ``<path>.p/<W>`` exists."""
        try:
            names = {entry.name for entry in (self._root / f"{path}.p").iterdir()}
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as err:
            raise TlogError(f"{path}.p: can't be listed ({type(err).__name__})") from err
        return sorted(width for width in range(1, TILE_WIDTH) if str(width) in names)


def read_checkpoint(reader: Reader, key: LogKeys) -> SignedCheckpoint:
    """Return the published checkpoint, its signature checked.

    Raises:
        NotFoundError: nothing is published.
        MalformedError: it is no checkpoint.
        SignatureError: ``key`` did not sign it.
    """
    return open_checkpoint(decode_text(reader.read(CHECKPOINT_PATH), what="checkpoint"), key)


def read_tile(reader: Reader, level: int, index: int, size: int) -> bytes:
    """Return the hashes that a tile has in the tree of ``size`` leaves.

    The full tile stands in for a partial one that is no longer there.

    Raises:
        NotFoundError: the log lacks it.
        MalformedError: it has another length.
    """
    width = tile_width(size, level, index)
    path = tile_path(level, index, width)
    most = width * HASH_BYTES
    try:
        data = reader.read(path)
    except NotFoundError:
        data, most = _read_full(reader, tile_path(level, index), path), TILE_BYTES
    if len(data) != most:
        raise MalformedError(f"{path}: has {len(data)} bytes instead of {most}")
    return data[: width * HASH_BYTES]


def read_leaf(reader: Reader, index: int, size: int) -> bytes:
    """Return the bytes of leaf ``index`` in the tree of ``size`` leaves, not verified.

    Raises:
        NotFoundError: the log lacks its bundle.
        MalformedError: the bundle is damaged.
        ProofError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ProofError(f"there is no leaf {index} in a log of {size}")
    return read_bundle(reader, index // TILE_WIDTH, size)[index % TILE_WIDTH]


def read_bundle_bytes(reader: Reader, index: int, size: int) -> bytes:
    """Return a bundle as it is (or would be) in the tree of ``size`` leaves, not verified.

    The full bundle stands in for a partial one that is no longer there.

    Raises:
        NotFoundError: the log lacks it.
        MalformedError: only the full bundle is there, and it is damaged.
    """
    width = tile_width(size, 0, index)
    path = bundle_path(index, width)
    try:
        return reader.read(path)
    except NotFoundError:
        data = _read_full(reader, bundle_path(index), path)
        return encode_bundle(decode_bundle(data, TILE_WIDTH)[:width])


def read_bundle(reader: Reader, index: int, size: int) -> list[bytes]:
    """Return the leaves that a bundle has in the tree of ``size`` leaves, not verified.

    Raises:
        NotFoundError: the log lacks it.
        MalformedError: it is damaged.
    """
    width = tile_width(size, 0, index)
    try:
        return decode_bundle(read_bundle_bytes(reader, index, size), width)
    except MalformedError as err:
        raise MalformedError(f"{bundle_path(index, width)}: {err}") from None


def iter_leaves(reader: Reader, size: int, *, start: int = 0) -> Iterator[bytes]:
    """Yield the leaves from ``start`` to the end of the tree of ``size``, not verified."""
    for index in range(start // TILE_WIDTH, -(-size // TILE_WIDTH)):
        leaves = read_bundle(reader, index, size)
        yield from leaves[max(0, start - index * TILE_WIDTH) :]


def read_edge(reader: Reader, size: int, *, within: int | None = None) -> RightEdge:
    """Return the right edge of the tree of ``size`` leaves: one tile a level, no more.

    Args:
        reader: where the log is.
        size: of the tree.
        within: the size of the tree whose tiles are there, where that is a larger one.

    Raises:
        NotFoundError: a tile is missing.
        MalformedError: a tile has another length.
    """
    partial: list[bytes] = []
    level = 0
    while size >> (TILE_HEIGHT * level):
        full, width = widths(size, level)
        tile = read_tile(reader, level, full, within or size) if width else b""
        partial.append(tile[: width * HASH_BYTES])
        level += 1
    return RightEdge(size, partial)


class TreeHashes:
    """The hash of any range of leaves of one tree, from the published tiles.

    Args:
        reader: where the log is.
        size: of the tree.
    """

    def __init__(self, reader: Reader, size: int) -> None:
        self._reader = reader
        self._size = size
        self._tiles: dict[tuple[int, int], bytes] = {}

    def range_hash(self, low: int, high: int) -> bytes:
        """Return the hash of leaves ``[low, high)``; ``low`` is aligned as RFC 6962 splits.

        Raises:
            NotFoundError: a tile is missing.
            MalformedError: a tile has another length.
        """
        peaks: list[bytes] = []
        while low < high:
            height = (high - low).bit_length() - 1
            peaks.append(self._subtree(height, low >> height))
            low += 1 << height
        root = peaks.pop()
        while peaks:
            root = node_hash(peaks.pop(), root)
        return root

    def _subtree(self, height: int, index: int) -> bytes:
        """Return the root of the perfect subtree of ``2**height`` leaves, the ``index``-th."""
        level, within = divmod(height, TILE_HEIGHT)
        first = index << within  # among the hashes of that tile level
        tile = self._tile(level, first // TILE_WIDTH)
        start = first % TILE_WIDTH * HASH_BYTES
        return tile_root(tile[start : start + (HASH_BYTES << within)])

    def _tile(self, level: int, index: int) -> bytes:
        tile = self._tiles.get((level, index))
        if tile is None:
            tile = self._tiles[level, index] = read_tile(self._reader, level, index, self._size)
        return tile


def _read_full(reader: Reader, full_path: str, path: str) -> bytes:
    """Return the full tile instead of the partial one at ``path``."""
    try:
        return reader.read(full_path)
    except NotFoundError:
        raise NotFoundError(f"{path}: there is no such file") from None
