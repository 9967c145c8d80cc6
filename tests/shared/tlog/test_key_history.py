"""A log's keys over time: each change endorsed, each size with its keys, each forgery refused."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.tlog.checkpoint import Checkpoint, open_checkpoint
from shared.tlog.errors import MalformedError, SignatureError, TlogError
from shared.tlog.key_history import (
    MOST_HISTORY_BYTES,
    Closing,
    KeyHistory,
    KeyStatement,
    formerly,
    keys_of,
)
from shared.tlog.note import Note, VerifierKey
from shared.tlog.signer import Ed25519Signer, JointSigner, cosigned

ORIGIN = "docledger.example/log/acme"


def signer(number: int, origin: str = ORIGIN) -> Ed25519Signer:
    """Return one of some keys."""
    return Ed25519Signer(origin, Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


FIRST, SECOND, THIRD, THIEF = (signer(number) for number in (1, 2, 3, 9))


def grown(history: KeyHistory, statement: KeyStatement, *signers: Ed25519Signer) -> KeyHistory:
    """Return the history with a statement that these keys signed."""
    return history.with_record(statement, [one.endorse(statement) for one in signers])


def begun() -> KeyHistory:
    """Return a history of the first key."""
    empty = KeyHistory(ORIGIN)
    return grown(empty, empty.adding(FIRST.key, size=0), FIRST)


def overlapping() -> KeyHistory:
    """Return a history in which the second key joined at size 10."""
    history = begun()
    return grown(history, history.adding(SECOND.key, size=10), FIRST, SECOND)


def rotated() -> KeyHistory:
    """Return a history in which the first key ended at size 20."""
    history = overlapping()
    return grown(history, history.closing(FIRST.key, size=20, why=Closing.RETIRED), SECOND)


def checkpoint(size: int) -> Checkpoint:
    """Return a checkpoint of some tree."""
    return Checkpoint(ORIGIN, size, bytes(32))


@pytest.mark.parametrize("root", [FIRST, SECOND])
def test_who_knows_one_of_the_keys_can_check_the_whole(root: Ed25519Signer) -> None:
    """An auditor who came before the rotation and one who came after read the same history."""
    history = keys_of(root.key, rotated().text.encode())
    assert history == rotated()


def test_without_a_history_the_one_key_verifies() -> None:
    """Most logs never rotate."""
    assert keys_of(FIRST.key, None) == FIRST.key


@pytest.mark.parametrize(
    ("size", "keys"),
    [
        (0, [FIRST]),
        (9, [FIRST]),
        (10, [FIRST, SECOND]),
        (20, [FIRST, SECOND]),
        (21, [SECOND]),
        (1 << 40, [SECOND]),
    ],
)
def test_each_size_has_its_keys(size: int, keys: list[Ed25519Signer]) -> None:
    """The sizes at which a key begins and ends are its own."""
    assert list(rotated().keys_for(size)) == [one.key for one in keys]


def test_a_checkpoint_beyond_its_keys_end_is_refused() -> None:
    """The attack: whoever stole the first key signs a tree that the log never had."""
    history = rotated()
    assert open_checkpoint(FIRST.sign(checkpoint(20)), history)
    with pytest.raises(SignatureError):
        open_checkpoint(FIRST.sign(checkpoint(21)), history)
    with pytest.raises(SignatureError):
        open_checkpoint(SECOND.sign(checkpoint(9)), history)
    assert open_checkpoint(SECOND.sign(checkpoint(21)), history)


def test_keys_that_counted_until_they_were_closed_are_told_from_strangers() -> None:
    """Why a checkpoint counts no more; a key that counts, and one that never did, is neither."""
    history = rotated()
    assert [formerly(history).keys_for(size) for size in (0, 20, 21)] == [(), (), (FIRST.key,)]
    assert open_checkpoint(FIRST.sign(checkpoint(21)), formerly(history))
    for refused in (SECOND, THIEF):
        with pytest.raises(SignatureError):
            open_checkpoint(refused.sign(checkpoint(21)), formerly(history))
    taken_back = overlapping()
    said = taken_back.closing(SECOND.key, size=5, why=Closing.ROLLED_BACK)
    taken_back = grown(taken_back, said, FIRST)
    asked = [formerly(taken_back).keys_for(size) for size in (6, 9, 10)]
    assert asked == [(), (), (SECOND.key,)]
    assert formerly(FIRST.key).keys_for(99) == formerly(overlapping()).keys_for(99) == ()


@pytest.mark.parametrize("known", [FIRST, SECOND])
def test_during_the_overlap_either_key_verifies(known: Ed25519Signer) -> None:
    """Nobody has to change their key on the day of the rotation."""
    note = JointSigner(overlapping(), [FIRST, SECOND]).sign(checkpoint(15))
    assert len(Note.parse(note).signatures) == 2
    assert open_checkpoint(note, known.key)
    assert open_checkpoint(note, overlapping())


def test_every_open_key_signs_and_no_other() -> None:
    """A joint signer that lacks a key would end an overlap without saying so."""
    for keys in ([FIRST], [FIRST, SECOND, THIRD], [SECOND, FIRST]):
        with pytest.raises(ValueError, match="every open key"):
            JointSigner(overlapping(), keys)
    assert JointSigner(rotated(), [SECOND]).key == rotated()


def test_the_theft_is_not_endorsed() -> None:
    """Records that lack a signature, or have the wrong one: each is a way to take over a log."""
    history = overlapping()
    joins = history.adding(THIEF.key, size=20)
    ends = history.closing(FIRST.key, size=20, why=Closing.COMPROMISED)
    after = rotated()
    attacks = [
        (history, joins, [THIEF]),  # nobody who is open endorses it
        (history, joins, [FIRST]),  # the new key's holder never agreed
        (history, ends, [FIRST]),  # a key ends itself
        (history, ends, [THIEF]),
        (after, after.adding(THIEF.key, size=20), [FIRST, THIEF]),  # a closed key endorses
        (after, after.closing(SECOND.key, size=20, why=Closing.RETIRED), [FIRST]),
        (after, after.closing(SECOND.key, size=20, why=Closing.RETIRED), [SECOND]),  # the last one
    ]
    for before, statement, signers in attacks:
        with pytest.raises(SignatureError):
            grown(before, statement, *signers)


def test_records_that_make_no_sense_are_refused() -> None:
    """Signed by the right keys, and still nothing that a log can say."""
    history, other = overlapping(), signer(4, "docledger.example/log/globex")
    foreign = other.endorse(KeyHistory(other.key.name).adding(other.key, size=12))
    for statement in (
        history.adding(SECOND.key, size=12),
        history.adding(THIRD.key, size=9),
        history.closing(THIRD.key, size=12, why=Closing.RETIRED),
        replace(history.adding(THIRD.key, size=12), line="add nothing"),
        replace(history.adding(THIRD.key, size=12), line=f"add {THIRD.key} from 012"),
        replace(history.adding(THIRD.key, size=12), line=f"close {FIRST.key} at 1 because so"),
        replace(history.adding(THIRD.key, size=12), number=7),
        replace(history.adding(THIRD.key, size=12), previous=bytes(32)),
    ):
        with pytest.raises(MalformedError):
            grown(history, statement, FIRST, SECOND, THIRD)
    with pytest.raises(MalformedError, match="another log"):
        history.with_record(history.adding(other.key, size=12), [foreign])
    empty = KeyHistory(ORIGIN)
    with pytest.raises(MalformedError, match="size 0"):
        grown(empty, empty.adding(FIRST.key, size=1), FIRST)


def test_any_changed_byte_is_refused() -> None:
    """Every byte is under a signature, is one, or is what a signature is found by."""
    whole = rotated().text.encode()
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 1
        with pytest.raises(TlogError):
            keys_of(FIRST.key, bytes(changed))


def test_records_cannot_be_dropped_moved_or_repeated() -> None:
    """Each record holds the hash of all before it."""
    first, second, third = _records(rotated().text)
    for forged in (second + third, first + third, first + third + second, first + second + second):
        with pytest.raises(TlogError):
            keys_of(FIRST.key, forged.encode())
    with pytest.raises(MalformedError, match="first record"):
        keys_of(FIRST.key, b"")
    with pytest.raises(MalformedError, match="first record"):
        keys_of(FIRST.key, b"\n" + rotated().text.encode())


def test_a_history_that_was_cut_is_noticed_by_who_saw_more() -> None:
    """A closed key's thief shows the history as it was before; the watcher remembers."""
    assert rotated().extends(overlapping().text)
    assert not overlapping().extends(rotated().text)
    assert keys_of(FIRST.key, overlapping().text.encode())  # it holds by itself: hence a memory


