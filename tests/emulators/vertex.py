"""A local server that speaks generateContent of Vertex AI, answers as told, and has every mishap.

It is stricter than Vertex AI: a request with tools, without a schema, at another temperature, or
with a document's words among the instructions stands in ``wrong``, which each test ends by reading.
"""

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest

PROJECT: Final = "docledger-test"
LOCATION: Final = "europe-west3"
MODEL: Final = "gemini-2.5-flash"
PATH: Final = (
    f"/v1/projects/{PROJECT}/locations/{LOCATION}/publishers/google/models/{MODEL}:generateContent"
)

_MARKED: Final = re.compile(r"\A<document-([0-9a-f]{16})>\n(.*)\n</document-\1>\Z", re.DOTALL)
_CONFIG: Final = {
    "temperature": 0.0,
    "candidateCount": 1,
    "responseMimeType": "application/json",
}
_KEYS: Final = {"contents", "systemInstruction", "generationConfig"}
_MOST_WAIT_S: Final = 30.0

Answer = Callable[[str], Any]
"""From a document's words to what the model says: an object, or text as it is."""


class Fault(Enum):
    """What goes wrong with one answer."""

    HANG = auto()  # no answer for as long as the caller waits
    DRIP = auto()  # a byte now and then, without end
    FLOOD = auto()  # more bytes than any answer has
    DROP = auto()  # the connection ends before the answer
    CUT = auto()  # fewer bytes than were promised
    GARBAGE = auto()  # bytes that are no JSON
    ARRAY = auto()  # JSON, but no object
    NESTED = auto()  # JSON as deep as no parser goes
    EMPTY = auto()  # no candidates
    TWO = auto()  # two candidates
    BLOCKED_PROMPT = auto()
    BLOCKED_ANSWER = auto()
    MOST_TOKENS = auto()  # cut off by the bound on tokens
    NO_PARTS = auto()
    FUNCTION_CALL = auto()  # a tool that nobody offered
    TYPES = auto()  # strings where numbers are, and the other way around
    USAGE = auto()  # token counts that cannot be


@dataclass
class Asked:
    """One request as it came."""

    path: str
    body: dict[str, Any] = field(repr=False)

    @property
    def document(self) -> str:
        """The words between the marks."""
        match = _MARKED.fullmatch(self.body["contents"][0]["parts"][0]["text"])
        return match[2] if match else ""


