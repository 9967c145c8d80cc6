"""Gets a key set over HTTP: within seconds and a size, without following anybody elsewhere."""

import http.client
import time
from contextlib import closing
from typing import Final
from urllib.parse import urlsplit

from shared.errors import TransientError, UserError

MOST_BYTES: Final = 65_536
MOST_S: Final = 3.0

_CHUNK: Final = 8_192
_LOCAL: Final = {"127.0.0.1", "localhost", "::1"}
_OK: Final = 200


class HttpFetch:
    """Fetches one address.

    Args:
        url: ``https``; ``http`` only on this machine.
        most_s: seconds that one fetch may take.

    Raises:
        UserError: the address is neither.
    """

    def __init__(self, url: str, *, most_s: float = MOST_S) -> None:
        parts = urlsplit(url)
        plain = parts.scheme == "http" and parts.hostname in _LOCAL
        if not parts.hostname or (parts.scheme != "https" and not plain):
            raise UserError("the address of the key set must begin with https://")
        self._kind = http.client.HTTPConnection if plain else http.client.HTTPSConnection
        self._host, self._port = parts.hostname, parts.port
        self._path = parts.path or "/"
        self._most_s = most_s

    def __call__(self) -> bytes:
        """Return the body.

        Raises:
            TransientError: no answer in time, another status (a redirection too), or too much.
        """
        deadline = time.monotonic() + self._most_s
        connection = self._kind(self._host, self._port, timeout=self._most_s)
        try:
            with closing(connection):
                connection.request("GET", self._path, headers={"accept": "application/json"})
                return _body(connection, deadline)
        except (OSError, http.client.HTTPException) as err:
            raise TransientError("the server of the keys does not answer") from err


def _body(connection: http.client.HTTPConnection, deadline: float) -> bytes:
    """Read what comes before the deadline: a server may send one byte at a time for ever."""
    answer = connection.getresponse()
    if answer.status != _OK:
        raise TransientError("the server of the keys answers with something else")
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise TransientError("the answer of the keys' server is too long")
        if time.monotonic() > deadline:
            raise TransientError("the server of the keys is too slow")
    return b"".join(parts)
