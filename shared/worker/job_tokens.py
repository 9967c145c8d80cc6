"""``X-Internal-Event-Token``: what starts an internal job, beside the caller's OIDC token.

The identity says who calls; the token says that the call was meant: another service that may mint
tokens as the scheduler's account still starts nothing. Two tokens are valid while one is exchanged.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from shared.errors import TransientError
from shared.secrets.port import Secrets, SecretUnusableError
from shared.worker.authentication import JOBS_PREFIX, Authenticator, UnauthenticatedError

HEADER: Final = "x-internal-event-token"
MOST_TOKENS: Final = 2
TOKEN: Final = re.compile(r"[!-+\--~]{32,512}", re.ASCII)
"""Visible ASCII but for the comma, which joins several headers of one name."""


class JobTokens:
    """The tokens that are valid now. Safe for threads.

    A listed secret that is withdrawn, or not there yet, is no token; the others go on working. So
    the next version can be listed before it exists, and the last one disabled before it is listed
    no more.

    Args:
        secrets: where they are; ages and refreshes what it remembers.
        names: of one or two secrets.
    """

    def __init__(self, secrets: Secrets, names: Sequence[str]) -> None:
        self._secrets = secrets
        self._names = tuple(names)

    def check(self, headers: Mapping[str, str]) -> None:
        """Let a request through that brings a valid token.

        Raises:
            UnauthenticatedError: none, or another.
            TransientError: not all tokens can be read now, and it is none of the others.
        """
        given = headers.get(HEADER, "")
        # A client that is out of its mind must not cost us a hash of what it sent.
        if not TOKEN.fullmatch(given):
            raise UnauthenticatedError
        valid, away = self._valid()
        digest = sha256(given.encode("ascii")).digest()
        if any([hmac.compare_digest(digest, one) for one in valid]):  # noqa: C419 - all, always
            return
        if away is not None:
            raise away
        raise UnauthenticatedError

    def require(self) -> None:
        """Insist on a token before anything is served.

        Raises:
            SecretUnusableError: no secret that is listed can be used as things are set up.
        """
        troubles = [trouble for one in self._names if (trouble := self._trouble(one))]
        if len(troubles) == len(self._names):
            raise troubles[0]

    def _valid(self) -> tuple[list[bytes], TransientError | None]:
        """Return the digests of the valid tokens, and why one may be missing."""
        valid: list[bytes] = []
        away: TransientError | None = None
        for name in self._names:
            try:
                valid.append(self._digest(name))
            except TransientError as error:
                away = error
            except SecretUnusableError:
                continue
        if not valid and away is None:
            away = TransientError("no token for internal jobs can be used")
        return valid, away

    def _trouble(self, name: str) -> SecretUnusableError | None:
        try:
            self._digest(name)
        except SecretUnusableError as error:
            return error
        except TransientError:
            return None
        return None

    def _digest(self, name: str) -> bytes:
        """Return what is compared: a digest, since comparing tells lengths."""
        data = self._secrets.read(name).reveal().strip()
        if not TOKEN.fullmatch(data.decode("ascii", errors="replace")):
            raise SecretUnusableError(
                "a token for internal jobs is 32 to 512 visible ASCII characters without a comma: "
                "make another (openssl rand -hex 32)"
            )
        return sha256(data).digest()


class WithJobTokens:
    """An ``Authenticator`` that asks for a token first, and then another authenticator.

    Args:
        inner: says who calls.
        tokens: of internal jobs; deliveries bring none.
    """

    def __init__(self, inner: Authenticator, tokens: JobTokens) -> None:
        self._inner = inner
        self._tokens = tokens

    def check(self, headers: Mapping[str, str], subscription: str) -> None:
        """Let a delivery through as ``inner`` says, and a job with a valid token besides."""
        if subscription.startswith(JOBS_PREFIX):
            self._tokens.check(headers)
        self._inner.check(headers, subscription)

    def ready(self) -> None:
        """Ask the inner one alone: deliveries need no token, and must not wait for one."""
        self._inner.ready()
