"""The key of a log is exchanged: on files and in Cloud KMS, through crashes, thefts and races."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.cloud.kms_v1 import CryptoKeyVersion

from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.publication import Publication, StaleLogError
from shared.errors import TransientError, UserError
from shared.keys.settings import KmsSettings
from shared.tlog.checkpoint import Checkpoint
from shared.tlog.errors import SignatureError, TlogError
from shared.tlog.key_history import Closing, KeyHistory
from shared.tlog.reader import read_checkpoint
from shared.tlog.signer import Ed25519Signer
from tests.emulators.kms import RING, KmsServer
from tests.services.ledger.publishing import LEAVES, CrashError, Fuse
from tests.services.ledger.rotating import TENANT, World

KMS = pytest.param("kms", marks=[pytest.mark.integration, pytest.mark.enable_socket])


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[KmsServer]:
    """Give a server with the log's first key."""
    server = KmsServer()
    server.create_signer(TENANT)
    monkeypatch.setenv("DOCLEDGER_UNSAFE_KMS_EMULATOR", server.address)
    yield server
    server.stop()
    assert server.wrong == []


@pytest.fixture(params=["files", KMS])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """A log of three entries, its keys in files or in KMS."""
    settings = KmsSettings()
    if request.param == "kms":
        request.getfixturevalue("kms")
        settings = KmsSettings(signers=RING)
    world = World(tmp_path, settings)
    world.grow(3)
    return world


def test_a_rotation_from_its_first_day_to_its_last(world: World) -> None:
    """Old verifiers, new ones, and those with the history: each as long as promised."""
    old = world.root
    history = world.rotation.rotate()
    new = history.open[1]
    assert history.open == (old, new)
    assert world.signatures() == 2
    for keys in (old, new, world.keys):
        assert world.verified(keys) == 3
    world.grow(5)
    assert world.signatures() == 2
    for keys in (old, new, world.keys):
        assert world.verified(keys) == 5
    world.rotation.close(old)
    world.grow(300)
    assert world.signatures() == 1
    assert world.verified(new) == world.verified(world.keys) == 300
    with pytest.raises(TlogError, match="no known key"):
        world.verified(old)
    assert world.root == old


def test_a_rotation_is_taken_back(world: World) -> None:
    """The new key was made in the wrong place, or nobody could verify with it."""
    world.rotation.rotate()
    world.grow(5)
    history = world.rotation.rollback()
    assert history.open == (world.root,)
    assert [period.why for period in history.periods] == [None, Closing.ROLLED_BACK]
    world.grow(7)
    assert world.signatures() == 1
    assert world.verified(world.root) == world.verified(world.keys) == 7
    with pytest.raises(UserError, match="nothing to take back"):
        world.rotation.rollback()


def test_a_running_sequencer_signs_with_the_new_key_too(world: World) -> None:
    """Nobody restarts a worker for a rotation."""
    signing = world.signing
    before = signing.signer(TENANT)
    assert signing.signer(TENANT) is before
    world.rotation.rotate()
    assert isinstance(signing.signer(TENANT).key, KeyHistory)
    assert len(signing.signer(TENANT).key.keys_for(3)) == 2


def test_a_stolen_key_is_closed_at_a_size(world: World) -> None:
    """What the thief signs beyond that size is refused, what was signed before still verifies."""
    thief = world.signing.keys(TENANT).of(world.root)
    early = self_signed(world)
    world.grow(5)
    middle = self_signed(world)
    world.rotation.rotate()
    world.rotation.close(world.root, why=Closing.COMPROMISED, size=4)
    assert world.verified() == 5  # the new key has signed what is published
    forged = thief.sign(Checkpoint(world.root.name, 9, b"\x09" * 32))
    for note in (forged, middle):
        with pytest.raises(SignatureError):
            read_checkpoint(_Shown(note), world.keys)
    assert read_checkpoint(_Shown(early), world.keys).checkpoint.size == 3
    world.grow(6)
    assert world.verified() == 6
    periods = world.rotation.history().periods
    assert (periods[0].end, periods[0].why) == (4, Closing.COMPROMISED)


def test_what_cannot_be_done_says_what_to_do(world: World) -> None:
    """Each mistake is one line, and changes nothing."""
    with pytest.raises(UserError, match="only key"):
        world.rotation.close(world.root)
    world.rotation.rotate()
    with pytest.raises(UserError, match="under way"):
        world.rotation.rotate()
    with pytest.raises(UserError, match="3 entries"):
        world.rotation.close(world.root, size=4)
    world.rotation.close(world.root)
    with pytest.raises(UserError, match="not open"):
        world.rotation.close(world.root)
    assert world.rotation.history().records == 3


