"""A client that says to an ASGI application exactly what a test wants said, malformed or not."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.api.app import Surroundings
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.logging import get_logger
from shared.telemetry.registry import MemoryMetrics
from shared.worker.authentication import UnauthenticatedError

App = Callable[[Any, Any, Any], Awaitable[None]]
Message = MutableMapping[str, Any]

HANGS: Final = b"\x00hangs"
"""A part of a body after which the caller sends nothing, for ever."""

LEAVES: Final = b"\x00leaves"
"""A part of a body in whose place the caller leaves."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code; every error has one, and a sentence."""
        said = self.json
        assert set(said) == {"code", "message"}
        assert said["message"]
        return str(said["code"])


@dataclass
class Asked:
    """One request, and what its caller does while the application works on it."""

    method: str
    path: str
    headers: Sequence[tuple[str, str]] = ()
    parts: Sequence[bytes] = (b"",)
    query: str = ""
    sent: list[Message] = field(default_factory=list)
    hangs: asyncio.Event = field(default_factory=asyncio.Event)

    async def of(self, app: App) -> Answer | None:
        """Ask; None when nothing was answered."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "https",
            "path": self.path,
            "raw_path": self.path.encode("utf-8", "replace"),
            "query_string": self.query.encode(),
            "root_path": "",
            "headers": [
                (name.lower().encode(), value.encode("latin-1")) for name, value in self.headers
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 1),
        }
        parts = list(self.parts)

        async def receive() -> Message:
            part = parts.pop(0) if parts else HANGS
            if part == HANGS:
                self.hangs.set()
                await asyncio.Event().wait()
            if part == LEAVES:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Message) -> None:
            self.sent.append(message)

        await app(scope, receive, send)
        if not self.sent:
            return None
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in self.sent[0]["headers"]
        }
        body = b"".join(message.get("body", b"") for message in self.sent[1:])
        return Answer(self.sent[0]["status"], headers, body)


def ask(
    app: App,
    method: str,
    path: str,
    *,
    headers: Sequence[tuple[str, str]] = (),
    parts: Sequence[bytes] = (b"",),
    query: str = "",
) -> Answer:
    """Send one request and return the answer."""
    answer = asyncio.run(Asked(method, path, headers, parts, query).of(app))
    assert answer is not None
    return answer


def ask_while(app: App, others: Sequence[Asked], last: Asked) -> Answer:
    """Send requests that hang, then the last one while they do; return its answer."""

    async def in_turn() -> Answer | None:
        tasks = [asyncio.create_task(one.of(app)) for one in others]
        for one in others:
            await one.hangs.wait()
        answer = await last.of(app)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return answer

    answer = asyncio.run(in_turn())
    assert answer is not None
    return answer


class Badges:
    """Believes ``Authorization: Badge <account>``: who calls is not what these tests are about."""

    def __init__(self) -> None:
        self.away = False

    def account(self, headers: Any) -> str:
        kind, _, account = headers.get("authorization", "").partition(" ")
        if self.away:
            raise TransientError("the keys are away")
        if kind != "Badge" or not account:
            raise UnauthenticatedError
        return str(account)

    def ready(self) -> None:
        if self.away:
            raise TransientError("the keys are away")


def badge(account: str) -> tuple[str, str]:
    """Return the header that says who calls."""
    return ("Authorization", f"Badge {account}")


class Process:
    """The surroundings of an API, with everything it logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.metrics = MemoryMetrics()
        self.flushed = 0
        self.away: set[str] = set()

    def around(self, stage: str, *checks: str) -> Surroundings:
        """Return surroundings; the checks named fail while they are in ``away``."""
        return Surroundings(
            log=get_logger(stage, sink=self.lines.append),
            metrics=self.metrics,
            clock=FakeClock(),
            checks={name: self._check(name) for name in checks},
            flush=self._flush,
        )

    @property
    def said(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def _check(self, name: str) -> Callable[[], None]:
        def check() -> None:
            if name in self.away:
                raise TransientError(name)

        return check

    def _flush(self) -> None:
        self.flushed += 1
