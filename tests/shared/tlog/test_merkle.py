import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.tlog import merkle
from shared.tlog.errors import ProofError
from tests.shared.tlog.naive import tree_hash

LEAVES = [b"%d" % number for number in range(40)]


def range_hash(low: int, high: int) -> bytes:
    """Hash a range of the leaves, by definition."""
    return tree_hash(LEAVES[low:high])


def test_every_inclusion_proof_up_to_forty_leaves_verifies() -> None:
    """Small trees hold all the shapes at which the right edge goes wrong."""
    for size in range(1, 41):
        root = tree_hash(LEAVES[:size])
        for index in range(size):
            proof = merkle.make_inclusion_proof(index, size, range_hash)
            leaf = merkle.leaf_hash(LEAVES[index])
            merkle.verify_inclusion(index, size, leaf, root, proof)


def test_every_consistency_proof_up_to_forty_leaves_verifies() -> None:
    """The same for growth from any size to any other."""
    for old, new in itertools.combinations_with_replacement(range(1, 41), 2):
        proof = merkle.make_consistency_proof(old, new, range_hash)
        roots = tree_hash(LEAVES[:old]), tree_hash(LEAVES[:new])
        merkle.verify_consistency(old, new, *roots, proof)


@settings(deadline=None)
@given(data=st.data())
def test_a_proof_of_another_leaf_place_or_root_is_refused(data: st.DataObject) -> None:
    """An inclusion proof proves one leaf, at one index, in one tree."""
    size = data.draw(st.integers(2, 40))
    index = data.draw(st.integers(0, size - 1))
    root = tree_hash(LEAVES[:size])
    proof = merkle.make_inclusion_proof(index, size, range_hash)
    leaf = merkle.leaf_hash(LEAVES[index])
    other = data.draw(st.integers(0, size + 3).filter(lambda value: value != index))
    with pytest.raises(ProofError):
        merkle.verify_inclusion(other, size, leaf, root, proof)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(index, size, merkle.leaf_hash(b"another"), root, proof)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(index, size, leaf, merkle.leaf_hash(b"another"), proof)
    at = data.draw(st.integers(0, len(proof) - 1))
    for changed in (proof[:at] + proof[at + 1 :], [*proof[:at], leaf, *proof[at:]]):
        with pytest.raises(ProofError):
            merkle.verify_inclusion(index, size, leaf, root, changed)


@settings(deadline=None)
@given(data=st.data())
def test_a_rewritten_history_is_refused(data: st.DataObject) -> None:
    """A consistency proof for other leaves must not verify, whatever the sizes."""
    new = data.draw(st.integers(2, 40))
    old = data.draw(st.integers(1, new - 1))
    forged = tree_hash([b"forged", *LEAVES[1:old]])
    proof = merkle.make_consistency_proof(old, new, range_hash)
    roots = tree_hash(LEAVES[:old]), tree_hash(LEAVES[:new])
    for pair in ((forged, roots[1]), (roots[0], forged), (roots[1], roots[0])):
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, new, *pair, proof)
    for changed in (proof[:-1], [*proof, forged], [forged, *proof]):
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, new, *roots, changed)


@pytest.mark.parametrize(
    ("index", "size"), [(0, 0), (1, 1), (5, 4), (-1, 4), (0, 1 << 63), (1 << 63, (1 << 63) + 1)]
)
def test_an_index_beyond_the_tree_is_refused(index: int, size: int) -> None:
    """Verifiers that accept an index beyond the size, or a tree of no leaves, are a known bug."""
    leaf = merkle.leaf_hash(b"")
    for proof in ([], [leaf], [leaf] * 63):
        with pytest.raises(ProofError):
            merkle.verify_inclusion(index, size, leaf, leaf, proof)


@pytest.mark.parametrize("index", [-1, 4, 5])
def test_no_inclusion_proof_is_made_beyond_the_tree(index: int) -> None:
    """A proof of nothing must not exist."""
    with pytest.raises(ProofError):
        merkle.make_inclusion_proof(index, 4, range_hash)


@pytest.mark.parametrize(("old", "new"), [(0, 4), (5, 4), (-1, 4)])
def test_no_consistency_proof_is_made_from_nothing_or_backwards(old: int, new: int) -> None:
    """Every tree begins with the empty tree, and no tree with a larger one."""
    with pytest.raises(ProofError):
        merkle.make_consistency_proof(old, new, range_hash)


def test_hashes_of_other_lengths_are_refused() -> None:
    """Hashes of 31 and 33 bytes would make two readings of the same 64."""
    left, right = merkle.leaf_hash(b"0"), merkle.leaf_hash(b"1")
    root = merkle.node_hash(left, right)
    joined = left + right
    with pytest.raises(ProofError, match="32 bytes"):
        merkle.verify_inclusion(0, 2, joined[:31], root, [joined[31:]])
    with pytest.raises(ProofError, match="32 bytes"):
        merkle.verify_consistency(1, 2, joined[:31], root, [joined[31:]])
    with pytest.raises(ProofError, match="32 bytes"):
        merkle.verify_inclusion(0, 1, b"short", b"short", [])


def test_a_subtree_proof_holds_within_a_larger_tree() -> None:
    """Leaves 8 to 11 are a subtree of 13 leaves and prove themselves within it."""
    leaf, sibling = merkle.leaf_hash(LEAVES[9]), merkle.leaf_hash(LEAVES[8])
    proof = [sibling, range_hash(10, 12)]
    merkle.verify_subtree_inclusion(9, (8, 12), leaf, range_hash(8, 12), proof)
    path = [range_hash(12, 13), range_hash(0, 8)]
    merkle.verify_subtree_consistency((8, 12), 13, range_hash(8, 12), range_hash(0, 13), path)
    last = range_hash(8, 13)
    merkle.verify_subtree_consistency((8, 13), 13, last, range_hash(0, 13), [range_hash(0, 8)])
    with pytest.raises(ProofError, match="no subtree"):
        merkle.verify_subtree_inclusion(9, (7, 12), leaf, range_hash(7, 12), proof)
