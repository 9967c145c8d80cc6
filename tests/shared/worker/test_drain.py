"""A deployment in the middle of a document: nothing is lost, and nothing is held against it."""

import base64
import json
import threading

from shared.clock import SystemClock
from shared.events.codec import to_message
from shared.events.envelope import Event
from shared.logging.stage_log import SilentLog
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import Limits
from shared.telemetry.registry import MemoryMetrics
from shared.worker.authentication import UNSAFE_VARIABLE, UnsafeNoAuth
from shared.worker.outcome import Outcome
from shared.worker.web import Request, Response, Service
from tests.shared.worker.conftest import SUBSCRIPTION, Bench, read_event, summarized
from tests.waiting import PATIENCE_S, wait_until


def pushed(event: Event) -> Request:
    """Return the push of an event."""
    message = to_message(event)
    body = {
        "message": {
            "attributes": message.attributes,
            "data": base64.b64encode(message.body).decode(),
            "messageId": "1",
            "publishTime": "2026-01-01T00:00:00Z",
        },
        "subscription": f"projects/p/subscriptions/{SUBSCRIPTION}",
    }
    return Request("POST", f"/push/{SUBSCRIPTION}", {}, json.dumps(body).encode())


def test_a_document_in_the_sandbox_at_sigterm_is_given_back() -> None:
    """It must be tried again elsewhere: not quarantined, and no start counted against it."""
    sandbox = Sandbox(Limits(wall_s=60), packages=("shared", "services", "tests"))
    sandbox.protections()  # its child is there

    def stuck(_: Event) -> Outcome:
        sandbox.run("tests.shared.sandbox.tasks:wait_forever", b"", {})
        raise AssertionError

    bench = Bench(handle=stuck)
    service = Service(
        name="summarize",
        receivers={SUBSCRIPTION: bench.edge},
        authenticator=UnsafeNoAuth({UNSAFE_VARIABLE: "true"}),
        checks={},
        metrics=MemoryMetrics(),
        jobs={},
        log=SilentLog(),
        clock=SystemClock(),
        concurrency=1,
        close=sandbox.close,
        flush=lambda: None,
        drain_s=4.0,
    )
    answers: list[Response] = []
    request = pushed(read_event())
    worker = threading.Thread(target=lambda: answers.append(service.respond(request)))
    worker.start()
    wait_until(lambda: bench.handled > 0, what="a task runs")
    service.drain()
    worker.join(PATIENCE_S)
    assert [answer.status for answer in answers] == [503]
    assert list(bench.quarantine.list()) == []
    for lease in bench.objects.list("leases/"):
        state = json.loads(bench.objects.read(lease.name).data)
        assert (state["holder"], state["starts"], state["failures"]) == ("", 0, 0)
    bench.handle = summarized  # the next instance
    assert bench.deliver().acknowledge
