"""A worker as an HTTP service: pushes, probes, figures, internal jobs; and how it ends.

The host (``deploy/cloudrun``) turns its own requests into ``Request`` and nothing more. Nothing
waits in here: what cannot be taken at once is refused, and Pub/Sub sends it again.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from shared.clock import Clock
from shared.errors import TransientError
from shared.logging import StageLog
from shared.telemetry.log_events import LogEvent
from shared.telemetry.metrics import Metric
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.refusals import Refusal
from shared.telemetry.registry import CONTENT_TYPE, MemoryMetrics
from shared.worker.admission import Admission, Entry
from shared.worker.authentication import Authenticator, ForbiddenError, UnauthenticatedError
from shared.worker.exchange import (
    ACKNOWLEDGED,
    WORTH_A_LINE,
    RefusedError,
    Request,
    Response,
    refused,
    told,
)
from shared.worker.push import MOST_BYTES, MalformedPushError, delivery_of
from shared.worker.readiness import Readiness
from shared.worker.settlement import Receiver

__all__ = ["Request", "Response", "Service"]

PUSH: Final = "/push/"
JOBS: Final = "/internal/jobs/"
DEAD_SUFFIX: Final = ".dead"
DRAIN_S: Final = 8.0
"""Of the 10 seconds that Cloud Run gives; what is left belongs to the host."""

_PATIENCE: Final = 0.75


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
            "/health": partial(told, 200, code="ok"),
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
        except RefusedError as error:
            return self._refuse(error.refusal)
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
            raise RefusedError(Refusal.NOT_FOUND)
        self._only_post(request)
        self._authenticate(request, subscription)
        self._enter(self._admitted)
        try:
            settlement = receiver.receive(delivery_of(request.body, subscription))
        except MalformedPushError:
            raise RefusedError(Refusal.MALFORMED_PUSH) from None
        finally:
            self._admitted.leave()
        if settlement.acknowledge:
            return ACKNOWLEDGED
        status = 429 if settlement.code is DeliveryOutcome.CONTENDED else 503
        return told(status, code=settlement.code.value)

    def _job(self, request: Request, name: str) -> Response:
        job = self._jobs.get(name)
        if job is None:
            raise RefusedError(Refusal.NOT_FOUND)
        self._only_post(request)
        self._authenticate(request, f"jobs/{name}")
        admitted = self._admitted_jobs[name]
        self._enter(admitted)
        try:
            job()
        except TransientError as error:
            self._log.warning(LogEvent.STORE_UNAVAILABLE, error=error)
            raise RefusedError(Refusal.JOB_FAILED) from error
        finally:
            admitted.leave()
        return ACKNOWLEDGED

    def _probe(self, request: Request) -> Response:
        probe = self._probes.get(request.path)
        if probe is None:
            raise RefusedError(Refusal.NOT_FOUND)
        if request.method not in {"GET", "HEAD"}:
            raise RefusedError(Refusal.METHOD_NOT_ALLOWED)
        return probe()

    def _ready(self) -> Response:
        if self._admitted.draining:
            raise RefusedError(Refusal.DRAINING)
        missing = self._readiness.missing()
        if missing:
            return refused(Refusal.NOT_READY, missing=missing)
        return told(200, code="ok")

    def _figures(self) -> Response:
        return Response(200, self._metrics.render().encode(), CONTENT_TYPE)

    def _only_post(self, request: Request) -> None:
        if request.method != "POST":
            raise RefusedError(Refusal.METHOD_NOT_ALLOWED)
        if len(request.body) > MOST_BYTES:
            raise RefusedError(Refusal.REQUEST_TOO_LARGE)

    def _authenticate(self, request: Request, caller: str) -> None:
        """Before admission: a stranger must not take the place of a delivery."""
        try:
            self._authenticator.check(request.headers, caller)
        except UnauthenticatedError as error:
            raise RefusedError(Refusal.UNAUTHENTICATED) from error
        except ForbiddenError as error:
            raise RefusedError(Refusal.FORBIDDEN) from error
        except TransientError as error:
            raise RefusedError(Refusal.AUTHENTICATION_UNDECIDED) from error

    def _enter(self, admitted: Admission) -> None:
        entry = admitted.enter()
        if entry is Entry.BUSY:
            raise RefusedError(Refusal.BUSY)
        if entry is Entry.DRAINING:
            raise RefusedError(Refusal.DRAINING)

    def _refuse(self, refusal: Refusal) -> Response:
        answer = refused(refusal)
        self._metrics.count(Metric.REQUESTS_REFUSED, stage=self.name, reason=refusal.value)
        if refusal in WORTH_A_LINE:
            self._log.warning(LogEvent.REQUEST_REFUSED, code=refusal, status=answer.status)
        return answer

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
