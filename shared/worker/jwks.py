"""The public keys that tokens are checked with (JWKS, RFC 7517), kept while their server is away.

How old the keys are decides:

- younger than ``FRESH_S``: used as they are.
- older: fetched again; while that fails the old ones go on, for ``STALE_S`` since they were good.
- older than that, or none at all: nothing can be decided (``TransientError``), so nobody gets in.

A key id that is not among them may be a new key: fetched again too. Between two attempts to fetch
lie ``PAUSE_S`` seconds whatever happens, so that invented key ids do not make us hammer the server.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import InvalidKeyError
from jwt.algorithms import RSAAlgorithm

from shared.clock import Clock
from shared.errors import TransientError

FRESH_S: Final = 3_600.0
STALE_S: Final = 86_400.0
PAUSE_S: Final = 30.0

_MOST_KEYS: Final = 32
_LEAST_BITS: Final = 2_048
_MOST_BITS: Final = 8_192
_NEVER: Final = float("-inf")

Fetch = Callable[[], bytes]
"""Returns the key set's JSON.

Raises:
    TransientError: the server does not answer as it should.
"""


class UnknownKeyError(Exception):
    """No key of that id: the token was not signed by whom it says."""


@dataclass(frozen=True, slots=True)
class _Keys:
    by_id: Mapping[str, RSAPublicKey]
    good_at: float


class KeySet:
    """RSA keys by their ids. Safe for threads.

    Args:
        fetch: gets the key set.
        clock: tells how old it is.
    """

    def __init__(self, fetch: Fetch, *, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys = _Keys({}, _NEVER)
        self._tried_at = _NEVER
        self._fetching = threading.Lock()

    def key(self, key_id: str) -> RSAPublicKey:
        """Return the key of that id.

        Raises:
            UnknownKeyError: there is none.
            TransientError: whether there is one cannot be told now.
        """
        keys = self._keys
        found, age = keys.by_id.get(key_id), self._age(keys)
        if found is not None and age < FRESH_S:
            return found
        # Who has a key to go on with does not wait while somebody else fetches; nor does an unknown
        # key id, or a stranger could hold every thread of this worker.
        if self._fetching.acquire(blocking=age >= STALE_S):
            self._refresh_and_release()
        elif found is None:
            raise TransientError("the keys that tokens are checked with are being fetched")
        keys = self._keys
        found = keys.by_id.get(key_id)
        if self._age(keys) >= STALE_S or (found is None and keys.good_at < self._tried_at):
            raise TransientError("the keys that tokens are checked with are away")
        if found is None:
            raise UnknownKeyError
        return found

    def ready(self) -> None:
        """Raise ``TransientError`` when no token could be checked now."""
        if self._age(self._keys) >= STALE_S:
            self._fetching.acquire()
            self._refresh_and_release()
            if self._age(self._keys) >= STALE_S:
                raise TransientError("the keys that tokens are checked with are away")

    def _age(self, keys: _Keys) -> float:
        return self._clock.monotonic() - keys.good_at

    def _refresh_and_release(self) -> None:
        """Fetch unless it was tried just now; the lock is held, and given back."""
        try:
            now = self._clock.monotonic()
            if now - self._tried_at < PAUSE_S:
                return
            self._tried_at = now
            by_id = _parsed(self._fetch())
            if by_id:
                self._keys = _Keys(by_id, now)
        except TransientError:
            return  # what is there goes on until it is too old
        finally:
            self._fetching.release()


def _parsed(body: bytes) -> dict[str, RSAPublicKey]:
    """Return the usable keys of a key set; none if it is no key set."""
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    listed = whole.get("keys") if isinstance(whole, dict) else None
    if not isinstance(listed, list):
        return {}
    found = {}
    for jwk in listed[:_MOST_KEYS]:
        key = _usable(jwk)
        if key is not None:
            found[jwk["kid"]] = key
    return found


def _usable(jwk: Any) -> RSAPublicKey | None:  # noqa: ANN401 - a stranger's JSON
    """Return the key if it is an RSA key to check RS256 with, of a length that is safe and sane."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or "d" in jwk:
        return None
    if jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig":
        return None
    if jwk.get("alg", "RS256") != "RS256":
        return None
    try:
        key = RSAAlgorithm.from_jwk(jwk)
    except (InvalidKeyError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    sound = isinstance(key, RSAPublicKey) and _LEAST_BITS <= key.key_size <= _MOST_BITS
    return key if sound and isinstance(key, RSAPublicKey) else None
