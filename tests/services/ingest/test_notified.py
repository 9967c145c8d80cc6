"""A file dropped in a bucket: taken in once, counted always, gone from the bucket after."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from services.ingest.inbox import unpack
from services.ingest.main import build_entrance
from services.ingest.notified import Entrance
from services.ingest.ports import Dropped
from services.ingest.settings import EntranceSettings
from services.ingest.uploads_memory import MemoryUploads
from shared.bus.port import Delivery, Message
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.events.codec import to_message
from shared.events.envelope import Event
from shared.events.payloads import UploadArrived
from shared.keys.memory import MemoryKeyring
from shared.keys.vault import Vault
from shared.logging import get_logger
from shared.objects.memory import MemoryObjects
from shared.objects.port import ObjectInfo
from shared.settings import SettingsError
from shared.telemetry.metrics import NullMetrics
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.reasons import RefusedReason
from shared.telemetry.tracing import NullTracing
from shared.worker.quarantine import Quarantine
from shared.worker.settlement import Settlement

SUBSCRIPTION = "entrance.uploads-notified"
BUCKET = "acme-uploads"
MOST = 100


class CrashError(BaseException):
    """The process died here."""


class Bus:
    """A publisher that remembers, and may be out of order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.fails: BaseException | None = None

    def publish(self, events: Sequence[Event]) -> None:
        if self.fails is not None:
            raise self.fails
        self.events.extend(events)


class Uploads(MemoryUploads):
    """Buckets that may be away, or in which the process dies."""

    fails: BaseException | None = None
    fails_to_delete: BaseException | None = None
    gone = ""
    opened = 0

    def open(self, dropped: Dropped, *, most_bytes: int) -> bytes:
        self.opened += 1
        if self.fails is not None:
            raise self.fails
        return super().open(dropped, most_bytes=most_bytes)

    def delete(self, dropped: Dropped) -> None:
        if self.fails_to_delete is not None:
            raise self.fails_to_delete
        super().delete(dropped)

    def list(self, bucket: str) -> Iterator[Dropped]:
        if self.fails is not None:
            raise self.fails
        if bucket == self.gone:
            raise TransientError("the bucket does not exist")
        return super().list(bucket)


