"""The partner API: documents and events in, jobs out. The tenant is the caller's, never said."""

import re
from typing import Annotated, Any, Final, cast

from fastapi import Depends, FastAPI, Header, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from services.ingest.api_body import Bodies
from services.ingest.api_door import FrontDoor, JobView, KeyReusedError
from services.ingest.api_events import (
    PARTNER_DOCUMENT,
    MalformedPartnerEventError,
    UnknownTypeError,
    partner_document,
)
from services.ingest.api_names import MalformedNameError, file_name, is_key
from services.ingest.api_settings import IngestApiSettings
from shared.api.app import Surroundings, new_app
from shared.api.callers import Caller, Callers, Identities, only_header
from shared.api.problems import ProblemError, answer_to, say
from shared.events.ids import origin_of
from shared.events.payloads import Identifier
from shared.telemetry.apis import ApiOperation, ApiProblem

OPERATIONS: Final = {
    operation.value: operation
    for operation in (
        ApiOperation.SUBMIT_DOCUMENT,
        ApiOperation.SUBMIT_EVENT,
        ApiOperation.READ_JOB,
    )
}

_ID: Final = re.compile(r"[0-9a-f]{40}")
_ACCEPTED: Final = 202
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_EVENT: Final = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "data_base64"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "with source: the same again is the same job"},
        "source": {"type": "string", "format": "uri-reference"},
        "type": {"const": PARTNER_DOCUMENT},
        "subject": {"type": "string", "description": "the file's name"},
        "data_base64": {"type": "string", "contentEncoding": "base64"},
    },
}
_LOCATION: Final = {"description": "of the job", "schema": {"type": "string"}}
_TAKEN: Final[dict[int | str, dict[str, Any]]] = {_ACCEPTED: {"headers": {"Location": _LOCATION}}}


class Taken(BaseModel):
    """A submission that cannot be lost any more."""

    job_id: Identifier = Field(description="ask for it at /v1/jobs/{job_id}")


def create_app(
    *, door: FrontDoor, identities: Identities, around: Surroundings, settings: IngestApiSettings
) -> FastAPI:
    """Return the partner API.

    Args:
        door: takes submissions.
        identities: says who calls.
        around: what the process brings: log, figures, checks.
        settings: who hands in for whom, and how much at once.
    """
    app = new_app(
        title="docledger partner API",
        description="Hand documents in, and ask what became of them.",
        around=around,
        most_at_once=settings.most_at_once,
        operations=OPERATIONS,
    )
    callers = Callers(identities, settings.callers, most_each=settings.most_each)
    held_bytes = max(settings.held_bytes, settings.most_bytes)
    bodies = Bodies(held_bytes=held_bytes, body_s=settings.body_s)
    _add_errors(app)
    _add_documents(app, callers, door, bodies, settings.most_bytes)
    _add_events(app, callers, door, bodies, settings.most_event_bytes)
    _add_jobs(app, callers, door)
    return app


def undeployed() -> FastAPI:
    """Return the API without anything behind it, for its document: no port is ever asked."""
    return create_app(
        door=cast("FrontDoor", None),
        identities=cast("Identities", None),
        around=Surroundings.none(),
        settings=IngestApiSettings(),
    )


def _add_errors(app: FastAPI) -> None:
    problems: dict[type[Exception], ApiProblem] = {
        KeyReusedError: ApiProblem.KEY_REUSED,
        MalformedNameError: ApiProblem.MALFORMED_FILE_NAME,
        MalformedPartnerEventError: ApiProblem.MALFORMED_EVENT,
        UnknownTypeError: ApiProblem.UNKNOWN_EVENT_TYPE,
    }

    async def answer(request: Request, error: Exception) -> Response:
        return answer_to(request, problems[type(error)])

    for kind in problems:
        app.add_exception_handler(kind, answer)


def _add_documents(
    app: FastAPI, callers: Callers, door: FrontDoor, bodies: Bodies, most_bytes: int
) -> None:
    @app.post(
        "/v1/documents",
        operation_id=ApiOperation.SUBMIT_DOCUMENT.value,
        status_code=_ACCEPTED,
        responses=_TAKEN,
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/octet-stream": _BINARY}}
        },
    )
    async def submit_document(
        request: Request,
        response: Response,
        caller: Annotated[Caller, Depends(callers)],
        _idempotency_key: Annotated[
            str | None,
            Header(alias="Idempotency-Key", description="the same again is the same job"),
        ] = None,
        _content_disposition: Annotated[
            str | None,
            Header(
                alias="Content-Disposition",
                description="attachment; filename*=UTF-8''<percent-encoded>: the file's name",
            ),
        ] = None,
    ) -> Taken:
        """Take one document in: the body is the file. Content-Type says nothing: the bytes do."""
        name = file_name(only_header(request, "content-disposition"))
        key = only_header(request, "idempotency-key")
        if key is not None and not is_key(key):
            raise ProblemError(ApiProblem.MALFORMED_KEY)
        async with bodies.read(request, most_bytes=most_bytes) as content:
            job_id = await run_in_threadpool(
                door.submit, caller.tenant, caller.account, key, name, content
            )
            return _taken(request, response, job_id, len(content))


def _add_events(
    app: FastAPI, callers: Callers, door: FrontDoor, bodies: Bodies, most_bytes: int
) -> None:
    @app.post(
        "/v1/events",
        operation_id=ApiOperation.SUBMIT_EVENT.value,
        status_code=_ACCEPTED,
        responses=_TAKEN,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/cloudevents+json": {"schema": _EVENT},
                    "application/octet-stream": _BINARY,
                },
            }
        },
    )
    async def submit_event(
        request: Request, response: Response, caller: Annotated[Caller, Depends(callers)]
    ) -> Taken:
        """Take a CloudEvent in that carries one document, in structured or binary mode."""
        headers = _event_headers(request)
        async with bodies.read(request, most_bytes=most_bytes) as body:
            event = await run_in_threadpool(partner_document, headers, body)
            job_id = await run_in_threadpool(
                door.submit_event,
                caller.tenant,
                caller.account,
                source=event.source,
                event_id=event.id,
                source_name=event.name,
                content=event.content,
            )
            return _taken(request, response, job_id, len(event.content))


def _add_jobs(app: FastAPI, callers: Callers, door: FrontDoor) -> None:
    @app.get(
        "/v1/jobs/{job_id}",
        operation_id=ApiOperation.READ_JOB.value,
        response_model_exclude_none=True,
    )
    def read_job(
        caller: Annotated[Caller, Depends(callers)],
        job_id: Annotated[str, Path(description="as the API gave it")],
    ) -> JobView:
        """Say what became of a submission. Another tenant's job is not found, as an unknown one."""
        job = door.job(caller.tenant, job_id) if _ID.fullmatch(job_id) else None
        if job is None:
            raise ProblemError(ApiProblem.NOT_FOUND)
        return job


def _event_headers(request: Request) -> dict[str, str]:
    """Return the headers that may say something about an event, each of which may come once."""
    names = {name for name in request.headers if name.startswith("ce-")} | {"content-type"}
    return {name: only_header(request, name) or "" for name in names}


def _taken(request: Request, response: Response, job_id: str, size: int) -> Taken:
    response.headers["location"] = f"/v1/jobs/{job_id}"
    say(request, job_id=job_id, traceparent=origin_of(job_id), size=size)
    return Taken(job_id=job_id)
