"""What our adapters of Google's gRPC clients share: opened once, codes of errors, checksums."""

from collections.abc import Callable
from threading import Lock
from typing import Any, Final, Generic, TypeVar

import google_crc32c
import grpc
from google.api_core.exceptions import (
    Aborted,
    DeadlineExceeded,
    GoogleAPICallError,
    InternalServerError,
    ResourceExhausted,
    RetryError,
    ServiceUnavailable,
    Unknown,
)

UNAVAILABLE: Final = (
    Aborted,
    DeadlineExceeded,
    InternalServerError,
    ResourceExhausted,
    ServiceUnavailable,
    Unknown,
)
"""What a server answers that may work soon."""

_C = TypeVar("_C")


class OpenedOnce(Generic[_C]):
    """A client of Google's that is made by the first call, and shared by threads.

    Args:
        made: returns a generated client, which has a ``transport``.
    """

    def __init__(self, made: Callable[[], _C]) -> None:
        self._made = made
        self._lock = Lock()
        self._client: _C | None = None

    def get(self) -> _C:
        """Return the client."""
        with self._lock:
            if self._client is None:
                self._client = self._made()
            return self._client

    def close(self) -> None:
        """Close its channel; the next call makes another."""
        with self._lock:
            client: Any = self._client
            self._client = None
        if client is not None:
            client.transport.close()


def code_of(error: BaseException) -> str:
    """Return the gRPC code that an error stands for, or what kind of error it is.

    Nothing of the server's text.
    """
    cause = error.cause if isinstance(error, RetryError) and error.cause else error
    code = cause.grpc_status_code if isinstance(cause, GoogleAPICallError) else None
    if code is None and isinstance(cause, grpc.RpcError) and isinstance(cause, grpc.Call):
        code = cause.code()
    return code.name if code is not None else type(cause).__name__


def crc32c(data: bytes) -> int:
    """Return the checksum that a field of bytes travels with."""
    return int(google_crc32c.value(data))
