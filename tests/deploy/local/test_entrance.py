"""A job's id: the same after a crash, a new one after the work is done."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local import entrance as entrances
from deploy.local.entrance import (
    Entrance,
    Refused,
    RefusedAtTheDoorError,
    Submitted,
    read_file,
)
from deploy.local.house import House
from deploy.local.site import Site
from services.ingest.inbox import unpack
from services.ingest.register_memory import memory_register
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.events.envelope import Event
from shared.events.ids import document_id
from shared.events.payloads import UploadArrived
from shared.keys.files import FileKeyring
from shared.keys.port import TenantPurpose
from shared.keys.vault import Vault
from shared.objects.directory import DirectoryObjects
from shared.telemetry.reasons import RefusedReason

TENANT = "default"


class Told:
    """A publisher that remembers, and may be out of order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.broken = False

    def publish(self, events: Sequence[Event]) -> None:
        if self.broken:
            raise TransientError("no bus")
        self.events.extend(events)


class Door:
    """An entrance on an empty store."""

    def __init__(self, folder: Path) -> None:
        self.told = Told()
        self.keyring = FileKeyring(folder / "keys")
        self.vault = Vault(DirectoryObjects(folder / "objects", clock=FakeClock()), self.keyring)
        self.register = memory_register(lambda _stage: timedelta(minutes=5))
        self.entrance = Entrance(
            vault=self.vault,
            publisher=self.told,
            keyring=self.keyring,
            register=self.register,
            clock=FakeClock(datetime(2026, 5, 1, tzinfo=UTC)),
            tenant=TENANT,
            kind="cli",
        )

    def document_id(self, content: bytes) -> str:
        return document_id(self.keyring.tenant_key(TENANT, TenantPurpose.IDS), content)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path / "store")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bill.txt"
    path.write_bytes(b"one bill")
    return path


def test_the_bytes_are_sealed_before_anybody_is_told(door: Door, file: Path) -> None:
    """An event that refers to nothing would be a document that is lost."""
    submitted = door.entrance.submit(file)
    (event,) = door.told.events
    assert isinstance(event.data, UploadArrived)
    upload = unpack(door.vault.open(event.data.upload))
    assert (upload.source_name, upload.content) == (str(file), b"one bill")
    assert (event.subject, event.jobid, event.data.entrance) == (
        submitted.job_id, submitted.job_id, "cli",
    )  # fmt: skip
    assert submitted.source == str(file)
    assert "bill" not in repr(event)


def test_the_same_command_after_a_crash_goes_on_with_the_same_job(door: Door, file: Path) -> None:
    """Whether ingest had heard of it or not: one submission, not two."""
    first = door.entrance.submit(file)
    assert door.entrance.submit(file).job_id == first.job_id
    assert door.told.events[0].id == door.told.events[1].id
    door.register.accept(door.told.events[0], document_id=door.document_id(b"one bill"), pages=1)
    assert door.entrance.submit(file).job_id == first.job_id


def test_a_bus_that_is_away_leaves_a_submission_to_be_repeated(door: Door, file: Path) -> None:
    """The upload lies there already; giving the command again announces it."""
    door.told.broken = True
    with pytest.raises(TransientError):
        door.entrance.submit(file)
    door.told.broken = False
    job_id = door.entrance.submit(file).job_id
    assert [event.subject for event in door.told.events] == [job_id]


def test_after_the_job_is_settled_the_same_bytes_are_a_new_submission(
    door: Door, file: Path
) -> None:
    """Handing in a bill twice on purpose is counted twice, and called a duplicate."""
    first = door.entrance.submit(file)
    door.register.refuse(door.told.events[0], RefusedReason.EMPTY)
    second = door.entrance.submit(file)
    assert second.job_id != first.job_id
    assert door.entrance.submit(file).job_id == second.job_id


def test_an_expanded_email_is_settled(door: Door, file: Path) -> None:
    """Its document has its end from the first; the same file again is a new submission."""
    first = door.entrance.submit(file)
    door.register.expand(door.told.events[0], document_id=door.document_id(b"one bill"))
    assert door.entrance.submit(file).job_id != first.job_id


