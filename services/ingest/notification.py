"""What Cloud Storage tells of an object: two formats in, one fact out. Foreign, so checked.

Sources: Pub/Sub notifications for Cloud Storage (payload format ``JSON_API_V1``: attributes and the
object's resource), and Eventarc's CloudEvent ``google.cloud.storage.object.v1.finalized`` in the
Pub/Sub binding (attributes ``ce-*``, the object's data as body).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.ingest.ports import Dropped
from shared.bus.port import Message

_MOST_BODY: Final = 131_072
"""An object's resource has at most 8 KiB of custom metadata; the rest is short."""

_FINALIZED: Final = "google.cloud.storage.object.v1.finalized"
_SOURCE: Final = "//storage.googleapis.com/projects/_/buckets/"
_GENERATION: Final = re.compile(r"[1-9][0-9]{0,18}")

_Bucket = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$")]
_M = TypeVar("_M", bound=BaseModel)
_Number = Annotated[str, Field(pattern=r"^[0-9]{1,19}$")]  # JSON has them as strings


class MalformedError(Exception):
    """A message that is no notification of Cloud Storage. It says nothing of what it is."""


class _Resource(BaseModel):
    """The fields of an object's resource that we look at."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    bucket: _Bucket
    name: Annotated[str, Field(min_length=1, max_length=1024)]
    generation: _Number
    size: _Number
    updated: datetime | None = None


class _Attributes(BaseModel):
    """The attributes of a notification that we look at."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    bucketId: _Bucket  # noqa: N815 - Cloud Storage's name
    objectId: Annotated[str, Field(min_length=1, max_length=1024)]  # noqa: N815 - same
    objectGeneration: _Number  # noqa: N815 - same
    payloadFormat: Annotated[str, Field(pattern="^(JSON_API_V1|NONE)$")]  # noqa: N815 - same


def dropped_in(message: Message) -> Dropped | None:
    """Return which object was written whole; None when the message tells of something else.

    Raises:
        MalformedError: it is no notification, or contradicts itself.
    """
    attributes = message.attributes
    if "ce-type" in attributes:
        return _of_event(attributes, message.body)
    kind = attributes.get("eventType")
    if kind is None:
        raise MalformedError
    if kind != "OBJECT_FINALIZE":
        return None
    told = _checked(_Attributes, dict(attributes))
    name, generation = told.objectId, told.objectGeneration
    if told.payloadFormat == "NONE":
        return _dropped(told.bucketId, name, generation, None, None)
    found = _resource(message.body)
    if (found.bucket, found.name, found.generation) != (told.bucketId, name, generation):
        raise MalformedError
    return _dropped(found.bucket, name, generation, int(found.size), found.updated)


def _of_event(attributes: Mapping[str, str], body: bytes) -> Dropped | None:
    if not attributes["ce-type"].startswith("google.cloud.storage.object."):
        raise MalformedError
    if attributes["ce-type"] != _FINALIZED:
        return None
    found = _resource(body)
    if attributes.get("ce-source") != _SOURCE + found.bucket:
        raise MalformedError
    return _dropped(found.bucket, found.name, found.generation, int(found.size), found.updated)


def _resource(body: bytes) -> _Resource:
    if len(body) > _MOST_BODY:
        raise MalformedError
    return _checked(_Resource, body)


def _dropped(
    bucket: str, name: str, generation: str, size: int | None, updated: datetime | None
) -> Dropped:
    if not _GENERATION.fullmatch(generation):
        raise MalformedError
    return Dropped(bucket, name, int(generation), size, updated)


def _checked(model: type[_M], given: bytes | dict[str, str]) -> _M:
    """Validate, and raise outside the handler: a ValidationError quotes what it was given.

    Text that is no UTF-8 (half of a surrogate pair) is refused here, too.
    """
    valid: _M | None
    try:
        if isinstance(given, bytes):
            valid = model.model_validate_json(given)
        else:
            valid = model.model_validate(given)
    except ValidationError:
        valid = None
    if valid is None:
        raise MalformedError
    return valid
