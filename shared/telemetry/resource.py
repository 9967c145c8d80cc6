"""Who speaks: the OpenTelemetry resource of one process."""

import os
import uuid
from collections.abc import Mapping
from typing import Final

from opentelemetry.sdk.resources import Resource

NAMESPACE: Final = "docledger"

_REVISION: Final = "K_REVISION"  # Cloud Run says so which deployment this is


def resource_of(service: str, environ: Mapping[str, str] | None = None) -> Resource:
    """Return the resource of this process: the service, which deployment, which instance of it.

    The instance tells the series of two processes apart; nothing is asked of a metadata server.
    """
    environ = os.environ if environ is None else environ
    said = {
        "service.namespace": NAMESPACE,
        "service.name": service,
        "service.instance.id": uuid.uuid4().hex,
    }
    if environ.get(_REVISION):
        said["service.version"] = environ[_REVISION]
    return Resource(said)
