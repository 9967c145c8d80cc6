"""The auditor API: entries, checkpoints, proofs and the log's own files, to read and nothing else.

It holds no key. What it tells it read from the published log and checked there; the journal, which
it may only read, tells it where to look.
"""

from typing import Annotated, Any, Final, cast

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from pydantic import BaseModel

from services.ledger.api_checked import ClosedKeyError
from services.ledger.api_checkpoints import CheckpointClosedError, History
from services.ledger.api_entries import Listing, SizeError, entry_at, proof_of
from services.ledger.api_filters import (
    MOST_INDEX,
    CheckpointsQuery,
    ConsistencyQuery,
    CursorError,
    ListQuery,
    ProofQuery,
)
from services.ledger.api_index import Index
from services.ledger.api_log import (
    FOREVER,
    FRESH,
    Logs,
    PublishedLog,
    is_public,
    tagged,
    travelling,
)
from services.ledger.api_settings import LedgerApiSettings
from services.ledger.api_views import (
    CheckpointPage,
    CheckpointView,
    ConsistencyView,
    EntryPage,
    SealedEntry,
)
from services.ledger.page import add_page
from services.ledger.served import BYTES, TEXT
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
        ApiOperation.LIST_CHECKPOINTS,
        ApiOperation.READ_CHECKPOINT,
        ApiOperation.PROVE_CONSISTENCY,
        ApiOperation.READ_LOG,
        ApiOperation.READ_KEYS,
        ApiOperation.READ_PAGE,
    )
}

Tenant = Annotated[str, Path(description="whose log")]
EntryIndex = Annotated[
    int, Path(ge=0, le=MOST_INDEX, description="of the entry in the log, from 0")
]
TreeSize = Annotated[int, Path(ge=0, le=MOST_INDEX, description="entries that it covers")]

_Answers = dict[int | str, dict[str, Any]]

_PROOF: Final[_Answers] = {200: {"content": {TEXT: {}}, "description": "A C2SP tlog-proof."}}
_FILE: Final[_Answers] = {
    200: {"content": {TEXT: {}, BYTES: {}}, "description": "The file."},
    304: {"description": "The caller has it: If-None-Match names its ETag."},
}
_KEYS: Final[_Answers] = {
    200: {"content": {TEXT: {}}, "description": "Every key there was, each record signed."},
    304: {"description": "The caller has it: If-None-Match names its ETag."},
}


def create_app(
    *,
    logs: Logs,
    index: Index,
    identities: Identities,
    around: Surroundings,
    settings: LedgerApiSettings,
) -> FastAPI:
    """Return the auditor API over published logs.

    Args:
        logs: gives the log of a tenant.
        index: tells where in it to look.
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
    doors = _Doors(logs, index)
    caller = Callers(identities, settings.readers, most_each=settings.most_each)
    _add_errors(app, around.log)
    _add_entries(app, caller, doors)
    _add_checkpoints(app, caller, doors)
    _add_log(app, caller, doors)
    add_page(app)
    return app


def undeployed() -> FastAPI:
    """Return the API without anything behind it, for its document: no port is ever asked."""
    return create_app(
        logs=cast("Logs", None),
        index=cast("Index", None),
        identities=cast("Identities", None),
        around=Surroundings.none(),
        settings=LedgerApiSettings(),
    )


class _Doors:
    """What a caller may see of a tenant: everything, or not even whether there is one."""

    def __init__(self, logs: Logs, index: Index) -> None:
        self._logs = logs
        self._index = index

    def log(self, caller: Caller, tenant: str) -> PublishedLog:
        """Return the log; nothing of it is looked for when it is none of the caller's business."""
        log = self._logs(tenant) if caller.may(tenant) else None
        if log is None:
            raise ProblemError(ApiProblem.NOT_FOUND)
        return log

    def listing(self, caller: Caller, tenant: str) -> Listing:
        return Listing(tenant, self.log(caller, tenant), self._index)

    def history(self, caller: Caller, tenant: str) -> History:
        return History(tenant, self.log(caller, tenant), self._index)


def _told(view: BaseModel) -> Response:
    """Return JSON; FastAPI would check and copy a model once more, at the price of reading it."""
    return Response(view.model_dump_json(), media_type="application/json")


def _add_errors(app: FastAPI, log: StageLog) -> None:
    @app.exception_handler(TlogError)
    async def damaged(request: Request, error: TlogError) -> Response:
        log.error(LogEvent.LOG_UNREADABLE, error=error)
        return answer_to(request, ApiProblem.LOG_DAMAGED)

    @app.exception_handler(ClosedKeyError)
    async def unsigned(request: Request, error: ClosedKeyError) -> Response:
        log.error(LogEvent.LOG_UNREADABLE, error=error)
        return answer_to(request, ApiProblem.LOG_UNSIGNED)

    @app.exception_handler(CheckpointClosedError)
    async def counts_no_more(request: Request, _error: CheckpointClosedError) -> Response:
        return answer_to(request, ApiProblem.KEY_CLOSED)

    @app.exception_handler(CursorError)
    async def foreign_cursor(request: Request, _error: CursorError) -> Response:
        return answer_to(request, ApiProblem.MALFORMED_REQUEST)

    @app.exception_handler(SizeError)
    async def no_such_size(request: Request, _error: SizeError) -> Response:
        return answer_to(request, ApiProblem.NOT_FOUND)