def test_a_history_without_the_known_key_is_refused() -> None:
    """Else any log's owner could hand in a history of keys that nobody knows."""
    with pytest.raises(SignatureError, match="does not know"):
        keys_of(THIEF.key, rotated().text.encode())
    with pytest.raises(TlogError):
        keys_of(signer(1, "docledger.example/log/globex").key, rotated().text.encode())


def test_what_is_no_history_is_refused() -> None:
    """Foreign files, and ones made to keep a verifier busy."""
    with pytest.raises(MalformedError, match="UTF-8"):
        keys_of(FIRST.key, b"\xff\xfe")
    with pytest.raises(MalformedError, match="longer"):
        keys_of(FIRST.key, rotated().text.encode() + b"x" * MOST_HISTORY_BYTES)


def test_no_record_reads_as_a_checkpoint() -> None:
    """One key signs both; a signature on the one must never serve for the other."""
    record = _records(overlapping().text)[1]
    with pytest.raises(TlogError):
        open_checkpoint(record, FIRST.key)
    note = FIRST.sign(checkpoint(12))
    with pytest.raises(TlogError):
        begun().appended(note)


def test_a_key_endorses_for_its_own_log_only() -> None:
    """As it signs checkpoints for its own log only."""
    stranger = signer(4, "docledger.example/log/globex")
    with pytest.raises(ValueError, match="another log"):
        stranger.endorse(begun().adding(SECOND.key, size=1))


def test_signatures_join_on_the_same_text_only() -> None:
    """Else a signature would appear under what its key never saw."""
    note = cosigned(FIRST.sign(checkpoint(3)), SECOND.sign(checkpoint(3)))
    assert cosigned(note, FIRST.sign(checkpoint(3))) == note
    with pytest.raises(ValueError, match="another text"):
        cosigned(note, SECOND.sign(checkpoint(4)))


def test_a_verifier_key_alone_is_good_for_every_size() -> None:
    """What is one key today and a history tomorrow is asked in the same way."""
    key: VerifierKey = FIRST.key
    assert key.keys_for(0) == key.keys_for(1 << 50) == (key,)


def _records(text: str) -> list[str]:
    head = "docledger.key-history.v1\n"
    return [head + record for record in text.split(head)[1:]]
