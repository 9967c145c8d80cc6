"""Who calls, and whose data that account may see.

The tenant comes from here and from nowhere else: no header, parameter or event attribute names it.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Final, Protocol

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from shared.api.grants import EVERY_TENANT
from shared.api.problems import ProblemError
from shared.errors import TransientError
from shared.telemetry.apis import ApiProblem
from shared.worker.authentication import UnauthenticatedError

_BEARER: Final = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="A Google ID token whose audience is this API"
)


class Identities(Protocol):
    """Tells who sends a request."""

    def account(self, headers: Mapping[str, str]) -> str:
        """Return the caller's account: the e-mail address of a verified token.

        Args:
            headers: by lower-case name; several of one name are joined by commas.

        Raises:
            UnauthenticatedError: nobody whom we can recognise.
            TransientError: it cannot be decided now.
        """
        ...

    def ready(self) -> None:
        """Raise ``TransientError`` when nothing could be decided now; for ``/ready``."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """An account that may do something here.

    Attributes:
        account: its e-mail address; personal, so not shown.
        tenants: whose data it may see or hand in; ``*`` is every tenant's.
    """

    account: str = field(repr=False)
    tenants: frozenset[str]

    def may(self, tenant: str) -> bool:
        """Tell whether the tenant's data is this caller's business."""
        return tenant in self.tenants or EVERY_TENANT in self.tenants

    @property
    def tenant(self) -> str:
        """The one tenant of a caller who hands in documents."""
        (tenant,) = self.tenants
        return tenant


class Callers:
    """A FastAPI dependency: gives the caller of a request and counts what they have under way.

    Args:
        identities: says who it is.
        grants: tenants by account.
        most_each: requests of one account at once; the next is answered 429.
    """

    def __init__(
        self, identities: Identities, grants: Mapping[str, frozenset[str]], *, most_each: int
    ) -> None:
        self._identities = identities
        self._grants = grants
        self._most_each = most_each
        self._under_way: Counter[str] = Counter()  # touched by the event loop's thread only

    async def __call__(
        self,
        request: Request,
        _documented: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    ) -> AsyncIterator[Caller]:
        """Give the caller.

        Raises:
            ProblemError: unauthenticated, forbidden, undecided, or too many requests.
        """
        account = await run_in_threadpool(self._account, joined_headers(request))
        tenants = self._grants.get(account)
        if not tenants:
            raise ProblemError(ApiProblem.FORBIDDEN)
        with self._counted(account):
            yield Caller(account, tenants)

    def _account(self, headers: Mapping[str, str]) -> str:
        problem: ApiProblem
        try:
            return self._identities.account(headers).lower()
        except UnauthenticatedError:
            problem = ApiProblem.UNAUTHENTICATED
        except TransientError:
            problem = ApiProblem.AUTHENTICATION_UNDECIDED
        raise ProblemError(problem)

    @contextmanager
    def _counted(self, account: str) -> Iterator[None]:
        if self._under_way[account] >= self._most_each:
            raise ProblemError(ApiProblem.TOO_MANY_REQUESTS)
        self._under_way[account] += 1
        try:
            yield
        finally:
            self._under_way[account] -= 1
            if not self._under_way[account]:
                del self._under_way[account]


def joined_headers(request: Request) -> dict[str, str]:
    """Return the headers by lower-case name; several of one name are joined by commas."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def only_header(request: Request, name: str) -> str | None:
    """Return a header's value, None without it.

    Raises:
        ProblemError: it was sent twice; which one counts would be a guess.
    """
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise ProblemError(ApiProblem.MALFORMED_REQUEST)
    return values[0] if values else None
