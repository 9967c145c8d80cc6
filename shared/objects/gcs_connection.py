"""One connection to Cloud Storage: a client made on first use, bounded retries, errors translated.

Google's client does the talking. What it raises ends here: a missing object and a failed
precondition are answers; everything else means that the store cannot be used now.
"""

import os
from collections.abc import Callable
from threading import Lock, local
from typing import Any, Final, TypeVar
from urllib.request import getproxies, proxy_bypass

from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed, RetryError
from google.auth import default as default_credentials
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from google.cloud.storage import Bucket, Client
from google.cloud.storage.exceptions import DataCorruption
from google.cloud.storage.retry import DEFAULT_RETRY
from requests.adapters import HTTPAdapter

from shared.errors import TransientError, UserError
from shared.production import on_cloud_run

EMULATOR: Final = "STORAGE_EMULATOR_HOST"
"""Where this variable points, Google's client goes, without credentials."""

_NO_BUCKET_LOOKUPS: Final = "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"
"""Else the client asks for the bucket in a thread of its own, to name it in spans that we do not
want (it needs another role for that), and again after every 404."""

_HOST: Final = "storage.googleapis.com"
_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_write"
_CONNECT_S: Final = 5.0
_FIRST_DELAY_S: Final = 0.1
_MOST_DELAY_S: Final = 5.0

_T = TypeVar("_T")


class GcsConnection:
    """What several stores of one process share: sockets, credentials, patience.

    Thread-safe. Nothing is opened before the first call.

    Args:
        project: for accounting; Cloud Storage asks for it nowhere but to make buckets.
        timeout_s: without a byte from the server, for so long, a try has failed.
        deadline_s: after so long no further try is begun. A try that hangs ends after
            ``timeout_s``, so a call takes at most the sum of both.
        sockets: kept open; as many as there are threads.
        lenient: whether the server ignores generations where fake-gcs-server does, so that stores
            must look before they act; what ``STORAGE_EMULATOR_HOST`` names does when None.

    Raises:
        UserError: a service or a job on Cloud Run is told to talk to an emulator.
    """

    def __init__(
        self,
        *,
        project: str | None = None,
        timeout_s: float = 10.0,
        deadline_s: float = 20.0,
        sockets: int = 32,
        lenient: bool | None = None,
    ) -> None:
        self._project = project
        self._sockets = sockets
        self._lock = Lock()
        self._made: tuple[Client, _Session] | None = None
        self._retry = DEFAULT_RETRY.with_timeout(deadline_s).with_delay(
            initial=_FIRST_DELAY_S, maximum=_MOST_DELAY_S, multiplier=2.0
        )
        self._emulated = bool(os.environ.get(EMULATOR))
        if self._emulated and on_cloud_run(os.environ):
            # Documents would leave unencrypted, for wherever a variable says.
            raise UserError(f"{EMULATOR} is set on Cloud Run: unset it")
        self.lenient: Final = self._emulated if lenient is None else lenient
        self.timeout: Final = (min(_CONNECT_S, timeout_s), timeout_s)

    @property
    def client(self) -> Client:
        """Google's client."""
        return self._open()[0]

    def bucket(self, name: str) -> Bucket:
        """Return a bucket's handle; nobody is asked whether there is such a bucket."""
        return self.client.bucket(name)

    def last_modified(self) -> str | None:
        """Return that header of the answer to this thread's latest request."""
        found: str | None = getattr(self._open()[1].answered, "last_modified", None)
        return found

    def call(self, work: Callable[[int], _T]) -> _T:
        """Do ``work`` until it succeeds, is answered for good, or patience is at its end.

        Args:
            work: one try; it is given how many have failed before.

        Raises:
            NotFound, PreconditionFailed: (Google's) these are answers.
            TransientError: the store is unavailable, or refuses us.
        """
        failed = 0

        def count(_error: Exception) -> None:
            nonlocal failed
            failed += 1

        def once() -> _T:
            try:
                return work(failed)
            except DataCorruption as err:
                raise ConnectionError("the bytes that came are not those that are stored") from err

        try:
            done: _T = self._retry(once, on_error=count)()
        except (NotFound, PreconditionFailed):
            raise
        except (GoogleAPICallError, GoogleAuthError, RetryError, OSError) as err:
            raise TransientError("Cloud Storage is unavailable") from err
        return done

    def close(self) -> None:
        """Close the sockets; the next call opens others."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made[1].close()  # type: ignore[no-untyped-call]

    def _open(self) -> tuple[Client, "_Session"]:
        made = self._made
        if made is not None:
            return made
        with self._lock:
            if self._made is None:
                try:
                    self._made = self._make()
                except GoogleAuthError as err:
                    raise TransientError("there are no credentials for Cloud Storage") from err
            return self._made

    def _make(self) -> tuple[Client, "_Session"]:
        credentials: Credentials
        project: str | None
        if self._emulated:
            credentials, project = AnonymousCredentials(), "emulated"  # type: ignore[no-untyped-call]
        else:
            credentials, project = default_credentials(scopes=[_SCOPE])
        os.environ.setdefault(_NO_BUCKET_LOOKUPS, "true")
        session = _Session(credentials, self._sockets, direct=self._emulated)
        client = Client(
            project=self._project or project or "none", credentials=credentials, _http=session
        )
        return client, session


class _Session(AuthorizedSession):
    """Google's session with a pool that fits, and a memory for one header a thread.

    The client drops ``Last-Modified`` from downloads, and asking for it again would be a second
    request that may see another generation.
    """

    def __init__(self, credentials: Credentials, sockets: int, *, direct: bool) -> None:
        super().__init__(credentials)  # type: ignore[no-untyped-call]
        self.answered = local()
        pool = HTTPAdapter(pool_connections=4, pool_maxsize=sockets)
        self.mount("https://", pool)
        self.mount("http://", pool)
        # Else proxies and ~/.netrc are looked up again for every request, a fifth of its cost.
        self.trust_env = False
        certificates = os.environ.get("REQUESTS_CA_BUNDLE")
        if certificates:
            self.verify = certificates
        if not direct and not proxy_bypass(_HOST):
            self.proxies = getproxies()

    def request(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Google's signature
        """Ask, and remember."""
        response = super().request(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.answered.last_modified = response.headers.get("Last-Modified")
        return response
