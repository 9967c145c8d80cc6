"""C2SP signed-note: a text and the lines of those who signed it (Ed25519, type 0x01).

Source: c2sp.org/signed-note.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.tlog.encoding import decode_base64, encode_base64
from shared.tlog.errors import MalformedError, SignatureError

MOST_SIGNATURES: Final = 100
"""A note with more is refused, so that nobody makes verifiers work for nothing (C2SP: ≥ 16)."""

ED25519: Final = 0x01

_KEY_ID_BYTES: Final = 4
_PUBLIC_KEY_BYTES: Final = 32
_SIGNATURE_PREFIX: Final = "\u2014 "  # em dash, space
_NAME: Final = re.compile(r"[^\s+\x00-\x1f]+")
_KEY_ID_HEX: Final = re.compile(r"[0-9a-f]{8}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


def check_key_name(name: str) -> str:
    """Return ``name`` if a key may have it: not empty, no Unicode space, no plus.

    Raises:
        MalformedError: it may not.
    """
    if not _NAME.fullmatch(name):
        raise MalformedError("a key name is empty or holds a space or a plus sign")
    return name


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under its name: all that a verifier needs.

    Attributes:
        name: who signs; for a log, its origin.
        public_key: 32 bytes (RFC 8032).
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.public_key) != _PUBLIC_KEY_BYTES:
            raise MalformedError("an Ed25519 public key has 32 bytes")

    @property
    def key_id(self) -> bytes:
        """Return SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key), the first four bytes."""
        preimage = self.name.encode() + b"\n" + bytes([ED25519]) + self.public_key
        return hashlib.sha256(preimage).digest()[:_KEY_ID_BYTES]

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a vkey line, ``name+hex(key id)+base64(0x01 ‖ public key)``.

        One newline at the end is allowed, because files end with one.

        Raises:
            MalformedError: another shape, another key type, or a key id of some other key.
        """
        parts = line.removesuffix("\n").split("+", 2)  # base64 may hold a plus, a name may not
        if len(parts) != 3:  # noqa: PLR2004 - name, id, key
            raise MalformedError("a vkey line is name+hex(key id)+base64(key)")
        name, key_id, encoded = parts
        if not _KEY_ID_HEX.fullmatch(key_id):
            raise MalformedError("the vkey's key id is not 8 lower-case hexadecimal digits")
        data = decode_base64(encoded, what="the vkey's key")
        if not data or data[0] != ED25519:
            raise MalformedError("the vkey is not of type Ed25519 (0x01)")
        key = cls(name, data[1:])
        if key.key_id.hex() != key_id:
            raise MalformedError("the vkey's key id belongs to another key or name")
        return key

    def __str__(self) -> str:
        encoded = encode_base64(bytes([ED25519]) + self.public_key)
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def keys_for(self, _size: int, /) -> tuple[Self]:
        """Return this key: alone, it counts at every size (``LogKeys``)."""
        return (self,)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether ``signature`` (64 bytes, without key id) is this key's over ``message``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):  # ValueError: the bytes are no point on the curve
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who says to have signed, the key's id, the bytes."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """Return the line as it stands in a note, newline included."""
        return f"{_SIGNATURE_PREFIX}{self.name} {encode_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note of which nothing was verified yet.

    Attributes:
        text: the signed text, its last newline included.
        signatures: every line, in order, unknown keys and types too.
    """

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: str) -> Self:
        """Take a note apart.

        Raises:
            MalformedError: not a note, a control character, or too many signatures.
        """
        _check_characters(data)
        text, blank, lines = data.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise MalformedError("a note is text, a blank line and signature lines")
        rows = lines[:-1].split("\n")
        if len(rows) > MOST_SIGNATURES:
            raise MalformedError(f"a note of more than {MOST_SIGNATURES} signatures is refused")
        return cls(text + "\n", tuple(_parse_signature(row) for row in rows))

    def __str__(self) -> str:
        return self.text + "\n" + "".join(signature.line for signature in self.signatures)


def open_note(data: str, keys: Sequence[VerifierKey]) -> str:
    """Return the text of a note that at least one of ``keys`` signed.

    Signatures of unknown keys are ignored, even where the name or the id (not both) is known.

    Raises:
        MalformedError: not a note.
        SignatureError: no known key signed it, or a known key's signature is wrong.
    """
    note = Note.parse(data)
    known = {(key.name, key.key_id): key for key in keys}
    message = note.text.encode()
    verified = False
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.verifies(signature.signature, message):
            raise SignatureError(f"the signature of {key.name} is wrong")
        verified = True
    if not verified:
        raise SignatureError("no known key signed this note")
    return note.text


def decode_text(data: bytes, *, what: str) -> str:
    """Decode strict UTF-8.

    Raises:
        MalformedError: the bytes are not UTF-8.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as err:
        raise MalformedError(f"{what} is not UTF-8") from err


def _check_characters(data: str) -> None:
    if _CONTROL.search(data):
        raise MalformedError("a note holds no control character but newline")
    try:
        data.encode()
    except UnicodeEncodeError as err:
        raise MalformedError("a note is valid UTF-8") from err


def _parse_signature(row: str) -> Signature:
    if not row.startswith(_SIGNATURE_PREFIX):
        raise MalformedError("a signature line starts with an em dash and a space")
    name, space, encoded = row.removeprefix(_SIGNATURE_PREFIX).partition(" ")
    if not space:
        raise MalformedError("a signature line is dash, name, signature")
    data = decode_base64(encoded, what="a signature")
    if len(data) <= _KEY_ID_BYTES:
        raise MalformedError("a signature is a key id of four bytes and at least one more")
    return Signature(check_key_name(name), data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])
