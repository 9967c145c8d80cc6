"""A worker behind HTTP: what it answers, and what it never says."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from shared.bus.port import Delivery
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.logging import get_logger
from shared.telemetry.metrics import Metric
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.registry import MemoryMetrics
from shared.worker.authentication import ForbiddenError, UnauthenticatedError
from shared.worker.push import MOST_BYTES
from shared.worker.readiness import FRESH_S
from shared.worker.settlement import Settlement
from shared.worker.web import Request, Response, Service
from tests.shared.worker.test_push import SUBSCRIPTION, wrapped
from tests.waiting import PATIENCE_S

SECRET = "canary-5b1f"
DONE = Settlement(acknowledge=True, code=DeliveryOutcome.DONE)


class Guard:
    """Lets everybody in unless told otherwise, and remembers who asked."""

    def __init__(self) -> None:
        self.answer: Exception | None = None
        self.asked: list[tuple[str, str]] = []

    def check(self, headers: Mapping[str, str], subscription: str) -> None:
        """Raise what the test chose."""
        self.asked.append((headers.get("authorization", ""), subscription))
        self.ready()

    def ready(self) -> None:
        """Raise what the test chose."""
        if self.answer is not None:
            raise self.answer


@dataclass
class House:
    """A service and all that it stands on."""

    receive: Callable[[Delivery], Settlement] = lambda _: DONE
    check: Callable[[], object] = lambda: None
    job: Callable[[], object] = lambda: None
    concurrency: int = 2
    lines: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    taken: list[Delivery] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.guard = Guard()
        self.metrics = MemoryMetrics()
        self.service = Service(
            name="ingest",
            receivers={SUBSCRIPTION: _Taking(self)},
            authenticator=self.guard,
            checks={"objects": lambda: self.check()},  # noqa: PLW0108 - tests swap it
            metrics=self.metrics,
            jobs={"poll": lambda: self.job()},  # noqa: PLW0108 - same
            log=get_logger("ingest", sink=self.lines.append),
            clock=self.clock,
            concurrency=self.concurrency,
            close=lambda: self.ended.append("closed"),
            flush=lambda: self.ended.append("flushed"),
            drain_s=0.2,
        )

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request."""
        return self.service.respond(Request(method, path, headers or {}, body))

    def push(self, body: bytes | None = None, subscription: str = SUBSCRIPTION) -> Response:
        """Push a message."""
        return self.ask(f"/push/{subscription}", "POST", wrapped() if body is None else body)


class _Taking:
    def __init__(self, house: House) -> None:
        self._house = house

    def receive(self, delivery: Delivery) -> Settlement:
        self._house.taken.append(delivery)
        return self._house.receive(delivery)


def code(response: Response) -> tuple[int, str]:
    """Return the status and the code in the body."""
    return response.status, json.loads(response.body)["code"] if response.body else ""


@pytest.fixture
def house() -> House:
    """Give a service that takes everything."""
    return House()


class Gate:
    """Holds deliveries in hand until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self, _: Delivery) -> Settlement:
        """Wait inside."""
        self.entered.release()
        assert self.opened.wait(PATIENCE_S)
        return DONE


def in_threads(count: int, work: Callable[[], Response]) -> tuple[list[threading.Thread], list]:  # type: ignore[type-arg]
    """Do ``work`` in threads; return them and what they answer."""
    answers: list[Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(work()), daemon=True) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    return threads, answers


def test_a_push_that_is_settled_is_acknowledged(house: House) -> None:
    """204 is what Pub/Sub takes for done."""
    assert house.push() == Response(204)
    assert [one.subscription for one in house.taken] == [SUBSCRIPTION]


def test_dead_letters_go_to_the_same_worker(house: House) -> None:
    """Nobody else can quarantine them; the edge knows them by their subscription."""
    dead = f"{SUBSCRIPTION}.dead"
    assert house.push(wrapped(subscription=f"projects/p/subscriptions/{dead}"), dead).status == 204
    assert house.taken[0].subscription == dead


@pytest.mark.parametrize(
    ("outcome", "status"), [(DeliveryOutcome.RETRY, 503), (DeliveryOutcome.CONTENDED, 429)]
)
def test_what_must_come_again_is_not_acknowledged(outcome: DeliveryOutcome, status: int) -> None:
    """Either makes Pub/Sub back off and send it again."""
    house = House(receive=lambda _: Settlement(acknowledge=False, code=outcome, delay_s=5))
    answer = house.push()
    assert code(answer) == (status, outcome.value)
    assert answer.headers == {"retry-after": "1"}


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", f"/push/{SUBSCRIPTION}", (405, "method_not_allowed")),
        ("PUT", f"/push/{SUBSCRIPTION}", (405, "method_not_allowed")),
        ("POST", "/push/ocr.pages-read", (404, "not_found")),
        ("POST", "/push/", (404, "not_found")),
        ("POST", f"/push/{SUBSCRIPTION}/", (404, "not_found")),
        ("POST", f"/push/{SUBSCRIPTION}.dead.dead", (404, "not_found")),
        ("POST", f"/push//{SUBSCRIPTION}", (404, "not_found")),
        ("POST", f"/PUSH/{SUBSCRIPTION}", (404, "not_found")),
        ("GET", "/", (404, "not_found")),
        ("GET", f"/{SECRET}", (404, "not_found")),
        ("GET", "/health/..", (404, "not_found")),
        ("POST", "/health", (405, "method_not_allowed")),
        ("DELETE", "/metrics", (405, "method_not_allowed")),
        ("GET", "/internal/jobs/poll", (405, "method_not_allowed")),
        ("POST", "/internal/jobs/sweep", (404, "not_found")),
    ],
)
def test_other_requests_are_refused(
    house: House, method: str, path: str, expected: tuple[int, str]
) -> None:
    """What nobody offers must not look as if it worked."""
    assert code(house.ask(path, method, wrapped())) == expected
    assert house.taken == []


def test_a_body_over_the_limit_is_refused_before_it_is_read(house: House) -> None:
    """What one request may cost is known beforehand; even a stranger's is not parsed."""
    assert code(house.push(b"[" * (MOST_BYTES + 1))) == (413, "request_too_large")
    assert house.guard.asked == []