def _add_entries(app: FastAPI, callers: Callers, doors: _Doors) -> None:
    ReadBy = Annotated[Caller, Depends(callers)]  # noqa: N806 - a type, made of this app's callers

    @app.get(
        "/v1/tenants/{tenant}/entries",
        operation_id=ApiOperation.LIST_ENTRIES.value,
        response_model=EntryPage,
    )
    def list_entries(
        caller: ReadBy, tenant: Tenant, query: Annotated[ListQuery, Query()]
    ) -> Response:
        """Return a page of sealed entries."""
        return _told(doors.listing(caller, tenant).page(query))

    @app.get(
        "/v1/tenants/{tenant}/entries/{index}",
        operation_id=ApiOperation.READ_ENTRY.value,
        response_model=SealedEntry,
    )
    def read_entry(caller: ReadBy, tenant: Tenant, index: EntryIndex) -> Response:
        """Return one sealed entry with the bytes of its leaf."""
        entry = entry_at(doors.log(caller, tenant), index)
        if entry is None:
            raise ProblemError(ApiProblem.NOT_FOUND)
        return _told(entry)

    @app.get(
        "/v1/tenants/{tenant}/entries/{index}/proof",
        operation_id=ApiOperation.PROVE_ENTRY.value,
        response_class=Response,
        responses=_PROOF,
    )
    def prove_entry(
        caller: ReadBy,
        tenant: Tenant,
        index: EntryIndex,
        query: Annotated[ProofQuery, Query()],
    ) -> Response:
        """Return the proof of one entry, to be checked offline with the log's public key."""
        signed = doors.history(caller, tenant).signed_at(query.size)
        proof = proof_of(doors.log(caller, tenant), signed, index)
        if proof is None:
            raise ProblemError(ApiProblem.NOT_FOUND)
        lasting = FRESH if query.size is None else FOREVER
        return Response(proof, media_type=TEXT, headers={"cache-control": lasting})


def _add_checkpoints(app: FastAPI, callers: Callers, doors: _Doors) -> None:
    ReadBy = Annotated[Caller, Depends(callers)]  # noqa: N806 - a type, made of this app's callers

    @app.get(
        "/v1/tenants/{tenant}/checkpoints",
        operation_id=ApiOperation.LIST_CHECKPOINTS.value,
        response_model=CheckpointPage,
    )
    def list_checkpoints(
        caller: ReadBy,
        tenant: Tenant,
        query: Annotated[CheckpointsQuery, Query()],
    ) -> Response:
        """Return a page of the log's checkpoints, smallest size first."""
        return _told(doors.history(caller, tenant).page(after=query.after, limit=query.limit))

    @app.get(
        "/v1/tenants/{tenant}/checkpoints/{size}",
        operation_id=ApiOperation.READ_CHECKPOINT.value,
        response_model=CheckpointView,
    )
    def read_checkpoint(caller: ReadBy, tenant: Tenant, size: TreeSize) -> Response:
        """Return the checkpoint that the log had at one size."""
        return _told(doors.history(caller, tenant).at(size))

    @app.get(
        "/v1/tenants/{tenant}/consistency",
        operation_id=ApiOperation.PROVE_CONSISTENCY.value,
        response_model=ConsistencyView,
    )
    def prove_consistency(
        caller: ReadBy,
        tenant: Tenant,
        query: Annotated[ConsistencyQuery, Query()],
    ) -> Response:
        """Return two checkpoints and the proof that the later log begins with the earlier one."""
        return _told(doors.history(caller, tenant).consistency(query.earlier, query.later))


def _add_log(app: FastAPI, callers: Callers, doors: _Doors) -> None:
    ReadBy = Annotated[Caller, Depends(callers)]  # noqa: N806 - a type, made of this app's callers

    @app.get(
        "/log/{tenant}.keys",
        operation_id=ApiOperation.READ_KEYS.value,
        response_class=Response,
        responses=_KEYS,
    )
    def read_keys(request: Request, caller: ReadBy, tenant: Tenant) -> Response:
        """Return the history of the log's keys; there is none while it has had one key only."""
        history = doors.log(caller, tenant).history
        if history is None:
            raise ProblemError(ApiProblem.NOT_FOUND)
        return tagged(request, history, TEXT, {"cache-control": FRESH})

    @app.get(
        "/log/{tenant}/{path:path}",
        operation_id=ApiOperation.READ_LOG.value,
        response_class=Response,
        responses=_FILE,
    )
    def read_log(
        request: Request,
        caller: ReadBy,
        tenant: Tenant,
        path: Annotated[str, Path(description="checkpoint, tile/<L>/<N>[.p/<W>], tile/entries/…")],
    ) -> Response:
        """Return a file of the log, as C2SP tlog-tiles names it."""
        log = doors.log(caller, tenant)
        if not is_public(path):
            raise ProblemError(ApiProblem.NOT_FOUND)
        try:
            data = log.files.read(path)
        except NotFoundError:
            raise ProblemError(ApiProblem.NOT_FOUND) from None
        return travelling(request, path, data)
