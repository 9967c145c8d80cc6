"""A partner's CloudEvent: its document, and what makes a resend the same submission.

Sources: CloudEvents 1.0.2, its HTTP binding and JSON format; read by the ``cloudevents`` package.
The document travels in the event. A reference to it would have us fetch what somebody else names.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cloudevents.http import from_http

from services.ingest.api_names import MalformedNameError, percent_decoded

PARTNER_DOCUMENT: Final = "docledger.partner.document.v1"

_STRUCTURED: Final = "application/cloudevents"
_ONE_JSON: Final = "application/cloudevents+json"
_MOST_ATTRIBUTE: Final = 1_024
_PREFIX: Final = "ce-"
_REQUIRED: Final = frozenset({"ce-specversion", "ce-type", "ce-source", "ce-id"})


class MalformedPartnerEventError(Exception):
    """It is no CloudEvent 1.0 with a document; what was wrong is not said: it would be an echo."""


class UnknownTypeError(Exception):
    """A CloudEvent of another type."""


@dataclass(frozen=True, slots=True)
class PartnerDocument:
    """What a partner's event brings. All of it is foreign, so nothing is shown.

    Attributes:
        source: who made the event, as the partner says; with ``id`` it names the event.
        id: of the event.
        name: the file's, from the event's subject; empty without one.
        content: the document.
    """

    source: str = field(repr=False)
    id: str = field(repr=False)
    name: str = field(repr=False)
    content: bytes = field(repr=False)


def partner_document(headers: Mapping[str, str], body: bytes) -> PartnerDocument:
    """Return the document in a request that is a CloudEvent, in binary or structured mode.

    Args:
        headers: ``content-type`` and those that begin with ``ce-``, by lower-case name.
        body: of the request.

    Raises:
        MalformedPartnerEventError: it is none.
        UnknownTypeError: it is one, but no partner's document.
    """
    attributes: dict[str, object] | None
    content: object = None
    try:
        attributes, content = _read(headers, body)
    except Exception:  # noqa: BLE001 - the package raises what it likes over hostile input
        attributes = None  # raised outside: the errors quote what they were given
    if attributes is None or not isinstance(content, bytes) or not content:
        raise MalformedPartnerEventError
    texts = {
        name: _text(attributes.get(name), required=name != "subject")
        for name in ("specversion", "type", "source", "id", "subject")
    }
    if texts["specversion"] != "1.0":
        raise MalformedPartnerEventError
    if texts["type"] != PARTNER_DOCUMENT:
        raise UnknownTypeError
    return PartnerDocument(
        source=texts["source"], id=texts["id"], name=texts["subject"], content=content
    )


def _read(headers: Mapping[str, str], body: bytes) -> tuple[dict[str, object] | None, object]:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    event_headers = {name: v for name, v in headers.items() if name.startswith(_PREFIX)}
    structured = media_type.startswith(_STRUCTURED)
    if structured == bool(event_headers) or (structured and media_type != _ONE_JSON):
        return None, None  # both modes at once, none, or a batch
    if not structured and not event_headers.keys() >= _REQUIRED:
        return None, None  # the package would look for an event in the body
    if structured:
        event = from_http({"content-type": _ONE_JSON}, body, data_unmarshaller=_as_it_is)
        content = _strictly_decoded(body)
    else:
        decoded = {name: _decoded(value) for name, value in event_headers.items()}
        event = from_http(decoded, body, data_unmarshaller=_as_it_is)
        content = body
    return dict(event.get_attributes()), content


def _strictly_decoded(body: bytes) -> bytes | None:
    """Return ``data_base64``: the package skips what is no base64, and so makes another file."""
    event = json.loads(body)
    encoded = event.get("data_base64")
    if "data" in event or not isinstance(encoded, str):
        return None
    return base64.b64decode(encoded, validate=True)


def _decoded(value: str) -> str:
    """Return a header's value as the HTTP binding encodes it: ASCII, the rest percent-encoded."""
    if not value.isascii():
        raise MalformedNameError
    return percent_decoded(value)


def _text(value: object, *, required: bool) -> str:
    if value is None and not required:
        return ""
    if not isinstance(value, str) or not value or len(value) > _MOST_ATTRIBUTE:
        raise MalformedPartnerEventError
    return value


def _as_it_is(data: object) -> object:
    return data
