"""A worker as an HTTP service: pushes, probes, figures, internal jobs; and how it ends.

The host (``deploy/cloudrun``) turns its own requests into ``Request`` and nothing more. Nothing
waits in here: what cannot be taken at once is refused, and Pub/Sub sends it again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pydantic_core import to_json

from shared.clock import Clock
from shared.errors import TransientError
from shared.logging import StageLog
from shared.telemetry.log_events import LogEvent
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.refusals import Refusal
from shared.telemetry.registry import CONTENT_TYPE, MemoryMetrics
from shared.worker.admission import Admission, Entry
from shared.worker.authentication import Authenticator, ForbiddenError, UnauthenticatedError
from shared.worker.push import MOST_BYTES, MalformedPushError, delivery_of
from shared.worker.readiness import Readiness
from shared.worker.settlement import Receiver

PUSH: Final = "/push/"
JOBS: Final = "/internal/jobs/"
DEAD_SUFFIX: Final = ".dead"
DRAIN_S: Final = 8.0
"""Of the 10 seconds that Cloud Run gives; what is left belongs to the host."""

_PATIENCE: Final = 0.75
_JSON: Final = "application/json"
_RETRY_AFTER: Final = {"retry-after": "1"}
_STATUS: Final[dict[Refusal, int]] = {
    Refusal.NOT_FOUND: 404,
    Refusal.METHOD_NOT_ALLOWED: 405,
    Refusal.REQUEST_TOO_LARGE: 413,
    Refusal.UNAUTHENTICATED: 401,
    Refusal.FORBIDDEN: 403,
    Refusal.AUTHENTICATION_UNDECIDED: 503,
    Refusal.MALFORMED_PUSH: 400,
    Refusal.BUSY: 429,
    Refusal.DRAINING: 503,
    Refusal.NOT_READY: 503,
    Refusal.JOB_FAILED: 503,
    Refusal.INTERNAL: 500,
}


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, read whole.

    Attributes:
        method: in capitals.
        path: decoded, without the query.
        headers: by lower-case name; several of one name are joined by commas.
        body: never shown.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer.

    Attributes:
        status: HTTP's.
        body: empty, or short JSON (the figures are text); never anything that came in.
        content_type: of the body.
        headers: others, by lower-case name.
    """

    status: int
    body: bytes = b""
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class _RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class Service:
    """One worker behind HTTP. Safe for threads.

    Args:
        name: of the worker.
        receivers: by subscription, who takes its deliveries and its dead letters.
        authenticator: says who may push, and who may start jobs (``jobs/<name>``).
        checks: for ``/ready``, by name: each raises when what the worker needs is not there.
        metrics: what ``/metrics`` shows.
        jobs: for ``POST /internal/jobs/<name>``; one of a kind runs at a time.
        log: the worker's.
        clock: time.
        concurrency: how many deliveries may be in hand; the next is answered 429.
        close: ends the worker's sandbox, so that what is stuck in it fails for now.
        flush: sends what telemetry still holds.
        drain_s: how long ``drain`` may take.
    """

    def __init__(  # noqa: PLR0913 - the whole of a worker meets here
        self,
        *,
        name: str,
        receivers: Mapping[str, Receiver],
        authenticator: Authenticator,
        checks: Mapping[str, Callable[[], object]],
        metrics: MemoryMetrics,
        jobs: Mapping[str, Callable[[], object]],
        log: StageLog,
        clock: Clock,
        concurrency: int,
        close: Callable[[], None],
        flush: Callable[[], None],
        drain_s: float = DRAIN_S,
    ) -> None:
        self.name = name
        self.concurrency = concurrency
        self._receivers = {
            subscription + suffix: receiver
            for subscription, receiver in receivers.items()
            for suffix in ("", DEAD_SUFFIX)
        }
        self._authenticator = authenticator
        self._readiness = Readiness({**checks, "authentication": authenticator.ready}, clock=clock)
        self._metrics = metrics
        self._jobs = dict(jobs)
        self._admitted_jobs = {job: Admission(1) for job in jobs}
        self._log = log
        self._close = close
        self._flush = flush
        self._drain_s = drain_s
        self._clock = clock
        self._admitted = Admission(concurrency)
        self._probes: dict[str, Callable[[], Response]] = {
            "/health": partial(_told, 200, code="ok"),
            "/ready": self._ready,
            "/metrics": self._figures,
        }

    def respond(self, request: Request) -> Response:
        """Answer one request; never raises."""
        try:
            if request.path.startswith(PUSH):
                return self._push(request, request.path[len(PUSH) :])
            if request.path.startswith(JOBS):
                return self._job(request, request.path[len(JOBS) :])
            return self._probe(request)
        except _RefusedError as refused:
            return self._refuse(refused.refusal)
        except Exception as error:  # noqa: BLE001 - the host would answer with its message
            self._log.error(LogEvent.UNHANDLED_ERROR, error=error)
            return self._refuse(Refusal.INTERNAL)

    def drain(self) -> None:
        """Take nothing more, finish what is in hand or give it back, tell the rest; then return.

        Most of ``drain_s`` belongs to the work in hand. What is stuck then loses its sandbox: its
        handler fails for now, the edge gives its lease back, and it is answered 503.
        """
        if not self._stop_admitting():
            return
        self._log.info(LogEvent.WORKER_DRAINING, count=self._admitted.in_hand)
        begun = self._clock.monotonic()
        self._wait_until_empty(begun + self._drain_s * _PATIENCE)
        self._quietly(self._close)
        self._wait_until_empty(begun + self._drain_s)
        self._log.info(LogEvent.WORKER_STOPPED, count=self._admitted.in_hand)
        self._quietly(self._flush)

    def _push(self, request: Request, subscription: str) -> Response:
        receiver = self._receivers.get(subscription)
        if receiver is None:
            raise _RefusedError(Refusal.NOT_FOUND)
        self._only_post(request)
        self._authenticate(request, subscription)
        self._enter(self._admitted)
        try:
            settlement = receiver.receive(delivery_of(request.body, subscription))
        except MalformedPushError:
            raise _RefusedError(Refusal.MALFORMED_PUSH) from None
        finally:
            self._admitted.leave()
        if settlement.acknowledge:
            return _ACKNOWLEDGED
        status = 429 if settlement.code is DeliveryOutcome.CONTENDED else 503
        return _told(status, code=settlement.code.value)

    def _job(self, request: Request, name: str) -> Response:
        job = self._jobs.get(name)
        if job is None:
            raise _RefusedError(Refusal.NOT_FOUND)
        self._only_post(request)
        self._authenticate(request, f"jobs/{name}")
        admitted = self._admitted_jobs[name]
        self._enter(admitted)
        try:
            job()
        except TransientError as error:
            self._log.warning(LogEvent.STORE_UNAVAILABLE, error=error)
            raise _RefusedError(Refusal.JOB_FAILED) from error
        finally:
            admitted.leave()
        return _ACKNOWLEDGED

    def _probe(self, request: Request) -> Response:
        probe = self._probes.get(request.path)
        if probe is None:
            raise _RefusedError(Refusal.NOT_FOUND)
        if request.method not in {"GET", "HEAD"}:
            raise _RefusedError(Refusal.METHOD_NOT_ALLOWED)
        return probe()

    def _ready(self) -> Response:
        if self._admitted.draining:
            raise _RefusedError(Refusal.DRAINING)
        missing = self._readiness.missing()
        if missing:
            return _told(_STATUS[Refusal.NOT_READY], code=Refusal.NOT_READY.value, missing=missing)
        return _told(200, code="ok")

    def _figures(self) -> Response:
        return Response(200, self._metrics.render().encode(), CONTENT_TYPE)

    def _only_post(self, request: Request) -> None:
        if request.method != "POST":
            raise _RefusedError(Refusal.METHOD_NOT_ALLOWED)
        if len(request.body) > MOST_BYTES:
            raise _RefusedError(Refusal.REQUEST_TOO_LARGE)

    def _authenticate(self, request: Request, caller: str) -> None:
        """Before admission: a stranger must not take the place of a delivery."""
        try:
            self._authenticator.check(request.headers, caller)
        except UnauthenticatedError as error:
            raise _RefusedError(Refusal.UNAUTHENTICATED) from error
        except ForbiddenError as error:
            raise _RefusedError(Refusal.FORBIDDEN) from error
        except TransientError as error:
            raise _RefusedError(Refusal.AUTHENTICATION_UNDECIDED) from error

    def _enter(self, admitted: Admission) -> None:
        entry = admitted.enter()
        if entry is Entry.BUSY:
            raise _RefusedError(Refusal.BUSY)
        if entry is Entry.DRAINING:
            raise _RefusedError(Refusal.DRAINING)

    def _refuse(self, refusal: Refusal) -> Response:
        status = _STATUS[refusal]
        headers = _RETRY_AFTER if status in {429, 503} else {}
        return Response(status, to_json({"code": refusal.value}), headers=headers)

    def _stop_admitting(self) -> bool:
        for admitted in self._admitted_jobs.values():
            admitted.close()
        return self._admitted.close()

    def _wait_until_empty(self, until: float) -> None:
        for admitted in (self._admitted, *self._admitted_jobs.values()):
            admitted.wait_until_empty(max(0.0, until - self._clock.monotonic()))

    def _quietly(self, last: Callable[[], None]) -> None:
        try:
            last()
        except Exception as error:  # noqa: BLE001 - the process ends either way
            self._log.warning(LogEvent.UNHANDLED_ERROR, error=error)


_ACKNOWLEDGED: Final = Response(204)


def _told(status: int, **said: object) -> Response:
    return Response(status, to_json(said), headers=_RETRY_AFTER if status in {429, 503} else {})
