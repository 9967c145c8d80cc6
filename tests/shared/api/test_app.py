"""What every API does the same: probes, errors, headers, its end."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI

from shared.api.app import new_app
from shared.api.problems import MESSAGES, STATUSES
from shared.telemetry.apis import ApiOperation, ApiProblem
from tests.shared.api.asking import Process, ask

CANARY = "canary-4711"


@pytest.fixture
def process() -> Process:
    """Give surroundings."""
    return Process()


@pytest.fixture
def app(process: Process) -> FastAPI:
    """Give an API with one path, which fails."""
    app = new_app(
        title="test",
        description="",
        around=process.around("auditor", "store", "register"),
        most_at_once=2,
        operations={"read_entry": ApiOperation.READ_ENTRY},
    )

    @app.get("/fails/{what}")
    def read_entry(what: str) -> None:
        raise ValueError(what)

    return app


def test_every_problem_has_a_status_and_a_sentence() -> None:
    """A problem without them would be a mistake of ours in the middle of an answer."""
    assert set(STATUSES) == set(MESSAGES) == set(ApiProblem)


def test_probes_answer_without_a_token(app: FastAPI) -> None:
    """The platform has no account here."""
    assert ask(app, "GET", "/health").json == {"code": "ok"}
    assert ask(app, "GET", "/ready").json == {"code": "ok"}
    assert ask(app, "GET", "/metrics").headers["content-type"].startswith("text/plain")


def test_ready_names_what_is_missing(app: FastAPI, process: Process) -> None:
    """On-call must see which store is away, and traffic must go elsewhere."""
    process.away = {"register"}
    answer = ask(app, "GET", "/ready")
    assert (answer.status, answer.json) == (503, {"code": "not_ready", "missing": ["register"]})


def test_exception_is_answered_without_its_message(app: FastAPI, process: Process) -> None:
    """The server behind us would log the traceback, and with it what the exception quotes."""
    answer = ask(app, "GET", f"/fails/{CANARY}")
    assert (answer.status, answer.code) == (500, "internal")
    assert CANARY.encode() not in answer.body
    assert CANARY not in "".join(process.lines)
    assert process.said[0]["error"] == "ValueError"
    assert process.said[1]["operation"] == "read_entry"


@pytest.mark.parametrize(
    "path", ["/docs", "/redoc", "/openapi.json", "/health/", f"/{CANARY}", "/", "", "*"]
)
def test_every_other_path_is_not_found(app: FastAPI, path: str) -> None:
    """A redirect would repeat the Host header; documents are in the repository."""
    answer = ask(app, "GET", path, headers=[("host", CANARY)])
    assert (answer.status, answer.code) == (404, "not_found")
    assert CANARY not in repr(answer)


def test_answers_are_neither_kept_nor_guessed_at(app: FastAPI) -> None:
    """What a caller may see now, the next user of a shared cache may not."""
    for path in ("/health", "/nowhere", "/fails/x"):
        answer = ask(app, "GET", path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_draining_lets_nothing_more_in(app: FastAPI, process: Process) -> None:
    """A request that begins now would be broken off."""
    app.state.drain()
    app.state.drain()
    assert ask(app, "GET", "/fails/x").code == "busy"
    assert ask(app, "GET", "/ready").json == {"code": "draining"}
    assert ask(app, "GET", "/health").status == 200
    assert [line["op"] for line in process.said].count("worker.draining") == 1


def test_end_flushes_telemetry(app: FastAPI, process: Process) -> None:
    """What happened in the last seconds is what one looks for after a crash."""
    said: list[str] = []

    async def life() -> None:
        steps: list[dict[str, Any]] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

        async def receive() -> dict[str, Any]:
            return steps.pop(0)

        async def send(message: Any) -> None:
            said.append(message["type"])

        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)

    asyncio.run(life())
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert process.flushed == 1
    assert [line["op"] for line in process.said] == ["worker.started", "worker.stopped"]
