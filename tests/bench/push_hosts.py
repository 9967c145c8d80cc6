"""The hosts that the bench compares: gunicorn's configuration of each, and what it runs.

``BENCH_HOST`` chooses. Every one has the same threads; ``bare`` ones answer 204 at once.
"""

import asyncio
import importlib
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Final

HOST: Final = os.environ.get("BENCH_HOST", "")
THREADS: Final = 12

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def bare(request: Any) -> tuple[str, int]:
    """Answer at once: what functions-framework alone costs."""
    request.get_data()
    return "", 204


def framework_bare() -> Any:
    """Return functions-framework around the function above."""
    import functions_framework  # noqa: PLC0415 - one host of several

    create: Callable[..., Any] = functions_framework.create_app
    return create(target="bare", source=str(Path(__file__)), signature_type="http")


def wsgi_bare(environ: dict[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
    """Answer at once: what gunicorn alone costs."""
    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start("204 No Content", [])
    return ()


def wsgi_edge(environ: dict[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
    """Give each request to the worker without a framework in between."""
    from shared.worker.web import Request  # noqa: PLC0415 - one host of several

    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    answer = _service().respond(
        Request(environ["REQUEST_METHOD"], environ["PATH_INFO"], headers, body)
    )
    start(f"{answer.status} ", [("content-type", answer.content_type)])
    return (answer.body,)


async def asgi_bare(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer at once: what uvicorn alone costs."""
    if scope["type"] == "http":
        await _read(receive)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def asgi_edge(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Give each request to the worker in a thread, as its stores block."""
    from shared.worker.web import Request  # noqa: PLC0415 - one host of several

    if scope["type"] != "http":
        return
    body = await _read(receive)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    request = Request(scope["method"], scope["path"], headers, body)
    answer = await asyncio.get_running_loop().run_in_executor(
        _threads(), _service().respond, request
    )
    told = [(b"content-length", str(len(answer.body)).encode())] if answer.body else []
    await send({"type": "http.response.start", "status": answer.status, "headers": told})
    await send({"type": "http.response.body", "body": answer.body})


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS)


@cache
def _service() -> Any:
    return importlib.import_module("tests.bench.push_service").build("summarize")


# What follows is gunicorn's configuration.
if HOST in {"edge", "framework_bare", "wsgi_bare", "wsgi_edge"}:
    from deploy.cloudrun.gunicorn_conf import *  # noqa: F403 - the one that production uses

    if HOST != "edge":
        wsgi_app = f"tests.bench.push_hosts:{HOST}" + ("()" if HOST == "framework_bare" else "")
        worker_class = "gthread"
    threads = THREADS


def post_fork(_server: object, _worker: object) -> None:
    """Put the bench's deployables in the place of ours."""
    service = importlib.import_module("tests.bench.push_service")
    sys.modules["deploy.cloudrun.deployables"] = service
