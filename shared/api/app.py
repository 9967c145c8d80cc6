"""An API without its paths: errors, probes and the gate, the same for every API."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from shared.api.gate import Gate
from shared.api.problems import ProblemBody, ProblemError, answer_to
from shared.clock import Clock, SystemClock
from shared.errors import TransientError
from shared.logging import SilentLog, StageLog
from shared.telemetry.apis import ApiOperation, ApiProblem
from shared.telemetry.log_events import LogEvent
from shared.telemetry.metrics import Metrics
from shared.telemetry.registry import CONTENT_TYPE, MemoryMetrics
from shared.worker.admission import Admission
from shared.worker.built import nothing
from shared.worker.readiness import Readiness

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": ProblemBody, "description": "The caller can do something about it."},
    "5XX": {"model": ProblemBody, "description": "Try again later."},
}
"""For every path, so that FastAPI documents none of its own errors."""

_BY_STATUS: Final = {
    404: ApiProblem.NOT_FOUND,
    405: ApiProblem.METHOD_NOT_ALLOWED,
}


class Figures(Metrics, Protocol):
    """Figures that can be shown."""

    def render(self) -> str:
        """Return them in the Prometheus text format."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every API needs of its process.

    Attributes:
        log: one line a request.
        metrics: what ``/metrics`` shows.
        clock: time.
        checks: for ``/ready``, by name: each raises when what the API needs is not there.
        flush: sends what telemetry still holds, at the end.
    """

    log: StageLog
    metrics: Figures
    clock: Clock
    checks: Mapping[str, Callable[[], object]]
    flush: Callable[[], None]

    @classmethod
    def none(cls) -> Self:
        """Return nothing: for an application that only describes itself."""
        return cls(
            log=SilentLog(), metrics=MemoryMetrics(), clock=SystemClock(), checks={}, flush=nothing
        )


def new_app(
    *,
    title: str,
    description: str,
    around: Surroundings,
    most_at_once: int,
    operations: Mapping[str, ApiOperation],
) -> FastAPI:
    """Return an application that has probes, figures and errors, and no path of its own yet.

    ``app.state.drain()`` lets no further request in.

    Args:
        title: of the API's document.
        description: likewise.
        around: what it needs of its process.
        most_at_once: requests under way; the next is answered 503.
        operations: what each endpoint does, by the name of its function.
    """
    admission = Admission(most_at_once)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        around.log.info(LogEvent.WORKER_STARTED)
        yield
        admission.close()
        around.log.info(LogEvent.WORKER_STOPPED, count=admission.in_hand)
        around.flush()

    app = FastAPI(
        title=title,
        version="1",
        description=description,
        lifespan=life,
        openapi_url=None,  # the document is in docs/api; what runs answers only what it must
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat the Host header
        responses=ERRORS,
        middleware=[
            Middleware(
                Gate,
                admission=admission,
                operations=operations,
                log=around.log,
                metrics=around.metrics,
                clock=around.clock,
            )
        ],
    )

    def drain() -> None:
        if admission.close():
            around.log.info(LogEvent.WORKER_DRAINING, count=admission.in_hand)

    app.state.drain = drain
    _add_errors(app, around.log)
    _add_probes(app, around, admission)
    return app


def _add_errors(app: FastAPI, log: StageLog) -> None:
    @app.exception_handler(ProblemError)
    async def problem(request: Request, error: ProblemError) -> Response:
        return answer_to(request, error.problem)

    @app.exception_handler(TransientError)
    async def unavailable(request: Request, error: TransientError) -> Response:
        log.warning(LogEvent.STORE_UNAVAILABLE, error=error)
        return answer_to(request, ApiProblem.UNAVAILABLE)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, _error: RequestValidationError) -> Response:
        return answer_to(request, ApiProblem.MALFORMED_REQUEST)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        kept = {name: value for name, value in (error.headers or {}).items() if name == "Allow"}
        found = _BY_STATUS.get(error.status_code, ApiProblem.MALFORMED_REQUEST)
        return answer_to(request, found, kept)


def _add_probes(app: FastAPI, around: Surroundings, admission: Admission) -> None:
    readiness = Readiness(around.checks, clock=around.clock)

    @app.get("/health", include_in_schema=False)
    async def health() -> Response:
        return JSONResponse({"code": "ok"})

    @app.get("/ready", include_in_schema=False)
    def ready() -> Response:
        if admission.draining:
            return JSONResponse({"code": "draining"}, status_code=503)
        missing = readiness.missing()
        if missing:
            return JSONResponse({"code": "not_ready", "missing": missing}, status_code=503)
        return JSONResponse({"code": "ok"})

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return PlainTextResponse(around.metrics.render(), media_type=CONTENT_TYPE)
