"""Publishing to Google Cloud Pub/Sub.

The generated client, not the one with the background batches: who emits waits until its events
are durable anyway. All of them that go to one topic travel in one request, at once, on the
caller's thread. (The other client would hold them back for others, for at most 10 ms: five times
the processor time at a fraction of the rate, measured; and its telemetry would put attributes of
its own on our messages.)
"""

import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.types import PublishRequest, PubsubMessage

from shared.bus.port import Message
from shared.bus.pubsub_channel import emulator_host, publisher_client, topic_path, translated
from shared.events.codec import to_message
from shared.events.envelope import Event

MOST_MESSAGES: Final = 500
"""In one request. Pub/Sub takes 1,000, and 10 MB: 500 of our longest events fit."""

TOTAL_S: Final = 20.0
ATTEMPT_S: Final = 10.0

_AGAIN: Final = if_exception_type(
    exceptions.Aborted,
    exceptions.Cancelled,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.ResourceExhausted,
    exceptions.ServiceUnavailable,
    exceptions.Unknown,
)
"""What the client itself would try again (its service configuration), for up to ten minutes."""


class PubsubPublisher:
    """Hands events to the topics of their types. Safe for many threads; makes none of its own.

    Making one does no I/O. ``PUBSUB_EMULATOR_HOST`` leads it to an emulator.

    Args:
        project: whose topics they are.
        total_s: how long one ``publish`` may try in all, before it says that it did not work.
        attempt_s: how long one request may take.

    Raises:
        UserError: a service on Cloud Run is told to talk to an emulator.
    """

    def __init__(
        self, project: str, *, total_s: float = TOTAL_S, attempt_s: float = ATTEMPT_S
    ) -> None:
        self._project = project
        self._emulator = emulator_host()
        self._attempt_s = min(attempt_s, total_s)
        self._retry = Retry(
            predicate=_AGAIN, initial=0.1, maximum=5.0, multiplier=2.0, timeout=total_s
        )
        self._opening = threading.Lock()
        self._opened: PublisherClient | None = None

    def publish(self, events: Sequence[Event]) -> None:
        """Hand ``events`` to the topics of their types; on return they are durable.

        Not all or none, as on the embedded bus: when it fails, some may have been published, and
        the caller publishes all of them again. That is harmless, for ids are deterministic: to
        who hears them it is one more redelivery.

        Raises:
            PermanentError: an event breaks the contract; nothing was published.
            TransientError: Pub/Sub is unavailable, or refuses us.
        """
        topics: dict[str, list[Message]] = {}
        for event in events:
            topics.setdefault(event.type.value, []).append(to_message(event))
        for topic, messages in topics.items():
            waiting = iter(messages)
            while some := list(islice(waiting, MOST_MESSAGES)):
                self._send(topic, map(_encoded, some))

    def close(self) -> None:
        """Close the connection. Nothing waits in here: what was published is durable already.

        A request that another thread is in fails as in an outage. The next one connects anew.
        """
        with self._opening:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.transport.close()  # type: ignore[no-untyped-call]  # generated without types

    def _send(self, topic: str, messages: Iterator[Any]) -> None:
        request = PublishRequest.pb()(topic=topic_path(self._project, topic), messages=messages)
        with translated():
            self._client().publish(
                PublishRequest.wrap(request), retry=self._retry, timeout=self._attempt_s
            )

    def _client(self) -> PublisherClient:
        with self._opening:
            if self._opened is None:
                self._opened = publisher_client(self._emulator)
            return self._opened


def _encoded(message: Message) -> Any:  # noqa: ANN401 - the bare protobuf class has no name
    """Return it as protobuf itself: the client's own classes around it cost thrice as much."""
    return PubsubMessage.pb()(data=message.body, attributes=message.attributes)
