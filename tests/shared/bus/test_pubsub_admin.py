"""Setting Pub/Sub up: on the official emulator, and against a server that refuses."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.pubsub_v1 import types

from deploy.local.pubsub_emulator import PubsubEmulator
from shared.bus.pubsub_admin import apply, diff, pause, resume
from shared.bus.pubsub_channel import publisher_client, subscriber_client
from shared.bus.pubsub_project import PubsubProject
from shared.bus.pubsub_wanted import Pushes, Wanted
from shared.bus.topology import Topology
from shared.errors import TransientError, UserError
from tests.shared.bus.keyed import keyed_topics
from tests.shared.bus.served import Refused, serving

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

ENDPOINTS = {
    worker: f"http://127.0.0.1:9/{worker}"
    for worker in ("entrance", "ingest", "ocr", "summarize", "ledger", "register")
}
NAME = "ocr.pages-read"
KEY = "projects/acme/locations/eu/keyRings/r/cryptoKeys/events"


class Cloud:
    """Looks behind our back: Google's clients on the same project."""

    def __init__(self, host: str, project: str) -> None:
        self.project = f"projects/{project}"
        self.topics = publisher_client(host)
        self.subscriptions = subscriber_client(host)

    def subscription(self, name: str = NAME) -> types.Subscription:
        return self.subscriptions.get_subscription(subscription=self.path(name))

    def path(self, name: str) -> str:
        return f"{self.project}/subscriptions/{name}"

    def topic(self, name: str) -> str:
        return f"{self.project}/topics/{name}"

    def waiting(self, name: str) -> int:
        """Publish one message to the subscription's topic, then count what can be pulled."""
        one = self.subscription(name)
        self.topics.publish(topic=one.topic, messages=[types.PubsubMessage(data=b"x")])
        pulled = self.subscriptions.pull(subscription=one.name, max_messages=10)
        return len(pulled.received_messages)


@pytest.fixture
def cloud(pubsub_emulator: PubsubEmulator, pubsub_project: str) -> Iterator[Cloud]:
    """Give Google's clients on an empty project."""
    cloud = Cloud(pubsub_emulator.host, pubsub_project)
    yield cloud
    cloud.topics.transport.close()  # type: ignore[no-untyped-call]  # generated without types
    cloud.subscriptions.transport.close()  # type: ignore[no-untyped-call]  # generated without types


def test_an_empty_project_is_set_up_once(
    cloud: Cloud, topology: Topology, pubsub_project: str
) -> None:
    """The command may be given again, and by two at once."""
    missing = diff(topology, project=pubsub_project, endpoints=ENDPOINTS)
    assert {one.kind for one in missing} == {"missing"}
    first = apply(topology, project=pubsub_project, endpoints=ENDPOINTS)
    assert (first.done, first.left) == (missing, [])
    assert diff(topology, project=pubsub_project, endpoints=ENDPOINTS) == []
    assert apply(topology, project=pubsub_project, endpoints=ENDPOINTS).done == []
    assert cloud.subscription().push_config.push_endpoint == (
        "http://127.0.0.1:9/ocr/push/ocr.pages-read"
    )
    assert "expiration_policy" in cloud.subscription("ocr.pages-read.dead")


def test_two_may_apply_it_at_once(topology: Topology, pubsub_project: str) -> None:
    """Two pipelines, or a person and a pipeline: what the other made meanwhile is there."""
    together = threading.Barrier(4)

    def apply_too(_number: int) -> None:
        together.wait(30)
        apply(topology, project=pubsub_project, endpoints=ENDPOINTS)

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(apply_too, range(4))] == [None] * 4
    assert diff(topology, project=pubsub_project, endpoints=ENDPOINTS) == []


def test_drift_is_put_right(cloud: Cloud, topology: Topology, pubsub_project: str) -> None:
    """What was changed by hand is changed back, and nothing else."""
    apply(topology, project=pubsub_project, endpoints=ENDPOINTS)
    cloud.subscriptions.update_subscription(
        {
            "subscription": types.Subscription(
                name=cloud.path(NAME),
                ack_deadline_seconds=17,
                push_config=types.PushConfig(push_endpoint="http://127.0.0.1:9/elsewhere"),
                dead_letter_policy=types.DeadLetterPolicy(
                    dead_letter_topic=cloud.topic(f"{NAME}.dead"), max_delivery_attempts=5
                ),
                enable_exactly_once_delivery=True,
            ),
            "update_mask": {
                "paths": [
                    "ack_deadline_seconds",
                    "push_config",
                    "dead_letter_policy",
                    "retry_policy",
                    "enable_exactly_once_delivery",
                ]
            },
        }
    )
    applied = apply(topology, project=pubsub_project, endpoints=ENDPOINTS)
    assert {one.resource for one in applied.done} == {f"subscription {NAME}"}
    assert {one.field for one in applied.done} == {
        "push_endpoint",
        "lease_s",
        "attempts",
        "backoff_s",
        "exactly_once",
    }
    assert diff(topology, project=pubsub_project, endpoints=ENDPOINTS) == []