def test_a_rotation_before_the_first_entry(tmp_path: Path) -> None:
    """There is no checkpoint to sign yet; the first one has both signatures."""
    world = World(tmp_path, KmsSettings())
    world.rotation.rotate()
    world.grow(2)
    assert (world.signatures(), world.verified()) == (2, 2)


def every_crash(work: Callable[[World, Fuse], object], world: World) -> Iterator[None]:
    """Stop before and after each effect of ``work``, on a world of its own."""
    steps = Fuse()
    work(world, steps)
    assert steps.effects > 2
    for crash_at in range(steps.effects):
        for after in (False, True):
            fresh = World(world.folder / f"{crash_at}{after}", KmsSettings())
            fresh.grow(3)
            with pytest.raises(CrashError):
                work(fresh, Fuse(crash_at, after=after))
            _goes_on(fresh)
            yield


def _goes_on(world: World) -> None:
    """Check that the log grows and verifies, whatever was left, and that a person can go on."""
    world.grow(5)
    assert world.verified() == 5
    open_keys = world.rotation.settle().open
    if len(open_keys) == 1:
        world.rotation.rotate()
    assert world.signatures() == 2
    older = world.rotation.history().open[0]
    world.rotation.close(older)
    world.grow(6)
    assert world.verified() == 6
    [left] = world.rotation.history().open
    private = sorted(path.name for path in (world.folder / "signers").iterdir())
    assert private == [f"{TENANT}.{left.key_id.hex()}.pem"]


def test_a_crash_at_any_step_of_a_rotation(tmp_path: Path) -> None:
    """The same command again completes it; no key is made twice, none is lost."""
    world = World(tmp_path, KmsSettings())
    world.grow(3)
    crashes = every_crash(lambda one, fuse: one.rotation_through(fuse).rotate(), world)
    assert len(list(crashes)) > 4


def test_a_crash_at_any_step_of_closing_a_key(tmp_path: Path) -> None:
    """The record is the decision: before it nothing happened, after it everything follows."""
    world = World(tmp_path, KmsSettings())
    world.grow(3)

    def work(one: World, fuse: Fuse) -> None:
        if len(one.rotation.history().open) == 1:
            one.rotation.rotate()
        rotation = one.rotation_through(fuse)
        rotation.close(one.root)

    assert len(list(every_crash(work, world))) > 4


@pytest.mark.parametrize("closed", [False, True])
def test_without_its_history_an_exchanged_key_is_not_made_anew(
    world: World, *, closed: bool
) -> None:
    """The log was moved, and the history forgotten: a new first key would sign for nobody."""
    world.rotation.rotate()
    if closed:
        world.rotation.close(world.root)
    before = sorted((world.folder / "signers").iterdir())
    moved = World(world.folder, world.settings, world.intents)
    (world.folder / "log").rename(world.folder / "elsewhere")
    for ask in (moved.signing.signer, moved.signing.files):
        with pytest.raises(UserError, match=r"acme\.keys is not where"):
            ask(TENANT)
    assert not (world.folder / "log").exists()
    assert sorted((world.folder / "signers").iterdir()) == before


def test_a_checkpoint_that_the_journal_never_decided_is_not_signed(world: World) -> None:
    """The attack: plant a checkpoint, and have the rotation sign it with the new key."""
    planted = self_signed(world).replace("\n3\n", "\n4\n", 1)
    (world.folder / "log" / TENANT / "checkpoint").write_text(planted)
    with pytest.raises(StaleLogError):
        world.rotation.rotate()
    assert world.reader.read("checkpoint").decode() == planted


def test_a_decided_checkpoint_of_a_closed_key_is_signed_again(tmp_path: Path) -> None:
    """Signed, kept, and the process died; meanwhile its key was closed below that size."""
    world = World(tmp_path, KmsSettings())
    world.grow(3)
    kept = _Kept(world.intents)
    log = Publication(
        origin=world.root.name,
        files=world.signing.files(TENANT),
        signer=world.signing.signer(TENANT),
        intents=kept,
    )
    with pytest.raises(CrashError):
        log.extend(iter(LEAVES[3:5]), first_index=3)
    world.rotation.rotate()
    world.rotation.close(world.root, why=Closing.COMPROMISED)
    world.grow(5)
    assert world.verified() == 5


