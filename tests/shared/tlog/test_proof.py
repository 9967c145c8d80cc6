import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.tlog import merkle
from shared.tlog.checkpoint import open_checkpoint
from shared.tlog.errors import MalformedError, NotFoundError, ProofError, TlogError
from shared.tlog.proof import HEADER, Proof, prove, verify_proof
from shared.tlog.reader import (
    DirectoryReader,
    TreeHashes,
    iter_leaves,
    read_checkpoint,
    read_edge,
    read_leaf,
)
from shared.tlog.signer import Ed25519Signer
from tests.shared.tlog.naive import NaiveLog, tree_hash

HASH64 = base64.b64encode(bytes(32)).decode()


@pytest.fixture(scope="session")
def log(signer: Ed25519Signer, some_leaves: list[bytes]) -> NaiveLog:
    """A log that reaches level 1 with partial tiles on every level."""
    return NaiveLog(signer, some_leaves[:1000])


def proof_text(log: NaiveLog, signer: Ed25519Signer, index: int) -> str:
    """Prove one leaf against the published checkpoint."""
    return prove(log, read_checkpoint(log, signer.key), index)


def test_every_kind_of_leaf_is_proven_from_tiles(log: NaiveLog, signer: Ed25519Signer) -> None:
    """First, last, and on both sides of tile borders; by bytes and by hash."""
    for index in (0, 1, 255, 256, 511, 700, 767, 768, 998, 999):
        text = proof_text(log, signer, index)
        leaf = log.leaves[index]
        assert verify_proof(text, signer.key, leaf=leaf).index == index
        proven = verify_proof(text, signer.key, leaf_hash=merkle.leaf_hash(leaf))
        assert proven.checkpoint == log.checkpoint


def test_growth_is_proven_from_tiles(log: NaiveLog) -> None:
    """Consistency proofs come from the same tiles."""
    ranges = TreeHashes(log, 1000).range_hash
    for old in (1, 255, 256, 257, 512, 768, 999, 1000):
        proof = merkle.make_consistency_proof(old, 1000, ranges)
        old_root = tree_hash(log.leaves[:old])
        merkle.verify_consistency(old, 1000, old_root, log.checkpoint.root, proof)


def test_a_proof_file_looks_as_specified(log: NaiveLog, signer: Ed25519Signer) -> None:
    """Header, index, hashes, an empty line, the checkpoint verbatim."""
    text = proof_text(log, signer, 700)
    head, _, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 700"]
    assert len(lines) == 2 + 10
    assert open_checkpoint(checkpoint, signer.key).checkpoint == log.checkpoint
    assert str(Proof.parse(text)) == text


def test_extra_data_is_kept_and_proves_nothing(log: NaiveLog, signer: Ed25519Signer) -> None:
    """Other writers put it there; the specification calls it opaque."""
    text = proof_text(log, signer, 3).replace("\nindex", "\nextra aGk=\nindex", 1)
    assert Proof.parse(text).extra == b"hi"
    assert str(Proof.parse(text)) == text
    assert verify_proof(text, signer.key, leaf=log.leaves[3]).index == 3


