"""The channel to Document AI: a pace, a few tries with backoff and jitter, errors translated.

Google's client does not try again by itself where a quota is used up. What is still refused after a
little while waits on the bus, which is patient.
"""

import random
from collections.abc import Callable
from typing import Final, TypeVar

import grpc
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPICallError, InvalidArgument
from google.auth.exceptions import GoogleAuthError
from google.cloud.documentai_v1 import DocumentProcessorServiceClient
from google.cloud.documentai_v1.services.document_processor_service.transports import (
    DocumentProcessorServiceGrpcTransport,
)
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.wait import wait_exponential

from services.ocr.pace import Pace
from shared.clock import Clock
from shared.errors import PermanentError, TransientError
from shared.google_client import UNAVAILABLE, OpenedOnce, code_of
from shared.telemetry.reasons import QuarantineReason

Client = DocumentProcessorServiceClient

ATTEMPT_S: Final = 110.0
BUDGET_S: Final = 60.0
"""After so long no further try is begun: with one that hangs to its end, well inside a lease."""

_FIRST_DELAY_S: Final = 0.5
_MOST_DELAY_S: Final = 16.0

_OPTIONS: Final = (
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)

_T = TypeVar("_T")


class DocumentAiChannel:
    """One channel to the processors of one location. Thread-safe; opened by the first call.

    Attributes:
        endpoint: where requests go: a location has its own, and documents do not leave it.

    Args:
        location: of the processors.
        pace: of the quota.
        clock: time.
        emulator: ``host:port`` of a server that is taken for Document AI; itself when None.
        attempt_s: seconds that one try may take.
        budget_s: after so long no further try is begun.
    """

    def __init__(  # noqa: PLR0913 - what can be set about a client
        self,
        location: str,
        *,
        pace: Pace,
        clock: Clock,
        emulator: str | None = None,
        attempt_s: float = ATTEMPT_S,
        budget_s: float = BUDGET_S,
    ) -> None:
        self.endpoint: Final = f"{location}-documentai.googleapis.com"
        self._pace = pace
        self._clock = clock
        self._emulator = emulator
        self._attempt_s = attempt_s
        self._budget_s = budget_s
        self._client = OpenedOnce(self._made)

    def __repr__(self) -> str:
        return "DocumentAiChannel()"

    def close(self) -> None:
        """Close the channel; the next call opens another."""
        self._client.close()

    def ask(
        self,
        work: Callable[[Client, float], _T],
        *,
        again: tuple[type[Exception], ...] = UNAVAILABLE,
        answers: tuple[type[Exception], ...] = (),
        paced: bool = True,
    ) -> _T:
        """Ask until there is an answer, or patience is at its end.

        Args:
            work: one try: given the client, and how many seconds it may take.
            again: after which errors it is tried again.
            answers: which errors are answers to the caller.
            paced: whether it counts against the quota.

        Raises:
            PermanentError: ``unreadable``: Document AI does not take what it was given.
            TransientError: it is unavailable, throttles or refuses us.
        """
        ends = self._clock.monotonic() + self._budget_s

        def once() -> _T:
            if paced:
                self._pace.turn(max(0.0, ends - self._clock.monotonic()))
            return work(self._client.get(), self._attempt_s)

        def tired(state: RetryCallState) -> bool:
            return self._clock.monotonic() + state.upcoming_sleep >= ends

        trying = Retrying(
            retry=retry_if_exception_type(again),
            wait=_jittered,
            stop=tired,
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            return trying(once)
        except answers:
            raise
        except InvalidArgument as err:
            raise PermanentError(QuarantineReason.UNREADABLE) from err
        except UNAVAILABLE as err:
            raise TransientError(f"Document AI is unavailable ({code_of(err)})") from err
        except (GoogleAPICallError, GoogleAuthError, grpc.RpcError) as err:
            raise TransientError(f"Document AI refuses us ({code_of(err)})") from err

    def _made(self) -> Client:
        if self._emulator is None:
            return Client(client_options=ClientOptions(api_endpoint=self.endpoint))
        channel = grpc.insecure_channel(self._emulator, options=_OPTIONS)
        return Client(transport=DocumentProcessorServiceGrpcTransport(channel=channel))


_exponential: Final = wait_exponential(multiplier=_FIRST_DELAY_S, max=_MOST_DELAY_S)


def _jittered(state: RetryCallState) -> float:
    """Wait for between half and all of an exponential backoff: workers come back one by one."""
    return _exponential(state) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, no more
