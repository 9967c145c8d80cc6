"""Secrets remembered for a bounded time, and asked for again after it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from shared.clock import Clock
from shared.errors import TransientError
from shared.secrets.port import Secrets, SecretUnusableError, SecretWithdrawnError
from shared.secrets.value import SecretValue

REFRESH_S: Final = 300.0
RETRY_S: Final = 15.0


_Failure = TransientError | SecretUnusableError


@dataclass(frozen=True, slots=True)
class _Held:
    """What is remembered of one secret.

    Attributes:
        value: the secret, or why there is none.
        until: from when on the source is asked again, monotonic seconds.
    """

    value: SecretValue | _Failure = field(repr=False)
    until: float

    def given(self) -> SecretValue:
        if isinstance(self.value, SecretValue):
            return self.value
        raise _same(self.value)


class CachedSecrets:
    """``Secrets`` that asks another one at most every ``refresh_s`` for each name.

    A refresh that fails keeps the value and tells; a secret that its source withdrew is forgotten,
    and found again at a later refresh. Failures are remembered, too: who knocks without a token
    must not become load for the source. One thread asks while the others use what is there.

    Args:
        origin: where the secrets are.
        clock: time.
        tell: takes the error of a read that failed: each time where a value is kept past its time,
            else once for each kind of error.
        refresh_s: so old may a value get: so long does one that is revoked go on working.
        retry_s: so long after a read that failed, the next.
    """

    def __init__(
        self,
        origin: Secrets,
        *,
        clock: Clock,
        tell: Callable[[Exception], object],
        refresh_s: float = REFRESH_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self._origin = origin
        self._clock = clock
        self._tell = tell
        self._refresh_s = refresh_s
        self._retry_s = min(retry_s, refresh_s)
        self._held: dict[str, _Held] = {}
        self._asking = threading.Lock()

    def __repr__(self) -> str:
        return f"CachedSecrets({self._origin!r})"

    def read(self, name: str) -> SecretValue:
        """Return the secret as it was at most ``refresh_s`` ago, or longer while it cannot be read.

        Raises:
            SecretWithdrawnError, SecretUnusableError, TransientError: as the source said.
        """
        held = self._held.get(name)
        if held is not None and self._clock.monotonic() < held.until:
            return held.given()
        if not self._asking.acquire(blocking=held is None):
            assert held is not None
            return held.given()
        try:
            return self._refreshed(name)
        finally:
            self._asking.release()

    def _refreshed(self, name: str) -> SecretValue:
        held = self._held.get(name)
        if held is not None and self._clock.monotonic() < held.until:
            return held.given()  # somebody else asked while this one waited
        try:
            value: SecretValue | _Failure = self._origin.read(name)
            seconds = self._refresh_s
        except (TransientError, SecretUnusableError) as error:
            value, seconds = self._after(error, held), self._retry_s
        now = _Held(value, self._clock.monotonic() + seconds)
        self._held[name] = now
        return now.given()

    def _after(self, error: _Failure, held: _Held | None) -> SecretValue | _Failure:
        """Return what to remember, and tell what is news."""
        known = held.value if held is not None else None
        if type(known) is not type(error):
            self._tell(error)
        if isinstance(known, SecretValue) and not isinstance(error, SecretWithdrawnError):
            return known
        return _same(error)


def _same(error: _Failure) -> _Failure:
    """Return the error without its traceback, whose frames must not be kept alive."""
    return type(error)(*error.args)
