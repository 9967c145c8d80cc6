"""The partner API, built: settings in, application out. Importing this does no I/O."""

from collections.abc import Callable
from typing import Final

from fastapi import FastAPI

from services.ingest.adapters.vault import VaultInbox
from services.ingest.api import create_app
from services.ingest.api_door import FrontDoor
from services.ingest.api_settings import IngestApiSettings
from services.ingest.arrivals import Arrivals
from services.ingest.registered import Register
from shared.api.app import Figures, Surroundings
from shared.api.identities import identities_for
from shared.bus.port import Publisher
from shared.clock import Clock
from shared.keys.port import Keyring
from shared.keys.vault import Vault
from shared.logging import StageLog
from shared.objects.port import ObjectStore
from shared.telemetry.tracing import Tracing
from shared.worker.built import nothing

_READY: Final = "inbox/ready"
"""What the check of the store asks for, in the API's own prefix; nothing is ever there."""


def build(  # noqa: PLR0913 - ports, by name
    *,
    objects: ObjectStore,
    vault: Vault,
    keyring: Keyring,
    register: Register,
    publisher: Publisher,
    log: StageLog,
    metrics: Figures,
    clock: Clock,
    tracing: Tracing | None = None,
    settings: IngestApiSettings | None = None,
    flush: Callable[[], None] = nothing,
) -> FastAPI:
    """Return the partner API over the ports of one site.

    Args:
        objects: the store.
        vault: seals what goes into it.
        keyring: makes ids.
        register: of all submissions; only read.
        publisher: takes ``upload.arrived``.
        log: one line a request.
        metrics: what ``/metrics`` shows.
        clock: time.
        tracing: a document's trace begins here.
        settings: read from the environment when None.
        flush: sends what telemetry still holds, at the end.

    Raises:
        UserError: a setting is wrong.
    """
    settings = settings or IngestApiSettings.from_environment()
    identities = identities_for(settings.audience, clock=clock)
    return create_app(
        door=FrontDoor(
            uploads=Arrivals(vault, publisher, keyring, clock, tracing),
            inbox=VaultInbox(vault, objects),
            register=register,
            objects=objects,
            keyring=keyring,
        ),
        identities=identities,
        around=Surroundings(
            log=log,
            metrics=metrics,
            clock=clock,
            checks={
                "objects": lambda: objects.stat(_READY),
                "register": lambda: register.unknown_jobs([]),
                "token_keys": identities.ready,
            },
            flush=flush,
        ),
        settings=settings,
    )
