"""One connection to Cloud KMS: bounded retries, checksums both ways, errors translated.

Google's client does the talking. What arrives damaged (a CRC32C that does not fit, a request that
KMS did not get as it was sent, another name than the one asked for) is asked for again. A refusal
is an operator's to mend, and no document's fault: it is transient, as an outage is.

Source: cloud.google.com/kms/docs/data-integrity-guidelines.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import grpc
from google.api_core.exceptions import GoogleAPICallError, InvalidArgument, RetryError
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.kms_v1 import KeyManagementServiceClient
from google.cloud.kms_v1.services.key_management_service.transports import (
    KeyManagementServiceGrpcTransport,
)

from shared.errors import TransientError
from shared.google_client import UNAVAILABLE, OpenedOnce, code_of

ATTEMPT_S: Final = 5.0
DEADLINE_S: Final = 20.0

_FIRST_DELAY_S: Final = 0.05
_MOST_DELAY_S: Final = 2.0

_OPTIONS: Final = (("grpc.max_reconnect_backoff_ms", 1_000),)

_T = TypeVar("_T")


class RefusedInputError(Exception):
    """Cloud KMS says that what it was given is not what it once gave (or is malformed)."""


class _DamagedError(Exception):
    """An answer, or our request, was changed on its way."""


class KmsConnection:
    """What the KEK and the signers of one process share. Thread-safe; opened on first use.

    Args:
        emulator: ``host:port`` of a local server that speaks the API without encryption; Cloud KMS
            itself, under our own identity, when None.
        attempt_s: so long may one try take.
        deadline_s: after so long no further try is begun.
    """

    def __init__(
        self,
        *,
        emulator: str | None = None,
        attempt_s: float = ATTEMPT_S,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._emulator = emulator
        self._attempt_s = attempt_s
        self._retry = Retry(
            predicate=if_exception_type(_DamagedError, *UNAVAILABLE),
            initial=_FIRST_DELAY_S,
            maximum=_MOST_DELAY_S,
            timeout=deadline_s,
        )
        self._client = OpenedOnce(self._made)

    def __repr__(self) -> str:
        return "KmsConnection()"

    def ask(
        self,
        work: Callable[[KeyManagementServiceClient, float], _T],
        *,
        intact: Callable[[_T], bool] = lambda _answer: True,
    ) -> _T:
        """Ask until the answer is whole, or patience is at its end.

        Args:
            work: one try: given the client, and how many seconds it may take.
            intact: tells whether the answer and the request behind it travelled unchanged.

        Raises:
            RefusedInputError: KMS says that the input is wrong.
            TransientError: KMS is unavailable, or refuses us.
        """

        def once() -> _T:
            answer = work(self._client.get(), self._attempt_s)
            if not intact(answer):
                raise _DamagedError
            return answer

        try:
            done: _T = self._retry(once)()
        except InvalidArgument as err:
            raise RefusedInputError("Cloud KMS refuses what it was given") from err
        except (RetryError, _DamagedError) as err:
            raise TransientError(f"Cloud KMS is unavailable ({_told(err)})") from err
        except (GoogleAPICallError, GoogleAuthError, grpc.RpcError) as err:
            raise TransientError(f"Cloud KMS refuses us ({_told(err)})") from err
        return done

    def close(self) -> None:
        """Close the channel; the next call opens another."""
        self._client.close()

    def _made(self) -> KeyManagementServiceClient:
        if self._emulator is None:
            return KeyManagementServiceClient()
        channel = grpc.insecure_channel(self._emulator, options=_OPTIONS)
        return KeyManagementServiceClient(
            transport=KeyManagementServiceGrpcTransport(channel=channel)
        )


def _told(error: BaseException) -> str:
    """Return what went wrong in a few words; nothing of the server's text."""
    cause = error.cause if isinstance(error, RetryError) and error.cause else error
    return "its answers arrive damaged" if isinstance(cause, _DamagedError) else code_of(cause)
