"""A web server of one log, which misbehaves where it is told to."""

import contextlib
import itertools
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


class Served:
    """The files at ``<url>/<path>``; ``answers`` go before them.

    Attributes:
        url: the log's prefix.
        files: by path; may change while it serves.
        answers: by path: says something else than the file.
        asked: how often each path was asked for.
        tokens: the Authorization headers that came.
    """

    def __init__(self, url: str, files: Mapping[str, bytes]) -> None:
        self.url = url
        self.files = dict(files)
        self.answers: dict[str, Answer] = {}
        self.asked: Counter[str] = Counter()
        self.tokens: set[str | None] = set()
        self.connections = 0


@contextmanager
def serving(files: Mapping[str, bytes], tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Serve files below ``/log/acme`` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            served.connections += 1
            super().setup()

        def do_GET(self) -> None:
            path = self.path.removeprefix("/log/acme/")
            served.asked[path] += 1
            served.tokens.add(self.headers.get("Authorization"))
            answer = served.answers.get(path) or served.answers.get("*")
            if answer is not None:
                answer(self)
            elif path in served.files and self.path.startswith("/log/"):
                body(self, served.files[path])
            else:
                status(404)(self)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Who asked has hung up, which is as it should be."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    served = Served(f"{scheme}://127.0.0.1:{server.server_port}/log/acme", files)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def body(request: BaseHTTPRequestHandler, data: bytes, **headers: str) -> None:
    """Answer with a file."""
    request.send_response(200)
    request.send_header("Content-Length", str(len(data)))
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(data)


def status(code: int, **headers: str) -> Answer:
    """Answer with a status, and a body that nobody should ever see."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.send_header("Content-Length", "6")
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(b"secret")

    return answer


def cut(data: bytes) -> Answer:
    """Promise more than is sent, and hang up."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(data) + 1))
        request.end_headers()
        request.wfile.write(data)
        request.close_connection = True

    return answer


def endless(request: BaseHTTPRequestHandler) -> None:
    """Send without saying how much, and without end."""
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    request.close_connection = True
    try:
        while True:
            request.wfile.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
    except OSError:
        pass


def dripping(request: BaseHTTPRequestHandler) -> None:
    """Send one header after the other, each of them in time, and never the file."""
    request.send_response(200)
    request.flush_headers()
    request.close_connection = True
    drip(request, b"X: x\r\n")


def trickling(request: BaseHTTPRequestHandler) -> None:
    """Send the file byte by byte, and say that nothing comes after it."""
    request.send_response(200)
    request.send_header("Content-Length", "8000")
    request.send_header("Connection", "close")
    request.end_headers()
    drip(request, b"x")


def drip(request: BaseHTTPRequestHandler, drop: bytes) -> None:
    """Send a little now and then, until nobody listens."""
    with contextlib.suppress(OSError):
        for _ in itertools.count():
            request.wfile.write(drop)
            time.sleep(0.02)


def unmeasured(request: BaseHTTPRequestHandler) -> None:
    """Send what looks whole, wherever it was cut."""
    request.send_response(200)
    request.end_headers()
    request.close_connection = True
    request.wfile.write(b"half of it")


def chunked(data: bytes) -> Answer:
    """Send in chunks."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for piece in (data[:7], data[7:]):
            request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        request.wfile.write(b"0\r\n\r\n")

    return answer