def test_of_two_operators_one_is_told(tmp_path: Path) -> None:
    """Both rotate at once: the history must not lose a record."""
    world = World(tmp_path, KmsSettings())
    world.grow(3)
    theirs, ours = world.signing.history(TENANT), world.rotation
    append = ours.records.append

    def beaten(history: KeyHistory) -> None:
        rival = Ed25519Signer.open_or_create(tmp_path / "rival.pem", world.root.name)
        before = world.rotation.history()
        statement = before.adding(rival.key, size=3)
        old = world.signing.keys(TENANT).of(world.root)
        theirs.append(
            before.with_record(statement, [old.endorse(statement), rival.endorse(statement)])
        )
        append(history)

    ours.records.append = beaten  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="somebody else"):
        ours.rotate()
    assert world.rotation.history().records == 2


def test_a_private_key_that_is_gone_is_named(tmp_path: Path) -> None:
    """A restored folder without its signers must not sign with one key and call it an overlap."""
    world = World(tmp_path, KmsSettings())
    world.grow(3)
    new = world.rotation.rotate().open[1]
    (tmp_path / "signers" / f"{TENANT}.{new.key_id.hex()}.pem").unlink()
    with pytest.raises(UserError, match=new.key_id.hex()):
        world.grow(5)
    assert world.signing.keys(TENANT).place(new) == "gone"
    world.rotation.close(new)
    world.grow(5)
    assert world.verified() == 5


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_key_moves_from_a_file_into_kms(tmp_path: Path, kms: KmsServer) -> None:
    """The setting says where new keys are made: a rotation is the way from a file into KMS."""
    world = World(tmp_path, KmsSettings())
    world.grow(3)
    world.settings = KmsSettings(signers=RING)
    old, new = world.rotation.rotate().open
    keys = world.signing.keys(TENANT)
    assert keys.place(old) == "file"
    assert keys.place(new) == f"{RING}/cryptoKeys/log-{TENANT}/cryptoKeyVersions/2"
    world.grow(4)
    world.rotation.close(old)
    world.grow(5)
    assert world.verified() == world.verified(new) == 5
    assert kms.count("AsymmetricSign") > 2


@pytest.mark.integration
@pytest.mark.enable_socket
@pytest.mark.usefixtures("kms")
def test_a_folder_that_forgets_finds_its_keys_in_kms(tmp_path: Path) -> None:
    """Cloud Run's disk ends with the container: which version signs is known from the history."""
    world = World(tmp_path, KmsSettings(signers=RING))
    world.grow(3)
    old, new = world.rotation.rotate().open
    for path in (tmp_path / "signers").iterdir():
        path.unlink()
    world.grow(4)
    assert world.signatures() == 2
    for number, key in enumerate((old, new), start=1):
        version = f"{RING}/cryptoKeys/log-{TENANT}/cryptoKeyVersions/{number}"
        assert world.signing.keys(TENANT).place(key) == version
    world.rotation.close(old)
    world.grow(5)
    assert world.verified() == world.verified(new) == 5


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_forgotten_key_that_is_disabled_is_not_replaced(tmp_path: Path, kms: KmsServer) -> None:
    """Another version must not sign in its place: the history names a public key, no number."""
    world = World(tmp_path, KmsSettings(signers=RING))
    world.grow(3)
    _old, new = world.rotation.rotate().open
    for path in (tmp_path / "signers").iterdir():
        path.unlink()
    version = f"{RING}/cryptoKeys/log-{TENANT}/cryptoKeyVersions/2"
    kms.set_state(version, CryptoKeyVersion.CryptoKeyVersionState.DISABLED)
    with pytest.raises(UserError, match=new.key_id.hex()):
        world.grow(4)
    assert world.verified() == 3


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_key_that_kms_exchanged_signs_nothing(tmp_path: Path, kms: KmsServer) -> None:
    """The public key was pinned when the key was first used."""
    world = World(tmp_path, KmsSettings(signers=RING))
    world.grow(3)
    kms.create_signer(TENANT)  # the same name, another key
    with pytest.raises(SignatureError, match="another key"):
        world.grow(4)
    assert world.verified() == 3


def self_signed(world: World) -> str:
    """Return the published checkpoint as it is now."""
    return world.reader.read("checkpoint").decode()


class _Shown:
    """A reader that shows one checkpoint."""

    def __init__(self, note: str) -> None:
        self._note = note

    def read(self, path: str) -> bytes:
        assert path == "checkpoint"
        return self._note.encode()


class _Kept(MemoryIntents):
    """Intents of a process that dies when its note was kept."""

    def __init__(self, shared: MemoryIntents) -> None:
        super().__init__()
        self._intents = shared._intents

    def keep_note(self, size: int, note: str) -> str:
        super().keep_note(size, note)
        raise CrashError
