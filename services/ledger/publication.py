"""The published log of one tenant: it grows, it never shrinks, and it never says two things.

Every step is durable before the next begins, and every step may be the last one: the intent
``(size, root)`` is decided once and for all, then signed, the note kept, the tiles written, the
checkpoint replaced. Whoever comes back after a crash first finishes what was decided, and arrives
at the same bytes.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from shared.tlog.checkpoint import Checkpoint, LogKeys, SignedCheckpoint, open_checkpoint
from shared.tlog.edge import RightEdge
from shared.tlog.encoding import HASH_BYTES
from shared.tlog.errors import MalformedError, NotFoundError, SignatureError, TlogError
from shared.tlog.merkle import leaf_hash
from shared.tlog.note import decode_text
from shared.tlog.proof import prove
from shared.tlog.reader import read_bundle, read_checkpoint, read_edge, read_leaf, read_tile
from shared.tlog.signer import CheckpointSigner, cosigned
from shared.tlog.tiles import (
    CHECKPOINT_PATH,
    MOST_LEAF_BYTES,
    TILE_WIDTH,
    bundle_path,
    encode_bundle,
    hash_leaves,
    tile_path,
    widths,
)

MOST_AT_ONCE: Final = 65_536
"""A longer run of leaves gets a checkpoint at every multiple of this, so memory stays bounded."""


class StaleLogError(Exception):
    """The journal and the published log disagree: nothing is signed until a person has looked.

    The usual cause is a journal restored from an old backup.
    """


class FileConflictError(Exception):
    """A create-only public file exists with other content."""


class PublicFiles(Protocol):
    """The public files of one log.

    Every method raises ``TransientError`` when the store is unavailable (a full disk included).
    """

    def read(self, path: str) -> bytes:
        """Return the file at ``path``.

        Raises:
            NotFoundError: (``shared.tlog.errors``) there is none.
        """
        ...

    def create_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write files that must not change ever after; all are durable on return.

        A file that is there already with the same content counts as written.

        Raises:
            FileConflictError: a file is there with other content; nothing is written.
        """
        ...

    def replace_larger(self, path: str, data: bytes, *, size: Callable[[bytes], int]) -> bytes:
        """Write ``data`` if nothing is there or ``size(data)`` exceeds ``size(what is there)``.

        Atomic, and durable on return. Returns what is there afterwards.
        """
        ...


@dataclass(frozen=True, slots=True)
class Intent:
    """What was decided for one size.

    Attributes:
        size: of the tree.
        root: the only root ever to be signed at that size.
        note: the signed checkpoint, once there is one.
    """

    size: int
    root: bytes
    note: str | None = None


class Intents(Protocol):
    """The decisions of one log: append-only, durable, in the journal's own database.

    Being there, they are as old as the journal when it is restored from a backup, which is how a
    stale journal is noticed. Every method raises ``TransientError`` when the store is unavailable.
    """

    def claim(self, size: int, root: bytes) -> bytes:
        """Store ``root`` for ``size`` unless one is stored; return the one that stands."""
        ...

    def keep_note(self, size: int, note: str) -> str:
        """Store the signed note of a claimed size unless one is stored; return what stands."""
        ...

    def get(self, size: int) -> Intent | None:
        """Return what was decided for ``size``, if anything."""
        ...

    def after(self, size: int) -> list[Intent]:
        """Return the intents of greater sizes, smallest first."""
        ...


