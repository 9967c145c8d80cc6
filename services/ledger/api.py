"""The auditor API: entries, proofs and the log's own files, to read and nothing else.

It needs neither the journal nor a key: it reads what is published, as anybody could who has it.
"""

from typing import Annotated, Final, cast

from fastapi import Depends, FastAPI, Path, Query, Request, Response

from services.ledger.api_entries import (
    MOST_ENTRIES,
    EntryPage,
    SealedEntry,
    entry_at,
    page_of,
    proof_of,
)
from services.ledger.api_log import (
    BYTES,
    FRESH,
    TEXT,
    Logs,
    PublishedLog,
    accepts_gzip,
    is_public,
    travelling,
)
from services.ledger.api_settings import LedgerApiSettings
from shared.api.app import Surroundings, new_app
from shared.api.callers import Caller, Callers, Identities
from shared.api.problems import ProblemError, answer_to
from shared.logging import StageLog
from shared.telemetry.apis import ApiOperation, ApiProblem
from shared.telemetry.log_events import LogEvent
from shared.tlog.errors import NotFoundError, TlogError

OPERATIONS: Final = {
    operation.value: operation
    for operation in (
        ApiOperation.LIST_ENTRIES,
        ApiOperation.READ_ENTRY,
        ApiOperation.PROVE_ENTRY,
        ApiOperation.READ_LOG,
    )
}

_MOST_INDEX: Final = 2**63 - 1

Tenant = Annotated[str, Path(description="whose log")]
Index = Annotated[int, Path(ge=0, le=_MOST_INDEX, description="of the entry in the log, from 0")]


def create_app(
    *, logs: Logs, identities: Identities, around: Surroundings, settings: LedgerApiSettings
) -> FastAPI:
    """Return the auditor API over published logs.

    Args:
        logs: gives the log of a tenant.
        identities: says who calls.
        around: what the process brings: log, figures, checks.
        settings: who may read what, and how much at once.
    """
    app = new_app(
        title="docledger auditor API",
        description="Sealed entries, their proofs, and the log's own files (C2SP tlog-tiles).",
        around=around,
        most_at_once=settings.most_at_once,
        operations=OPERATIONS,
    )
    callers = Callers(identities, settings.readers, most_each=settings.most_each)
    _add_errors(app, around.log)
    _add_entries(app, callers, logs)
    _add_log(app, callers, logs)
    return app


def undeployed() -> FastAPI:
    """Return the API without anything behind it, for its document: no port is ever asked."""
    return create_app(
        logs=cast("Logs", None),
        identities=cast("Identities", None),
        around=Surroundings.none(),
        settings=LedgerApiSettings(),
    )


def _add_errors(app: FastAPI, log: StageLog) -> None:
    @app.exception_handler(TlogError)
    async def damaged(request: Request, error: TlogError) -> Response:
        log.error(LogEvent.LOG_UNREADABLE, error=error)
        return answer_to(request, ApiProblem.LOG_DAMAGED)


def _add_entries(app: FastAPI, callers: Callers, logs: Logs) -> None:
    ReadBy = Annotated[Caller, Depends(callers)]  # noqa: N806 - a type, made of this app's callers

    @app.get("/v1/tenants/{tenant}/entries", operation_id=ApiOperation.LIST_ENTRIES.value)
    def list_entries(
        caller: ReadBy,
        tenant: Tenant,
        after: Annotated[
            int, Query(ge=-1, le=_MOST_INDEX, description="the index before the page")
        ] = -1,
        limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 100,
    ) -> EntryPage:
        """Return a page of sealed entries in the order of the log."""
        return page_of(_log_of(logs, caller, tenant), after=after, limit=limit)

    @app.get("/v1/tenants/{tenant}/entries/{index}", operation_id=ApiOperation.READ_ENTRY.value)
    def read_entry(caller: ReadBy, tenant: Tenant, index: Index) -> SealedEntry:
        """Return one sealed entry with the bytes of its leaf."""
        entry = entry_at(_log_of(logs, caller, tenant), index)
        if entry is None:
            raise ProblemError(ApiProblem.NOT_FOUND)
        return entry

    @app.get(
        "/v1/tenants/{tenant}/entries/{index}/proof",
        operation_id=ApiOperation.PROVE_ENTRY.value,
        response_class=Response,
        responses={200: {"content": {TEXT: {}}, "description": "A C2SP tlog-proof."}},
    )
    def prove_entry(caller: ReadBy, tenant: Tenant, index: Index) -> Response:
        """Return the proof of one entry, to be checked offline with the log's public key."""
        proof = proof_of(_log_of(logs, caller, tenant), index)
        if proof is None:
            raise ProblemError(ApiProblem.NOT_FOUND)
        return Response(proof, media_type=TEXT, headers={"cache-control": FRESH})


def _add_log(app: FastAPI, callers: Callers, logs: Logs) -> None:
    ReadBy = Annotated[Caller, Depends(callers)]  # noqa: N806 - a type, made of this app's callers

    @app.get(
        "/log/{tenant}/{path:path}",
        operation_id=ApiOperation.READ_LOG.value,
        response_class=Response,
        responses={200: {"content": {TEXT: {}, BYTES: {}}, "description": "The file."}},
    )
    def read_log(
        request: Request,
        caller: ReadBy,
        tenant: Tenant,
        path: Annotated[str, Path(description="checkpoint, tile/<L>/<N>[.p/<W>], tile/entries/…")],
    ) -> Response:
        """Return a file of the log, as C2SP tlog-tiles names it."""
        log = _log_of(logs, caller, tenant)
        if not is_public(path):
            raise ProblemError(ApiProblem.NOT_FOUND)
        try:
            data = log.files.read(path)
        except NotFoundError:
            raise ProblemError(ApiProblem.NOT_FOUND) from None
        gzip = accepts_gzip(request.headers.get("accept-encoding"))
        return travelling(path, data, accepts_gzip=gzip)


def _log_of(logs: Logs, caller: Caller, tenant: str) -> PublishedLog:
    """Tell nobody whether a tenant exists whose log they may not read."""
    log = logs(tenant) if caller.may(tenant) else None
    if log is None:
        raise ProblemError(ApiProblem.NOT_FOUND)
    return log
