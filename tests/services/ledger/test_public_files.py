import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.ledger.adapters.log_bucket import open_bucket
from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_files import DirectoryFiles, MemoryFiles
from services.ledger.adapters.public_objects import PublicObjects
from services.ledger.publication import FileConflictError, Publication, PublicFiles
from shared.errors import TransientError
from shared.tlog.errors import NotFoundError
from shared.tlog.note import VerifierKey
from shared.tlog.reader import DirectoryReader
from shared.tlog.verify import verify_log
from tests.services.ledger.bucket import all_of, first_number, serving_bucket
from tests.services.ledger.publishing import LEAVES, ORIGIN, SIGNER, CrashError

BUCKET = pytest.param("bucket", marks=[pytest.mark.integration, pytest.mark.enable_socket])


FAKE_GCS = pytest.param("fake-gcs", marks=[pytest.mark.integration, pytest.mark.enable_socket])


@pytest.fixture(params=["memory", "directory", BUCKET, FAKE_GCS])
def files(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PublicFiles]:
    """Each implementation of the port."""
    if request.param == "memory":
        yield MemoryFiles()
    elif request.param == "directory":
        yield DirectoryFiles(tmp_path / "log" / "a")
    elif request.param == "fake-gcs":
        store = open_bucket(request.getfixturevalue("bucket"))
        yield PublicObjects(store, "acme/")
        store.close()
    else:
        with serving_bucket(monkeypatch) as bucket:
            yield bucket.files()


def test_what_was_created_is_read_back(files: PublicFiles) -> None:
    """In folders as deep as tile paths are."""
    batch = [("tile/0/000", b"one"), ("tile/0/x001/x234/067.p/8", b"two"), ("empty", b"")]
    files.create_all(batch)
    assert [files.read(path) for path, _ in batch] == [data for _, data in batch]


def test_a_file_that_is_not_there_is_not_found(files: PublicFiles) -> None:
    """Not an empty file, and not an outage."""
    with pytest.raises(NotFoundError, match="tile/0/000"):
        files.read("tile/0/000")


def test_creating_the_same_again_succeeds(files: PublicFiles) -> None:
    """Who comes back after a crash writes again what may be there."""
    files.create_all([("a", b"one")])
    files.create_all([("a", b"one"), ("b", b"two")])
    assert files.read("b") == b"two"


def test_creating_something_else_is_refused(files: PublicFiles) -> None:
    """Published is published; and what came along with it is not half there."""
    files.create_all([("a", b"one")])
    with pytest.raises(FileConflictError, match=r"^a is"):
        files.create_all([("b", b"two"), ("a", b"other")])
    assert files.read("a") == b"one"
    with pytest.raises(NotFoundError):
        files.read("b")


def test_only_a_larger_file_replaces(files: PublicFiles) -> None:
    """The published checkpoint never shrinks, and is never exchanged for another of its size."""
    assert files.replace_larger("checkpoint", b"2 a", size=first_number) == b"2 a"
    assert files.replace_larger("checkpoint", b"1 b", size=first_number) == b"2 a"
    assert files.replace_larger("checkpoint", b"2 b", size=first_number) == b"2 a"
    assert files.replace_larger("checkpoint", b"10 c", size=first_number) == b"10 c"
    assert files.read("checkpoint") == b"10 c"


def test_a_log_grows_on_it(files: PublicFiles) -> None:
    """Crash, come back, go on: each process reads what the one before has published."""
    intents = MemoryIntents()
    for size in (3, 300, 300, 600):
        log = Publication(origin=ORIGIN, files=files, signer=SIGNER, intents=intents)
        start = log.published_size()
        log.extend(LEAVES[start:size], first_index=start)
    assert verify_log(files, SIGNER.key).size == 600