class Yard:
    """An entrance over everything in memory."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.objects = MemoryObjects(self.clock)
        self.keyring = MemoryKeyring()
        self.vault = Vault(self.objects, self.keyring)
        self.quarantine = Quarantine(self.objects, self.vault)
        self.uploads = Uploads(self.clock)
        self.bus = Bus()
        self.lines: list[str] = []
        self.entrance = self.built()

    def built(self, **said: object) -> Entrance:
        settings = EntranceSettings.model_validate(
            {"buckets": f"{BUCKET}=acme,umbrella-uploads=umbrella", "most_bytes": MOST, **said}
        )
        return build_entrance(
            vault=self.vault,
            publisher=self.bus,
            keyring=self.keyring,
            quarantine=self.quarantine,
            clock=self.clock,
            log=get_logger("entrance", sink=self.lines.append),
            tracing=NullTracing(),
            metrics=NullMetrics(),
            settings=settings,
            uploads=self.uploads,
        )

    def deliver(self, message: Message, *, dead: bool = False) -> Settlement:
        subscription = SUBSCRIPTION + (".dead" if dead else "")
        return self.entrance.receive(Delivery(subscription, message, 1, "r", self.clock.now()))

    def told(self, dropped: Dropped) -> Settlement:
        return self.deliver(notification(dropped))

    def inbox(self) -> list[ObjectInfo]:
        return list(self.objects.list("inbox/"))

    def left(self) -> list[str]:
        return [one.name for one in self.uploads.list(BUCKET)]


def notification(dropped: Dropped, **said: str) -> Message:
    """Return what Cloud Storage tells of an object."""
    body = {
        "bucket": dropped.bucket,
        "name": dropped.name,
        "generation": str(dropped.generation),
        "size": str(dropped.size),
    }
    attributes = {
        "eventType": "OBJECT_FINALIZE",
        "bucketId": dropped.bucket,
        "objectId": dropped.name,
        "objectGeneration": str(dropped.generation),
        "payloadFormat": "JSON_API_V1",
        **said,
    }
    return Message(attributes, json.dumps(body).encode())


@pytest.fixture
def yard() -> Yard:
    """Give an empty one."""
    return Yard()


def test_a_dropped_file_becomes_an_upload_and_is_removed(yard: Yard) -> None:
    """A file that disappears was taken in; its bytes lie nowhere unsealed any more."""
    settlement = yard.told(yard.uploads.drop(BUCKET, "Anna.pdf", b"IBAN DE02"))
    assert settlement == Settlement(acknowledge=True, code=DeliveryOutcome.DONE)
    (event,) = yard.bus.events
    assert isinstance(event.data, UploadArrived)
    assert (event.tenant, event.data.entrance) == ("acme", "gcs")
    upload = unpack(yard.vault.open(event.data.upload))
    assert (upload.source_name, upload.content) == ("Anna.pdf", b"IBAN DE02")
    assert yard.left() == []


@pytest.mark.parametrize("name", ["a\r\nevil: 1.pdf", "\x1b[31m\x00", "Ä" * 512, "a/../b c.pdf"])
def test_a_foreign_name_travels_only_inside_the_seal(yard: Yard, name: str) -> None:
    """Names are personal data, and some are attacks."""
    yard.told(yard.uploads.drop(BUCKET, name, b"bytes"))
    (event,) = yard.bus.events
    assert isinstance(event.data, UploadArrived)
    assert unpack(yard.vault.open(event.data.upload)).source_name == name
    shown = str(to_message(event)) + str(event.data) + "".join(yard.lines)
    shown += "".join(info.name for info in yard.objects.list(""))
    assert name not in shown
    assert name[:8] not in shown


def test_the_bucket_says_whose_it_is(yard: Yard) -> None:
    """A sender cannot hand in documents for somebody else by saying so."""
    dropped = yard.uploads.drop("umbrella-uploads", "a.pdf", b"bytes")
    yard.deliver(notification(dropped, tenant="acme", **{"ce-tenant": "acme"}))
    assert [event.tenant for event in yard.bus.events] == ["umbrella"]


def test_the_same_notification_again_is_the_same_submission(yard: Yard) -> None:
    """Pub/Sub delivers at least once."""
    dropped = yard.uploads.drop(BUCKET, "a.pdf", b"bytes")
    codes = [yard.told(dropped).code for _ in range(3)]
    assert codes == [DeliveryOutcome.DONE, DeliveryOutcome.REPEATED, DeliveryOutcome.REPEATED]
    assert len({event.id for event in yard.bus.events}) == 1
    assert len(yard.inbox()) == 1


def test_the_same_file_dropped_again_is_another_submission(yard: Yard) -> None:
    """On purpose or not, it is counted, and called a duplicate by its bytes."""
    for _ in range(2):
        yard.told(yard.uploads.drop(BUCKET, "a.pdf", b"bytes"))
    assert len({event.jobid for event in yard.bus.events}) == 2


def test_a_file_that_was_replaced_is_taken_as_it_is_now(yard: Yard) -> None:
    """The first version was never seen; the second has a notification of its own."""
    first = yard.uploads.drop(BUCKET, "a.pdf", b"draft")
    second = yard.uploads.drop(BUCKET, "a.pdf", b"final")
    assert yard.told(first).code is DeliveryOutcome.IGNORED
    assert yard.left() == ["a.pdf"]
    yard.told(second)
    (event,) = yard.bus.events
    assert isinstance(event.data, UploadArrived)
    assert unpack(yard.vault.open(event.data.upload)).content == b"final"


def test_a_file_that_is_replaced_while_it_is_taken_stays(yard: Yard) -> None:
    """What is deleted is what was read, and not what somebody dropped meanwhile."""
    dropped = yard.uploads.drop(BUCKET, "a.pdf", b"first")
    yard.bus.fails = CrashError()
    with pytest.raises(CrashError):
        yard.told(dropped)
    yard.bus.fails = None
    second = yard.uploads.drop(BUCKET, "a.pdf", b"second")
    assert yard.told(dropped).code is DeliveryOutcome.REPEATED
    assert yard.left() == ["a.pdf"]
    yard.told(second)
    assert len({event.jobid for event in yard.bus.events}) == 2


@pytest.mark.parametrize("where", ["publish", "delete"])
def test_a_crash_on_the_way_repeats_the_rest(yard: Yard, where: str) -> None:
    """Nothing is lost, and nothing is doubled."""
    dropped = yard.uploads.drop(BUCKET, "a.pdf", b"bytes")
    if where == "publish":
        yard.bus.fails = CrashError()
    else:
        yard.uploads.fails_to_delete = CrashError()
    with pytest.raises(CrashError):
        yard.told(dropped)
    assert yard.left() == ["a.pdf"]
    yard.bus.fails = yard.uploads.fails_to_delete = None
    assert yard.told(dropped).acknowledge
    assert len({event.id for event in yard.bus.events}) == 1
    assert len(yard.inbox()) == 1
    assert yard.left() == []


def test_a_file_that_its_sender_removed_is_no_submission(yard: Yard) -> None:
    """It was never taken, so nothing is owed; the log says that it was seen."""
    dropped = yard.uploads.drop(BUCKET, "a.pdf", b"bytes")
    yard.uploads.delete(dropped)
    assert yard.told(dropped) == Settlement(acknowledge=True, code=DeliveryOutcome.IGNORED)
    assert yard.bus.events == []
    assert any('"upload.gone"' in line for line in yard.lines)


@pytest.mark.parametrize("size_is_told", [True, False])
def test_a_file_over_the_limit_is_counted_and_stays(yard: Yard, *, size_is_told: bool) -> None:
    """Every submission is accounted for; these bytes are read by nobody."""
    dropped = yard.uploads.drop(BUCKET, "film.pdf", b"x" * (MOST + 1))
    message = notification(dropped)
    if not size_is_told:
        message = Message({**message.attributes, "payloadFormat": "NONE"}, b"")
    for _ in range(2):
        assert yard.deliver(message).acknowledge
    (event,) = yard.bus.events
    assert isinstance(event.data, UploadArrived)
    upload = unpack(yard.vault.open(event.data.upload))
    assert (upload.refused, upload.content) == (RefusedReason.TOO_LARGE, b"")
    assert yard.left() == ["film.pdf"]
    assert yard.uploads.opened == (0 if size_is_told else 2)


def test_a_message_that_lies_about_the_size_reads_no_more(yard: Yard) -> None:
    """Memory is not for finding out how large a file is."""
    dropped = yard.uploads.drop(BUCKET, "film.pdf", b"x" * (MOST + 1))
    yard.told(replace(dropped, size=1))
    (event,) = yard.bus.events
    assert isinstance(event.data, UploadArrived)
    assert unpack(yard.vault.open(event.data.upload)).refused is RefusedReason.TOO_LARGE


def test_a_crash_between_refusing_and_remembering_refuses_again(yard: Yard) -> None:
    """The event has the same id; ingest books the refusal once."""
    dropped = yard.uploads.drop(BUCKET, "film.pdf", b"x" * (MOST + 1))
    yard.bus.fails = CrashError()
    with pytest.raises(CrashError):
        yard.told(dropped)
    yard.bus.fails = None
    yard.told(dropped)
    yard.told(dropped)
    assert len(yard.bus.events) == 1


@pytest.mark.parametrize("event_type", ["OBJECT_DELETE", "OBJECT_METADATA_UPDATE"])
def test_other_news_is_acknowledged(yard: Yard, event_type: str) -> None:
    """Our own deletions are told of, too."""
    dropped = yard.uploads.drop(BUCKET, "a.pdf", b"bytes")
    settlement = yard.deliver(notification(dropped, eventType=event_type))
    assert settlement == Settlement(acknowledge=True, code=DeliveryOutcome.IGNORED)
    assert (yard.bus.events, yard.left()) == ([], ["a.pdf"])


def test_a_folder_is_no_file(yard: Yard) -> None:
    """Consoles write an empty object so that a folder shows; it stays."""
    assert yard.told(yard.uploads.drop(BUCKET, "2026/", b"")).code is DeliveryOutcome.IGNORED
    yard.clock.sleep(3600)
    assert yard.entrance.sweep() == 0
    assert yard.left() == ["2026/"]


@pytest.mark.parametrize(
    ("message", "op"),
    [
        (Message({"anything": "Anna.pdf"}, b"\xff"), "event.malformed"),
        (notification(Dropped("strangers-bucket", "Anna.pdf", 1, 5)), "bucket.unknown"),
    ],
)
def test_what_is_of_no_use_is_kept_whole(yard: Yard, message: Message, op: str) -> None:
    """A wrong setting loses no file: the record says which object it was."""
    assert yard.deliver(message).code is DeliveryOutcome.QUARANTINED
    ((name, record),) = yard.quarantine.list()
    assert name.startswith("quarantine/ingest/")
    assert record.raw is not None
    assert b"Anna.pdf" in yard.vault.open(record.raw)
    assert b"Anna" not in yard.objects.read(record.raw.name).data
    assert any(f'"{op}"' in line for line in yard.lines)
    assert not any("Anna" in line for line in yard.lines)
    assert yard.deliver(message).acknowledge
    assert len(list(yard.quarantine.list())) == 1


def test_a_dead_letter_is_kept_whole(yard: Yard) -> None:
    """The bus gave up, for whatever reason; the sweep takes the file when it can."""
    dropped = yard.uploads.drop(BUCKET, "Anna.pdf", b"bytes")
    assert yard.deliver(notification(dropped), dead=True).code is DeliveryOutcome.QUARANTINED
    assert len(list(yard.quarantine.list())) == 1
    assert yard.bus.events == []
    assert yard.left() == ["Anna.pdf"]


@pytest.mark.parametrize("error", [TransientError("away"), RuntimeError("Anna.pdf")])
def test_what_fails_is_tried_again_later(yard: Yard, error: Exception) -> None:
    """An outage loses no file; nor does a mistake of ours, and it shows nobody's name."""
    dropped = yard.uploads.drop(BUCKET, "Anna.pdf", b"bytes")
    yard.uploads.fails = error
    settlement = yard.told(dropped)
    assert not settlement.acknowledge
    assert settlement.delay_s > 0
    assert not any("Anna" in line for line in yard.lines)
    yard.uploads.fails = None
    assert yard.told(dropped).acknowledge
    assert len(yard.bus.events) == 1


