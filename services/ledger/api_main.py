"""The auditor API, built: settings in, application out. Importing this does no I/O."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from services.ledger.adapters.published_folder import PublishedFolder
from services.ledger.api import create_app
from services.ledger.api_settings import LedgerApiSettings
from shared.api.app import Figures, Surroundings
from shared.api.identities import identities_for
from shared.clock import Clock
from shared.logging import StageLog
from shared.worker.built import nothing


def build(  # noqa: PLR0913 - ports, by name
    *,
    logs_folder: Path,
    log: StageLog,
    metrics: Figures,
    clock: Clock,
    settings: LedgerApiSettings | None = None,
    flush: Callable[[], None] = nothing,
) -> FastAPI:
    """Return the auditor API over the folder in which logs are published.

    Args:
        logs_folder: holds ``<tenant>/`` and ``<tenant>.vkey``; nothing in it is written.
        log: one line a request.
        metrics: what ``/metrics`` shows.
        clock: time.
        settings: read from the environment when None.
        flush: sends what telemetry still holds, at the end.

    Raises:
        UserError: a setting is wrong.
    """
    settings = settings or LedgerApiSettings.from_environment()
    folder = PublishedFolder(logs_folder)
    identities = identities_for(settings.audience, clock=clock)
    return create_app(
        logs=folder.log_of,
        identities=identities,
        around=Surroundings(
            log=log,
            metrics=metrics,
            clock=clock,
            checks={"log": folder.check, "token_keys": identities.ready},
            flush=flush,
        ),
        settings=settings,
    )
