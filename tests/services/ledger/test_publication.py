from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ledger import publication as module
from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_files import MemoryFiles
from services.ledger.publication import (
    FileConflictError,
    Intent,
    Publication,
    StaleLogError,
)
from shared.tlog.checkpoint import Checkpoint
from shared.tlog.errors import MalformedError, NotFoundError, ProofError, TlogError
from shared.tlog.note import VerifierKey
from shared.tlog.proof import verify_proof
from shared.tlog.signer import Ed25519Signer
from shared.tlog.verify import verify_log
from tests.services.ledger.publishing import (
    LEAVES,
    ORIGIN,
    SIGNER,
    CrashError,
    Fuse,
    extend_to,
    publication,
)
from tests.shared.tlog.naive import NaiveLog, tree_hash


class Machine:
    """Files and intents that outlive the process."""

    def __init__(self) -> None:
        self.files, self.intents = MemoryFiles(), MemoryIntents()

    def boot(self, fuse: Fuse | None = None) -> Publication:
        """Start the process anew."""
        return publication(self.files, self.intents, fuse=fuse)

    def restored(self, size: int) -> "Machine":
        """Return the machine with its journal's database restored as of ``size``."""
        other = Machine()
        other.files = self.files
        for intent in self.intents.after(-1):
            if intent.size <= size:
                other.intents.claim(intent.size, intent.root)
        return other


@pytest.fixture
def machine() -> Machine:
    """A machine on which nothing is published."""
    return Machine()


@settings(deadline=None)
@given(st.lists(st.integers(0, 600), max_size=6))
def test_the_published_files_are_those_of_the_specification(steps: list[int]) -> None:
    """Every tile, bundle and partial tile of every checkpoint's size, and not one more."""
    machine = Machine()
    sizes = {0} | {min(sum(steps[: n + 1]), 1600) for n in range(len(steps))}
    for size in sorted(sizes):
        extend_to(machine.boot(), size)
    naive = NaiveLog(SIGNER, LEAVES[: max(sizes)], sizes=sizes)
    assert machine.files.files == naive.files
    assert verify_log(naive, SIGNER.key).size == max(sizes)


def test_nothing_is_published_twice(machine: Machine) -> None:
    """Without new leaves there is no effect at all, and the checkpoint stands."""
    extend_to(machine.boot(), 300)
    fuse = Fuse()
    log = machine.boot(fuse)
    before = log.published()
    assert log.extend([], first_index=300) == before
    assert log.extend(LEAVES[100:300], first_index=100) == before
    assert fuse.effects == 0


def crash_everywhere(
    grow_to: int, then: int, *, after: bool, signer: Ed25519Signer = SIGNER
) -> list[Machine]:
    """Crash a publication at every effect in turn, start again, and return the machines."""
    ended: list[Machine] = []
    crash_at = 0
    while True:
        machine = Machine()
        extend_to(machine.boot(), 250)
        fuse = Fuse(crash_at, after=after)
        log = publication(machine.files, machine.intents, fuse=fuse, signer=signer)
        try:
            extend_to(log, grow_to)
        except CrashError:
            extend_to(machine.boot(), then)
            ended.append(machine)
            crash_at += 1
        else:
            return ended


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_between_any_two_effects_ends_in_the_same_bytes(*, after: bool) -> None:
    """Before an effect, or after it and before anybody was told."""
    smooth = Machine()
    extend_to(smooth.boot(), 250)
    extend_to(smooth.boot(), 900)
    machines = crash_everywhere(900, 900, after=after)
    assert len(machines) == 13  # intent, signature, note, 9 tiles and bundles, checkpoint
    for machine in machines:
        assert machine.files.files == smooth.files.files
        assert machine.intents.after(-1) == smooth.intents.after(-1)


@pytest.mark.parametrize("after", [False, True])
def test_a_journal_that_grew_meanwhile_publishes_what_was_decided_first(*, after: bool) -> None:
    """A checkpoint may have been signed before the crash: its tiles are served all the same."""
    for machine in crash_everywhere(900, 1500, after=after):
        sizes = [0, 250] if machine.intents.get(900) is None else [0, 250, 900]
        expected = NaiveLog(SIGNER, LEAVES[:1500], sizes=sizes[1:]).files
        assert machine.files.files == expected


