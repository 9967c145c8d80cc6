"""RFC 6962 hashing, and proofs of inclusion and consistency: made and verified.

Sources: RFC 6962 section 2.1; RFC 9162 section 2.1 for verifying. Verifying also works within a
subtree (draft-ietf-plants-merkle-tree-certs, section 4), of which the whole tree is the case that
starts at leaf 0.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from shared.tlog.encoding import HASH_BYTES, MOST_LEAVES
from shared.tlog.errors import ProofError

LEAF_PREFIX: Final = b"\x00"
NODE_PREFIX: Final = b"\x01"

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""

RangeHash = Callable[[int, int], bytes]
"""The hash of leaves ``[lo, hi)``, where ``lo`` is a multiple of the power of two ≥ ``hi - lo``."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ leaf)."""
    return hashlib.sha256(LEAF_PREFIX + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def make_inclusion_proof(index: int, size: int, range_hash: RangeHash) -> list[bytes]:
    """Return the audit path of leaf ``index`` in the tree of ``size`` leaves, leaf to root.

    Raises:
        ProofError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(range_hash(middle, high))
            high = middle
        else:
            path.append(range_hash(low, middle))
            low = middle
    return path[::-1]


def make_consistency_proof(old_size: int, new_size: int, range_hash: RangeHash) -> list[bytes]:
    """Return the proof that the tree of ``new_size`` leaves begins with that of ``old_size``.

    Raises:
        ProofError: ``old_size`` is 0 (which proves nothing) or greater than ``new_size``.
    """
    if not 0 < old_size <= new_size:
        raise ProofError(f"there is no consistency proof from {old_size} to {new_size}")
    path: list[bytes] = []
    low, high = 0, new_size
    while high != old_size:
        middle = low + _split(high - low)
        if old_size <= middle:
            path.append(range_hash(middle, high))
            high = middle
        else:
            path.append(range_hash(low, middle))
            low = middle
    if low:
        path.append(range_hash(low, high))
    return path[::-1]


def roots_at(old_size: int, new_size: int, range_hash: RangeHash) -> tuple[bytes, bytes]:
    """Return the roots at two sizes, both computed from one set of hashes.

    Where the second is the root that somebody signed, the first is the only root that the tree can
    have had at ``old_size``: another one, signed, proves a fork. (A consistency proof that fails
    does not tell a fork from damage.)

    Raises:
        ProofError: not 0 < ``old_size`` ≤ ``new_size``.
    """
    if not 0 < old_size <= new_size:
        raise ProofError(f"a tree of {new_size} has no root at {old_size}")

    def roots(low: int, high: int) -> tuple[bytes, bytes]:
        if high <= old_size:
            whole = range_hash(low, high)
            return whole, whole
        middle = low + _split(high - low)
        if old_size <= middle:
            old, new = roots(low, middle)
            return old, node_hash(new, range_hash(middle, high))
        left = range_hash(low, middle)
        old, new = roots(middle, high)
        return node_hash(left, old), node_hash(left, new)

    return roots(0, new_size)


def verify_inclusion(
    index: int, size: int, leaf: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the leaf with hash ``leaf`` is at ``index`` in the tree of ``size`` leaves.

    Raises:
        ProofError: it is not, or an argument can't be right.
    """
    verify_subtree_inclusion(index, (0, size), leaf, root, proof)


def verify_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of ``new_size`` leaves begins with the tree of ``old_size``.

    The empty tree is consistent with itself alone: every tree begins with it, so a proof from it
    says nothing.

    Raises:
        ProofError: it does not, or an argument can't be right.
    """
    if old_size == 0 and (new_size != 0 or new_root != EMPTY_ROOT):
        raise ProofError("a proof from the empty tree says nothing")
    verify_subtree_consistency((0, old_size), new_size, old_root, new_root, proof)


def verify_subtree_inclusion(
    index: int, subtree: tuple[int, int], leaf: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that a leaf is at ``index`` (of the whole tree) in the subtree ``[start, end)``.

    Raises:
        ProofError: it is not, or an argument can't be right.
    """
    start, end = subtree
    _check_subtree(start, end)
    if not start <= index < end:
        raise ProofError(f"leaf {index} is outside of [{start}, {end})")
    _check_hashes(leaf, root, *proof)
    position, last = index - start, end - start - 1
    computed = leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if position & 1 or position == last:
            computed = node_hash(sibling, computed)
            while not position & 1:  # levels at which the right edge has no sibling
                position >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise ProofError("the proof is too short")
    if computed != root:
        raise ProofError("the proof leads to another root")


def verify_subtree_consistency(
    subtree: tuple[int, int], size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the subtree ``[start, end)`` with ``old_root`` is part of the tree of ``size``.

    An empty subtree is part of every tree; a whole tree is consistent with itself alone.

    Raises:
        ProofError: it is not, or an argument can't be right.
    """
    start, end = subtree
    if not 0 <= start <= end <= size <= MOST_LEAVES:
        raise ProofError(f"there is no consistency from [{start}, {end}) to {size}")
    if start == end or (start, end) == (0, size):
        if proof:
            raise ProofError("the proof is too long")
        if old_root != (EMPTY_ROOT if start == end else root):
            raise ProofError("the roots differ")
        return
    _check_subtree(start, end)
    _check_hashes(old_root, root, *proof)
    first, last, top = start, end - 1, size - 1
    if last == top:
        while first != last:
            first, last, top = first >> 1, last >> 1, top >> 1
    else:
        while first != last and last & 1:
            first, last, top = first >> 1, last >> 1, top >> 1
    path = list(proof)
    if first == last:
        seed = old_root
    elif path:
        seed = path.pop(0)
    else:
        raise ProofError("the proof is too short")
    _climb((first, last, top), seed, path, (old_root, root))


def _climb(
    position: tuple[int, int, int], seed: bytes, path: Sequence[bytes], roots: tuple[bytes, bytes]
) -> None:
    """Hash ``path`` into both roots (RFC 9162, section 2.1.4.2)."""
    first, last, top = position
    old_computed = computed = seed
    for sibling in path:
        if top == 0:
            raise ProofError("the proof is too long")
        if last & 1 or last == top:
            if first < last:
                old_computed = node_hash(sibling, old_computed)
            computed = node_hash(sibling, computed)
            while not last & 1:
                first, last, top = first >> 1, last >> 1, top >> 1
        else:
            computed = node_hash(computed, sibling)
        first, last, top = first >> 1, last >> 1, top >> 1
    if top:
        raise ProofError("the proof is too short")
    if old_computed != roots[0]:
        raise ProofError("the proof leads to another old root")
    if computed != roots[1]:
        raise ProofError("the proof leads to another new root")


def _split(count: int) -> int:
    """Return the largest power of two below ``count`` (≥ 2)."""
    return 1 << ((count - 1).bit_length() - 1)


def _check_subtree(start: int, end: int) -> None:
    if not 0 <= start < end <= MOST_LEAVES:
        raise ProofError(f"[{start}, {end}) holds no leaf")
    if start & ((1 << (end - start - 1).bit_length()) - 1):
        raise ProofError(f"[{start}, {end}) is no subtree")


def _check_hashes(*hashes: bytes) -> None:
    if any(len(value) != HASH_BYTES for value in hashes):
        raise ProofError(f"a hash has {HASH_BYTES} bytes")
