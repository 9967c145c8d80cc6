"""The auditor API, built: settings in, application out. Importing this does no I/O."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from services.ledger.adapters.journal_index import open_journal_index
from services.ledger.adapters.places import LOG_FOLDER
from services.ledger.adapters.published_bucket import PublishedBucket
from services.ledger.adapters.published_folder import PublishedFolder
from services.ledger.api import create_app
from services.ledger.api_settings import LedgerApiSettings
from services.ledger.main import LEDGER_FILE
from services.ledger.settings import LogPlaceSettings
from shared.api.app import Figures, Surroundings
from shared.api.callers import Identities
from shared.api.identities import identities_for
from shared.clock import Clock
from shared.logging import StageLog
from shared.worker.built import nothing


def build(  # noqa: PLR0913 - ports, by name
    *,
    data_dir: Path,
    log: StageLog,
    metrics: Figures,
    clock: Clock,
    settings: LedgerApiSettings | None = None,
    place: LogPlaceSettings | None = None,
    flush: Callable[[], None] = nothing,
    identities: Identities | None = None,
) -> FastAPI:
    """Return the auditor API over a data folder, in which nothing is written.

    Args:
        data_dir: holds ``log/`` with ``<tenant>/`` and ``<tenant>.vkey`` unless ``place`` names a
            bucket, and ``ledger.sqlite`` unless the settings name a server.
        log: one line a request.
        metrics: what ``/metrics`` shows.
        clock: time.
        settings: read from the environment when None.
        place: of the logs; read from the environment when None.
        flush: sends what telemetry still holds, at the end.
        identities: says who calls; as the settings say when None.

    Raises:
        UserError: a setting is wrong.
    """
    settings = settings or LedgerApiSettings.from_environment()
    published = _published(data_dir, place or LogPlaceSettings.from_environment())
    index = open_journal_index(settings.journal, data_dir / LEDGER_FILE)
    identities = identities or identities_for(settings.audience, clock=clock)
    return create_app(
        logs=published.log_of,
        index=index,
        identities=identities,
        around=Surroundings(
            log=log,
            metrics=metrics,
            clock=clock,
            checks={"log": published.check, "token_keys": identities.ready},
            flush=flush,
        ),
        settings=settings,
    )


def _published(data_dir: Path, place: LogPlaceSettings) -> PublishedBucket | PublishedFolder:
    if place.bucket is None:
        return PublishedFolder(data_dir / LOG_FOLDER)
    from services.ledger.adapters.log_bucket import open_bucket  # noqa: PLC0415 - half a second

    return PublishedBucket(open_bucket(place.bucket, place.kms_key))
