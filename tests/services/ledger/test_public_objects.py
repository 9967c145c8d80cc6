"""A log in a bucket, through everything that a network can do to it."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from services.ledger.adapters.log_reader import PublishedLogs
from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_files import DirectoryFiles
from services.ledger.adapters.public_objects import REQUESTS_AT_ONCE, PublicObjects
from services.ledger.publication import FileConflictError, Publication, StaleLogError
from shared.errors import TransientError
from shared.objects.gcs import GcsObjects
from shared.objects.port import ObjectInfo
from shared.tlog.checkpoint import open_checkpoint
from shared.tlog.edge import RightEdge
from shared.tlog.errors import NotFoundError, TlogError
from shared.tlog.tiles import hash_leaves
from shared.tlog.verify import verify_log
from tests.services.ledger.bucket import KEY, PREFIX, Bucket, all_of, first_number, serving_bucket
from tests.services.ledger.publishing import LEAVES, ORIGIN, SIGNER
from tests.shared.objects.json_api import Fault
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

FILES = [(f"tile/0/00{number}", bytes([number])) for number in range(8)]
AT_ONCE = 0.001  # a deadline within which nothing is tried twice


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Give an empty bucket."""
    with serving_bucket(monkeypatch) as bucket:
        yield bucket


def publication(files: PublicObjects, intents: MemoryIntents) -> Publication:
    """Return the log as a process of its own has it."""
    return Publication(origin=ORIGIN, files=files, signer=SIGNER, intents=intents)


def grow(log: Publication, size: int, leaves: list[bytes] = LEAVES) -> None:
    """Do as the sequencer does."""
    start = log.published_size()
    log.extend(leaves[start:size], first_index=min(start, size))


@pytest.mark.parametrize("fault", [Fault.STORE_THEN_RESET, Fault.STORE_THEN_503])
def test_a_write_whose_answer_got_lost_counts_as_written(bucket: Bucket, fault: Fault) -> None:
    """The same process tries again at once; it must not take its own file for somebody else's."""
    files = bucket.files()
    files.create_all(FILES[:1])
    bucket.api.faults.extend([Fault.SERVE, fault])
    files.create_all(FILES[1:2])
    bucket.api.faults.extend([Fault.SERVE, fault])
    assert files.replace_larger("checkpoint", b"5", size=first_number) == b"5"
    bucket.api.faults.extend([Fault.SERVE, fault])
    assert files.replace_larger("checkpoint", b"7", size=first_number) == b"7"
    assert bucket.versions("checkpoint") == [b"5", b"7"]


@pytest.mark.parametrize("fault", [Fault.STORE_THEN_503, Fault.RESET, 503, 403])
def test_an_outage_amid_a_batch_is_made_good_by_the_next_try(
    bucket: Bucket, fault: Fault | int
) -> None:
    """What was written stays as it was; what was not is added; nobody has to know which."""
    files = bucket.files(deadline_s=AT_ONCE)
    files.create_all(FILES[:1])
    bucket.api.faults.extend([Fault.SERVE] * (len(FILES) + 3))
    bucket.api.faults.append(fault)
    with pytest.raises(TransientError):
        files.create_all(FILES)
    bucket.api.faults.clear()
    before = bucket.standing()
    assert len(before) > 1
    files.create_all(FILES)
    assert [files.read(path) for path, _ in FILES] == [data for _, data in FILES]
    assert before.items() <= bucket.standing().items()
    assert bucket.api.older == []


class Beaten:
    """A store in which something happens right before, or right after, each write.

    Args:
        store: the real one.
        before: is told the name that is about to be written.
        after: is told the name that was written.
    """

    def __init__(
        self,
        store: GcsObjects,
        *,
        before: Callable[[str], object] = str,
        after: Callable[[str], object] = str,
    ) -> None:
        self._store, self._before, self._after = store, before, after

    def create(self, name: str, data: bytes) -> ObjectInfo:
        self._before(name)
        info = self._store.create(name, data)
        self._after(name)
        return info

    def replace(self, name: str, data: bytes, *, generation: int) -> ObjectInfo:
        self._before(name)
        info = self._store.replace(name, data, generation=generation)
        self._after(name)
        return info

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_checkpoint_whose_answer_got_lost_is_found_published(bucket: Bucket) -> None:
    """The process gave up; its successor reads the checkpoint, knows it, and goes on."""
    intents = MemoryIntents()
    grow(publication(bucket.files(), intents), 3)

    def lost(name: str) -> None:
        if name.endswith("checkpoint"):
            raise TransientError("nobody answers")

    files = PublicObjects(Beaten(bucket.store(), after=lost), PREFIX)
    with pytest.raises(TransientError):
        grow(publication(files, intents), 5)
    successor = publication(bucket.files(), intents)
    assert successor.published_size() == 5
    grow(successor, 7)
    assert verify_log(bucket.files(), SIGNER.key).size == 7


