"""Events to CloudEvents 1.0 and back: the Pub/Sub binding, and structured JSON.

Sources: CloudEvents 1.0.2, its JSON format and its Pub/Sub protocol binding; W3C Trace Context.
A message that is not exactly one of our events is ``PermanentError(malformed_event)``. What was
wrong with it is not said: the error, its cause and its context carry nothing of the message.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json

from shared.bus.port import Message
from shared.errors import PermanentError
from shared.events.envelope import Event
from shared.events.payloads import PAYLOADS, EventType, Identifier, Payload, TenantName
from shared.telemetry.reasons import QuarantineReason

MOST_BYTES: Final = 16_384
"""Events hold references and codes; a few KB is what the largest of them takes."""

CONTENT_TYPE: Final = "application/json"

_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_REPLAY: Final = re.compile("^[1-9][0-9]{0,6}$")
_PREFIX: Final = "ce-"


class _Attributes(BaseModel):
    """The attributes of every event of ours, whichever way it travels."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    specversion: Literal["1.0"]
    id: Identifier
    type: Annotated[EventType, Field(strict=False)]
    source: Annotated[str, Field(pattern=r"^/docledger/[a-z]{1,32}$")]
    subject: Identifier
    time: Annotated[str, Field(max_length=40)]
    tenant: TenantName
    jobid: Identifier
    traceparent: Annotated[str, Field(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
    replay: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    datacontenttype: Literal["application/json", "application/json; charset=utf-8"]


_M = TypeVar("_M", bound=BaseModel)


def attributes_schema() -> dict[str, object]:
    """Return the JSON Schema of the attributes as they travel in the Pub/Sub binding."""
    schema = _Attributes.model_json_schema()
    names = {"datacontenttype": "content-type"}
    fields: dict[str, object] = {
        names.get(name, _PREFIX + name): rule for name, rule in schema["properties"].items()
    }
    fields["ce-type"] = {"enum": [type_.value for type_ in EventType], "type": "string"}
    fields["ce-time"] = {"type": "string", "format": "date-time"}
    fields["ce-replay"] = {"type": "string", "pattern": _REPLAY.pattern}
    return {
        "type": "object",
        "description": "Attributes without the prefix ce- belong to the transport.",
        "properties": fields,
        "required": [names.get(name, _PREFIX + name) for name in schema["required"]],
    }


def to_message(event: Event) -> Message:
    """Return ``event`` in the Pub/Sub binding: attributes ``ce-*``, body = data as JSON.

    Raises:
        PermanentError: reason ``malformed_event``: an attribute is not what the contract says.
    """
    attributes = _attributes(event)
    travelling = {
        f"{_PREFIX}{name}": value
        for name, value in attributes.items()
        if name not in {"datacontenttype", "replay"}
    }
    travelling["content-type"] = CONTENT_TYPE
    if event.replay:
        travelling["ce-replay"] = str(event.replay)
    return Message(attributes=travelling, body=event.data.model_dump_json().encode())


def from_message(message: Message) -> Event:
    """Return the event that ``message`` carries.

    Attributes without the prefix ``ce-`` belong to the transport and are left alone.

    Raises:
        PermanentError: reason ``malformed_event``.
    """
    given: dict[str, object] = {
        name.removeprefix(_PREFIX): value
        for name, value in message.attributes.items()
        if name.startswith(_PREFIX)
    }
    if "datacontenttype" in given:  # in this binding it travels as content-type alone
        raise PermanentError(QuarantineReason.MALFORMED_EVENT)
    given["datacontenttype"] = message.attributes.get("content-type")
    replay = given.get("replay", "1")
    if not isinstance(replay, str) or not _REPLAY.fullmatch(replay):
        raise PermanentError(QuarantineReason.MALFORMED_EVENT)
    if "replay" in given:
        given["replay"] = int(replay)
    attributes = _validated(_Attributes, given)
    return _event(attributes, _payload(attributes.type, message.body))


def to_structured(event: Event) -> bytes:
    """Return ``event`` as one JSON object (``application/cloudevents+json``).

    Raises:
        PermanentError: reason ``malformed_event``: an attribute is not what the contract says.
    """
    whole: dict[str, object] = dict(_attributes(event))
    if event.replay:
        whole["replay"] = event.replay
    return to_json({**whole, "data": event.data.model_dump(mode="json")})


def from_structured(body: bytes) -> Event:
    """Return the event in one JSON object.

    Raises:
        PermanentError: reason ``malformed_event``.
    """
    whole = _object(body)
    data = whole.pop("data", None)
    attributes = _validated(_Attributes, whole)
    return _event(attributes, _payload(attributes.type, to_json(data)))


def _attributes(event: Event) -> dict[str, str]:
    """Check what every binding carries, and return it as strings, without the replay count."""
    if event.time.utcoffset() is None:
        raise PermanentError(QuarantineReason.MALFORMED_EVENT)
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type.value,
        "source": event.source,
        "subject": event.subject,
        "time": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "tenant": event.tenant,
        "jobid": event.jobid,
        "traceparent": event.traceparent,
        "datacontenttype": CONTENT_TYPE,
    }
    _validated(_Attributes, {**attributes, "replay": event.replay})
    if not isinstance(event.data, PAYLOADS[event.type]):
        raise PermanentError(QuarantineReason.MALFORMED_EVENT)
    return attributes


def _event(attributes: _Attributes, data: Payload) -> Event:
    time = _parsed_time(attributes.time)
    _version, trace, span, _flags = attributes.traceparent.split("-")
    if time is None or not int(trace, 16) or not int(span, 16):
        raise PermanentError(QuarantineReason.MALFORMED_EVENT)
    return Event(
        id=attributes.id,
        type=attributes.type,
        source=attributes.source,
        subject=attributes.subject,
        time=time,
        tenant=attributes.tenant,
        jobid=attributes.jobid,
        traceparent=attributes.traceparent,
        data=data,
        replay=attributes.replay,
    )


def _payload(type_: EventType, body: bytes) -> Payload:
    if len(body) > MOST_BYTES:
        raise PermanentError(QuarantineReason.MALFORMED_EVENT)
    return _validated(PAYLOADS[type_], body)


def _object(body: bytes) -> dict[str, object]:
    """Parse one JSON object; the parser refuses deep nesting by itself."""
    parsed: object = None
    if len(body) <= MOST_BYTES:
        try:
            parsed = from_json(body, allow_inf_nan=False)
        except ValueError:
            parsed = None
    if not isinstance(parsed, dict):
        raise PermanentError(QuarantineReason.MALFORMED_EVENT)
    return parsed


def _validated(model: type[_M], given: bytes | dict[str, object]) -> _M:
    """Validate, and raise outside the handler: a ValidationError quotes what it was given."""
    valid: _M | None
    try:
        if isinstance(given, bytes):
            valid = model.model_validate_json(given, strict=True)
        else:
            valid = model.model_validate(given)
    except ValidationError:
        valid = None
    if valid is None:
        raise PermanentError(QuarantineReason.MALFORMED_EVENT)
    return valid


def _parsed_time(text: str) -> datetime | None:
    """Return an RFC 3339 time in UTC, to the microsecond."""
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