def test_the_public_key_stands_beside_the_log(tmp_path: Path) -> None:
    """A verifier needs the folder and this line; another key under the name is refused."""
    DirectoryFiles.open(tmp_path, "acme", SIGNER.key).create_all([("a", b"one")])
    DirectoryFiles.open(tmp_path, "acme", SIGNER.key)
    line = (tmp_path / "log" / "acme.vkey").read_text()
    assert VerifierKey.parse(line) == SIGNER.key
    assert (tmp_path / "log" / "acme" / "a").read_bytes() == b"one"
    with pytest.raises(FileConflictError):
        DirectoryFiles.open(tmp_path, "acme", VerifierKey(ORIGIN, bytes(32)))


def test_an_unusable_directory_is_an_outage(tmp_path: Path) -> None:
    """A full disk or a file in the way: it may work later, and no foreign exception leaves."""
    files = DirectoryFiles(tmp_path / "log")
    (tmp_path / "log" / "tile").write_bytes(b"in the way")
    with pytest.raises(TransientError):
        files.create_all([("tile/0/000", b"one")])
    (tmp_path / "log" / "checkpoint").mkdir()
    with pytest.raises(TransientError):
        files.read("checkpoint")
    with pytest.raises(TransientError):
        files.replace_larger("checkpoint", b"1", size=len)
    with pytest.raises(TransientError):
        DirectoryFiles(tmp_path / "log" / "tile")


def test_a_full_disk_leaves_nothing_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that raised has left no file, and no rubbish beside it."""
    files = DirectoryFiles(tmp_path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(TransientError):
            files.create_all([("a", b"one"), ("b", b"two")])
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_synced_before_it_appears_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a power cut leaves an empty file under a name that must never change."""
    done: list[str] = []
    sync, rename = os.fsync, Path.replace

    def spy_sync(descriptor: int) -> None:
        done.append("sync " + Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    def spy_rename(self: Path, target: Path) -> Path:
        done.append("rename " + target.name)
        return rename(self, target)

    files = DirectoryFiles(tmp_path / "log")
    monkeypatch.setattr(os, "fsync", spy_sync)
    monkeypatch.setattr(Path, "replace", spy_rename)
    files.create_all([("tile/0", b"one"), ("tile/1", b"two")])
    assert sorted(done[:2]) == ["sync .0.new", "sync .1.new"]
    assert sorted(done[2:4]) == ["rename 0", "rename 1"]
    assert sorted(done[4:]) == ["sync log", "sync tile"]


@pytest.mark.parametrize("call", ["fsync", "replace", "mkdir"])
def test_a_crash_at_any_system_call_ends_in_the_same_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """On a real file system, with whatever lies beside the files afterwards."""
    smooth = MemoryIntents()
    grow(tmp_path / "smooth", smooth, 300)
    grow(tmp_path / "smooth", smooth, 600)
    expected = all_of(tmp_path / "smooth")
    crash_at = 0
    crashed = True
    while crashed:
        root, intents = tmp_path / str(crash_at), MemoryIntents()
        grow(root, intents, 300)
        with monkeypatch.context() as patch:
            crashing = explode(os.fsync if call == "fsync" else getattr(Path, call), crash_at)
            patch.setattr(os if call == "fsync" else Path, call, crashing)
            try:
                grow(root, intents, 600)
                crashed = False
            except CrashError:
                crash_at += 1
        grow(root, intents, 600)
        assert all_of(root) == expected
        assert verify_log(DirectoryReader(root), SIGNER.key).size == 600
    assert crash_at >= 2


def grow(root: Path, intents: MemoryIntents, size: int) -> None:
    """Publish up to ``size`` in a new process."""
    log = Publication(origin=ORIGIN, files=DirectoryFiles(root), signer=SIGNER, intents=intents)
    start = log.published_size()
    log.extend(LEAVES[start:size], first_index=start)


def explode(real: Callable[..., object], at: int) -> Callable[..., object]:
    """Return ``real`` that crashes when it is called for the ``at``-th time, from 0."""
    calls = 0

    def crashing(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls == at + 1:
            raise CrashError
        return real(*args, **kwargs)

    return crashing
