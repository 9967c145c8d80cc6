"""What stands around every request: how many at once, a log line, a figure, no exception let out.

ASGI 3.0. FastAPI's own last resort answers in plain text and raises on, so that the server would
log a traceback with whatever the exception quotes.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from enum import StrEnum
from typing import Any, Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from shared.api.problems import SAID, answer_to
from shared.clock import Clock
from shared.logging import StageLog
from shared.telemetry.apis import ApiOperation, ApiOutcome, ApiProblem
from shared.telemetry.log_events import LogEvent
from shared.telemetry.metrics import Metric, Metrics
from shared.worker.admission import Admission, Entry

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PROBES: Final = frozenset({"/health", "/ready", "/metrics"})

_ALWAYS: Final = ((b"x-content-type-options", b"nosniff"),)
_UNLESS_SAID: Final = (b"cache-control", b"no-store")


class Gate:
    """An ASGI middleware.

    Args:
        app: what is behind it.
        admission: how many requests may be under way; the next is answered 503.
        operations: by name of the endpoint, for log and figures.
        log: one line a request.
        metrics: one observation a request.
        clock: how long it took.
    """

    def __init__(  # noqa: PLR0913 - ports, by name
        self,
        app: App,
        *,
        admission: Admission,
        operations: Mapping[str, ApiOperation],
        log: StageLog,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._app = app
        self._admission = admission
        self._operations = operations
        self._log = log
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] in PROBES:
            await self._guarded(scope, receive, _Answer(send))
        else:
            await self._counted(*_as_get(scope, receive, _Answer(send)))

    async def _counted(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        begun = self._clock.monotonic()
        if not scope["path"].isprintable():  # the router would forgive a newline at the end
            refusal = answer_to(Request(scope), ApiProblem.NOT_FOUND)
            await refusal(scope, receive, answer.send)
        elif self._admission.enter() is not Entry.ADMITTED:
            refusal = answer_to(Request(scope), ApiProblem.BUSY)
            await refusal(scope, receive, answer.send)
        else:
            try:
                await self._guarded(scope, receive, answer)
            finally:
                self._admission.leave()
        self._tell(scope, answer.status, self._clock.monotonic() - begun)

    async def _guarded(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            scope.setdefault(SAID, {})["code"] = ApiOutcome.GONE
        except Exception as error:  # noqa: BLE001 - the server would log what it quotes
            self._log.error(LogEvent.UNHANDLED_ERROR, error=error)
            refusal = answer_to(Request(scope), ApiProblem.INTERNAL)
            if answer.status is None:
                await refusal(scope, receive, answer.send)

    def _tell(self, scope: Scope, status: int | None, seconds: float) -> None:
        said: dict[str, object] = {"code": ApiOutcome.SERVED, **scope.get(SAID, {})}
        name = getattr(scope.get("endpoint"), "__name__", "")
        operation = self._operations.get(name, ApiOperation.NO_OPERATION)
        code = said["code"]
        assert isinstance(code, StrEnum)
        self._metrics.observe(Metric.API_SECONDS, seconds, operation=operation, outcome=code)
        duration_ms = round(seconds * 1000, 1)
        self._log.info(
            LogEvent.REQUEST_SERVED,
            operation=operation,
            status=status,
            duration_ms=duration_ms,
            **said,
        )


def _as_get(scope: Scope, receive: Receive, answer: "_Answer") -> tuple[Scope, Receive, "_Answer"]:
    """Let HEAD be answered as GET is, without the body (RFC 9110 §9.3.2)."""
    if scope["method"] == "HEAD":
        answer.bodiless = True
        scope = {**scope, "method": "GET"}
    return scope, receive, answer


class _Answer:
    """Sends, remembers the status, and adds the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None
        self.bodiless = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), *_ALWAYS]
            if not any(name == _UNLESS_SAID[0] for name, _ in headers):
                headers.append(_UNLESS_SAID)
            message["headers"] = headers
        elif self.bodiless and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)
