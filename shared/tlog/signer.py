"""Who signs checkpoints: a port that takes a Checkpoint, never bytes, and a key file behind it.

A signer that takes bytes signs anything; this one can only ever say "this log, this size, this
root", or "this key joins, that one ends" (``KeyStatement``). Every log has keys of its own, and
they are for nothing else.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from shared.tlog.checkpoint import Checkpoint, LogKeys
from shared.tlog.errors import MalformedError
from shared.tlog.key_history import KeyHistory, KeyStatement
from shared.tlog.note import Note, Signature, VerifierKey


class CheckpointSigner(Protocol):
    """Signs the checkpoints of one log."""

    @property
    def key(self) -> LogKeys:
        """Return what verifies the log; its name is the log's origin."""
        ...

    def sign(self, checkpoint: Checkpoint) -> str:
        """Return the signed note of ``checkpoint``.

        Raises:
            ValueError: the checkpoint is of another log.
            TransientError: the key service is unavailable.
        """
        ...


class LogKey(CheckpointSigner, Protocol):
    """One private key of a log, wherever it is."""

    @property
    def key(self) -> VerifierKey:
        """Return its public key; its name is the log's origin."""
        ...

    def endorse(self, statement: KeyStatement) -> Signature:
        """Return the key's signature on a record of the key history; raises as ``sign``."""
        ...


class JointSigner:
    """Signs with every key that is open: two during the overlap of a rotation.

    Args:
        history: of the log's keys.
        keys: the private keys of those that are open, in the history's order.

    Raises:
        ValueError: a key is missing or too many.
    """

    def __init__(self, history: KeyHistory, keys: Sequence[LogKey]) -> None:
        if tuple(one.key for one in keys) != history.open:
            raise ValueError("every open key signs, and no other")
        self._history = history
        self._keys = keys

    @property
    def key(self) -> KeyHistory:
        """Return the history of the log's keys."""
        return self._history

    def sign(self, checkpoint: Checkpoint) -> str:
        """Return the note of ``checkpoint``, signed by every open key; see the port."""
        note = self._keys[0].sign(checkpoint)
        for one in self._keys[1:]:
            note = cosigned(note, one.sign(checkpoint))
        return note


class Ed25519Signer:
    """Signs with an Ed25519 key in this process. Deterministic (RFC 8032).

    Args:
        origin: the log's name, which is the key's name.
        private_key: for this log's checkpoints and nothing else.
    """

    def __init__(self, origin: str, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self._key = VerifierKey(origin, private_key.public_key().public_bytes_raw())

    @classmethod
    def open_or_create(cls, path: Path, origin: str) -> Self:
        """Read the key file at ``path`` (PEM, PKCS #8); make it, durable and 0600, if absent.

        Raises:
            MalformedError: the file is not an Ed25519 private key.
            OSError: the file can't be read or made.
        """
        if not path.exists():
            _create_key_file(path)
        try:
            private_key = load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise MalformedError("the checkpoint key file is damaged") from None
        if not isinstance(private_key, Ed25519PrivateKey):
            raise MalformedError("the checkpoint key file holds another kind of key")
        return cls(origin, private_key)

    @property
    def key(self) -> VerifierKey:
        """Return the public key; its name is the log's origin."""
        return self._key

    def sign(self, checkpoint: Checkpoint) -> str:
        """Return the signed note of ``checkpoint``.

        Raises:
            ValueError: the checkpoint is of another log.
        """
        if checkpoint.origin != self._key.name:
            raise ValueError("this key signs for another log")
        return str(Note(checkpoint.text, (self._signature(checkpoint.text),)))

    def endorse(self, statement: KeyStatement) -> Signature:
        """Return our signature on a record of the key history.

        Raises:
            ValueError: the record is of another log.
        """
        if statement.origin != self._key.name:
            raise ValueError("this key signs for another log")
        return self._signature(statement.text)

    def _signature(self, text: str) -> Signature:
        signature = self._private_key.sign(text.encode())
        return Signature(self._key.name, self._key.key_id, signature)


def cosigned(note: str, other: str) -> str:
    """Return ``note`` with the signatures of another note on the same text.

    Where both have a signature of one key, the other's stands.

    Raises:
        ValueError: the texts differ.
    """
    ours, theirs = Note.parse(note), Note.parse(other)
    if ours.text != theirs.text:
        raise ValueError("signatures on another text do not count here")
    signed = {(one.name, one.key_id): one for one in (*ours.signatures, *theirs.signatures)}
    return str(Note(ours.text, tuple(signed.values())))


def _create_key_file(path: Path) -> None:
    """Make a new key appear at ``path`` whole or not at all; whoever came first wins."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(unfinished, path)  # fails where another process was faster: its key stands
        except FileExistsError:
            return
    finally:
        unfinished.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