def test_a_store_that_is_away_keeps_the_file_where_it_is(yard: Yard) -> None:
    """Deleted is what is sealed and announced, and nothing before."""
    dropped = yard.uploads.drop(BUCKET, "a.pdf", b"bytes")
    yard.bus.fails = TransientError("no bus")
    assert not yard.told(dropped).acknowledge
    assert yard.left() == ["a.pdf"]


def test_a_file_that_nobody_told_of_is_found(yard: Yard) -> None:
    """Notifications are lost, and buckets have files from before they were configured."""
    yard.uploads.drop(BUCKET, "old.pdf", b"old")
    yard.uploads.drop("umbrella-uploads", "old.pdf", b"old")
    yard.clock.sleep(timedelta(minutes=6).total_seconds())
    young = yard.uploads.drop(BUCKET, "young.pdf", b"young")
    assert yard.entrance.sweep() == 2
    assert sorted(event.tenant for event in yard.bus.events) == ["acme", "umbrella"]
    assert yard.left() == ["young.pdf"]
    yard.told(young)
    assert yard.entrance.sweep() == 0


def test_a_sweep_and_a_late_notification_are_one_submission(yard: Yard) -> None:
    """Who comes second repeats what the first has done."""
    dropped = yard.uploads.drop(BUCKET, "a.pdf", b"bytes")
    yard.clock.sleep(3600)
    yard.entrance.sweep()
    yard.told(dropped)
    assert len({event.id for event in yard.bus.events}) == 1


