from collections.abc import Callable

import pytest

from shared.tlog.checkpoint import LogKeys, SignedCheckpoint
from shared.tlog.errors import (
    NotFoundError,
    UnavailableError,
)
from shared.tlog.memory import Memory
from shared.tlog.signer import Ed25519Signer
from shared.tlog.watch import PATIENCE, Sight, Watch
from tests.shared.tlog.naive import NaiveLog
from tests.shared.tlog.watching import Shown, evidence, showing, signed


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda leaves: [leaves[1], leaves[0], *leaves[2:]], id="reordered"),
        pytest.param(lambda leaves: [*leaves[:300], *leaves[301:]], id="dropped"),
        pytest.param(lambda leaves: [*leaves[:300], b"x", *leaves[301:]], id="rewritten"),
        pytest.param(lambda leaves: [*leaves[:300], b"x", *leaves[300:]], id="slipped in"),
        pytest.param(lambda leaves: [*leaves[:599], b"x", *leaves[600:]], id="the last"),
    ],
)
@pytest.mark.parametrize("size", [600, 601, 768, 900])
def test_a_fork_is_an_alarm_with_both_checkpoints(
    watch: Watch,
    shown: Shown,
    memory: Memory,
    signer: Ed25519Signer,
    some_leaves: list[bytes],
    grown: Callable[..., NaiveLog],
    tamper: Callable[[list[bytes]], list[bytes]],
    size: int,
) -> None:
    """Signed anew by the log's own key, every tile in order: only a memory tells."""
    before = shown.log.checkpoint
    shown.log = grown(leaves=tamper(some_leaves[: size + 1])[:size])
    for watching in (watch, Watch(shown, lambda: signer.key, memory)):  # and after a restart
        look = watching.look()
        assert look.sight is Sight.FORKED
        assert look.sight.is_alarm
        assert "inconsistent with the checkpoint of 600" in look.problem
        assert len(look.evidence) == 2
    after = shown.log.checkpoint
    assert evidence(memory, signer.key) == sorted(
        [(before.size, before.root), (after.size, after.root)]
    )
    remembered = memory.recall(signer.key)
    assert remembered is not None
    assert remembered.checkpoint == before


def test_a_log_forked_below_what_was_seen_is_an_alarm_at_once(
    watch: Watch, shown: Shown, some_leaves: list[bytes], grown: Callable[..., NaiveLog]
) -> None:
    """Smaller and different: while the old tiles are there, they convict."""
    forked = grown(leaves=[b"x", *some_leaves[1:500]])
    shown.log.files["checkpoint"] = forked.files["checkpoint"]
    assert watch.look().sight is Sight.FORKED


def test_a_stale_copy_is_waited_out(
    watch: Watch, shown: Shown, memory: Memory, grown: Callable[..., NaiveLog]
) -> None:
    """A cache may show yesterday's checkpoint once or twice: no alarm, and nothing is forgotten."""
    fresh, stale = grown(700, at=[600]), grown(600)
    shown.log = fresh
    assert watch.look().sight is Sight.GROWN
    kept = memory.recall(fresh.key)
    for _ in range(3):
        fresh.files["checkpoint"], stale.files["checkpoint"] = (
            stale.files["checkpoint"],
            fresh.files["checkpoint"],
        )
        for _ in range(PATIENCE - 1):
            look = watch.look()
            assert look.sight is Sight.STALE
            assert not look.sight.is_alarm
        assert memory.recall(fresh.key) == kept
        fresh.files["checkpoint"], stale.files["checkpoint"] = (
            stale.files["checkpoint"],
            fresh.files["checkpoint"],
        )
        assert watch.look().sight is Sight.SAME


def test_a_rollback_is_an_alarm_when_it_stays(
    watch: Watch,
    shown: Shown,
    memory: Memory,
    signer: Ed25519Signer,
    grown: Callable[..., NaiveLog],
) -> None:
    """Restored from an old backup, the log has lost what was seen, and says so with a signature."""
    before, shown.log = shown.log.checkpoint, grown(500)
    sights = [watch.look() for _ in range(PATIENCE)]
    assert [look.sight for look in sights] == [*[Sight.STALE] * (PATIENCE - 1), Sight.ROLLED_BACK]
    assert sights[-1].sight.is_alarm
    after = shown.log.checkpoint
    assert evidence(memory, signer.key) == [(500, after.root), (600, before.root)]


def test_who_looks_once_has_no_patience(
    watch: Watch,
    shown: Shown,
    memory: Memory,
    signer: Ed25519Signer,
    grown: Callable[..., NaiveLog],
) -> None:
    """A job that runs once a day must not take three days."""
    assert watch.look().sight is Sight.SAME
    shown.log = grown(500)
    assert Watch(shown, lambda: signer.key, memory, patience=1).look().sight is Sight.ROLLED_BACK