def test_the_checkpoint_is_written_when_everything_else_is_there(bucket: Bucket) -> None:
    """A reader who sees the checkpoint must find every tile of it."""
    seen: list[int] = []

    def look(name: str) -> None:
        if name.endswith("checkpoint"):
            seen.append(verify_log(bucket.files(), SIGNER.key).size)

    files = PublicObjects(Beaten(bucket.store(), after=look), PREFIX)
    intents = MemoryIntents()
    for size in (3, 300):
        grow(publication(files, intents), size)
    assert seen == [3, 300]


@pytest.mark.parametrize("theirs", [b"same", b"other"])
def test_a_file_that_appears_after_the_look_is_compared(bucket: Bucket, theirs: bytes) -> None:
    """Two processes publish the same tile: one writes, both succeed. Another tile: a conflict."""
    other = bucket.store()
    files = PublicObjects(
        Beaten(bucket.store(), before=lambda name: other.create(name, theirs)), PREFIX
    )
    if theirs == b"same":
        files.create_all([("tile/0/000", b"same")])
    else:
        with pytest.raises(FileConflictError, match=r"^tile/0/000 is"):
            files.create_all([("tile/0/000", b"same")])
    assert bucket.versions("tile/0/000") == [theirs]


@pytest.mark.parametrize(
    ("standing", "theirs", "ends"), [(b"1", b"7", [b"1", b"7"]), (b"1", b"3", [b"1", b"3", b"5"]),
                                     (None, b"7", [b"7"]), (None, b"3", [b"3", b"5"])],
)  # fmt: skip
def test_who_was_faster_is_compared_with(
    bucket: Bucket, standing: bytes | None, theirs: bytes, ends: list[bytes]
) -> None:
    """Between the look and the write: a larger checkpoint stays, a smaller one is replaced."""
    other = bucket.files()
    if standing is not None:
        other.replace_larger("checkpoint", standing, size=first_number)

    def overtake(_name: str) -> None:
        other.replace_larger("checkpoint", theirs, size=first_number)

    files = PublicObjects(Beaten(bucket.store(), before=overtake), PREFIX)
    assert files.replace_larger("checkpoint", b"5", size=first_number) == ends[-1]
    assert bucket.versions("checkpoint") == ends


def test_who_is_always_overtaken_gives_up(bucket: Bucket) -> None:
    """Not for ever in a loop that nobody sees."""
    other = bucket.files()
    sizes = count(1)

    def overtake(_name: str) -> None:
        other.replace_larger("checkpoint", b"%d" % next(sizes), size=first_number)

    files = PublicObjects(Beaten(bucket.store(), before=overtake), PREFIX)
    with pytest.raises(TransientError, match="all the time"):
        files.replace_larger("checkpoint", b"99", size=first_number)


def test_many_publishers_leave_the_largest(bucket: Bucket) -> None:
    """Whatever stood there was larger each time."""
    sizes = random.sample(range(1, 100), 12)
    files = [bucket.files() for _ in range(4)]

    def publish(number: int) -> bytes:
        data = b"%d" % sizes[number]
        return files[number % 4].replace_larger("checkpoint", data, size=first_number)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(publish, range(len(sizes))))
    stood = [first_number(data) for data in bucket.versions("checkpoint")]
    assert stood == sorted(set(stood))
    assert stood[-1] == max(sizes)
    assert all(first_number(left) >= size for left, size in zip(results, sizes, strict=True))


def test_two_publishers_never_fork(bucket: Bucket) -> None:
    """One was paused and thought dead. Each checkpoint that ever stood is of the one journal."""
    intents = MemoryIntents()

    def publish(seed: int) -> None:
        log = publication(bucket.files(), intents)
        for size in sorted(random.Random(seed).sample(range(1, 600), 4)):
            with suppress(StaleLogError, TransientError):
                grow(log, size)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(publish, (1, 2)))
    stood = [
        open_checkpoint(note.decode(), SIGNER.key).checkpoint
        for note in bucket.versions("checkpoint")
    ]
    assert [one.size for one in stood] == sorted({one.size for one in stood})
    assert all(one.root == root_of(LEAVES[: one.size]) for one in stood)
    assert verify_log(bucket.files(), SIGNER.key).size == stood[-1].size


