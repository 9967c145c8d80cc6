"""Asking Google's APIs, as REST, for what is there: GET, and POST where reading a policy is one.

One session does for every API; seven client libraries would say the same in seven ways (ADR 31).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from requests import RequestException, Session
from requests.adapters import HTTPAdapter

from shared.clock import Clock, SystemClock

TIMEOUT_S: Final = 20.0
MOST_BYTES: Final = 16_000_000
MOST_PAGES: Final = 10_000
IN_HAND: Final = 8
"""Questions asked at once."""

POLICY: Final = ":getIamPolicy"
VERSION: Final = 3
"""Of policies; an older one is answered without its conditions."""

_WAITS_S: Final = (0.3, 1.0)
"""Before the second try, and the third: a quota is a second's, and a gate does not wait long."""

_PASSING: Final = frozenset({429, 500, 502, 503, 504})
_REASON: Final = re.compile(r"[A-Z_]{1,60}\Z")
_OK: Final = 200
_NOT_FOUND: Final = 404
_FORBIDDEN: Final = 403


class AbsentError(Exception):
    """There is no such thing."""


class UnseenError(Exception):
    """It could not be looked at.

    Args:
        why: in a few words; nothing of a server's text but a status and a code.
        denied: whether a grant is what is missing.
    """

    def __init__(self, why: str, *, denied: bool = False) -> None:
        super().__init__(why)
        self.denied = denied


@dataclass(frozen=True, slots=True)
class Call:
    """One question.

    Attributes:
        host: ``<api>.googleapis.com``.
        path: on it.
        params: behind it.
        post: whether it is sent as POST; for reading a policy alone.
        body: that is posted.

    Raises:
        ValueError: it could change something.
    """

    host: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    post: bool = False
    body: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.post and not self.path.endswith(POLICY):
            raise ValueError("only policies are read by POST")

    def with_params(self, **params: str) -> "Call":
        """Return the question with more behind it."""
        return replace(self, params={**self.params, **params})


class Google:
    """Google's APIs, read. Thread-safe.

    Args:
        session: brings the identity.
        address: of a host; another one's in tests.
        clock: waits before another try.
    """

    def __init__(
        self,
        session: Session,
        *,
        address: Callable[[str], str] = "https://{}".format,
        clock: Clock | None = None,
    ) -> None:
        self._session = session
        self._address = address
        self._clock = clock or SystemClock()

    @classmethod
    def by_default(cls) -> "Google":
        """Return the APIs as whoever is logged in here sees them.

        Raises:
            GoogleAuthError: nobody is.
        """
        import google.auth  # noqa: PLC0415 - costs half a second

        credentials, _project = google.auth.default(
            # Most of these APIs know no scope for reading alone: roles bound what it may do.
            scopes=("https://www.googleapis.com/auth/cloud-platform",)
        )
        session: Session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
        session.mount("https://", HTTPAdapter(pool_maxsize=IN_HAND))
        return cls(session)

    def ask(self, call: Call) -> dict[str, Any]:
        """Return what an API answers.

        Raises:
            AbsentError: there is no such thing.
            UnseenError: the API refuses, does not answer, or answers garbage.
        """
        for wait_s in _WAITS_S:
            status, body = self._answer(call)
            if status not in _PASSING:
                break
            self._clock.sleep(wait_s)
        else:
            status, body = self._answer(call)
        if status == _NOT_FOUND:
            raise AbsentError
        said = _object(body)
        if status != _OK:
            reason = _reason(said)
            raise UnseenError(f"refused ({status}{reason})", denied=status == _FORBIDDEN)
        if said is None:
            raise UnseenError(f"{call.host} answers something else than JSON")
        return said

    def _answer(self, call: Call) -> tuple[int, bytes]:
        try:
            with self._session.request(
                "POST" if call.post else "GET",
                self._address(call.host) + call.path,
                params=call.params,
                json=call.body,
                timeout=TIMEOUT_S,
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code, _bounded(response.iter_content(65_536))
        except (RequestException, GoogleAuthError, OSError) as err:
            raise UnseenError(f"{call.host} does not answer ({type(err).__name__})") from err

    def pages(self, call: Call, items: str) -> Iterator[list[Any]]:
        """Yield page after page of a list, to its end; raises as ``ask``."""
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            said = self.ask(call)
            page, token = said.get(items, []), said.get("nextPageToken") or ""
            if not isinstance(page, list) or not isinstance(token, str) or token in seen:
                break
            yield page
            if not token:
                return
            seen.add(token)
            call = call.with_params(pageToken=token)
        raise UnseenError(f"{call.host} answers a list that has no end, or is none")

    def every(self, call: Call, items: str) -> list[Any]:
        """Return the whole of a list; raises as ``ask``."""
        return [one for page in self.pages(call, items) for one in page]


def _bounded(chunks: Iterator[bytes]) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > MOST_BYTES:
            raise UnseenError("an API answers with more than any answer has")
    return bytes(body)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _reason(said: dict[str, Any] | None) -> str:
    """Return the code in an error: SERVICE_DISABLED, PERMISSION_DENIED, …; nothing of its text."""
    error = (said or {}).get("error")
    if not isinstance(error, dict):
        return ""
    details = error.get("details")
    told = (
        [one.get("reason") for one in details or () if isinstance(one, dict)]
        if isinstance(details, list)
        else []
    )
    for one in (*told, error.get("status")):
        if isinstance(one, str) and _REASON.match(one):
            return f" {one}"
    return ""