def test_path_and_content_both_make_the_job(door: Door, file: Path, tmp_path: Path) -> None:
    """Two files with the same bytes are two submissions; so is a file that was changed."""
    copy = tmp_path / "copy.txt"
    copy.write_bytes(b"one bill")
    jobs = {door.entrance.submit(file).job_id, door.entrance.submit(copy).job_id}
    copy.write_bytes(b"another bill")
    jobs.add(door.entrance.submit(copy).job_id)
    assert len(jobs) == 3


def test_how_a_path_is_typed_makes_no_difference(
    door: Door, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run bill.txt` after `run ./here/bill.txt` goes on with the same work."""
    monkeypatch.chdir(file.parent)
    relative = door.entrance.submit(Path("../") / file.parent.name / "bill.txt")
    assert relative.job_id == door.entrance.submit(file).job_id


def test_what_is_no_readable_file_is_refused_at_the_door(tmp_path: Path) -> None:
    """Folders, pipes, what is gone or forbidden: refused by name, and nobody hangs."""
    os.mkfifo(tmp_path / "pipe")  # and nobody ever writes into it
    for path in (tmp_path, tmp_path / "nosuch", tmp_path / "pipe", tmp_path / "a" / "b"):
        with pytest.raises(RefusedAtTheDoorError) as refused:
            read_file(path)
        assert refused.value.reason is RefusedReason.UNREADABLE_FILE


def test_a_file_over_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes stay with the sender."""
    monkeypatch.setattr(entrances, "MOST_BYTES", 10)
    (tmp_path / "big").write_bytes(b"x" * 11)
    with pytest.raises(RefusedAtTheDoorError) as refused:
        read_file(tmp_path / "big")
    assert refused.value.reason is RefusedReason.TOO_LARGE
    (tmp_path / "fits").write_bytes(b"x" * 10)
    assert len(read_file(tmp_path / "fits")) == 10


def test_many_are_durable_before_anybody_is_told(tmp_path: Path) -> None:
    """An event that refers to bytes that a power cut took would end in quarantine."""
    door = Door(tmp_path / "store")
    order: list[str] = []
    publish = door.told.publish

    def told(events: Sequence[Event]) -> None:
        order.append("told")
        publish(events)

    door.entrance._settle = lambda: order.append("durable")
    door.told.publish = told  # type: ignore[method-assign] # listens in
    files = [tmp_path / f"{number}.txt" for number in range(entrances.AT_ONCE + 1)]
    for file in files:
        file.write_bytes(file.name.encode())
    assert [one.source for one in door.entrance.submit_all(files)] == [str(file) for file in files]
    assert order == ["durable", "told"] * 2
    assert len(door.told.events) == len(files)


def test_among_many_the_refused_keep_their_place(door: Door, file: Path, tmp_path: Path) -> None:
    """Every file is accounted for, in the order it was named."""
    missing = tmp_path / "missing"
    first, refused, last = door.entrance.submit_all([file, missing, file])
    assert first == last
    assert refused == Refused(str(missing), RefusedReason.UNREADABLE_FILE)
    assert len(door.told.events) == 1


def test_what_many_could_not_be_told_can_be_submitted_again(door: Door, file: Path) -> None:
    """The bus was out of order: the same command goes on with the same job."""
    door.told.broken = True
    with pytest.raises(TransientError):
        list(door.entrance.submit_all([file]))
    door.told.broken = False
    (submitted,) = door.entrance.submit_all([file])
    assert [event.jobid for event in door.told.events] == [submitted.job_id]  # type: ignore[union-attr]


def test_the_bytes_of_a_real_house_are_in_its_store(tmp_path: Path, file: Path) -> None:
    """The entrance's own view of the store is flushed, by one file and by many."""
    site = Site(tmp_path / "site")
    site.create()
    house = House(site)
    door = entrances.entrance_of(house, "cli")
    other = tmp_path / "other.txt"
    other.write_bytes(b"another bill")
    jobs = {door.submit(file).job_id}
    jobs |= {one.job_id for one in door.submit_all([other]) if isinstance(one, Submitted)}
    assert {info.name.rsplit("/", 1)[1] for info in house.objects.list("inbox/")} == jobs
    house.close()
