"""Asking the partner API and the auditor API: bounded in size and time, no redirect followed."""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from shared.errors import TransientError, UserError

TIMEOUT_S: Final = 20.0
MOST_BYTES: Final = 4_000_000

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_CODE: Final = re.compile(r"[a-z_]{1,40}\Z")
_PASSING: Final = frozenset({408, 425, 429})
_FAILED: Final = 500
_OK: Final = 200
_NOT_FOUND: Final = 404


class RefusedError(Exception):
    """An API answers, and does not do what it is asked for; the line says which and how."""


@dataclass(frozen=True, slots=True)
class Api:
    """One API.

    Attributes:
        url: its address, without a path behind it but its own.
        token: sent as ``Authorization: Bearer``; never without TLS, but to this machine.

    Raises:
        UserError: the address is none, or a token would travel in the clear.
    """

    url: str
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            known = False
        if not known or parts.query or parts.fragment or parts.username is not None:
            raise UserError("an API's address is https://HOST, without anything behind it")
        if self.token is not None and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise UserError("a token is sent over https:// alone: correct the API's address")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise UserError("what was named as a token is none: it is one line of ASCII")

    def get(self, path: str, headers: Mapping[str, str] = MappingProxyType({})) -> bytes | None:
        """Return what is at ``path``, None where there is nothing that we may see.

        Raises:
            RefusedError: the API refuses us.
            TransientError: it does not answer, or not now.
        """
        status, body = self._asked("GET", path, b"", headers)
        if status == _NOT_FOUND:
            return None
        return self._expected(status, body, _OK)

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, status: int) -> bytes:
        """Send a body and return the answer, which must have that status; raises as ``get``."""
        return self._expected(*self._asked("POST", path, body, headers), status)

    def _expected(self, status: int, body: bytes, wanted: int) -> bytes:
        if status == wanted:
            return body
        line = f"{self.url} answers {status}{_code_in(body)}"
        if status in _PASSING or status >= _FAILED:
            raise TransientError(line)
        raise RefusedError(line)

    def _asked(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        connection = (
            HTTPSConnection(
                host, parts.port, timeout=TIMEOUT_S, context=ssl.create_default_context()
            )
            if parts.scheme == "https"
            else HTTPConnection(host, parts.port, timeout=TIMEOUT_S)
        )
        said = {"User-Agent": "docledger-smoke", "Accept": "application/json", **headers}
        if self.token is not None:
            said["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request(method, parts.path.rstrip("/") + path, body or None, said)
            response = connection.getresponse()
            content = response.read(MOST_BYTES + 1)
        except (OSError, HTTPException, ValueError) as err:
            raise TransientError(f"{self.url} does not answer ({type(err).__name__})") from err
        finally:
            connection.close()
        if len(content) > MOST_BYTES:
            raise RefusedError(f"{self.url} answers with more than any answer of ours holds")
        return response.status, content


def json_of(body: bytes) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        RefusedError: it is none.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise RefusedError("an API answers with something else than JSON: check its address")
    return said


def _code_in(body: bytes) -> str:
    """Return the code of one of our APIs' answers; nothing else of what a server says."""
    try:
        code = json_of(body).get("code")
    except RefusedError:
        return ""
    return f" ({code})" if isinstance(code, str) and _CODE.match(code) else ""
