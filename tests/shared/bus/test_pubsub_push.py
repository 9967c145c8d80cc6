"""What the topology makes of a published event: a push, its retries, its dead letter."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from google.pubsub_v1 import types

from deploy.local.pubsub_emulator import PubsubEmulator
from shared.bus.port import Message
from shared.bus.pubsub import PubsubPublisher
from shared.bus.pubsub_admin import apply, pause, resume
from shared.bus.pubsub_channel import subscriber_client, subscription_path
from shared.bus.topology import Topology
from shared.events.codec import from_message, to_message
from shared.events.envelope import Event
from tests.shared.bus.emulated import small
from tests.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

SUMMARIZE = "/summarize/push/summarize.document-read"
REGISTER = "/register/push/register.document-read"


class Workers(ThreadingHTTPServer):
    """Every worker of a topology on one port; notes what is pushed, answers as a test says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pushed: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.broken: set[str] = set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def at(self, path: str) -> list[dict[str, Any]]:
        """Return the bodies that were pushed to a path."""
        return [body for pushed, _headers, body in [*self.pushed] if pushed == path]

    def wait_for(self, path: str, count: int = 1) -> list[dict[str, Any]]:
        """Return the bodies at a path once there are so many."""
        wait_until(lambda: len(self.at(path)) >= count, what=f"{count} bodies at {path}")
        return self.at(path)


class _Handler(BaseHTTPRequestHandler):
    server: Workers

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.pushed.append((self.path, dict(self.headers), body))
        self.send_response(503 if self.path in self.server.broken else 204)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def workers() -> Iterator[Workers]:
    """Give workers that listen."""
    with Workers() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Pushed:
    """A small topology that pushes to those workers."""

    def __init__(self, topology: Topology, project: str, url: str) -> None:
        self.topology = small(topology)
        self.project = project
        workers: set[str] = {one.worker for one in self.topology.subscriptions.values()}
        self.endpoints = {worker: f"{url}/{worker}" for worker in workers}
        self.publisher = PubsubPublisher(project)
        apply(self.topology, project=project, endpoints=self.endpoints)


@pytest.fixture
def pushed(topology: Topology, pubsub_project: str, workers: Workers) -> Iterator[Pushed]:
    """Give the topology, set up; afterwards nothing of it pushes any more."""
    made = Pushed(topology, pubsub_project, workers.url)
    yield made
    made.publisher.close()
    pause(made.topology, project=made.project)


def carried(body: dict[str, Any]) -> Message:
    """Return the message in a wrapped push."""
    message = body["message"]
    return Message(message["attributes"], base64.b64decode(message["data"]))


def test_an_event_is_pushed_wrapped_to_each_who_hears_it(
    pushed: Pushed, workers: Workers, event: Callable[[int], Event]
) -> None:
    """Body and attributes arrive as the codec wrote them, at a path that names the subscription."""
    pushed.publisher.publish([event(1)])
    [body] = workers.wait_for(SUMMARIZE)
    assert carried(body) == to_message(event(1))
    assert body["subscription"] == subscription_path(pushed.project, "summarize.document-read")
    [other] = workers.wait_for(REGISTER)
    assert from_message(carried(other)) == event(1)
    assert {path for path, _headers, _body in workers.pushed} == {SUMMARIZE, REGISTER}


def test_a_worker_that_fails_is_asked_again_then_its_dead_letter_goes_to_it(
    pushed: Pushed,
    pubsub_emulator: PubsubEmulator,
    workers: Workers,
    event: Callable[[int], Event],
) -> None:
    """503 is an attempt; after the last one the message comes on the path of dead letters."""
    client = subscriber_client(pubsub_emulator.host)
    name = subscription_path(pushed.project, "summarize.document-read")
    client.update_subscription(  # the emulator backs off in steps of two seconds: not here
        {
            "subscription": types.Subscription(name=name),
            "update_mask": {"paths": ["retry_policy"]},
        }
    )
    client.transport.close()  # type: ignore[no-untyped-call]  # generated without types
    workers.broken = {SUMMARIZE}
    pushed.publisher.publish([event(1)])
    [dead] = workers.wait_for(f"{SUMMARIZE}.dead")
    assert from_message(carried(dead)) == event(1)
    assert (
        len(workers.at(SUMMARIZE))
        == pushed.topology.subscriptions["summarize.document-read"].attempts
    )
    assert dead["message"]["attributes"]["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"


def test_what_is_published_during_a_pause_is_pushed_after_it(
    pushed: Pushed, workers: Workers, event: Callable[[int], Event]
) -> None:
    """The queue is intact; who was not paused went on meanwhile."""
    pause(pushed.topology, project=pushed.project, subscriptions=["summarize.document-read"])
    pushed.publisher.publish([event(1), event(2)])
    workers.wait_for(REGISTER, 2)
    assert workers.at(SUMMARIZE) == []
    resume(
        pushed.topology,
        project=pushed.project,
        endpoints=pushed.endpoints,
        subscriptions=["summarize.document-read"],
    )
    bodies = workers.wait_for(SUMMARIZE, 2)
    assert {from_message(carried(body)).id for body in bodies} == {event(1).id, event(2).id}
