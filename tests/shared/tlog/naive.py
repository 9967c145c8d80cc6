"""The log as the specifications define it, slow and literal: the oracle of these tests."""

import hashlib
import struct
from collections.abc import Iterable, Sequence

from shared.tlog.checkpoint import Checkpoint
from shared.tlog.errors import NotFoundError
from shared.tlog.signer import CheckpointSigner


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


def numbered(number: int) -> str:
    """The N of a tile path."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def files_at(leaves: Sequence[bytes]) -> dict[str, bytes]:
    """Every tile and bundle of the tree of these leaves, by definition."""
    files: dict[str, bytes] = {}
    level = 0
    while len(leaves) >> (8 * level):
        span = 256**level
        hashes = [
            tree_hash(leaves[start : start + span])
            for start in range(0, len(leaves) // span * span, span)
        ]
        for number in range(-(-len(hashes) // 256)):
            tile = hashes[number * 256 : number * 256 + 256]
            suffix = "" if len(tile) == 256 else f".p/{len(tile)}"
            files[f"tile/{level}/{numbered(number)}{suffix}"] = b"".join(tile)
        level += 1
    for number in range(-(-len(leaves) // 256)):
        bundle = leaves[number * 256 : number * 256 + 256]
        suffix = "" if len(bundle) == 256 else f".p/{len(bundle)}"
        files[f"tile/entries/{numbered(number)}{suffix}"] = b"".join(
            struct.pack(">H", len(leaf)) + leaf for leaf in bundle
        )
    return files


class NaiveLog:
    """A published log in memory, with the partial tiles of every size it had."""

    def __init__(
        self, signer: CheckpointSigner, leaves: Sequence[bytes], sizes: Iterable[int] = ()
    ) -> None:
        self.key = signer.key
        self.leaves = list(leaves)
        self.files: dict[str, bytes] = {}
        for size in sorted({*sizes, len(leaves)}):
            self.files |= files_at(leaves[:size])
        self.checkpoint = self.checkpoint_at(signer, len(leaves))
        self.files["checkpoint"] = signer.sign(self.checkpoint).encode()

    def checkpoint_at(self, signer: CheckpointSigner, size: int) -> Checkpoint:
        """What the log said at an earlier size."""
        return Checkpoint(signer.key.name, size, tree_hash(self.leaves[:size]))

    def read(self, path: str) -> bytes:
        """Read as ``shared.tlog.reader.Reader`` says."""
        try:
            return self.files[path]
        except KeyError:
            raise NotFoundError(f"{path}: there is no such file") from None

    def partial_widths(self, path: str) -> list[int]:
        """List as ``shared.tlog.reader.Listing`` says."""
        prefix = f"{path}.p/"
        return sorted(int(n.removeprefix(prefix)) for n in self.files if n.startswith(prefix))
