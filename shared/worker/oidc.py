"""Who pushes: Google's OpenID Connect token of a Pub/Sub push, checked.

Source: the Pub/Sub documentation on authenticated pushes; OpenID Connect Core 1.0; RFC 8725 (best
practice for JSON Web Tokens). What proves nothing is 401, a good token of somebody else 403. What
cannot be decided, because the keys are away, is 503: the caller may well be right, and Pub/Sub
sends the message again after any of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any, Final

import jwt

from shared.clock import Clock
from shared.worker.authentication import JOBS_PREFIX, ForbiddenError, UnauthenticatedError
from shared.worker.jwks import KeySet, UnknownKeyError

ISSUERS: Final = frozenset({"https://accounts.google.com", "accounts.google.com"})
JWKS_URL: Final = "https://www.googleapis.com/oauth2/v3/certs"
SKEW_S: Final = 10

_ALGORITHM: Final = "RS256"
_MOST_REMEMBERED: Final = 256
_MOST_ID: Final = 128
_BEARER: Final = re.compile(r"(?i:bearer) ((?:[A-Za-z0-9_-]{1,6000}\.){2}[A-Za-z0-9_-]{1,2000})\Z")
_OPTIONS: Final[jwt.types.Options] = {
    "verify_signature": True,
    # Times are checked here, by our clock; the audience, because jobs have another.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
    "require": ["exp", "iat", "iss", "aud", "email", "email_verified"],
}


@dataclass(frozen=True, slots=True)
class _Caller:
    """What a good token says.

    Attributes:
        email: the account's.
        audience: whom the token is for.
        not_before: from when it counts, seconds since 1970.
        expires: until when.
    """

    email: str
    audience: str
    not_before: int
    expires: int


class OidcAuthenticator:
    """Checks the token of every push. Safe for threads.

    Args:
        audience: that pushes name: the address of this worker, as the subscriptions have it.
        accounts: by subscription (and ``jobs/<name>``), the one account that may call.
        keys: Google's.
        clock: time.
        job_audience: that calls of internal jobs name; the pushes' by default.
        issuers: who may have made the token.
    """

    def __init__(  # noqa: PLR0913 - each is a fact that a token is checked against
        self,
        *,
        audience: str,
        accounts: Mapping[str, str],
        keys: KeySet,
        clock: Clock,
        job_audience: str | None = None,
        issuers: frozenset[str] = ISSUERS,
    ) -> None:
        self._audience = audience
        self._job_audience = job_audience or audience
        self._accounts = dict(accounts)
        self._keys = keys
        self._clock = clock
        self._issuers = issuers
        self._remembered: dict[bytes, _Caller] = {}
        self._remembering = Lock()

    def check(self, headers: Mapping[str, str], subscription: str) -> None:
        """Let the push through if it comes from the subscription's own account.

        Raises:
            UnauthenticatedError: no token, or one that proves nothing here and now.
            ForbiddenError: a good token of another account.
            TransientError: the keys are away.
        """
        job = subscription.startswith(JOBS_PREFIX)
        account = self._account(headers, self._job_audience if job else self._audience)
        if account != self._accounts.get(subscription):
            raise ForbiddenError

    def account(self, headers: Mapping[str, str]) -> str:
        """Return whose token a request brings, whoever that is.

        Raises:
            UnauthenticatedError: no token, or one that proves nothing here and now.
            TransientError: the keys are away.
        """
        return self._account(headers, self._audience)

    def ready(self) -> None:
        """Raise ``TransientError`` while there are no keys to check anything with."""
        self._keys.ready()

    def _account(self, headers: Mapping[str, str], audience: str) -> str:
        caller = self._caller(headers.get("authorization", ""))
        if caller.audience != audience:
            raise UnauthenticatedError
        return caller.email

    def _caller(self, header: str) -> _Caller:
        """Return whose token it is; a good one is remembered until it expires.

        Pub/Sub sends the same token for about an hour. Only the good are remembered, and few.
        """
        digest = sha256(header.encode(errors="replace")).digest()
        caller = self._remembered.get(digest)
        fresh = caller is None
        if caller is None:
            bearer = _BEARER.match(header)
            if bearer is None:
                raise UnauthenticatedError
            caller = self._verified(bearer[1])
        now = self._clock.now().timestamp()
        if not caller.not_before - SKEW_S <= now < caller.expires + SKEW_S:
            raise UnauthenticatedError
        if fresh:
            with self._remembering:
                self._remembered[digest] = caller
                if len(self._remembered) > _MOST_REMEMBERED:
                    self._remembered.pop(next(iter(self._remembered)))
        return caller

    def _verified(self, token: str) -> _Caller:
        try:
            header = jwt.get_unverified_header(token)
            key_id = header.get("kid")
            # Nothing else in the header counts: not the key it brings, nor where it says to look.
            if header.get("alg") != _ALGORITHM or not isinstance(key_id, str):
                raise UnauthenticatedError
            if "crit" in header or len(key_id) > _MOST_ID:
                raise UnauthenticatedError
            claims: dict[str, Any] = jwt.decode(
                token, self._keys.key(key_id), algorithms=[_ALGORITHM], options=_OPTIONS
            )
        except (jwt.PyJWTError, UnknownKeyError, ValueError, RecursionError):
            raise UnauthenticatedError from None
        times = [claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])]
        texts = [claims["iss"], claims["email"], claims["aud"]]
        if any(type(one) is not int for one in times) or any(type(one) is not str for one in texts):
            raise UnauthenticatedError
        if claims["iss"] not in self._issuers or claims["email_verified"] is not True:
            raise UnauthenticatedError
        return _Caller(claims["email"], claims["aud"], max(times[0], times[2]), claims["exp"])
