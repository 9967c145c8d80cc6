"""Sealed bytes give themselves to the right key at the right name, and to nobody else."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.keys.envelope import SealBrokenError, owner_of, seal, unseal

KEY = bytes(range(32))
DOCUMENT = "0123456789abcdef0123456789abcdef01234567"
NAME = f"results/ocr/{DOCUMENT}/0"


@given(plaintext=st.binary(max_size=300), name=st.text(max_size=40))
def test_what_was_sealed_is_unsealed(plaintext: bytes, name: str) -> None:
    """A round trip loses nothing, whatever the bytes and the name."""
    sealed = seal(KEY, plaintext, owner=DOCUMENT, name=name)
    assert unseal(KEY, sealed, name=name) == plaintext


@pytest.mark.parametrize("owner", [DOCUMENT, "tenant:acme", "tenant:a-1"])
def test_the_header_names_the_owner(owner: str) -> None:
    """Whose key opens an object must be readable without a key."""
    assert owner_of(seal(KEY, b"x", owner=owner, name=NAME)) == owner


def test_the_plaintext_is_not_in_the_sealed_bytes() -> None:
    """The point of sealing: a copy of the store shows nothing."""
    assert b"Ada Lovelace" not in seal(KEY, b"Ada Lovelace" * 5, owner=DOCUMENT, name=NAME)


def test_sealing_twice_shares_no_nonce() -> None:
    """A repeated nonce under one key would give GCM's secrets away."""
    assert len({seal(KEY, b"", owner=DOCUMENT, name=NAME) for _ in range(200)}) == 200


def test_a_ciphertext_moved_to_another_name_is_refused() -> None:
    """Otherwise whoever can write the store could swap two results of one document."""
    sealed = seal(KEY, b"x", owner=DOCUMENT, name=NAME)
    with pytest.raises(SealBrokenError):
        unseal(KEY, sealed, name=NAME.replace("ocr", "summarize"))


def test_another_key_is_refused() -> None:
    """A document's bytes open under its own key only."""
    sealed = seal(KEY, b"x", owner=DOCUMENT, name=NAME)
    with pytest.raises(SealBrokenError):
        unseal(os.urandom(32), sealed, name=NAME)


def test_every_flipped_bit_is_noticed() -> None:
    """Header, nonce, ciphertext and tag are all authenticated."""
    sealed = seal(KEY, b"total 12.00", owner=DOCUMENT, name=NAME)
    for position in range(len(sealed) * 8):
        forged = bytearray(sealed)
        forged[position // 8] ^= 1 << (position % 8)
        with pytest.raises(SealBrokenError):
            unseal(KEY, bytes(forged), name=NAME)


def test_every_truncation_is_noticed() -> None:
    """A torn write must read as broken, never as a shorter document."""
    sealed = seal(KEY, b"total 12.00", owner=DOCUMENT, name=NAME)
    for length in range(len(sealed)):
        with pytest.raises(SealBrokenError):
            unseal(KEY, sealed[:length], name=NAME)


@given(junk=st.binary(max_size=120))
def test_junk_is_no_envelope(junk: bytes) -> None:
    """Whatever lies in the store, the answer is one error and not a crash."""
    for data in (junk, b"DLSE\x01" + junk):
        with pytest.raises(SealBrokenError):
            unseal(KEY, data, name=NAME)


@pytest.mark.parametrize("owner", ["", "acme", "tenant:", "tenant:A", DOCUMENT + "\n", "é" * 40])
def test_other_owners_are_refused(owner: str) -> None:
    """An owner that no keyring can resolve would seal bytes that nobody can open."""
    with pytest.raises(ValueError, match="owner"):
        seal(KEY, b"x", owner=owner, name=NAME)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_shorter_keys_are_refused(length: int) -> None:
    """AES-128 would be accepted by the library; the promise is 256 bits."""
    with pytest.raises(ValueError, match="32 bytes"):
        seal(bytes(length), b"x", owner=DOCUMENT, name=NAME)
