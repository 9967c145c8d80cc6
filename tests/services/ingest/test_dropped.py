"""A real upload by Google's client, a real notification, and our entrance at its end."""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient  # type: ignore[import-untyped]
from google.cloud.storage import Client

from deploy.local.pubsub_emulator import PubsubEmulator
from deploy.local.storage_emulator import HOST_VARIABLE, StorageEmulator
from services.ingest.inbox import unpack
from services.ingest.main import build_entrance
from services.ingest.notification import dropped_in
from services.ingest.settings import EntranceSettings
from shared.bus.port import Delivery, Message
from shared.clock import SystemClock
from shared.events.envelope import Event
from shared.events.payloads import UploadArrived
from shared.keys.memory import MemoryKeyring
from shared.keys.vault import Vault
from shared.logging.stage_log import SilentLog
from shared.objects.gcs import GcsObjects
from shared.telemetry.metrics import NullMetrics
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.tracing import NullTracing
from shared.worker.quarantine import Quarantine
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

TOPIC = "docledger.uploads.notified"
SUBSCRIPTION = "entrance.uploads-notified"
UPLOADS = "docledger-uploads"
OBJECTS = "docledger-objects"
NAMES = ("Anna Muster.pdf", "a\r\nX-Evil: 1.pdf", "Größe/€ 😀.pdf", "x" * 1000)


class Told:
    """A bus that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def publish(self, events: Sequence[Event]) -> None:
        self.events += events


class Wire:
    """Cloud Storage's notifications, pulled from Pub/Sub."""

    def __init__(self, project: str) -> None:
        self._publisher, self._subscriber = PublisherClient(), SubscriberClient()
        topic = self._publisher.topic_path(project, TOPIC)
        self._publisher.create_topic(name=topic)
        self._path = self._subscriber.subscription_path(project, SUBSCRIPTION)
        self._subscriber.create_subscription(name=self._path, topic=topic)

    def pull(self, count: int) -> list[Message]:
        """Return the next ``count`` notifications."""
        found: list[Message] = []
        deadline = SystemClock().monotonic() + PATIENCE_S
        while len(found) < count and SystemClock().monotonic() < deadline:
            try:
                answer = self._subscriber.pull(
                    subscription=self._path, max_messages=10, timeout=5, retry=None
                )
            except DeadlineExceeded:
                continue
            received = answer.received_messages
            found += [Message(dict(m.message.attributes), m.message.data) for m in received]
            if received:
                self._subscriber.acknowledge(
                    subscription=self._path, ack_ids=[m.ack_id for m in received]
                )
        return found

    def close(self) -> None:
        self._subscriber.close()
        self._publisher.transport.close()


@pytest.fixture
def wire(pubsub_emulator: PubsubEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Give the subscription of the entrance, in a project of its own."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator.host)
    wire = Wire(f"project-{secrets.token_hex(6)}")
    yield wire
    wire.close()


@pytest.fixture
def storage(
    wire: Wire,
    pubsub_emulator: PubsubEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[StorageEmulator]:
    """Give a Cloud Storage that tells that subscription of its uploads bucket."""
    emulator = StorageEmulator(
        None,  # on disk it cannot keep a name as long as Cloud Storage can
        log=tmp_path / "log",
        pubsub_host=pubsub_emulator.host,
        project=wire._path.split("/")[1],
        topic=TOPIC,
        uploads=UPLOADS,
    )
    with emulator:
        monkeypatch.setenv(HOST_VARIABLE, emulator.url)
        for bucket in (UPLOADS, OBJECTS):
            emulator.create_bucket(bucket)
        yield emulator


def test_an_upload_by_a_person_arrives(wire: Wire, storage: StorageEmulator) -> None:
    """From `gcloud storage cp` to `upload.arrived`: nothing in between is made up by us."""
    assert storage.alive()
    client = Client(project="test")
    bucket = client.bucket(UPLOADS)
    for name in NAMES:
        bucket.blob(name).upload_from_string(f"content of {name}".encode())
    messages = wire.pull(len(NAMES))
    assert {dropped.name for one in messages if (dropped := dropped_in(one))} == set(NAMES)

    objects = GcsObjects(OBJECTS)
    keyring = MemoryKeyring()
    vault = Vault(objects, keyring)
    told = Told()
    entrance = build_entrance(
        vault=vault,
        publisher=told,
        keyring=keyring,
        quarantine=Quarantine(objects, vault),
        clock=SystemClock(),
        log=SilentLog(),
        tracing=NullTracing(),
        metrics=NullMetrics(),
        settings=EntranceSettings.model_validate({"buckets": f"{UPLOADS}=acme"}),
    )
    now = SystemClock().now()
    for expected in (DeliveryOutcome.DONE, DeliveryOutcome.REPEATED):
        for message in messages:
            settlement = entrance.receive(Delivery(SUBSCRIPTION, message, 1, "r", now))
            assert settlement.code is expected
    uploads = []
    for event in told.events:
        assert isinstance(event.data, UploadArrived)
        uploads.append(unpack(vault.open(event.data.upload)))
    assert {upload.source_name: upload.content.decode() for upload in uploads} == {
        name: f"content of {name}" for name in NAMES
    }
    assert len({event.id for event in told.events}) == len(NAMES)
    assert list(client.list_blobs(UPLOADS)) == []
    assert entrance.sweep() == 0
    objects.close()
    client.close()