def test_what_cannot_be_changed_is_left_to_a_person(
    cloud: Cloud, topology: Topology, pubsub_project: str
) -> None:
    """To make it again would throw away what waits in it."""
    topic = cloud.topics.create_topic(name=cloud.topic("docledger.pages.read.v1"))
    cloud.subscriptions.create_subscription(
        types.Subscription(
            name=cloud.path(NAME),
            topic=topic.name,
            filter='attributes.x = "1"',
            push_config=types.PushConfig(push_endpoint="http://127.0.0.1:9/"),
        )
    )
    applied = apply(topology, project=pubsub_project, endpoints=ENDPOINTS)
    assert [(one.kind, one.field) for one in applied.left] == [("differs", "filter")]
    assert diff(topology, project=pubsub_project, endpoints=ENDPOINTS) == applied.left
    assert cloud.subscription().ack_deadline_seconds == 60


def test_what_is_too_many_is_told_and_kept(
    cloud: Cloud, topology: Topology, pubsub_project: str
) -> None:
    """It may hold messages, or be somebody's ear on our events; others' are not our business."""
    apply(topology, project=pubsub_project, endpoints=ENDPOINTS)
    for topic in ("docledger.document.read.v0", "weather"):
        cloud.topics.create_topic(name=cloud.topic(topic))
    for name, topic in (
        ("ocr.gone", "weather"),
        ("eavesdropper", "docledger.document.read.v1"),
        ("rain", "weather"),
    ):
        cloud.subscriptions.create_subscription(name=cloud.path(name), topic=cloud.topic(topic))
    found = diff(topology, project=pubsub_project, endpoints=ENDPOINTS)
    assert [(one.kind, one.resource) for one in found] == [
        ("extra", "topic docledger.document.read.v0"),
        ("extra", "subscription eavesdropper"),
        ("extra", "subscription ocr.gone"),
    ]
    assert apply(topology, project=pubsub_project, endpoints=ENDPOINTS).left == found
    assert cloud.subscription("ocr.gone").name == cloud.path("ocr.gone")


def test_a_pause_keeps_messages_and_outlives_apply(
    cloud: Cloud, topology: Topology, pubsub_project: str
) -> None:
    """On-call stops one worker; the next deployment must not start it again behind their back."""
    apply(topology, project=pubsub_project, endpoints=ENDPOINTS)
    assert pause(topology, project=pubsub_project, subscriptions=[NAME]) == [NAME]
    assert cloud.waiting(NAME) == 1
    applied = apply(topology, project=pubsub_project, endpoints=ENDPOINTS)
    assert [(one.kind, one.resource) for one in applied.left] == [
        ("paused", f"subscription {NAME}")
    ]
    assert not cloud.subscription().push_config.push_endpoint
    resume(topology, project=pubsub_project, endpoints=ENDPOINTS, subscriptions=[NAME])
    assert diff(topology, project=pubsub_project, endpoints=ENDPOINTS) == []


def test_everything_can_be_paused_and_resumed(
    cloud: Cloud, topology: Topology, pubsub_project: str
) -> None:
    """Dead letters, too: a worker that is wrong is wrong about those as well."""
    apply(topology, project=pubsub_project, endpoints=ENDPOINTS)
    paused = pause(topology, project=pubsub_project)
    assert len(paused) == 2 * len(topology.subscriptions)
    assert {one.kind for one in diff(topology, project=pubsub_project)} == {"paused"}
    assert resume(topology, project=pubsub_project, endpoints=ENDPOINTS) == paused
    assert diff(topology, project=pubsub_project, endpoints=ENDPOINTS) == []
    assert cloud.subscription("ocr.pages-read.dead").push_config.push_endpoint


def test_a_key_is_set_when_a_topic_is_made(
    cloud: Cloud, topology: Topology, pubsub_project: str
) -> None:
    """The emulator stores the name of the key; that it encrypts, Pub/Sub alone can prove."""
    apply(topology, project=pubsub_project, endpoints=ENDPOINTS, kms_key_name=KEY)
    topic = cloud.topics.get_topic(topic=cloud.topic("ocr.pages-read.dead"))
    assert topic.kms_key_name == KEY


