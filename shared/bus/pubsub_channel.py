"""Where Pub/Sub is, what its refusals mean to us, and what things are called there.

``PUBSUB_EMULATOR_HOST`` leads Google's own clients to an emulator; ours, too.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import grpc
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports.grpc import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber import SubscriberClient
from google.pubsub_v1.services.subscriber.transports.grpc import SubscriberGrpcTransport

from shared.errors import TransientError, UserError
from shared.google_client import code_of
from shared.production import on_cloud_run

EMULATOR: Final = "PUBSUB_EMULATOR_HOST"

_OPTIONS: Final = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),  # an emulator that was restarted is found again soon
    ("grpc.max_receive_message_length", -1),
)


def emulator_host(environ: Mapping[str, str] | None = None) -> str | None:
    """Return where the emulator is; None where Pub/Sub itself is meant.

    Raises:
        UserError: a service on Cloud Run is told to talk to an emulator.
    """
    environ = os.environ if environ is None else environ
    host = environ.get(EMULATOR) or None
    if host is not None and on_cloud_run(environ):
        # Events would leave unencrypted, for wherever a variable says.
        raise UserError(f"{EMULATOR} is set on Cloud Run: unset it")
    return host


def publisher_client(emulator: str | None) -> PublisherClient:
    """Return a client for topics: an emulator's, or Pub/Sub's under our own identity."""
    if emulator is None:
        return PublisherClient()
    channel = grpc.insecure_channel(emulator, options=_OPTIONS)
    return PublisherClient(transport=PublisherGrpcTransport(channel=channel))


def subscriber_client(emulator: str | None) -> SubscriberClient:
    """Return a client for subscriptions: as ``publisher_client``."""
    if emulator is None:
        return SubscriberClient()
    channel = grpc.insecure_channel(emulator, options=_OPTIONS)
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


@contextmanager
def translated(server: str = "Pub/Sub") -> Iterator[None]:
    """Turn whatever Google's clients raise into ``TransientError``: an outage, or a grant to come.

    Nothing of the server's text is repeated.

    Args:
        server: what the error calls it.
    """
    try:
        yield
    except (GoogleAPIError, GoogleAuthError, grpc.RpcError) as err:
        raise TransientError(f"{server} is unavailable ({code_of(err)})") from err
    except ValueError as err:  # what gRPC raises for a channel that was closed meanwhile
        if "closed channel" not in str(err):
            raise
        raise TransientError(f"{server} is unavailable (the connection was closed)") from err


def topic_path(project: str, topic: str) -> str:
    """Return a topic's full name."""
    return f"projects/{project}/topics/{topic}"


def subscription_path(project: str, subscription: str) -> str:
    """Return a subscription's full name."""
    return f"projects/{project}/subscriptions/{subscription}"