class Publication:
    """Grows the published log of one tenant. One process at a time (the sequencer's lock).

    Args:
        origin: the log's name, a schema-less URL: ``docledger.example/log/<tenant>``.
        files: where the log is published.
        signer: of this log's checkpoints.
        intents: what was decided so far.
    """

    def __init__(
        self, *, origin: str, files: PublicFiles, signer: CheckpointSigner, intents: Intents
    ) -> None:
        if signer.key.name != origin:
            raise ValueError("the signer is another log's")
        self._origin = origin
        self._files = files
        self._signer = signer
        self._intents = intents

    def published(self) -> SignedCheckpoint | None:
        """Return the published checkpoint, known to be ours; None before the first.

        Raises:
            StaleLogError: the journal never decided it.
            TlogError: what is published is no checkpoint that our key signed.
            TransientError: a store is unavailable.
        """
        try:
            published = read_checkpoint(self._files, self._signer.key)
        except NotFoundError:
            return None
        size, root = published.checkpoint.size, published.checkpoint.root
        intent = self._intents.get(size)
        if intent is None or intent.root != root:
            raise StaleLogError(f"the journal does not know the published checkpoint of {size}")
        return published

    def published_size(self) -> int:
        """Return how many leaves the published checkpoint covers: where ``extend`` goes on."""
        published = self.published()
        return published.checkpoint.size if published else 0

    def extend(self, leaves: Iterable[bytes], *, first_index: int) -> SignedCheckpoint:
        """Publish the journal's leaves from ``first_index`` on; safe to repeat after any crash.

        Call it with the journal's leaves from ``published_size()`` (or earlier: what is published
        already is compared) to its end. The size of a checkpoint that was decided but not
        published before a crash is always published first.

        Args:
            leaves: at most 65,535 bytes each; read lazily.
            first_index: the index of the first of them.

        Returns:
            The published checkpoint, which covers all the leaves.

        Raises:
            StaleLogError: the published log is larger than the journal or differs from it.
            ValueError: there is a gap between the published log and ``first_index``.
            MalformedError: a leaf is too long; nothing of its batch was decided.
            FileConflictError: a tile is published with other content.
            TlogError: the published log is damaged.
            TransientError: a store or the signer is unavailable.
        """
        published = self.published()
        growth = self._resume(published)
        pending = deque(self._intents.after(growth.size))
        stream = self._beyond(growth.size, leaves, first_index)
        while True:
            stop = growth.size - growth.size % MOST_AT_ONCE + MOST_AT_ONCE
            if pending:
                stop = min(stop, pending[0].size)
            grown = growth.take(stream, stop)
            if grown < stop and pending:
                raise StaleLogError(
                    f"the journal ends at {grown}, but a checkpoint of {pending[0].size} is decided"
                )
            if published is not None and grown == published.checkpoint.size:
                return published
            published = self._seal(growth)
            if pending and pending[0].size == grown:
                pending.popleft()

    @property
    def keys(self) -> LogKeys:
        """What verifies the log."""
        return self._signer.key

    def prove(self, index: int, *, under: SignedCheckpoint | None = None) -> str:
        """Return the text of the ``.tlog-proof`` of one published leaf.

        Args:
            index: of the leaf.
            under: an earlier checkpoint to prove it under; the published one when None.

        Raises:
            TlogError: the leaf is not published yet, or the published log is damaged.
            TransientError: the files are unavailable.
        """
        return prove(self._files, under or self._published_or_raise(), index)

    def leaf(self, index: int) -> bytes:
        """Return one published leaf.

        Raises:
            TlogError: the leaf is not published yet, or the published log is damaged.
            TransientError: the files are unavailable.
        """
        return read_leaf(self._files, index, self._published_or_raise().checkpoint.size)

    def _published_or_raise(self) -> SignedCheckpoint:
        return read_checkpoint(self._files, self._signer.key)

    def _resume(self, published: SignedCheckpoint | None) -> "_Growth":
        """Return the published tree's right edge, after making sure that it has the root."""
        if published is None:
            return _Growth(RightEdge(), [])
        checkpoint = published.checkpoint
        edge = read_edge(self._files, checkpoint.size)
        if edge.root() != checkpoint.root:
            raise TlogError("the published tiles do not have the published root")
        full, width = widths(checkpoint.size)
        tail = read_bundle(self._files, full, checkpoint.size) if width else []
        hashes = read_tile(self._files, 0, full, checkpoint.size) if width else b""
        if hash_leaves(tail) != hashes:
            raise TlogError("the published entries do not have the published hashes")
        return _Growth(edge, tail)

    def _beyond(self, size: int, leaves: Iterable[bytes], first_index: int) -> Iterator[bytes]:
        """Return the leaves that are not published yet; those that are must be the same."""
        if not 0 <= first_index <= size:
            raise ValueError(f"the log ends at {size}, the leaves start at {first_index}")
        stream = iter(leaves)
        tile, tile_index = b"", -1
        for index in range(first_index, size):
            leaf = next(stream, None)
            if leaf is None:
                raise StaleLogError(f"the journal ends at {index}, the published log at {size}")
            if index // TILE_WIDTH != tile_index:
                tile_index = index // TILE_WIDTH
                tile = read_tile(self._files, 0, tile_index, size)
            start = index % TILE_WIDTH * HASH_BYTES
            if leaf_hash(leaf) != tile[start : start + HASH_BYTES]:
                raise StaleLogError(f"the journal's entry {index} is not the published one")
        return stream

    def _seal(self, growth: "_Growth") -> SignedCheckpoint:
        """Decide, sign, keep, write, replace: each durable before the next."""
        checkpoint = Checkpoint(self._origin, growth.size, growth.edge.root())
        files = growth.cut()
        if self._intents.claim(checkpoint.size, checkpoint.root) != checkpoint.root:
            raise StaleLogError(f"another root was decided for size {checkpoint.size}")
        signed = self._sign(checkpoint)
        self._files.create_all(files)
        note = signed.note.encode()
        if self._files.replace_larger(CHECKPOINT_PATH, note, size=_size_of) != note:
            raise StaleLogError(f"another checkpoint than that of {checkpoint.size} is published")
        return signed

    def _sign(self, checkpoint: Checkpoint) -> SignedCheckpoint:
        intent = self._intents.get(checkpoint.size)
        note = intent.note if intent else None
        if note is None:
            note = self._intents.keep_note(checkpoint.size, self._signer.sign(checkpoint))
        try:
            signed = open_checkpoint(note, self._signer.key)
        except SignatureError:  # the key that signed it was closed meanwhile: an open one joins it
            signed = open_checkpoint(self._joined(note, checkpoint), self._signer.key)
        if signed.checkpoint != checkpoint:
            raise StaleLogError(f"another checkpoint of {checkpoint.size} was signed")
        return signed

    def _joined(self, note: str, checkpoint: Checkpoint) -> str:
        try:
            return cosigned(note, self._signer.sign(checkpoint))
        except ValueError as err:
            raise StaleLogError(f"another checkpoint of {checkpoint.size} was signed") from err


