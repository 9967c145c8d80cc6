"""A CloudEvent of ours: the attributes every worker needs, and typed data."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.events.ids import event_id
from shared.events.payloads import EventType, Payload


@dataclass(frozen=True, slots=True)
class Event:
    """CloudEvents 1.0 attributes and extensions around one payload.

    Attributes:
        id: deterministic (``shared.events.ids.event_id``).
        type: the event type.
        source: the worker that emitted it, ``/docledger/<worker>``.
        subject: the document, or the job before there is one.
        time: when it was emitted, UTC.
        tenant: extension; whose document it is.
        jobid: extension; the submission that the work began with.
        traceparent: extension; W3C Trace Context of the origin trace.
        replay: extension; how often a person has replayed this work.
        data: the payload; not shown by ``repr``.
    """

    id: str
    type: EventType
    source: str
    subject: str
    time: datetime
    tenant: str
    jobid: str
    traceparent: str
    data: Payload = field(repr=False)
    replay: int = 0


@dataclass(frozen=True, slots=True)
class Child:
    """An event that follows from a result, before the edge knows the result's reference.

    Attributes:
        data: the payload's fields, without ``result`` (the edge adds the reference).
        type: the event type.
        subject: whom it is about; the edge uses the parent's subject when None.
        part: which of several events of one type.
        takes_result: whether the payload has a ``result`` field for the reference.
        jobid: the submission it belongs to; the edge uses the parent's when None.
    """

    type: EventType
    data: dict[str, object] = field(repr=False)
    subject: str | None = None
    part: int = 0
    takes_result: bool = False
    jobid: str | None = None


def make_event(  # noqa: PLR0913 - an event has this many attributes
    data: Payload,
    *,
    tenant_key: bytes,
    tenant: str,
    source: str,
    subject: str,
    jobid: str,
    traceparent: str,
    time: datetime,
    part: int = 0,
    replay: int = 0,
) -> Event:
    """Return the event that carries ``data``, with its deterministic id."""
    revision = getattr(data, "revision", 0)
    return Event(
        id=event_id(
            tenant_key,
            subject=subject,
            revision=revision,
            type_=data.event_type.value,
            part=part,
            replay=replay,
        ),
        type=data.event_type,
        source=f"/docledger/{source}",
        subject=subject,
        time=time,
        tenant=tenant,
        jobid=jobid,
        traceparent=traceparent,
        data=data,
        replay=replay,
    )