@settings(deadline=None)
@given(data=st.data())
def test_one_flipped_bit_in_a_proof_is_caught(
    log: NaiveLog, signer: Ed25519Signer, data: st.DataObject
) -> None:
    """Wherever it is: header, index, hash, checkpoint or signature."""
    raw = bytearray(proof_text(log, signer, 700).encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((TlogError, UnicodeDecodeError)):
        verify_proof(raw.decode(), signer.key, leaf=log.leaves[700])


def test_a_proof_of_another_leaf_is_refused(log: NaiveLog, signer: Ed25519Signer) -> None:
    """The proof of one document must not pass for another's."""
    text = proof_text(log, signer, 700)
    with pytest.raises(ProofError):
        verify_proof(text, signer.key, leaf=log.leaves[701])
    with pytest.raises(ProofError):
        verify_proof(text.replace("index 700", "index 1700"), signer.key, leaf=log.leaves[700])
    with pytest.raises(ValueError, match="leaf or its hash"):
        verify_proof(text, signer.key)


def test_a_leaf_that_the_checkpoint_does_not_cover_has_no_proof(
    log: NaiveLog, signer: Ed25519Signer
) -> None:
    """Nor can it be read."""
    with pytest.raises(ProofError):
        proof_text(log, signer, 1000)
    with pytest.raises(ProofError):
        read_leaf(log, 1000, 1000)
    with pytest.raises(ProofError):
        read_leaf(log, -1, 1000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 0\n\nlog\n",
        f"{HEADER}\n\nlog\n",
        f"{HEADER}\nindex\n\nlog\n",
        f"{HEADER}\nindex 01\n\nlog\n",
        f"{HEADER}\nindex -1\n\nlog\n",
        f"{HEADER}\nindex 0 \n\nlog\n",
        f"{HEADER}\nindex 0",
        f"{HEADER}\nindex 0\n\n",
        f"{HEADER}\nindex 0\n{HASH64[:-4]}\n\nlog\n",
        f"{HEADER}\nindex 0\n{HASH64} \n\nlog\n",
        f"{HEADER}\nindex 0\n{HASH64}\n\r\nlog\n",
        f"{HEADER}\nextra !\nindex 0\n\nlog\n",
        f"{HEADER}\nindex 0\nextra aGk=\n\nlog\n",
        f"{HEADER}\nindex 0\n" + f"{HASH64}\n" * 64 + "\nlog\n",
    ],
)
def test_what_is_not_quite_a_proof_file_is_refused(text: str) -> None:
    """Strictly one spelling, and no more hashes than any tree can ask for."""
    with pytest.raises(MalformedError):
        Proof.parse(text)


def test_leaves_are_read_one_by_one_and_in_a_row(
    log: NaiveLog, write_log: Callable[[NaiveLog], Path]
) -> None:
    """From a directory, from any start, to the end of the tree and no further."""
    reader = DirectoryReader(write_log(log))
    assert [read_leaf(reader, index, 1000) for index in (0, 256, 999)] == [
        log.leaves[index] for index in (0, 256, 999)
    ]
    for start in (0, 255, 256, 999, 1000):
        assert list(iter_leaves(reader, 1000, start=start)) == log.leaves[start:]
    assert read_edge(reader, 1000).root() == log.checkpoint.root


def test_a_full_tile_stands_in_for_a_partial_one(
    signer: Ed25519Signer, some_leaves: list[bytes]
) -> None:
    """Logs may delete partial tiles once the full one is there."""
    earlier = NaiveLog(signer, some_leaves[:900])
    grown = NaiveLog(signer, some_leaves[:1024])
    grown.files["checkpoint"] = earlier.files["checkpoint"]
    del grown.files["tile/1/000.p/4"]
    grown.files["tile/1/000.p/3"] = earlier.files["tile/1/000.p/3"]
    text = prove(grown, read_checkpoint(grown, signer.key), 800)
    assert verify_proof(text, signer.key, leaf=some_leaves[800]).checkpoint.size == 900
    assert read_leaf(grown, 800, 900) == some_leaves[800]


def test_missing_and_damaged_tiles_say_which(log: NaiveLog, signer: Ed25519Signer) -> None:
    """An operator needs the name of the file."""
    broken = NaiveLog(signer, log.leaves)
    del broken.files["tile/0/003.p/232"]
    with pytest.raises(NotFoundError, match=r"tile/0/003\.p/232"):
        proof_text(broken, signer, 999)
    broken.files["tile/0/003.p/232"] = b"x"
    with pytest.raises(MalformedError, match=r"tile/0/003\.p/232: has 1 bytes"):
        proof_text(broken, signer, 999)
    broken.files["tile/entries/003.p/232"] = b"x"
    with pytest.raises(MalformedError, match=r"tile/entries/003\.p/232"):
        read_leaf(broken, 999, 1000)