def test_what_is_no_push_is_refused_without_an_echo(house: House) -> None:
    """An answer that quotes the request would carry content into other people's logs."""
    answer = house.push(wrapped({"data": SECRET}))
    assert code(answer) == (400, "malformed_push")
    assert SECRET.encode() not in answer.body
    assert SECRET not in "".join(house.lines)


def test_a_message_that_is_no_event_goes_to_the_edge(house: House) -> None:
    """The edge keeps it in quarantine: refused here it would come back for a week."""
    assert house.push(wrapped({"attributes": {"who": "knows"}, "data": ""})).status == 204


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (UnauthenticatedError(), (401, "unauthenticated")),
        (ForbiddenError(), (403, "forbidden")),
        (TransientError("away"), (503, "authentication_undecided")),
        (RuntimeError(SECRET), (500, "internal")),
    ],
)
@pytest.mark.parametrize("path", [f"/push/{SUBSCRIPTION}", "/internal/jobs/poll"])
def test_nobody_gets_in_whom_the_authenticator_does_not_let_in(
    house: House, path: str, raised: Exception, expected: tuple[int, str]
) -> None:
    """Whatever goes wrong while deciding, the door stays shut."""
    house.guard.answer = raised
    house.job = lambda: house.ended.append("job")
    assert code(house.ask(path, "POST", wrapped())) == expected
    assert house.taken == []
    assert house.ended == []


def test_the_authenticator_is_asked_about_the_subscription_of_the_path(house: House) -> None:
    """The account of one subscription must not push into another."""
    house.ask(f"/push/{SUBSCRIPTION}.dead", "POST", b"", {"authorization": "Bearer x"})
    house.ask("/internal/jobs/poll", "POST")
    assert house.guard.asked == [("Bearer x", f"{SUBSCRIPTION}.dead"), ("", "jobs/poll")]


def test_a_bug_behind_the_door_is_a_500_without_a_message(house: House) -> None:
    """The host would answer with the exception's text."""

    def broken(_: Delivery) -> Settlement:
        raise ValueError(SECRET)

    house.receive = broken
    answer = house.push()
    assert code(answer) == (500, "internal")
    assert SECRET not in "".join(house.lines)
    house.receive = lambda _: DONE
    assert house.push().status == 204  # and its place is free again


def test_more_than_it_can_take_is_told_to_come_later() -> None:
    """1,000 pushes at once: two are in hand, the others are answered at once and wait nowhere."""
    gate = Gate()
    house = House(receive=gate)
    threads, answers = in_threads(2, house.push)
    for _ in threads:
        assert gate.entered.acquire(timeout=PATIENCE_S)
    refused = [house.push() for _ in range(998)]
    assert {code(answer) for answer in refused} == {(429, "busy")}
    assert refused[0].headers == {"retry-after": "1"}
    assert code(house.ask("/health")) == (200, "ok")
    gate.opened.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert [answer.status for answer in answers] == [204, 204]
    assert house.push().status == 204


def test_refusals_are_counted_and_the_suspicious_ones_told(house: House) -> None:
    """Who watches must see a wrong account at once, and a flood as a figure, not as a flood."""
    house.guard.answer = ForbiddenError()
    house.push()
    house.ask(f"/{SECRET}")
    (line,) = map(json.loads, house.lines)
    assert (line["op"], line["code"], line["status"]) == ("request.refused", "forbidden", 403)
    for reason in ("forbidden", "not_found"):
        assert house.metrics.value(Metric.REQUESTS_REFUSED, stage="ingest", reason=reason) == 1
    assert SECRET.encode() not in house.ask("/metrics").body


def test_a_stranger_does_not_take_the_place_of_a_delivery(house: House) -> None:
    """Who is not let in is never counted as in hand."""
    house.guard.answer = UnauthenticatedError()
    for _ in range(10):
        assert house.push().status == 401
    house.guard.answer = None
    assert house.push().status == 204