def test_no_topic_is_made_without_its_key(
    cloud: Cloud,
    topology: Topology,
    pubsub_emulator: PubsubEmulator,
    pubsub_project: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where a server asks for the key, each topic comes with it, and one without is refused."""
    with keyed_topics(pubsub_emulator.host, KEY) as gate:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", gate)
        for other in (None, f"{KEY}-of-another"):
            with pytest.raises(UserError, match="make topic"):
                apply(topology, project=pubsub_project, endpoints=ENDPOINTS, kms_key_name=other)
        assert list(cloud.topics.list_topics(project=cloud.project)) == []
        apply(topology, project=pubsub_project, endpoints=ENDPOINTS, kms_key_name=KEY)
    made = list(cloud.topics.list_topics(project=cloud.project))
    assert {one.kms_key_name for one in made} == {KEY}
    assert len(made) > len(topology.subscriptions)


@pytest.mark.parametrize("name", ["ocr.pages-raed", "docledger.pages.read.v1"])
def test_pausing_what_the_topology_does_not_know_is_told(topology: Topology, name: str) -> None:
    """A typing error must not look like a pause."""
    with pytest.raises(UserError, match=f"{name} is no subscription of the topology"):
        pause(topology, project="acme", subscriptions=[NAME, name])


def test_pausing_what_was_never_set_up_is_told(topology: Topology, pubsub_project: str) -> None:
    """One line that names it."""
    with pytest.raises(UserError, match=r"cannot change subscription ocr\.pages-read \(NOT_FOUND"):
        pause(topology, project=pubsub_project, subscriptions=[NAME])


class Moody:
    """A server that lists nothing, and refuses whatever else it is asked."""

    def __init__(self) -> None:
        self.code = grpc.StatusCode.PERMISSION_DENIED
        self.listing = False
        self.made: list[types.Topic] = []
        self.updated: list[types.UpdateTopicRequest] = []

    def list_topics(self, _request: types.ListTopicsRequest) -> types.ListTopicsResponse:
        if self.listing:
            raise Refused(self.code, "line one\nline two " + "x" * 500)
        return types.ListTopicsResponse()

    def update_topic(self, request: types.UpdateTopicRequest) -> types.Topic:
        self.updated.append(request)
        return request.topic

    def create_topic(self, topic: types.Topic) -> types.Topic:
        self.made.append(topic)
        raise Refused(self.code, "line one\nline two " + "x" * 500)


@pytest.fixture
def moody(monkeypatch: pytest.MonkeyPatch) -> Iterator[Moody]:
    """Give a server that refuses, where Google's clients look."""
    moody = Moody()
    methods = {
        "ListTopics": (moody.list_topics, types.ListTopicsRequest, types.ListTopicsResponse),
        "UpdateTopic": (moody.update_topic, types.UpdateTopicRequest, types.Topic),
        "CreateTopic": (moody.create_topic, types.Topic, types.Topic),
    }
    with serving("google.pubsub.v1.Publisher", methods) as host:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)
        yield moody


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, r"list its .*\(PERMISSION_DENIED\): it needs the role"),
        (grpc.StatusCode.UNAUTHENTICATED, r"does not let this identity list .*UNAUTHENTICATED"),
        (grpc.StatusCode.NOT_FOUND, r"project acme cannot list .*NOT_FOUND\): line one line two"),
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
        (grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION"),
    ],
)
def test_a_refusal_is_one_line(
    topology: Topology, moody: Moody, code: grpc.StatusCode, told: str
) -> None:
    """It says what was refused, and what to do."""
    moody.listing, moody.code = True, code
    with pytest.raises(UserError, match=told) as caught:
        diff(topology, project="acme")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_refusal_to_make_something_names_it(topology: Topology, moody: Moody) -> None:
    """A grant on one topic may be what is missing."""
    wanted = Wanted.of(topology, "acme", Pushes())
    with (
        PubsubProject("acme") as there,
        pytest.raises(UserError, match=r"this identity make topic ocr\.pages-read\.dead \(PERM"),
    ):
        there.make(wanted, "topic ocr.pages-read.dead")
    assert len(moody.made) == 1


def test_what_somebody_else_made_meanwhile_is_fine(topology: Topology, moody: Moody) -> None:
    """The other one made it of the same topology; if not, the next diff tells."""
    moody.code = grpc.StatusCode.ALREADY_EXISTS
    with PubsubProject("acme") as there:
        there.make(Wanted.of(topology, "acme", Pushes()), "topic ocr.pages-read.dead")
    assert len(moody.made) == 1


def test_a_topics_key_is_changed_and_nothing_else(topology: Topology, moody: Moody) -> None:
    """The emulator cannot change it: what is asked of Pub/Sub is seen here."""
    wanted = Wanted.of(topology, "acme", Pushes(), "projects/acme/keys/new")
    with PubsubProject("acme") as there:
        there.change(wanted, "topic docledger.pages.read.v1", ["kms_key"])
    [request] = moody.updated
    assert [*request.update_mask.paths] == ["kms_key_name"]
    assert request.topic.name == "projects/acme/topics/docledger.pages.read.v1"
    assert request.topic.kms_key_name == "projects/acme/keys/new"


def test_an_outage_is_no_mistake(topology: Topology, moody: Moody) -> None:
    """The same command may be given again."""
    moody.listing, moody.code = True, grpc.StatusCode.INTERNAL
    with pytest.raises(TransientError, match="INTERNAL"):
        diff(topology, project="acme")


def test_missing_credentials_are_told(
    topology: Topology, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first thing that goes wrong for a newcomer."""
    for name in ("PUBSUB_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(UserError, match="run 'gcloud auth application-default login'"):
        diff(topology, project="acme")
