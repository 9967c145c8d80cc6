"""C2SP tlog-checkpoint: a log's size and root under its name, signed as a note.

Source: c2sp.org/tlog-checkpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from shared.tlog.encoding import (
    HASH_BYTES,
    MOST_LEAVES,
    decode_hash,
    encode_base64,
    parse_decimal,
)
from shared.tlog.errors import MalformedError, SignatureError
from shared.tlog.note import Note, VerifierKey, open_note


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one size.

    Attributes:
        origin: the log's name, a schema-less URL such as ``docledger.example/log/acme``.
        size: leaves in the tree.
        root: RFC 6962 root hash of exactly 32 bytes.
        extensions: further lines, opaque to us; none in our own logs.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MOST_LEAVES:
            raise MalformedError("a tree size is between 0 and 2^63-1")
        if len(self.root) != HASH_BYTES:
            raise MalformedError(f"a root hash has {HASH_BYTES} bytes")
        if any(not line or "\n" in line for line in (self.origin, *self.extensions)):
            raise MalformedError("origin and extensions are lines that are not empty")

    @property
    def text(self) -> str:
        """Return the note text that is signed."""
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a checkpoint's note text.

        Raises:
            MalformedError: fewer than three lines, an empty line, a size with leading zeros, a
                root of another length than 32 bytes.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1]:  # noqa: PLR2004 - three lines and the end of the third
            raise MalformedError("a checkpoint is origin, size and root, a line each")
        origin, size, root, *extensions = lines[:-1]
        return cls(
            origin,
            parse_decimal(size, what="the tree size"),
            decode_hash(root, what="the root hash"),
            tuple(extensions),
        )


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and the signed note it came from, byte for byte."""

    checkpoint: Checkpoint
    note: str


class LogKeys(Protocol):
    """What verifies a log's checkpoints: a ``VerifierKey``, or a ``KeyHistory`` of several."""

    @property
    def name(self) -> str:
        """Return the log's origin."""
        ...

    def keys_for(self, size: int, /) -> Sequence[VerifierKey]:
        """Return the keys whose signature counts on a checkpoint of ``size``."""
        ...


def open_checkpoint(note: str, key: LogKeys) -> SignedCheckpoint:
    """Return the checkpoint of a note that ``key`` signed for the log of the key's name.

    Raises:
        MalformedError: not a note, or not a checkpoint.
        SignatureError: not signed by a key that may sign that size, wrongly signed, or of another
            log.
    """
    checkpoint = Checkpoint.parse(Note.parse(note).text)  # believed only once it is verified
    open_note(note, key.keys_for(checkpoint.size))
    if checkpoint.origin != key.name:
        raise SignatureError("the checkpoint's origin is not the log that this key signs for")
    return SignedCheckpoint(checkpoint, note)