def test_a_signature_that_was_kept_is_the_one_published(machine: Machine) -> None:
    """Other key services sign the same text differently each time; one note is published."""

    class Wavering(Ed25519Signer):
        def sign(self, checkpoint: Checkpoint) -> str:
            note = super().sign(checkpoint)
            return note + note.splitlines(keepends=True)[-1] * len(signed)

    signed: list[str] = []
    signer = Wavering(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x05" * 32))
    log = publication(machine.files, machine.intents, signer=signer, fuse=Fuse(4))
    with pytest.raises(CrashError):
        extend_to(log, 10)
    intent = machine.intents.get(10)
    assert intent is not None
    signed.append("once")
    extend_to(publication(machine.files, machine.intents, signer=signer), 10)
    assert machine.files.read("checkpoint").decode() == intent.note


def test_a_restored_journal_signs_nothing(machine: Machine) -> None:
    """Restored at 100, the published log at 300: whatever it holds by now, it is refused."""
    for size in (100, 300):
        extend_to(machine.boot(), size)
    before = dict(machine.files.files)
    for leaves, first in (
        (LEAVES[300:400], 300),
        (LEAVES[:400], 0),
        (LEAVES[:100], 0),
        ([b"other"] * 200, 300),
        ([], 300),
    ):
        fuse = Fuse()
        log = machine.restored(100).boot(fuse)
        with pytest.raises(StaleLogError, match="does not know"):
            log.extend(leaves, first_index=first)
        assert fuse.effects == 0
    with pytest.raises(StaleLogError):
        machine.restored(100).boot().published()
    assert machine.files.files == before


def test_a_journal_that_decided_otherwise_signs_nothing(machine: Machine) -> None:
    """Same size, other entries: the log must not fork."""
    extend_to(machine.boot(), 300)
    fork = machine.restored(0)
    fork.intents.claim(300, tree_hash([b"other"] * 300))
    with pytest.raises(StaleLogError, match="does not know"):
        fork.boot().extend([b"new"], first_index=300)


def test_leaves_that_differ_from_the_published_ones_are_refused(machine: Machine) -> None:
    """Where the journal's leaves overlap the published log, they are compared."""
    extend_to(machine.boot(), 300)
    leaves = [*LEAVES[:270], b"changed", *LEAVES[271:400]]
    with pytest.raises(StaleLogError, match="entry 270"):
        machine.boot().extend(leaves[200:], first_index=200)
    with pytest.raises(StaleLogError, match="ends at 290"):
        machine.boot().extend(LEAVES[200:290], first_index=200)
    assert machine.intents.after(300) == []


def test_a_gap_between_log_and_leaves_is_refused(machine: Machine) -> None:
    """Indices are dense."""
    extend_to(machine.boot(), 3)
    with pytest.raises(ValueError, match="ends at 3"):
        machine.boot().extend(LEAVES[4:], first_index=4)
    with pytest.raises(ValueError, match="start at -1"):
        machine.boot().extend(LEAVES, first_index=-1)


def crash_after_intent(machine: Machine, size: int) -> None:
    """Stop right after ``size`` was decided."""
    with pytest.raises(CrashError):
        extend_to(machine.boot(Fuse(0, after=True)), size)


def test_a_decided_size_is_never_passed_over(machine: Machine) -> None:
    """The root of 300 may be signed somewhere: no checkpoint of 299 leaves afterwards."""
    crash_after_intent(machine, 300)
    for end in (0, 299):
        with pytest.raises(StaleLogError, match="a checkpoint of 300 is decided"):
            machine.boot().extend(LEAVES[:end], first_index=0)
    assert machine.files.files == {}


def test_a_decided_root_is_never_replaced(machine: Machine) -> None:
    """Other leaves below a decided size would sign a second history."""
    crash_after_intent(machine, 300)
    with pytest.raises(StaleLogError, match="another root"):
        machine.boot().extend([b"other", *LEAVES[1:400]], first_index=0)
    assert machine.files.files == {}


def test_a_note_of_another_checkpoint_is_not_published(machine: Machine) -> None:
    """A signer that signs something else, or a note changed in the database."""

    class Deceived:
        key: VerifierKey = SIGNER.key

        def sign(self, checkpoint: Checkpoint) -> str:
            return SIGNER.sign(replace(checkpoint, size=checkpoint.size + 1))

    log = publication(machine.files, machine.intents, signer=Deceived())
    with pytest.raises(StaleLogError, match="was signed"):
        extend_to(log, 3)
    assert machine.files.files == {}


def test_a_log_of_another_key_is_not_extended(machine: Machine) -> None:
    """The key file was lost and made anew, or the folder is another tenant's."""
    extend_to(machine.boot(), 3)
    other = Ed25519Signer(ORIGIN, Ed25519PrivateKey.generate())
    log = publication(machine.files, machine.intents, signer=other)
    with pytest.raises(TlogError):
        log.extend(LEAVES[3:4], first_index=3)
    with pytest.raises(ValueError, match="another log's"):
        Publication(
            origin="docledger.example/log/other",
            files=machine.files,
            signer=SIGNER,
            intents=machine.intents,
        )


@pytest.mark.parametrize(
    "path", ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44", "checkpoint"]
)
def test_a_damaged_edge_is_not_built_upon(machine: Machine, path: str) -> None:
    """A damaged published log stops here instead of being signed."""
    extend_to(machine.boot(), 300)
    whole = machine.files.files[path]
    machine.files.files[path] = whole[:-1] + bytes([whole[-1] ^ 1])
    with pytest.raises(TlogError):
        machine.boot().extend(LEAVES[300:301], first_index=300)
    assert machine.intents.after(300) == []


def test_a_tile_with_other_content_is_never_overwritten(machine: Machine) -> None:
    """Somebody wrote there, or a crash left what we would not have written."""
    machine.files.create_all([("tile/0/000.p/3", b"other")])
    with pytest.raises(FileConflictError, match=r"tile/0/000\.p/3"):
        extend_to(machine.boot(), 3)
    assert machine.files.read("tile/0/000.p/3") == b"other"
    with pytest.raises(NotFoundError):
        machine.files.read("checkpoint")


def test_a_larger_checkpoint_that_appears_meanwhile_stands(machine: Machine) -> None:
    """Two sequencers despite the lock: the published log never shrinks."""

    class Overtaken(MemoryIntents):
        def keep_note(self, size: int, note: str) -> str:
            larger = SIGNER.sign(Checkpoint(ORIGIN, 9, tree_hash(LEAVES[:9])))
            machine.files.files["checkpoint"] = larger.encode()
            return super().keep_note(size, note)

    machine.intents = Overtaken()
    with pytest.raises(StaleLogError, match="another checkpoint"):
        extend_to(machine.boot(), 3)
    assert b"\n9\n" in machine.files.read("checkpoint")


def test_a_leaf_that_is_too_long_decides_nothing(machine: Machine) -> None:
    """A checkpoint over a leaf that no bundle can hold could never be served."""
    with pytest.raises(MalformedError, match="65535"):
        machine.boot().extend([b"fine", b"x" * 65_536], first_index=0)
    assert machine.intents.after(-1) == []
    machine.boot().extend([b"", b"x" * 65_535], first_index=0)
    assert machine.boot().leaf(1) == b"x" * 65_535


def test_a_long_run_gets_checkpoints_on_the_way(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded by a batch, not by the journal."""
    monkeypatch.setattr(module, "MOST_AT_ONCE", 512)
    crash_after_intent(machine, 700)
    extend_to(machine.boot(), 1600)
    assert [intent.size for intent in machine.intents.after(-1)] == [512, 1024, 1536, 1600]
    assert machine.files.files == NaiveLog(SIGNER, LEAVES, sizes=[512, 1024, 1536]).files


def test_extending_reads_only_the_right_edge(machine: Machine) -> None:
    """A log of a million entries must not be read again for the next one."""
    reads: list[str] = []

    class Counting(MemoryFiles):
        def read(self, path: str) -> bytes:
            reads.append(path)
            return super().read(path)

    machine.files = Counting()
    extend_to(machine.boot(), 1500)
    reads.clear()
    machine.boot().extend(LEAVES[1500:1501], first_index=1500)
    assert sorted(set(reads)) == [
        "checkpoint",
        "tile/0/005.p/220",
        "tile/1/000.p/5",
        "tile/entries/005.p/220",
    ]


def test_a_lost_publication_is_made_again_from_the_journal(machine: Machine) -> None:
    """The public folder was deleted: the same bytes come back, every checkpoint's tiles too."""
    for size in (0, 100, 700):
        extend_to(machine.boot(), size)
    before = dict(machine.files.files)
    machine.files.files.clear()
    assert machine.boot().published() is None
    extend_to(machine.boot(), 700)
    assert machine.files.files == before


def test_every_published_leaf_can_be_read_and_proven(machine: Machine) -> None:
    """What the auditor API serves."""
    extend_to(machine.boot(), 600)
    log = machine.boot()
    for index in (0, 255, 256, 599):
        assert log.leaf(index) == LEAVES[index]
        proven = verify_proof(log.prove(index), SIGNER.key, leaf=LEAVES[index])
        assert (proven.index, proven.checkpoint.size) == (index, 600)
    for ask in (log.prove, log.leaf):
        with pytest.raises(ProofError):
            ask(600)
    with pytest.raises(NotFoundError):
        Machine().boot().prove(0)


def test_intents_in_memory_never_change() -> None:
    """They stand for the database's table, which refuses to change."""
    intents = MemoryIntents()
    assert intents.get(3) is None
    assert intents.claim(3, b"first") == b"first"
    assert intents.claim(3, b"second") == b"first"
    assert intents.keep_note(3, "first") == "first"
    assert intents.keep_note(3, "second") == "first"
    intents.claim(1, b"earlier")
    assert intents.after(0) == [Intent(1, b"earlier"), Intent(3, b"first", "first")]
    assert intents.after(1) == [Intent(3, b"first", "first")]
