"""Sealed bytes: everything derived from a document passes through here before any store sees it.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce. Layout::

    magic "DLSE" | version 1 | owner length (1 byte) | owner | nonce (12) | ciphertext | tag (16)

The owner says whose key opens it. Header and object name are associated data: neither can be
changed, and no ciphertext can be moved to another name, without the tag saying so. A random nonce
is safe for 2**32 seals under one key: a document has a handful, a tenant's inbox one an upload.
"""

import os
import re
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
"""Every key of ours is 256 bits."""

_MAGIC: Final = b"DLSE"
_VERSION: Final = 1
_FIXED: Final = len(_MAGIC) + 2
_NONCE: Final = 12
_TAG: Final = 16
_OWNER: Final = re.compile(r"(?:[0-9a-f]{40}|tenant:[a-z0-9][a-z0-9-]{0,62})\Z")


class SealBrokenError(Exception):
    """These bytes are not what was sealed under this key and name: forged, truncated or moved."""


def seal(key: bytes, plaintext: bytes, *, owner: str, name: str) -> bytes:
    """Encrypt ``plaintext`` for exactly one object name.

    Args:
        key: 32 bytes; the owner's.
        plaintext: what nobody else may read.
        owner: a document id, or ``tenant:<name>`` for what waits in the inbox.
        name: of the object that will hold the sealed bytes.

    Raises:
        ValueError: the key has another length, or the owner is neither of the two forms.
    """
    if not _OWNER.match(owner):
        raise ValueError("an owner is a document id or tenant:<name>")
    encoded = owner.encode("ascii")
    header = _MAGIC + bytes((_VERSION, len(encoded))) + encoded
    nonce = os.urandom(_NONCE)
    ciphertext = _cipher(key).encrypt(nonce, plaintext, header + name.encode())
    return b"".join((header, nonce, ciphertext))


def unseal(key: bytes, sealed: bytes, *, name: str) -> bytes:
    """Return what was sealed under ``key`` for the object ``name``.

    Raises:
        SealBrokenError: another key or name, or the bytes were changed or cut.
        ValueError: the key has another length.
    """
    end = _header_end(sealed)
    header = sealed[:end]
    view = memoryview(sealed)
    try:
        return _cipher(key).decrypt(
            sealed[end : end + _NONCE],
            view[end + _NONCE :],
            header + name.encode(),
        )
    except InvalidTag:
        raise SealBrokenError("the seal is broken: forged, moved or another key") from None


def owner_of(sealed: bytes) -> str:
    """Return whose key opens ``sealed``: a document id or ``tenant:<name>``.

    The answer is only a claim until ``unseal`` has accepted it.

    Raises:
        SealBrokenError: the bytes are no envelope of ours.
    """
    return sealed[_FIXED : _header_end(sealed)].decode("ascii")


def _cipher(key: bytes) -> AESGCM:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
    return AESGCM(key)


def _header_end(sealed: bytes) -> int:
    """Return where the header ends, having checked that all of it is there and ours."""
    if sealed[: len(_MAGIC)] != _MAGIC or len(sealed) < _FIXED:
        raise SealBrokenError("not sealed by docledger")
    if sealed[len(_MAGIC)] != _VERSION:
        raise SealBrokenError("sealed in a version that this release does not know")
    end = _FIXED + sealed[_FIXED - 1]
    if len(sealed) < end + _NONCE + _TAG:
        raise SealBrokenError("the sealed bytes are truncated")
    owner = sealed[_FIXED:end]
    if not owner.isascii() or not _OWNER.match(owner.decode("ascii")):
        raise SealBrokenError("the envelope names no owner of ours")
    return end
