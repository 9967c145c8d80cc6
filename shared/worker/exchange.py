"""What a worker is asked and answers over HTTP, and how it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic_core import to_json

from shared.telemetry.refusals import Refusal

_JSON: Final = "application/json"
_RETRY_AFTER: Final = {"retry-after": "1"}
_COME_AGAIN: Final = {429, 503}
_STATUS: Final[dict[Refusal, int]] = {
    Refusal.NOT_FOUND: 404,
    Refusal.METHOD_NOT_ALLOWED: 405,
    Refusal.REQUEST_TOO_LARGE: 413,
    Refusal.UNAUTHENTICATED: 401,
    Refusal.FORBIDDEN: 403,
    Refusal.AUTHENTICATION_UNDECIDED: 503,
    Refusal.MALFORMED_PUSH: 400,
    Refusal.BUSY: 429,
    Refusal.DRAINING: 503,
    Refusal.NOT_READY: 503,
    Refusal.JOB_FAILED: 503,
    Refusal.INTERNAL: 500,
}

WORTH_A_LINE: Final = frozenset(
    {
        Refusal.UNAUTHENTICATED,
        Refusal.FORBIDDEN,
        Refusal.AUTHENTICATION_UNDECIDED,
        Refusal.MALFORMED_PUSH,
        Refusal.REQUEST_TOO_LARGE,
    }
)
"""What says that something is misconfigured or that somebody is trying; the others are counted."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, read whole.

    Attributes:
        method: in capitals.
        path: decoded, without the query.
        headers: by lower-case name; several of one name are joined by commas.
        body: never shown.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer.

    Attributes:
        status: HTTP's.
        body: empty, or short JSON (the figures are text); never anything that came in.
        content_type: of the body.
        headers: others, by lower-case name.
    """

    status: int
    body: bytes = b""
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """The request is not served.

    Attributes:
        refusal: why not.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


ACKNOWLEDGED: Final = Response(204)
"""What Pub/Sub and the scheduler take for done."""


def refused(refusal: Refusal, **more: object) -> Response:
    """Return the answer to a request that is not served: its status, and the code as JSON."""
    return told(_STATUS[refusal], code=refusal.value, **more)


def told(status: int, **said: object) -> Response:
    """Return an answer in JSON; one that means "come again" says so."""
    return Response(status, to_json(said), headers=_RETRY_AFTER if status in _COME_AGAIN else {})
