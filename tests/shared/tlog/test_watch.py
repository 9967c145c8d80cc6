from collections.abc import Callable
from pathlib import Path

import pytest

from shared.tlog.checkpoint import LogKeys
from shared.tlog.errors import (
    MalformedError,
    NotFoundError,
    SignatureError,
    TlogError,
    UnavailableError,
)
from shared.tlog.memory import Memory
from shared.tlog.signer import Ed25519Signer
from shared.tlog.watch import PATIENCE, Sight, Watch
from tests.shared.tlog.naive import NaiveLog
from tests.shared.tlog.watching import Shown, signed


def test_growth_is_verified_and_remembered_across_restarts(
    watch: Watch,
    shown: Shown,
    memory: Memory,
    signer: Ed25519Signer,
    grown: Callable[..., NaiveLog],
) -> None:
    """Another process goes on where the last one was, and reads only what is new."""
    assert watch.look().sight is Sight.SAME
    shown.log = grown(700)
    shown.asked.clear()
    look = Watch(shown, lambda: signer.key, memory).look()
    assert look.sight is Sight.GROWN
    assert look.checkpoint == shown.log.checkpoint
    assert look.seen is not None
    assert look.seen.size == 600
    assert not look.sight.is_alarm
    assert "tile/entries/000" not in shown.asked
    assert memory.recall(signer.key) == signed(shown.log, signer.key)


def test_a_log_that_never_was_is_no_alarm(
    shown: Shown, memory: Memory, signer: Ed25519Signer
) -> None:
    """Watching may begin before the first entry."""
    shown.outage = NotFoundError("checkpoint: there is no such file")
    watching = Watch(shown, lambda: signer.key, memory)
    assert {watching.look().sight for _ in range(2 * PATIENCE)} == {Sight.UNAVAILABLE}


def test_an_outage_is_no_fork(watch: Watch, shown: Shown, grown: Callable[..., NaiveLog]) -> None:
    """However long it lasts; and a rollback does not hide behind one."""
    shown.outage = UnavailableError("checkpoint: the server answers 503")
    for _ in range(2 * PATIENCE):
        look = watch.look()
        assert look.sight is Sight.UNAVAILABLE
        assert not look.sight.is_alarm
    shown.outage, shown.log = None, grown(500)
    for _ in range(PATIENCE - 1):
        assert watch.look().sight is Sight.STALE
        shown.outage = UnavailableError("checkpoint: the server answers 503")
        assert watch.look().sight is Sight.UNAVAILABLE
        shown.outage = None
    assert watch.look().sight is Sight.ROLLED_BACK


def test_an_outage_while_verifying_is_no_damage(
    watch: Watch, shown: Shown, grown: Callable[..., NaiveLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes down between the checkpoint and the entries."""
    shown.log = grown(900)
    whole = shown.log.read

    def read(path: str) -> bytes:
        if path == "tile/entries/003.p/132":
            raise UnavailableError(f"{path}: the server answers 503")
        return whole(path)

    monkeypatch.setattr(shown.log, "read", read)
    assert watch.look().sight is Sight.UNAVAILABLE
    monkeypatch.undo()
    assert watch.look().sight is Sight.GROWN


def test_a_thorough_look_at_a_sound_log_finds_nothing(
    watch: Watch, shown: Shown, grown: Callable[..., NaiveLog]
) -> None:
    """Grown or not."""
    assert watch.look(thorough=True).sight is Sight.SAME
    shown.log = grown(700)
    assert watch.look(thorough=True).sight is Sight.GROWN


def test_keys_that_cannot_be_read_are_told(
    shown: Shown, memory: Memory, signer: Ed25519Signer
) -> None:
    """An outage is one here, too; a forged key history is not."""
    del signer
    for error, sight in (
        (UnavailableError("acme.keys: the server answers 503"), Sight.UNAVAILABLE),
        (SignatureError("no known key signed this note"), Sight.DAMAGED),
    ):

        def keys(error: TlogError = error) -> LogKeys:
            raise error

        assert Watch(shown, keys, memory).look().sight is sight


def test_a_state_file_of_something_else_stops_the_watch(
    shown: Shown, memory: Memory, signer: Ed25519Signer, tmp_path: Path
) -> None:
    """It is not overwritten: it may be the only memory of a fork."""
    state = tmp_path / "acme.state"
    watching = Watch(shown, lambda: signer.key, memory)
    for content in (b"nothing of ours", b"\xff", bytes(1 << 20) + b"x"):
        state.write_bytes(content)
        with pytest.raises(MalformedError):
            watching.look()
        assert state.read_bytes() == content


def test_a_memory_that_cannot_be_written_keeps_what_it_had(
    watch: Watch, shown: Shown, memory: Memory, grown: Callable[..., NaiveLog], tmp_path: Path
) -> None:
    """A look that was not remembered is made again."""
    kept = (tmp_path / "acme.state").read_bytes()
    shown.log = grown(700)
    broken = Memory(tmp_path / "gone" / "acme.state")
    with pytest.raises(FileNotFoundError):
        broken.keep(signed(shown.log, shown.log.key))
    assert (tmp_path / "acme.state").read_bytes() == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acme.state"]
    assert watch.look().sight is Sight.GROWN
    assert memory.recall(shown.log.key) == signed(shown.log, shown.log.key)
