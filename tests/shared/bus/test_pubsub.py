"""The Pub/Sub publisher over real gRPC: what it sends, and what a server's moods do to it."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
import pytest
from google.pubsub_v1.types import PublishRequest, PublishResponse

from shared.bus.pubsub import MOST_MESSAGES, PubsubPublisher
from shared.bus.pubsub_channel import translated
from shared.errors import PermanentError, TransientError, UserError
from shared.events.codec import to_message
from shared.events.envelope import Event
from shared.events.payloads import EventType, PagesRead, Reference
from tests.shared.bus.served import Refused, serving
from tests.waiting import PATIENCE_S

MakeEvent = Callable[[int], Event]

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

READ = "projects/acme-prod/topics/docledger.document.read.v1"


@dataclass
class FakePubsub:
    """Takes what is published; before that, it says what a test wants it to say.

    Attributes:
        taken: the requests that were answered.
        asked: how many requests came in all.
        moods: refusals to come first, in their order.
        most: how many requests are answered; the others are refused.
        hold: while cleared, requests wait.
        arrived: set once a request has come.
    """

    taken: list[PublishRequest] = field(default_factory=list)
    asked: int = 0
    moods: list[grpc.StatusCode] = field(default_factory=list)
    most: int = 100
    hold: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: PublishRequest) -> PublishResponse:
        self.asked += 1
        self.arrived.set()
        self.hold.wait(PATIENCE_S)
        if self.moods:
            raise Refused(self.moods.pop(0))
        if len(self.taken) >= self.most:
            raise Refused(grpc.StatusCode.PERMISSION_DENIED)
        self.taken.append(request)
        return PublishResponse(message_ids=[str(n) for n in range(len(request.messages))])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePubsub]:
    """Give a server, and have Google's clients find it."""
    fake = FakePubsub()
    fake.hold.set()
    methods = {"Publish": (fake, PublishRequest, PublishResponse)}
    with serving("google.pubsub.v1.Publisher", methods) as host:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)
        yield fake
        fake.hold.set()


@pytest.fixture
def publisher(server: FakePubsub) -> Iterator[PubsubPublisher]:
    """Give a publisher on that server."""
    assert server.asked == 0
    made = PubsubPublisher("acme-prod", total_s=PATIENCE_S, attempt_s=PATIENCE_S)
    yield made
    made.close()


def test_an_event_travels_as_the_codec_says(
    publisher: PubsubPublisher, server: FakePubsub, event: MakeEvent
) -> None:
    """Body and attributes, and nothing of the client's own (its telemetry would add some)."""
    publisher.publish([event(1)])
    [request] = server.taken
    [message] = request.messages
    assert request.topic == READ
    assert dict(message.attributes) == to_message(event(1)).attributes
    assert message.data == to_message(event(1)).body
    assert not message.ordering_key


def test_events_of_one_topic_travel_together(
    publisher: PubsubPublisher, server: FakePubsub, event: MakeEvent
) -> None:
    """A document's thousand page ranges must not be a thousand round trips."""
    read = event(7)
    pages = PagesRead(
        document_id=read.subject,
        original=Reference(name="originals/x", generation=1, digest="ab" * 32, size=1),
        media_type="application/pdf",
        pages=3,
        first=1,
        last=2,
    )
    other = replace(read, type=EventType.PAGES_READ, data=pages)
    publisher.publish([*map(event, range(MOST_MESSAGES)), other, event(9999)])
    sent = [(request.topic.rpartition("/")[2], len(request.messages)) for request in server.taken]
    assert sent == [
        ("docledger.document.read.v1", MOST_MESSAGES),
        ("docledger.document.read.v1", 1),
        ("docledger.pages.read.v1", 1),
    ]


def test_nothing_to_publish_asks_nobody(publisher: PubsubPublisher, server: FakePubsub) -> None:
    """An outcome without children is ordinary."""
    publisher.publish([])
    assert server.asked == 0


def test_a_short_outage_is_waited_out(
    publisher: PubsubPublisher, server: FakePubsub, event: MakeEvent
) -> None:
    """Pub/Sub refuses now and then; a worker need not start anew for that."""
    server.moods = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED]
    publisher.publish([event(1)])
    assert (server.asked, len(server.taken)) == (3, 1)


def test_a_long_outage_is_transient(server: FakePubsub, event: MakeEvent) -> None:
    """It is given up while the push still has time to say so."""
    server.moods = [grpc.StatusCode.UNAVAILABLE] * 1000
    publisher = PubsubPublisher("acme-prod", total_s=0.3)
    publisher._attempt_s = PATIENCE_S  # it is refused, however slow the machine is
    with pytest.raises(TransientError, match=r"unavailable \(UNAVAILABLE\)") as caught:
        publisher.publish([event(1)])
    publisher.close()
    assert server.asked >= 1
    assert "own words" not in str(caught.value)


