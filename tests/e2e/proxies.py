"""What stands between the parts of a cluster and misbehaves: before the store, before the workers.

Both are servers in threads of the test's own process, on free ports of this machine.
"""

import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self
from urllib.parse import urlsplit

Answer = tuple[int, list[tuple[str, str]], bytes]

_OF_A_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_ANSWER_S: Final = 60.0
_BACKOFF_S: Final = 1.0
_DOWN: Final[Answer] = (503, [], b"")


@dataclass(frozen=True, slots=True)
class _Request:
    """One request; it outlives its connection, on which others follow.

    Attributes:
        method: in capitals.
        path: as it came, with the query.
        headers: to be passed on.
        body: whole.
        connections: to where the requests of the same caller were passed over to, by host.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connections: dict[str, http.client.HTTPConnection]

    def passed_on(self, host: str, path: str) -> Answer:
        """Ask somebody else, and return what they said.

        Raises:
            OSError: nobody is there.
            HTTPException: or hangs up.
        """
        connection = http.client.HTTPConnection(host, timeout=_ANSWER_S)
        try:
            return self._asked(connection, path)
        finally:
            connection.close()

    def passed_over(self, host: str, path: str) -> Answer:
        """Ask over a connection that lives as long as the caller's; errors as of ``passed_on``."""
        if host not in self.connections:
            self.connections[host] = http.client.HTTPConnection(host, timeout=_ANSWER_S)
        try:
            return self._asked(self.connections[host], path)
        except (OSError, http.client.HTTPException):
            self.connections.pop(host).close()
            raise

    def _asked(self, connection: http.client.HTTPConnection, path: str) -> Answer:
        connection.request(self.method, path, self.body, self.headers)
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, ask: Callable[[_Request], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ask = ask
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: whoever asked was killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self._connections: dict[str, http.client.HTTPConnection] = {}
        super().setup()

    def finish(self) -> None:
        for connection in self._connections.values():
            connection.close()
        super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""

    def _answer(self) -> None:
        asked = _Request(
            self.command,
            self.path,
            {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in {*_OF_A_HOP, "host"}
            },
            self.rfile.read(int(self.headers.get("content-length") or 0)),
            self._connections,
        )
        status, headers, body = self.server.ask(asked)
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _OF_A_HOP:
                self.send_header(name, value)
        if status != http.client.NO_CONTENT:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Answer every method the same."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)


class _Proxy:
    def __init__(self) -> None:
        self._server = _Server(self._ask)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _ask(self, request: _Request) -> Answer:
        raise AssertionError(request.path)


class TroubledStore(_Proxy):
    """Before the object store: refuses requests, or loses the answer to one that was carried out.

    Args:
        where: returns the store's URL; it may be known only later.
        seed: of what happens to which request.
    """

    KINDS: Final = ("503", "429", "answer lost")

    def __init__(self, where: Callable[[], str | None], *, seed: str) -> None:
        self._where = where
        self._random = random.Random(seed)
        self.trouble = 0.0
        """The share of requests that go wrong."""
        self.done: Counter[str] = Counter()
        super().__init__()

    def _ask(self, request: _Request) -> Answer:
        store = self._where()
        if store is None:
            return _DOWN
        kind = "ok"
        if self._random.random() < self.trouble:
            kind = self._random.choice(self.KINDS)
        self.done[kind] += 1
        if kind in {"503", "429"}:
            return int(kind), [], b'{"error": {"code": %s}}' % kind.encode()
        try:
            answer = request.passed_over(urlsplit(store).netloc, request.path)
        except (OSError, http.client.HTTPException):
            return _DOWN
        return answer if kind == "ok" else _DOWN


class Doubler(_Proxy):
    """Before the workers: delivers everything twice, as the bus itself may.

    Every other push comes twice at once; the others come again when the first delivery was
    answered. The second delivery is one like all others: made again until it is acknowledged.

    Args:
        services: by deployable, the port that it listens on.
        told: of each push that is about to be delivered, by its deployable's name.
        strictly: whether every message is doubled, also one that tells again what another has
            told, so that each stage doubles what the one before it has doubled (the fourth gets
            everything sixteen times); else every event.
    """

    def __init__(
        self, services: Mapping[str, int], told: Callable[[str], object], *, strictly: bool
    ) -> None:
        self._strictly = strictly
        self._services = services
        self._told = told
        self._seen: set[tuple[str, str]] = set()
        self._waiting = 0
        self._in_hand: Counter[tuple[str, str]] = Counter()
        self._changed = threading.Condition()
        self._ends = threading.Event()
        self.doubled: Counter[str] = Counter()
        """By deployable, what it acknowledged twice."""
        super().__init__()

    def __exit__(self, *raised: object) -> None:
        self._ends.set()
        super().__exit__(*raised)

    def url_of(self, name: str) -> str:
        """Return the base URL of a deployable for the topology."""
        return f"{self.url}/{name}"

    def in_hand(self, name: str) -> set[str]:
        """Return the documents (or jobs) that a deployable is being told of."""
        with self._changed:
            return {subject for of, subject in +self._in_hand if of == name}

    def settle(self, most_s: float) -> bool:
        """Wait until every second delivery was acknowledged; tell whether that came."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, most_s)

    def _ask(self, request: _Request) -> Answer:
        _, name, *rest = request.path.split("/")
        path = "/" + "/".join(rest)
        message = json.loads(request.body)["message"]
        attributes = message.get("attributes", {})
        push = (name, attributes.get("ce-subject", ""))
        told = message["messageId"]
        if not self._strictly:
            told = attributes.get("ce-id", told)
        with self._changed:
            first = (path, told) not in self._seen
            self._seen.add((path, told))
            at_once = len(self._seen) % 2
            self._waiting += first
        again = threading.Thread(target=self._again, args=(request, push, path), daemon=True)
        self._told(name)
        if first and at_once:
            again.start()
        answer = self._deliver(request, push, path)
        if first and not at_once:
            again.start()
        return answer

    def _again(self, request: _Request, push: tuple[str, str], path: str) -> None:
        while self._deliver(request, push, path)[0] >= http.client.BAD_REQUEST:
            if self._ends.wait(_BACKOFF_S):
                return
            self._told(push[0])
        with self._changed:
            self._waiting -= 1
            self.doubled[push[0]] += 1
            self._changed.notify_all()

    def _deliver(self, request: _Request, push: tuple[str, str], path: str) -> Answer:
        with self._changed:
            self._in_hand[push] += 1
        try:
            return request.passed_on(f"127.0.0.1:{self._services[push[0]]}", path)
        except (OSError, http.client.HTTPException):
            return _DOWN  # it was killed, or is not there yet
        finally:
            with self._changed:
                self._in_hand[push] -= 1