def test_a_journal_from_an_old_backup_refuses(bucket: Bucket) -> None:
    """It goes on differently: what the world has seen stays, and nothing else is signed."""
    intents = MemoryIntents()
    grow(publication(bucket.files(), intents), 3)
    restored = MemoryIntents()
    restored.claim(3, root_of(LEAVES[:3]))
    grow(publication(bucket.files(), intents), 5)
    before = bucket.standing()
    with pytest.raises(StaleLogError):
        grow(publication(bucket.files(), restored), 9, [*LEAVES[:3], *LEAVES[10:20]])
    assert bucket.standing() == before
    assert restored.after(3) == []


def test_a_file_that_is_missing_is_named(bucket: Bucket) -> None:
    """Somebody deleted a tile: no outage, and nothing is built on a gap."""
    intents = MemoryIntents()
    grow(publication(bucket.files(), intents), 600)
    del bucket.api.objects[f"{PREFIX}tile/0/001"]
    with pytest.raises(NotFoundError, match="tile/0/001"):
        bucket.files().read("tile/0/001")
    with pytest.raises(TlogError, match="tile/0/001"):
        verify_log(bucket.files(), SIGNER.key)
    del bucket.api.objects[f"{PREFIX}tile/0/002.p/88"]
    with pytest.raises(NotFoundError):
        grow(publication(bucket.files(), intents), 700)


def test_files_are_sent_side_by_side_but_not_all_at_once(bucket: Bucket) -> None:
    """The 500 files of 65,536 entries in turn would take half a minute; so many threads, memory."""
    files = [(f"tile/0/{number:03}", b"x") for number in range(40)]
    store = bucket.store()
    busy, most, lock = 0, 0, threading.Lock()
    together = threading.Event()

    def enter(_name: str) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
            if busy == REQUESTS_AT_ONCE:
                together.set()
        assert together.wait(PATIENCE_S)

    def leave(_name: str) -> None:
        nonlocal busy
        with lock:
            busy -= 1

    PublicObjects(Beaten(store, before=enter, after=leave), PREFIX).create_all(files)
    assert most == REQUESTS_AT_ONCE
    assert len(bucket.api.objects) == len(files)


def test_every_object_says_how_it_is_served(bucket: Bucket) -> None:
    """Else Cloud Storage lets the world keep a public checkpoint for an hour."""
    grow(publication(bucket.files(), MemoryIntents()), 300)
    beside = PublicObjects(bucket.store())
    beside.create_all([("acme.vkey", b"key")])
    served = {
        name: (one.content_type, one.cache_control) for name, one in bucket.api.objects.items()
    }
    text, tile = "text/plain; charset=utf-8", "application/octet-stream"
    lasting = "max-age=31536000, immutable"
    assert served.pop("acme/checkpoint") == (text, "no-cache")
    assert served.pop("acme.vkey") == (text, "no-cache")
    assert set(served.values()) == {(tile, lasting)}
    assert {one.kms_key for one in bucket.api.objects.values()} == {KEY}


def test_an_audit_reads_each_bundle_once_and_ahead(bucket: Bucket) -> None:
    """4,000 bundles in turn, at 30 ms each, would be two minutes of waiting."""
    grow(publication(bucket.files(), MemoryIntents()), 1600)
    bucket.api.count()
    logs = PublishedLogs(lambda _tenant: (bucket.files(), SIGNER.key))
    assert list(logs.leaves("acme")) == LEAVES
    asked = [one for one in bucket.api.asked if "entries" in one]
    assert len(asked) == len(set(asked)) == 7


def test_a_site_moves_into_the_bucket_with_its_next_step(bucket: Bucket, tmp_path: Path) -> None:
    """Published anew from the journal, the log is the one that auditors know."""
    intents = MemoryIntents()
    folder = DirectoryFiles(tmp_path)
    for size in (3, 300):
        log = Publication(origin=ORIGIN, files=folder, signer=SIGNER, intents=intents)
        start = log.published_size()
        log.extend(LEAVES[start:size], first_index=start)
    grow(publication(bucket.files(), intents), 301)
    assert verify_log(bucket.files(), SIGNER.key).size == 301
    there = {name.removeprefix(PREFIX): one.data for name, one in bucket.api.objects.items()}
    before = all_of(tmp_path)
    del before["checkpoint"]
    assert before.items() <= there.items()
    assert folder.read("checkpoint") in bucket.versions("checkpoint")


def root_of(leaves: list[bytes]) -> bytes:
    """Return the root of the tree of these leaves."""
    edge = RightEdge()
    for start in range(0, len(leaves), 256):
        edge.append(hash_leaves(leaves[start : start + 256]))
    return edge.root()
