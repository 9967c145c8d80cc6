"""Errors of an API: a code from a closed set and one sentence that says what to do.

Nothing that came in goes out again: the sentences are constants, and FastAPI's own answers, which
quote the input, are replaced.
"""

from collections.abc import Mapping
from typing import Final

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from shared.telemetry.apis import ApiProblem

RETRY_AFTER: Final = {"retry-after": "2"}

STATUSES: Final[dict[ApiProblem, int]] = {
    ApiProblem.MALFORMED_REQUEST: 400,
    ApiProblem.MALFORMED_FILE_NAME: 400,
    ApiProblem.MALFORMED_KEY: 400,
    ApiProblem.MALFORMED_EVENT: 400,
    ApiProblem.UNKNOWN_EVENT_TYPE: 400,
    ApiProblem.EMPTY: 400,
    ApiProblem.UNAUTHENTICATED: 401,
    ApiProblem.FORBIDDEN: 403,
    ApiProblem.NOT_FOUND: 404,
    ApiProblem.METHOD_NOT_ALLOWED: 405,
    ApiProblem.TOO_SLOW: 408,
    ApiProblem.KEY_CLOSED: 410,
    ApiProblem.TOO_LARGE: 413,
    ApiProblem.ENCODED: 415,
    ApiProblem.KEY_REUSED: 422,
    ApiProblem.TOO_MANY_REQUESTS: 429,
    ApiProblem.INTERNAL: 500,
    ApiProblem.LOG_DAMAGED: 500,
    ApiProblem.LOG_UNSIGNED: 500,
    ApiProblem.BUSY: 503,
    ApiProblem.UNAVAILABLE: 503,
    ApiProblem.AUTHENTICATION_UNDECIDED: 503,
}

MESSAGES: Final[dict[ApiProblem, str]] = {
    ApiProblem.MALFORMED_REQUEST: "compare the parameters and headers with the API's document",
    ApiProblem.MALFORMED_FILE_NAME: (
        "send Content-Disposition: attachment; filename*=UTF-8''<percent-encoded>, or leave it out"
    ),
    ApiProblem.MALFORMED_KEY: "make Idempotency-Key 1 to 255 visible ASCII characters, once",
    ApiProblem.MALFORMED_EVENT: (
        "send one CloudEvent 1.0, its document as the body (binary mode) or in data_base64"
    ),
    ApiProblem.UNKNOWN_EVENT_TYPE: "send an event of type docledger.partner.document.v1",
    ApiProblem.EMPTY: "send the document's bytes as the body",
    ApiProblem.UNAUTHENTICATED: "send Authorization: Bearer with a Google ID token for this API",
    ApiProblem.FORBIDDEN: "ask the operator to give this account a tenant",
    ApiProblem.NOT_FOUND: "check the path, the tenant and the id",
    ApiProblem.METHOD_NOT_ALLOWED: "use the method that the API's document names",
    ApiProblem.KEY_CLOSED: "ask for another size: the key that signed this one was closed",
    ApiProblem.TOO_SLOW: "send the body faster",
    ApiProblem.TOO_LARGE: "send a smaller document",
    ApiProblem.ENCODED: "send the body without a Content-Encoding",
    ApiProblem.KEY_REUSED: "use a key (or an event id) once for one document",
    ApiProblem.TOO_MANY_REQUESTS: "wait until a request of yours has ended",
    ApiProblem.INTERNAL: "try again later; tell the operator the time if it stays",
    ApiProblem.LOG_DAMAGED: "tell the operator: the log must be looked at",
    ApiProblem.LOG_UNSIGNED: "tell the operator: a key that is open must sign the checkpoint",
    ApiProblem.BUSY: "try again later",
    ApiProblem.UNAVAILABLE: "try again later",
    ApiProblem.AUTHENTICATION_UNDECIDED: "try again later",
}

_HEADERS: Final[dict[ApiProblem, Mapping[str, str]]] = {
    ApiProblem.UNAUTHENTICATED: {"www-authenticate": "Bearer"},
    ApiProblem.TOO_MANY_REQUESTS: RETRY_AFTER,
    ApiProblem.BUSY: RETRY_AFTER,
    ApiProblem.UNAVAILABLE: RETRY_AFTER,
    ApiProblem.AUTHENTICATION_UNDECIDED: RETRY_AFTER,
}

SAID: Final = "docledger.said"
"""Where a request's scope keeps what its log line will say."""


class ProblemBody(BaseModel):
    """The body of every error."""

    code: ApiProblem = Field(description="why")
    message: str = Field(description="what to do; the same sentence for the same code")


class ProblemError(Exception):
    """The request ends here with an error.

    Args:
        problem: which.
    """

    def __init__(self, problem: ApiProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


def answer_to(
    request: Request, problem: ApiProblem, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the answer that says ``problem``, and let the log line say it too."""
    say(request, code=problem)
    # A body that was not read to its end would be taken for the next request.
    unread = {} if request.method in {"GET", "HEAD"} else {"connection": "close"}
    return JSONResponse(
        {"code": problem.value, "message": MESSAGES[problem]},
        status_code=STATUSES[problem],
        headers={**_HEADERS.get(problem, {}), **unread, **(headers or {})},
    )


def say(request: Request, **fields: object) -> None:
    """Add registered fields to the log line that the request will end with."""
    request.scope.setdefault(SAID, {}).update(fields)