def test_a_log_that_vanished_is_an_alarm_when_it_stays(watch: Watch, shown: Shown) -> None:
    """The server answers, and says that there is no log."""
    shown.outage = NotFoundError("checkpoint: there is no such file")
    sights = [watch.look().sight for _ in range(PATIENCE)]
    assert sights[-1] is Sight.ROLLED_BACK
    assert Sight.ROLLED_BACK not in sights[:-1]


def test_a_split_view_is_an_alarm(
    shown: Shown,
    memory: Memory,
    signer: Ed25519Signer,
    some_leaves: list[bytes],
    grown: Callable[..., NaiveLog],
) -> None:
    """Each view verifies by itself; who compares with others finds out, whoever is ahead."""
    for theirs in (
        grown(leaves=[b"x", *some_leaves[1:500]]),
        grown(leaves=[b"x", *some_leaves[1:600]]),
    ):
        others = signed(theirs, signer.key)
        look = Watch(shown, lambda: signer.key, memory, others=showing(others)).look()
        assert look.sight is Sight.SPLIT
        assert look.sight.is_alarm
        assert evidence(memory, signer.key) == sorted(
            [(600, shown.log.checkpoint.root), (theirs.checkpoint.size, theirs.checkpoint.root)]
        )
        for path in memory.evidence.iterdir():
            path.unlink()
    assert memory.recall(signer.key) is None


def test_others_who_see_more_are_believed_when_it_stays(
    shown: Shown, memory: Memory, signer: Ed25519Signer, grown: Callable[..., NaiveLog]
) -> None:
    """Entries that are kept from us: a rollback for us alone."""
    others = signed(grown(700), signer.key)
    watching = Watch(shown, lambda: signer.key, memory, others=showing(others))
    assert [watching.look().sight for _ in range(PATIENCE)][-1] is Sight.ROLLED_BACK


@pytest.mark.parametrize("size", [1, 500, 600])
def test_others_who_see_the_same_history_are_no_alarm(
    shown: Shown, memory: Memory, signer: Ed25519Signer, grown: Callable[..., NaiveLog], size: int
) -> None:
    """They may have looked earlier."""
    others = signed(grown(size), signer.key)
    watching = Watch(shown, lambda: signer.key, memory, others=showing(others))
    assert watching.look().sight is Sight.FIRST
    assert watching.look().sight is Sight.SAME


def test_others_who_cannot_be_asked_are_told(
    shown: Shown, memory: Memory, signer: Ed25519Signer
) -> None:
    """Watching goes on; that nothing was compared must not stay unsaid."""

    def others(_: LogKeys) -> SignedCheckpoint:
        raise UnavailableError("checkpoint: the server answers 503")

    look = Watch(shown, lambda: signer.key, memory, others=others).look()
    assert look.sight is Sight.FIRST
    assert look.problem == "nothing to compare with: checkpoint: the server answers 503"


def test_damage_is_an_alarm_and_names_the_entry(
    watch: Watch, shown: Shown, memory: Memory, grown: Callable[..., NaiveLog]
) -> None:
    """What is new is verified before it is remembered."""
    kept = memory.recall(shown.log.key)
    shown.log = grown(900)
    bundle = bytearray(shown.log.files["tile/entries/002"])
    bundle[-1] ^= 1
    shown.log.files["tile/entries/002"] = bytes(bundle)
    look = watch.look()
    assert look.sight is Sight.DAMAGED
    assert look.sight.is_alarm
    assert "(leaf 767)" in look.problem
    assert memory.recall(shown.log.key) == kept


def test_damage_to_old_entries_is_found_by_a_thorough_look(watch: Watch, shown: Shown) -> None:
    """A quick look reads only what is new."""
    data = shown.log.files["tile/entries/000"]
    shown.log.files["tile/entries/000"] = data[:-1] + b"x"
    assert watch.look().sight is Sight.SAME
    look = watch.look(thorough=True)
    assert look.sight is Sight.DAMAGED
    assert "(leaf 255)" in look.problem


def test_a_forged_checkpoint_is_an_alarm(watch: Watch, shown: Shown) -> None:
    """Whoever serves the log cannot sign for it."""
    note = shown.log.files["checkpoint"]
    shown.log.files["checkpoint"] = note.replace(b"\n600\n", b"\n601\n")
    look = watch.look()
    assert look.sight is Sight.DAMAGED
    assert look.problem.startswith("checkpoint: ")


def test_a_full_disk_does_not_silence_the_alarm(
    watch: Watch,
    shown: Shown,
    memory: Memory,
    some_leaves: list[bytes],
    grown: Callable[..., NaiveLog],
) -> None:
    """Where evidence cannot be written, the fork is told all the same."""
    memory.evidence.write_bytes(b"a file where the folder should be")
    shown.log = grown(leaves=[b"x", *some_leaves[1:700]])
    look = watch.look()
    assert (look.sight, look.evidence) == (Sight.FORKED, ())
