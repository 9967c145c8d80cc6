from dataclasses import replace

import pytest

from shared.tlog.checkpoint import Checkpoint
from shared.tlog.consistency import check_consistent, check_shown
from shared.tlog.errors import ContradictionError, RolledBackError, VerificationError
from shared.tlog.merkle import roots_at
from shared.tlog.signer import Ed25519Signer
from tests.shared.tlog.naive import NaiveLog, tree_hash

SIZES = (0, 1, 2, 255, 256, 257, 511, 512, 600, 699, 700)


@pytest.fixture(scope="module")
def log(signer: Ed25519Signer, some_leaves: list[bytes]) -> NaiveLog:
    """A log of three bundles."""
    return NaiveLog(signer, some_leaves[:700])


def test_both_roots_come_from_one_set_of_hashes(some_leaves: list[bytes]) -> None:
    """Every pair of small sizes, beside the definition."""
    for new in range(1, 20):
        for old in range(1, new + 1):
            found = roots_at(old, new, lambda low, high: tree_hash(some_leaves[low:high]))
            assert found == (tree_hash(some_leaves[:old]), tree_hash(some_leaves[:new]))


@pytest.mark.parametrize("old", SIZES)
def test_growth_is_consistent_and_anything_else_a_contradiction(
    log: NaiveLog, signer: Ed25519Signer, old: int
) -> None:
    """From the empty log to the same size again; a root that was never there convicts the log."""
    older = log.checkpoint_at(signer, old)
    check_consistent(log, older, log.checkpoint)
    check_shown(log, log.checkpoint, older)
    with pytest.raises(ContradictionError, match=f"inconsistent with the checkpoint of {old}"):
        check_consistent(log, replace(older, root=b"\x01" * 32), log.checkpoint)


def test_damaged_tiles_convict_nobody(log: NaiveLog, signer: Ed25519Signer) -> None:
    """Whoever serves the tiles could break them; only signatures tell who forked."""
    older = log.checkpoint_at(signer, 300)
    broken = NaiveLog(signer, log.leaves)
    tile = broken.files["tile/0/001"]
    broken.files["tile/0/001"] = bytes([tile[0] ^ 1]) + tile[1:]
    with pytest.raises(VerificationError, match="the tiles have another root") as caught:
        check_consistent(broken, older, log.checkpoint)
    assert not isinstance(caught.value, ContradictionError)
    del broken.files["tile/0/001"]
    with pytest.raises(VerificationError, match=r"tile/0/001: there is no such file") as caught:
        check_consistent(broken, older, log.checkpoint)
    assert not isinstance(caught.value, ContradictionError)


def test_logs_are_not_compared_with_one_another(log: NaiveLog, signer: Ed25519Signer) -> None:
    """Two logs may differ."""
    other = Checkpoint("docledger.example/log/other", 3, bytes(32))
    with pytest.raises(VerificationError, match="of another log"):
        check_shown(log, log.checkpoint, other)
    with pytest.raises(VerificationError, match="of another log"):
        check_shown(log, log.checkpoint_at(signer, 2), other)
    with pytest.raises(ValueError, match="the smaller one"):
        check_consistent(log, log.checkpoint, log.checkpoint_at(signer, 2))


def test_less_than_was_seen_is_an_old_copy_or_a_fork(log: NaiveLog, signer: Ed25519Signer) -> None:
    """A cache shows a smaller log of the same history; a fork, one of another."""
    older = log.checkpoint_at(signer, 300)
    with pytest.raises(RolledBackError, match="of 300 does not come after the checkpoint of 700"):
        check_shown(log, older, log.checkpoint)
    with pytest.raises(ContradictionError):
        check_shown(log, replace(older, root=b"\x01" * 32), log.checkpoint)


def test_a_log_that_lost_what_was_seen_was_rolled_back(
    log: NaiveLog, signer: Ed25519Signer
) -> None:
    """Restored from a backup: its tiles end where its checkpoint does."""
    shrunk = NaiveLog(signer, log.leaves[:300])
    with pytest.raises(RolledBackError):
        check_shown(shrunk, shrunk.checkpoint, log.checkpoint)