def test_health_says_that_the_process_answers(house: House) -> None:
    """It must not depend on stores: a restart does not bring them back."""
    house.check = Gate
    house.guard.answer = TransientError("away")
    assert code(house.ask("/health")) == (200, "ok")
    assert house.ask("/health", "HEAD").status == 200


def test_ready_names_what_is_missing(house: House) -> None:
    """Whoever deploys must see which part is away, and nothing of why."""

    def away() -> None:
        raise TransientError(SECRET)

    house.check = away
    answer = house.ask("/ready")
    assert answer.status == 503
    assert json.loads(answer.body) == {"code": "not_ready", "missing": ["objects"]}
    house.check = lambda: None
    house.clock.sleep(FRESH_S)
    assert code(house.ask("/ready")) == (200, "ok")


def test_ready_includes_the_keys_that_tokens_are_checked_with(house: House) -> None:
    """A worker that can let nobody in is not ready."""
    house.guard.answer = TransientError("away")
    assert json.loads(house.ask("/ready").body)["missing"] == ["authentication"]


def test_probes_do_not_become_load(house: House) -> None:
    """One answer serves everybody who asks within a second."""
    asked: list[int] = []
    house.check = lambda: asked.append(1)
    for _ in range(100):
        house.ask("/ready")
    assert len(asked) == 1
    house.clock.sleep(FRESH_S)
    house.ask("/ready")
    assert len(asked) == 2


def test_probes_do_not_pile_up_behind_a_store_that_hangs(house: House) -> None:
    """The threads that probes have are few."""
    assert house.ask("/ready").status == 200
    house.clock.sleep(FRESH_S)
    hanging, let_go = threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        assert let_go.wait(PATIENCE_S)

    house.check = hang
    (thread,), _ = in_threads(1, lambda: house.ask("/ready"))
    assert hanging.wait(PATIENCE_S)
    assert house.ask("/ready").status == 200  # the last that is known
    let_go.set()
    thread.join(PATIENCE_S)


def test_figures_are_shown(house: House) -> None:
    """Prometheus reads them."""
    house.metrics.count(Metric.EVENTS, stage="ingest", outcome="done")
    answer = house.ask("/metrics")
    assert answer.content_type.startswith("text/plain")
    name = str(Metric.EVENTS).encode()
    assert name + b'{stage="ingest",outcome="done"} 1' in answer.body


def test_a_job_runs_once_at_a_time(house: House) -> None:
    """The scheduler may call again before the last run has ended."""
    answers: list[Response] = []
    house.job = lambda: answers.append(house.ask("/internal/jobs/poll", "POST"))
    assert house.ask("/internal/jobs/poll", "POST").status == 204
    assert code(answers[0]) == (429, "busy")


def test_a_job_that_cannot_be_done_now_is_called_again(house: House) -> None:
    """The scheduler retries a 503."""

    def away() -> None:
        raise TransientError(SECRET)

    house.job = away
    assert code(house.ask("/internal/jobs/poll", "POST")) == (503, "job_failed")
    assert SECRET not in "".join(house.lines)


def test_no_repr_shows_what_came_in() -> None:
    """Requests end up in tracebacks and debuggers."""
    shown = repr(Request("POST", "/", {"authorization": SECRET}, SECRET.encode()))
    assert SECRET not in shown


def test_draining_takes_nothing_more_and_ends_in_order() -> None:
    """Stop taking, finish what is in hand, end the sandbox, send what telemetry holds."""
    gate = Gate()
    house = House(receive=gate)
    threads, answers = in_threads(1, house.push)
    assert gate.entered.acquire(timeout=PATIENCE_S)
    draining = threading.Thread(target=house.service.drain)
    draining.start()
    while house.push().status != 503:
        assert draining.is_alive()
    assert code(house.push()) == (503, "draining")
    assert code(house.ask("/ready")) == (503, "draining")
    assert code(house.ask("/internal/jobs/poll", "POST")) == (503, "draining")
    assert code(house.ask("/health")) == (200, "ok")
    gate.opened.set()
    for thread in (*threads, draining):
        thread.join(PATIENCE_S)
    assert answers == [Response(204)]
    assert house.ended == ["closed", "flushed"]
    assert [json.loads(line)["op"] for line in house.lines] == ["worker.draining", "worker.stopped"]
    house.service.drain()  # a second signal
    assert house.ended == ["closed", "flushed"]


def test_work_that_does_not_end_does_not_hold_the_process() -> None:
    """Cloud Run kills after ten seconds: telemetry must be out by then."""
    gate = Gate()
    house = House(receive=gate)
    threads, _ = in_threads(1, house.push)
    assert gate.entered.acquire(timeout=PATIENCE_S)
    house.service.drain()
    assert house.ended == ["closed", "flushed"]
    assert json.loads(house.lines[-1])["count"] == 1
    gate.opened.set()
    threads[0].join(PATIENCE_S)


def test_an_end_that_fails_does_not_stop_the_other() -> None:
    """Telemetry is sent although the sandbox would not end, and nothing escapes."""
    house = House()

    def broken() -> None:
        raise RuntimeError(SECRET)

    house.service._close = broken
    house.service.drain()
    assert house.ended == ["flushed"]
    assert SECRET not in "".join(house.lines)