def test_a_large_file_is_refused_by_the_first_sweep_only(yard: Yard) -> None:
    """It stays in its bucket for ever, and is one submission for ever."""
    yard.uploads.drop(BUCKET, "film.pdf", b"x" * (MOST + 1))
    yard.clock.sleep(3600)
    assert [yard.entrance.sweep() for _ in range(3)] == [1, 0, 0]
    assert len(yard.bus.events) == 1


def test_a_sweep_takes_so_many_and_the_next_goes_on(yard: Yard) -> None:
    """A bucket of a million files must not outlast the request that sweeps it."""
    for number in range(5):
        yard.uploads.drop(BUCKET, f"{number}.pdf", b"bytes")
    yard.clock.sleep(3600)
    entrance = yard.built(sweep_most=2)
    assert [entrance.sweep() for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize("gone", [BUCKET, "umbrella-uploads"])
def test_a_bucket_that_is_gone_does_not_stand_in_the_way_of_others(yard: Yard, gone: str) -> None:
    """One tenant's mistake with a bucket must not cost another tenant a document."""
    yard.uploads.gone = gone
    (other,) = {BUCKET, "umbrella-uploads"} - {gone}
    yard.uploads.drop(other, "a.pdf", b"bytes")
    yard.clock.sleep(3600)
    for _ in range(2):
        with pytest.raises(TransientError):
            yard.entrance.sweep()
    assert list(yard.uploads.list(other)) == []


def test_one_file_does_not_stand_in_the_way_of_others(yard: Yard) -> None:
    """A mistake of ours about one of them is logged; the others are taken."""
    yard.uploads.drop(BUCKET, "a.pdf", b"bytes")
    yard.clock.sleep(3600)
    yard.uploads.fails_to_delete = RuntimeError("Anna")
    assert yard.entrance.sweep() == 0
    assert any('"delivery.failed"' in line for line in yard.lines)
    yard.uploads.fails_to_delete = TransientError("away")
    with pytest.raises(TransientError):
        yard.entrance.sweep()


@pytest.mark.parametrize(
    "buckets", ["", "acme-uploads", "acme-uploads=", "=acme", "a/b=acme", "abc=a,abc=b", "abc=A"]
)
def test_buckets_that_cannot_be_meant_are_refused(buckets: str) -> None:
    """A wrong tenant is somebody else's document."""
    with pytest.raises(SettingsError, match="DOCLEDGER_ENTRANCE_BUCKETS"):
        EntranceSettings.from_environment({"DOCLEDGER_ENTRANCE_BUCKETS": buckets})


def test_buckets_are_read_from_one_variable() -> None:
    """As many tenants as there are buckets."""
    settings = EntranceSettings.from_environment(
        {"DOCLEDGER_ENTRANCE_BUCKETS": "docledger-uploads=default, acme-uploads=acme"}
    )
    assert dict(settings.buckets) == {"docledger-uploads": "default", "acme-uploads": "acme"}
