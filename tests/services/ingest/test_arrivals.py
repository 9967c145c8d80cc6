"""Bytes become an upload: sealed first, announced after, as often as it takes."""

from collections.abc import Sequence

import pytest

from services.ingest.adapters.vault import VaultInbox
from services.ingest.arrivals import Arrivals
from services.ingest.handler import handle
from services.ingest.inbox import Upload, pack, unpack
from services.ingest.register_memory import memory_register
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.events.codec import to_message
from shared.events.envelope import Event
from shared.events.ids import origin_of
from shared.events.payloads import UploadArrived
from shared.keys.memory import MemoryKeyring
from shared.keys.vault import Vault
from shared.objects.memory import MemoryObjects
from shared.telemetry.reasons import RefusedReason
from shared.worker.tombstones import Tombstones

TENANT = "acme"
JOB = "1" * 40


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
    """An entrance in memory."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.objects = MemoryObjects(self.clock)
        self.keyring = MemoryKeyring()
        self.vault = Vault(self.objects, self.keyring)
        self.told = Told()
        self.arrivals = Arrivals(self.vault, self.told, self.keyring, self.clock)


@pytest.fixture
def door() -> Door:
    """Give an empty one."""
    return Door()


def test_an_upload_is_sealed_and_announced(door: Door) -> None:
    """Whoever hears of it finds exactly these bytes, and nobody else can read them."""
    upload = door.arrivals.take(TENANT, JOB, "Anna.pdf", b"IBAN DE02", "api")
    (event,) = door.told.events
    assert event.data == UploadArrived(upload=upload, entrance="api")
    assert (event.tenant, event.subject, event.jobid) == (TENANT, JOB, JOB)
    assert event.traceparent == origin_of(JOB)
    assert unpack(door.vault.open(upload)) == Upload("Anna.pdf", b"IBAN DE02")
    stored = door.objects.read(upload.name).data
    assert b"IBAN" not in stored
    assert b"Anna" not in stored + str(to_message(event)).encode()


def test_the_same_job_again_is_the_same_upload(door: Door) -> None:
    """A sender that repeats a request hands in one document, not two."""
    first = door.arrivals.take(TENANT, JOB, "a.pdf", b"one", "api")
    door.clock.sleep(60)
    again = door.arrivals.take(TENANT, JOB, "a.pdf", b"one", "api")
    assert again == first
    assert len({event.id for event in door.told.events}) == 1
    assert len(list(door.objects.list("inbox/"))) == 1


def test_an_upload_that_nobody_was_told_of_is_taken_again(door: Door) -> None:
    """The bus was away: the bytes are safe, and the next try announces them."""
    door.told.broken = True
    with pytest.raises(TransientError):
        door.arrivals.take(TENANT, JOB, "a.pdf", b"one", "gcs")
    door.told.broken = False
    assert door.arrivals.announce_again(TENANT, JOB, "gcs")
    upload = door.arrivals.take(TENANT, JOB, "a.pdf", b"one", "gcs")
    assert [event.data for event in door.told.events] == [
        UploadArrived(upload=upload, entrance="gcs")
    ] * 2


def test_nothing_is_announced_of_what_is_not_there(door: Door) -> None:
    """An event without bytes would be booked as a refusal."""
    assert not door.arrivals.announce_again(TENANT, JOB, "gcs")
    assert door.told.events == []


def test_what_an_entrance_refuses_unread_is_counted(door: Door) -> None:
    """Submissions = documents + duplicates + refused, whoever refused them."""
    door.arrivals.refuse(
        TENANT, JOB, "film.pdf", reason=RefusedReason.TOO_LARGE, size=5_000_000_000, entrance="gcs"
    )
    register = memory_register(load_topology().deadline)
    for event in door.told.events * 2:
        outcome = handle(
            event,
            inbox=VaultInbox(door.vault, door.objects),
            originals=None,  # type: ignore[arg-type] # nothing is kept of what is refused
            register=register,
            erased=Tombstones(door.objects),
            inspector=None,  # type: ignore[arg-type] # and nobody looks at it
            replays=None,  # type: ignore[arg-type]
            keyring=door.keyring,
            most_bytes=10,
        )
        assert (outcome.result, outcome.children) == (None, ())
    submission = register.submission(JOB)
    assert submission is not None
    assert submission.reason is RefusedReason.TOO_LARGE
    assert register.counts(door.clock.now()).balanced
    assert list(door.objects.list("")) == []


def test_a_header_of_another_version_is_read() -> None:
    """Two versions of the entrance run side by side while one replaces the other."""
    plain = pack("a.pdf", b"bytes")
    assert unpack(plain).refused is None
    later = plain.replace(b'{"source_name"', b'{"later": 1, "source_name"').replace(
        len(b'{"source_name": "a.pdf"}').to_bytes(4, "big"),
        len(b'{"later": 1, "source_name": "a.pdf"}').to_bytes(4, "big"),
    )
    assert unpack(later) == Upload("a.pdf", b"bytes")
    refused = pack("a.pdf", b"", refused=RefusedReason.TOO_LARGE)
    assert unpack(refused).refused is RefusedReason.TOO_LARGE


def test_a_refusal_for_an_unknown_reason_is_no_upload_of_ours() -> None:
    """It waits in quarantine for the version of ingest that knows the reason."""
    odd = pack("a.pdf", b"", refused=RefusedReason.TOO_LARGE).replace(b"too_large", b"too_green")
    with pytest.raises(ValueError, match="too_green"):
        unpack(odd)