class _Growth:
    """What is being appended: the edge, the leaves of the unfinished bundle, files to write."""

    def __init__(self, edge: RightEdge, tail: list[bytes]) -> None:
        self.edge = edge
        self._tail = tail
        self._files: list[tuple[str, bytes]] = []

    @property
    def size(self) -> int:
        return self.edge.size

    def take(self, leaves: Iterator[bytes], stop: int) -> int:
        """Append leaves until the tree has ``stop`` or they end; return the tree's size."""
        while self.size < stop:
            batch = list(islice(leaves, min(self.edge.room, stop - self.size)))
            if not batch:
                break
            if max(map(len, batch)) > MOST_LEAF_BYTES:
                raise MalformedError(f"a leaf has at most {MOST_LEAF_BYTES} bytes")
            self._tail += batch
            tiles = self.edge.append(hash_leaves(batch))
            self._files += [(tile_path(tile.level, tile.index), tile.hashes) for tile in tiles]
            if tiles:
                self._files.append((bundle_path(tiles[0].index), encode_bundle(self._tail)))
                self._tail = []
        return self.size

    def cut(self) -> list[tuple[str, bytes]]:
        """Return the files that a checkpoint of this size needs and that were not cut before."""
        files, self._files = self._files, []
        for tile in self.edge.partial_tiles():
            files.append((tile_path(tile.level, tile.index, tile.width), tile.hashes))
        if self._tail:
            path = bundle_path(self.size // TILE_WIDTH, len(self._tail))
            files.append((path, encode_bundle(self._tail)))
        return files


def _size_of(note: bytes) -> int:
    """Return the size that a checkpoint names, its signature aside (it was checked at reading)."""
    text = decode_text(note, what=CHECKPOINT_PATH)
    return Checkpoint.parse(text.rpartition("\n\n")[0] + "\n").size