def letter(_words: str) -> dict[str, Any]:
    """Answer that everything is a letter."""
    return {"document_type": "letter", "fields": {}, "summary": "A letter."}


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: a caller whose patience was at its end is what many tests are about."""


class VertexServer:
    """One server on a free port of this machine.

    Attributes:
        address: ``host:port``.
        asked: every request, in order.
        wrong: what a caller did that a careful one does not.
        answer: what the model says of a document's words.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.wrong: list[str] = []
        self.answer: Answer = letter
        self._faults: deque[Fault | int] = deque()
        self._always: Fault | int | None = None
        self._release = threading.Event()
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End it, and whoever still waits."""
        self._release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reset(self) -> None:
        """Forget what was asked and told."""
        self.asked.clear()
        self.wrong.clear()
        self._faults.clear()
        self._always = None
        self.answer = letter

    def fail(self, *faults: Fault | int) -> None:
        """Let the next answers go wrong, each in its way; a number is an HTTP status."""
        self._faults.extend(faults)

    def fail_always(self, fault: Fault | int | None) -> None:
        """Let every answer go wrong, until told None."""
        self._always = fault

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                asked = Asked(self.path, json.loads(self.rfile.read(length)))
                server.asked.append(asked)
                server._check(asked, self.headers.get("Authorization"))
                fault = server._faults.popleft() if server._faults else server._always
                server._respond(self, asked, fault)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def _check(self, asked: Asked, authorization: str | None) -> None:
        body = asked.body
        config = body.get("generationConfig", {})
        if asked.path != PATH:
            self.wrong.append(f"path {asked.path}")
        if authorization != "Bearer local":
            self.wrong.append("no identity")
        if set(body) != _KEYS:
            self.wrong.append(f"keys {sorted(body)}")
        if any(config.get(name) != value for name, value in _CONFIG.items()):
            self.wrong.append("not at temperature 0, not one candidate, or not as JSON")
        if config.get("responseSchema", {}).get("type") != "OBJECT":
            self.wrong.append("no schema")
        if not config.get("maxOutputTokens"):
            self.wrong.append("no bound on the answer")
        contents = body.get("contents", [])
        if [one.get("role") for one in contents] != ["user"] or not asked.document:
            self.wrong.append("the document does not stand alone, between its marks")
        told = json.dumps(body.get("systemInstruction", {}))
        rows = (row.strip() for row in asked.document.splitlines())
        if any(len(row) > 20 and row in told for row in rows):
            self.wrong.append("a document's words among the instructions")

    def _respond(
        self, handler: BaseHTTPRequestHandler, asked: Asked, fault: Fault | int | None
    ) -> None:
        if isinstance(fault, int):
            # As the real one does, it quotes what it was sent.
            error = {"code": fault, "message": asked.document, "status": "TOLD_TO_REFUSE"}
            _send(handler, json.dumps({"error": error}).encode(), status=fault)
        elif fault is Fault.HANG:
            self._release.wait(_MOST_WAIT_S)
            handler.close_connection = True
        elif fault is Fault.DROP:
            handler.close_connection = True
        elif fault is Fault.DRIP:
            self._drip(handler)
        elif fault is Fault.CUT:
            _head(handler, 200, 1_000)
            handler.wfile.write(b'{"candidates": [')
            handler.close_connection = True
        else:
            _send(handler, _body(asked, self.answer, fault))

    def _drip(self, handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        _head(handler, 200, 100_000)
        try:
            while not self._release.wait(0.02):
                handler.wfile.write(b" ")
        except OSError:
            return  # the caller's patience was at its end


def _head(handler: BaseHTTPRequestHandler, status: int, length: int) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json; charset=UTF-8")
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


def _send(handler: BaseHTTPRequestHandler, body: bytes, *, status: int = 200) -> None:
    try:
        _head(handler, status, len(body))
        handler.wfile.write(body)
    except OSError:
        return  # the caller has heard enough


def _body(asked: Asked, answer: Answer, fault: Fault | None) -> bytes:
    if fault in _RAW:
        return _RAW[fault]
    said = answer(asked.document)
    text = said if isinstance(said, str) else json.dumps(said)
    candidate: dict[str, Any] = {
        "content": {"role": "model", "parts": [{"text": text}]},
        "finishReason": "STOP",
    }
    made: dict[str, Any] = {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": len(asked.document) // 4 + 300,
            "candidatesTokenCount": len(text) // 4,
            "totalTokenCount": len(asked.document) // 4 + 300 + len(text) // 4,
        },
        "modelVersion": MODEL,
    }
    half = {"content": {"parts": [{"text": text[: len(text) // 2]}]}, "finishReason": "MAX_TOKENS"}
    call = {"parts": [{"functionCall": {"name": "pay", "args": {}}}]}
    spoilt: dict[Fault, dict[str, Any]] = {
        Fault.EMPTY: {"candidates": []},
        Fault.TWO: {"candidates": [candidate, candidate]},
        Fault.BLOCKED_PROMPT: {
            "candidates": [],
            "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        },
        Fault.BLOCKED_ANSWER: {"candidates": [{"finishReason": "SAFETY"}]},
        Fault.MOST_TOKENS: {"candidates": [half]},
        Fault.NO_PARTS: {"candidates": [candidate | {"content": {"role": "model"}}]},
        Fault.FUNCTION_CALL: {"candidates": [candidate | {"content": call}]},
        Fault.TYPES: {"candidates": "none", "usageMetadata": [1], "promptFeedback": 7},
        Fault.USAGE: {"usageMetadata": {"promptTokenCount": 2**31 - 1, "candidatesTokenCount": -5}},
    }
    return json.dumps(made | (spoilt[fault] if isinstance(fault, Fault) else {})).encode()


_RAW: Final[dict[Fault | None, bytes]] = {
    Fault.GARBAGE: b"\xff\xfe<html>not JSON</html>",
    Fault.ARRAY: b"[1, 2, 3]",
    Fault.NESTED: b"[" * 100_000,
    Fault.FLOOD: b'{"candidates": "' + b"x" * 2_000_000 + b'"}',
}


@pytest.fixture(scope="module")
def vertex_process() -> Iterator[VertexServer]:
    """Give one server to all tests of a module."""
    server = VertexServer()
    yield server
    server.stop()


@pytest.fixture
def vertex_server(vertex_process: VertexServer) -> Iterator[VertexServer]:
    """Give a server that remembers nothing; the test fails where a request was not careful."""
    vertex_process.reset()
    yield vertex_process
    assert vertex_process.wrong == []