def test_a_server_that_never_answers_is_given_up(server: FakePubsub, event: MakeEvent) -> None:
    """A connection may hang where a refusal would be heard."""
    server.hold.clear()
    publisher = PubsubPublisher("acme-prod", total_s=0.2)
    with pytest.raises(TransientError, match="DEADLINE_EXCEEDED"):
        publisher.publish([event(1)])
    publisher.close()


def test_nobody_listening_is_transient(
    server: FakePubsub, event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator is being started anew."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:9")
    publisher = PubsubPublisher("acme-prod", total_s=0.2)
    with pytest.raises(TransientError, match="Pub/Sub is unavailable"):
        publisher.publish([event(1)])
    publisher.close()
    assert server.asked == 0


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.INVALID_ARGUMENT,
    ],
)
def test_a_refusal_is_transient_and_not_insisted_on(
    publisher: PubsubPublisher, server: FakePubsub, event: MakeEvent, code: grpc.StatusCode
) -> None:
    """A missing grant or topic is ours to repair: the document waits, it is not at fault."""
    server.moods = [code]
    with pytest.raises(TransientError, match=code.name):
        publisher.publish([event(1)])
    assert server.asked == 1


def test_when_a_later_request_fails_the_whole_is_published_again(
    publisher: PubsubPublisher, server: FakePubsub, event: MakeEvent
) -> None:
    """Some were published, and come twice with the same id: a redelivery to whoever hears them."""
    events = [*map(event, range(MOST_MESSAGES + 1))]
    server.most = 1
    with pytest.raises(TransientError):
        publisher.publish(events)
    server.most = 100
    publisher.publish(events)
    ids = [m.attributes["ce-id"] for request in server.taken for m in request.messages]
    assert len(ids) == 2 * MOST_MESSAGES + 1
    assert set(ids) == {one.id for one in events}


def test_an_event_that_breaks_the_contract_publishes_nothing(
    publisher: PubsubPublisher, server: FakePubsub, event: MakeEvent
) -> None:
    """Half a batch would lose a page range."""
    with pytest.raises(PermanentError):
        publisher.publish([event(1), replace(event(2), tenant="../other")])
    assert server.asked == 0


def test_missing_credentials_are_transient(
    event: MakeEvent, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A key that is not mounted yet is no fault of the document either."""
    for name in ("PUBSUB_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(TransientError, match="DefaultCredentialsError"):
        PubsubPublisher("acme-prod").publish([event(1)])


def test_a_closed_publisher_connects_anew(
    publisher: PubsubPublisher, server: FakePubsub, event: MakeEvent
) -> None:
    """Closing twice is closing once; what comes after that is not lost."""
    publisher.publish([event(1)])
    publisher.close()
    publisher.close()
    publisher.publish([event(2)])
    assert len(server.taken) == 2


def test_closing_under_a_request_fails_it_like_an_outage(
    publisher: PubsubPublisher, server: FakePubsub, event: MakeEvent
) -> None:
    """The push that it belongs to answers 503 and comes again."""
    server.hold.clear()
    told: list[BaseException] = []

    def publish() -> None:
        try:
            publisher.publish([event(1)])
        except TransientError as error:
            told.append(error)

    thread = threading.Thread(target=publish)
    thread.start()
    assert server.arrived.wait(PATIENCE_S)
    publisher.close()
    thread.join(PATIENCE_S)
    assert len(told) == 1


def test_a_request_on_a_connection_that_was_just_closed_fails_like_an_outage(
    publisher: PubsubPublisher,
    server: FakePubsub,
    event: MakeEvent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another thread may close it between getting it and using it."""
    publisher.publish([event(1)])
    client = publisher._client()
    publisher.close()
    monkeypatch.setattr(publisher, "_client", lambda: client)
    with pytest.raises(TransientError, match="Pub/Sub is unavailable"):
        publisher.publish([event(2)])
    assert server.asked == 1


def test_a_bug_of_ours_stays_what_it_is() -> None:
    """To try it again would hide it for a day."""
    with pytest.raises(ValueError, match="too many"), translated():
        raise ValueError("too many")


def test_many_threads_share_one_publisher(
    publisher: PubsubPublisher, server: FakePubsub, event: MakeEvent
) -> None:
    """A service handles several pushes at once, on one connection."""
    threads = [
        threading.Thread(target=publisher.publish, args=([event(number)],)) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    sent = {m.attributes["ce-id"] for request in server.taken for m in request.messages}
    assert sent == {event(number).id for number in range(8)}


@pytest.mark.parametrize("variable", ["K_SERVICE", "CLOUD_RUN_JOB"])
def test_nobody_on_cloud_run_talks_to_an_emulator(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One variable would send every event, unencrypted, to whatever listens there."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "10.0.0.1:8085")
    monkeypatch.setenv(variable, "ocr")
    with pytest.raises(UserError, match="unset it"):
        PubsubPublisher("acme-prod")


def test_making_one_does_nothing() -> None:
    """A service starts, and its tests build it, without a network and without threads."""
    code = (
        "import socket, threading\n"
        "from shared.bus.pubsub import PubsubPublisher\n"
        "socket.socket = None\n"
        "PubsubPublisher('acme-prod')\n"
        "assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=PATIENCE_S)
