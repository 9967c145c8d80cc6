"""Reading a log from a web server, which may be slow, down, or hostile.

Files come from one host over HTTP or HTTPS; redirects are refused, sizes and times are bounded,
and no error repeats what the server said.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import quote, urlsplit

from shared.tlog.errors import MalformedError, NotFoundError, UnavailableError
from shared.tlog.prefetch import Prefetch
from shared.tlog.reader import Reader
from shared.tlog.tiles import MOST_FILE_BYTES, TILE_BYTES

CONNECTIONS: Final = 6
"""To one host at once, as browsers do."""

TIMEOUT_S: Final = 20.0
"""For connecting, and for each piece that arrives."""

FILE_S: Final = 120.0
"""For one file, so that a server that drips bytes does not hold anybody for ever."""

TRIES: Final = 4
FIRST_PAUSE_S: Final = 0.25

MOST_NOTE_BYTES: Final = 1 << 20

_PIECE: Final = 1 << 16
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_PASSING: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


class WebReader:
    """Reads a log below a URL, such as ``https://logs.example/acme``. Safe to share by threads.

    Args:
        url: what stands before ``/checkpoint``.
        token: sent as ``Authorization: Bearer``, where the server wants one; never without TLS,
            but to this machine.
        timeout_s: for connecting, and for each piece that arrives.
        file_s: for one file, from the first byte asked to the last that arrives.
        pause: waits some seconds before another try.

    Raises:
        MalformedError: the URL is none of a log.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        file_s: float = FILE_S,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        try:
            parts = urlsplit(url)
            self._port = parts.port
        except ValueError as err:
            raise MalformedError("the log's URL is no URL") from err
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise MalformedError("a log's URL begins with https:// or http:// and names a host")
        if parts.username is not None or parts.password is not None:
            raise MalformedError("a log's URL holds no user and no password")
        if parts.query or parts.fragment or any(not char.isprintable() for char in url):
            raise MalformedError("a log's URL is a plain prefix, without query and fragment")
        self._host = parts.hostname
        self._prefix = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        if token is not None and self._tls is None and self._host not in _LOOPBACK:
            raise MalformedError("a token is sent over https:// alone")
        self._headers = {"User-Agent": "docledger-verify", "Accept-Encoding": "identity"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout_s = timeout_s
        self._file_s = file_s
        self._pause = pause
        self._idle: list[HTTPConnection] = []
        self._lock = threading.Lock()

    def read(self, path: str) -> bytes:
        """Return the file at ``path``.

        Raises:
            NotFoundError: there is none.
            MalformedError: it is larger than any file of its kind.
            UnavailableError: the server can't be reached, or does not give the file.
        """
        pause_s = FIRST_PAUSE_S
        for _ in range(TRIES - 1):
            try:
                return self._read_once(path)
            except _PassingError:
                self._pause(pause_s)
                pause_s *= 4
        return self._read_once(path)

    @contextmanager
    def ahead(self, paths: Iterator[str]) -> Iterator[Reader]:
        """Read these files before they are asked for, a bounded number of bytes ahead."""
        with Prefetch(self, paths, threads=CONNECTIONS) as near:
            yield near

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _read_once(self, path: str) -> bytes:
        connection = self._connection()
        try:
            if connection.sock is None:
                connection.connect()
            with _hanging_up(connection.sock, self._file_s):
                connection.request("GET", f"{self._prefix}/{path}", headers=self._headers)
                response = connection.getresponse()
                with closing(response):  # it holds the socket where the server will not
                    data = _body(response, path)
        except (OSError, HTTPException, ValueError) as err:
            connection.close()
            raise _PassingError(f"{path}: can't be reached ({type(err).__name__})") from err
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        return data

    def _connection(self) -> HTTPConnection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        if self._tls is None:
            return HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._tls)


class _PassingError(UnavailableError):
    """It may work a moment later."""


@contextmanager
def _hanging_up(connected: socket.socket, after_s: float) -> Iterator[None]:
    """End what takes too long, whatever it waits for."""

    def hang_up() -> None:
        with suppress(OSError):  # it has ended by itself
            socket.socket.shutdown(connected, socket.SHUT_RDWR)  # under TLS, if there is one

    patience = threading.Timer(after_s, hang_up)
    patience.daemon = True
    patience.start()
    try:
        yield
    finally:
        patience.cancel()


def _body(response: HTTPResponse, path: str) -> bytes:
    """Return the body of an answer that is a file of a log."""
    if response.status in _GONE:
        raise NotFoundError(f"{path}: there is no such file")
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status in _PASSING:
        raise _PassingError(f"{path}: the server answers {response.status}")
    if response.status != HTTPStatus.OK:
        hint = ""
        if HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST:
            hint = "; redirects are not followed, give the log's own URL"
        elif response.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            hint = "; a token is missing or not accepted"
        raise UnavailableError(f"{path}: the server answers {response.status}{hint}")
    if response.getheader("Content-Encoding", "identity").lower() != "identity":
        raise UnavailableError(f"{path}: the server encodes what should be plain")
    if response.length is None and not response.chunked:  # cut off or whole, it looks the same
        raise _PassingError(f"{path}: the server does not say how long it is")
    most = _most(path)
    if response.length is not None and response.length > most:
        raise MalformedError(f"{path}: is larger than any file of a log")
    return _bounded(response, path, most)


def _bounded(response: HTTPResponse, path: str, most: int) -> bytes:
    pieces: list[bytes] = []
    left = most
    while piece := response.read1(min(_PIECE, left + 1)):
        pieces.append(piece)
        left -= len(piece)
        if left < 0:
            raise MalformedError(f"{path}: is larger than any file of a log")
    if response.length:
        raise _PassingError(f"{path}: the server hung up within the file")
    return b"".join(pieces)


def _most(path: str) -> int:
    if path.startswith("tile/entries/"):
        return MOST_FILE_BYTES
    return TILE_BYTES if path.startswith("tile/") else MOST_NOTE_BYTES
