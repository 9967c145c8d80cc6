"""C2SP tlog-proof: one file that proves one entry, offline, with nothing but the public key.

Source: c2sp.org/tlog-proof.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

from shared.tlog.checkpoint import Checkpoint, LogKeys, SignedCheckpoint, open_checkpoint
from shared.tlog.encoding import decode_base64, decode_hash, encode_base64, parse_decimal
from shared.tlog.errors import MalformedError
from shared.tlog.merkle import leaf_hash as hash_of_leaf
from shared.tlog.merkle import make_inclusion_proof, verify_inclusion
from shared.tlog.reader import Reader, TreeHashes

HEADER: Final = "c2sp.org/tlog-proof@v1"

MOST_HASHES: Final = 63
"""No tree of fewer than 2⁶³ leaves has a longer path."""

_EXTRA: Final = "extra "
_INDEX: Final = "index "


@dataclass(frozen=True, slots=True)
class Proof:
    """A parsed proof file, not verified.

    Attributes:
        index: of the entry in the log.
        hashes: the path from the leaf's sibling to the root's child.
        checkpoint: the signed checkpoint's note, verbatim.
        extra: opaque and not authenticated; ``docledger proof`` puts the entry's bytes there.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a proof file.

        Raises:
            MalformedError: another version, an index with leading zeros, a hash that has not 32
                bytes, or no checkpoint after the empty line.
        """
        head, blank, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if lines.pop(0) != HEADER:
            raise MalformedError(f"a proof starts with {HEADER}")
        extra = None
        if lines and lines[0].startswith(_EXTRA):
            extra = decode_base64(lines.pop(0).removeprefix(_EXTRA), what="the extra data")
        if not lines or not lines[0].startswith(_INDEX):
            raise MalformedError("a proof names the entry's index")
        index = parse_decimal(lines.pop(0).removeprefix(_INDEX), what="the index")
        if len(lines) > MOST_HASHES:
            raise MalformedError(f"a proof has at most {MOST_HASHES} hashes")
        hashes = tuple(decode_hash(line, what="a hash of the proof") for line in lines)
        if not blank or not checkpoint:
            raise MalformedError("a proof ends with a checkpoint after an empty line")
        return cls(index, hashes, checkpoint, extra)

    def holding(self, leaf: bytes) -> Self:
        """Return the proof with the entry's own bytes as its extra data.

        Nothing vouches for extra data as such; of these bytes, the proof itself does.
        """
        return replace(self, extra=leaf)

    def __str__(self) -> str:
        lines = [HEADER]
        if self.extra is not None:
            lines.append(_EXTRA + encode_base64(self.extra))
        lines.append(f"{_INDEX}{self.index}")
        lines += [encode_base64(value) for value in self.hashes]
        return "\n".join(lines) + "\n\n" + self.checkpoint


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof file proves: this leaf is at ``index`` in the log of ``checkpoint``."""

    index: int
    checkpoint: Checkpoint


def prove(reader: Reader, signed: SignedCheckpoint, index: int) -> str:
    """Return the text of the ``.tlog-proof`` of leaf ``index``.

    Args:
        reader: where the log's tiles are.
        signed: the checkpoint to prove against.
        index: of the leaf, from 0.

    Raises:
        ProofError: the checkpoint does not cover ``index``.
        NotFoundError: a tile is missing.
        MalformedError: a tile has another length.
    """
    size = signed.checkpoint.size
    hashes = make_inclusion_proof(index, size, TreeHashes(reader, size).range_hash)
    return str(Proof(index, tuple(hashes), signed.note))


def verify_proof(
    text: str, key: LogKeys, *, leaf: bytes | None = None, leaf_hash: bytes | None = None
) -> Proven:
    """Check that a proof file proves one leaf in the log of ``key``.

    Args:
        text: the proof file.
        key: the log's public key, or its key history.
        leaf: the entry's bytes; or
        leaf_hash: its RFC 6962 leaf hash. Exactly one of the two.

    Raises:
        MalformedError: not a proof file.
        SignatureError: ``key`` did not sign the checkpoint.
        ProofError: the path does not lead from the leaf to the checkpoint's root.
    """
    if (leaf is None) == (leaf_hash is None):
        raise ValueError("give the leaf or its hash")
    hashed = leaf_hash if leaf is None else hash_of_leaf(leaf)
    assert hashed is not None
    proof = Proof.parse(text)
    checkpoint = open_checkpoint(proof.checkpoint, key).checkpoint
    verify_inclusion(proof.index, checkpoint.size, hashed, checkpoint.root, proof.hashes)
    return Proven(proof.index, checkpoint)
