from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.tlog.errors import MalformedError, NotFoundError, SignatureError
from shared.tlog.key_history import Closing, KeyHistory, KeyStatement
from shared.tlog.keys_file import read_keys
from shared.tlog.memory import Memory
from shared.tlog.note import Signature, VerifierKey
from shared.tlog.reader import DirectoryReader
from shared.tlog.signer import Ed25519Signer
from shared.tlog.watch import Sight, Watch
from tests.shared.tlog.naive import NaiveLog

ORIGIN = "docledger.example/log/acme"


class Key:
    """A key that may sign statements about keys."""

    def __init__(self, seed: int) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.key = VerifierKey(ORIGIN, self.private.public_key().public_bytes_raw())

    def sign(self, statement: KeyStatement) -> Signature:
        """Sign one."""
        signature = self.private.sign(statement.text.encode())
        return Signature(ORIGIN, self.key.key_id, signature)


OLD, NEW = Key(1), Key(2)


def histories() -> list[KeyHistory]:
    """A history as it grew: one key, a second one, the first one closed."""
    empty = KeyHistory(ORIGIN)
    first = empty.adding(OLD.key, size=0)
    begun = empty.with_record(first, [OLD.sign(first)])
    second = begun.adding(NEW.key, size=10)
    rotated = begun.with_record(second, [OLD.sign(second), NEW.sign(second)])
    third = rotated.closing(OLD.key, size=20, why=Closing.COMPROMISED)
    return [begun, rotated, rotated.with_record(third, [NEW.sign(third)])]


@pytest.fixture
def beside(tmp_path: Path) -> DirectoryReader:
    """The folder that the log lies in."""
    return DirectoryReader(tmp_path)


def publish(tmp_path: Path, text: str) -> None:
    """Put a history beside the log."""
    (tmp_path / "acme.keys").write_text(text)


def test_without_a_history_the_one_key_counts(beside: DirectoryReader, tmp_path: Path) -> None:
    """Logs whose key never changed have none."""
    assert read_keys(beside, "acme", OLD.key) == OLD.key
    assert read_keys(beside, "acme", OLD.key, memory=Memory(tmp_path / "state")) == OLD.key
    assert not (tmp_path / "state.keys").exists()


def test_a_history_may_grow_and_is_remembered(beside: DirectoryReader, tmp_path: Path) -> None:
    """Each look remembers what it was shown."""
    memory = Memory(tmp_path / "state")
    for history in histories():
        publish(tmp_path, history.text)
        assert read_keys(beside, "acme", OLD.key, memory=memory) == history
        assert memory.recall_keys() == history.text


def test_a_history_that_was_cut_is_an_attack(beside: DirectoryReader, tmp_path: Path) -> None:
    """Hiding that a key was closed would bring its thief's checkpoints back to life."""
    memory = Memory(tmp_path / "state")
    begun, rotated, closed = histories()
    publish(tmp_path, closed.text)
    read_keys(beside, "acme", OLD.key, memory=memory)
    for text in (rotated.text, begun.text):
        publish(tmp_path, text)
        with pytest.raises(MalformedError, match="cut or rewritten"):
            read_keys(beside, "acme", OLD.key, memory=memory)
    (tmp_path / "acme.keys").unlink()
    with pytest.raises(NotFoundError):
        beside.read("acme.keys")
    with pytest.raises(MalformedError, match="cut or rewritten"):
        read_keys(beside, "acme", OLD.key, memory=memory)
    assert memory.recall_keys() == closed.text


def test_a_checkpoint_of_a_key_that_was_closed_below_it_is_an_alarm(
    beside: DirectoryReader, tmp_path: Path
) -> None:
    """The thief of a key showed it to us before the key was closed: what we believed was a fork."""
    memory = Memory(tmp_path / "state")
    log = NaiveLog(Ed25519Signer(ORIGIN, OLD.private), [b"%d" % number for number in range(25)])
    watch = Watch(log, lambda: read_keys(beside, "acme", NEW.key, memory=memory), memory)
    _, rotated, closed = histories()
    publish(tmp_path, rotated.text)
    assert watch.look().sight is Sight.FIRST
    publish(tmp_path, closed.text)
    look = watch.look()
    assert (look.sight, len(look.evidence)) == (Sight.FORKED, 1)
    assert "of 25 is signed by a key that was closed before it" in look.problem
    (tmp_path / "state").write_text(log.files["checkpoint"].decode().replace("acme", "other"))
    with pytest.raises(SignatureError):
        watch.look()


def test_a_forged_history_is_refused(beside: DirectoryReader, tmp_path: Path) -> None:
    """Signed by a key that was not open, or of bytes that are no text."""
    begun, *_ = histories()
    second = begun.adding(NEW.key, size=10)
    signatures = "".join(key.sign(second).line for key in (NEW,))
    publish(tmp_path, f"{begun.text}{second.text}\n{signatures}")
    with pytest.raises(SignatureError):
        read_keys(beside, "acme", OLD.key)
    (tmp_path / "acme.keys").write_bytes(b"\xff")
    with pytest.raises(MalformedError):
        read_keys(beside, "acme", OLD.key)
