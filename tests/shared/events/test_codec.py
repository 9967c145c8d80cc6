"""The codec: what goes out comes back, the CloudEvents SDK agrees, and nothing else gets in."""

import json
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from cloudevents.conversion import to_binary, to_json
from cloudevents.http import CloudEvent, from_http, from_json

from shared.bus.port import Message
from shared.errors import PermanentError
from shared.events.codec import (
    MOST_BYTES,
    from_message,
    from_structured,
    to_message,
    to_structured,
)
from shared.events.envelope import Event
from shared.telemetry.reasons import QuarantineReason

SECRET = "ACME-GmbH-IBAN-DE00"


def sdk_event(event: Event) -> CloudEvent:
    """Build the same event with the official SDK."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type.value,
        "source": event.source,
        "subject": event.subject,
        "time": event.time.isoformat(),
        "tenant": event.tenant,
        "jobid": event.jobid,
        "traceparent": event.traceparent,
        "datacontenttype": "application/json",
    }
    if event.replay:
        attributes["replay"] = event.replay
    return CloudEvent(attributes, event.data.model_dump(mode="json"))


def same(read: object, event: Event) -> None:
    """Hold what the SDK read against the event."""
    assert isinstance(read, CloudEvent)
    expected = sdk_event(event)
    attributes = {name: str(value) for name, value in read.get_attributes().items()}
    attributes["time"] = datetime.fromisoformat(attributes["time"]).isoformat()
    assert attributes == {name: str(value) for name, value in expected.get_attributes().items()}
    assert read.get_data() == expected.get_data()


def test_every_event_survives_the_pubsub_binding(event: Event) -> None:
    """A worker sees exactly what another one emitted."""
    assert from_message(to_message(event)) == event


def test_every_event_survives_structured_json(event: Event) -> None:
    """The sweeper and a replay publish exactly what was stored."""
    assert from_structured(to_structured(event)) == event


def test_the_sdk_reads_what_we_send(event: Event, posted: Event) -> None:
    """Partners read our events with any CloudEvents library."""
    for ours in (event, posted):
        message = to_message(ours)
        same(from_http(message.attributes, message.body), ours)
        same(from_json(to_structured(ours)), ours)


def test_we_read_what_the_sdk_sends(event: Event, posted: Event) -> None:
    """Partners write events for us with any CloudEvents library."""
    for theirs in (event, posted):
        headers, body = to_binary(sdk_event(theirs))
        told = {name: str(value) for name, value in headers.items()}
        assert from_message(Message(told, body)) == theirs
        assert from_structured(to_json(sdk_event(theirs))) == theirs


def test_the_replay_count_travels_only_when_there_was_one(event: Event, posted: Event) -> None:
    """A first attempt looks like any CloudEvent."""
    assert "ce-replay" not in to_message(event).attributes
    assert b"replay" not in to_structured(event)
    assert to_message(posted).attributes["ce-replay"] == "3"
    assert json.loads(to_structured(posted))["replay"] == 3


def test_attributes_of_the_transport_are_left_alone(posted: Event) -> None:
    """Pub/Sub clients add attributes of their own."""
    message = to_message(posted)
    with_theirs = {**message.attributes, "googclient_schemaencoding": "JSON"}
    assert from_message(Message(with_theirs, message.body)) == posted


def test_a_time_in_another_zone_is_the_same_time(posted: Event) -> None:
    """A partner may stamp events in local time."""
    zone = timezone(timedelta(hours=8))
    local = replace(posted, time=posted.time.astimezone(zone))
    assert from_message(to_message(local)) == posted
    message = to_message(posted)
    attributes = {**message.attributes, "ce-time": local.time.isoformat()}
    assert from_message(Message(attributes, message.body)) == posted


WRONG_ATTRIBUTES: dict[str, tuple[str, str | None]] = {
    "unknown type": ("type", f"docledger.{SECRET}.v1"),
    "another version": ("specversion", "0.3"),
    "no version": ("specversion", None),
    "no id": ("id", None),
    "an id that is not ours": ("id", SECRET),
    "an id with a line feed": ("id", "ab" * 20 + "\n"),
    "no source": ("source", None),
    "a foreign source": ("source", f"https://{SECRET}/"),
    "no subject": ("subject", None),
    "a path as subject": ("subject", "../" + SECRET),
    "no time": ("time", None),
    "a time in words": ("time", "yesterday"),
    "a time without a zone": ("time", "2026-01-01T00:00:00"),
    "a month of thirteen": ("time", "2026-13-01T00:00:00Z"),
    "before the first year": ("time", "0001-01-01T00:00:00+23:59"),
    "no tenant": ("tenant", None),
    "a tenant that climbs": ("tenant", "../other"),
    "no job": ("jobid", None),
    "no trace": ("traceparent", None),
    "a trace of zeros": ("traceparent", f"00-{'0' * 32}-{'5e' * 8}-01"),
    "a span of zeros": ("traceparent", f"00-{'5e' * 16}-{'0' * 16}-01"),
    "a trace of a later version": ("traceparent", f"01-{'5e' * 16}-{'5e' * 8}-01"),
    "an unknown attribute": ("dataschema", SECRET),
}


@pytest.mark.parametrize("case", WRONG_ATTRIBUTES)
def test_a_wrong_attribute_is_a_malformed_event(posted: Event, case: str) -> None:
    """Whoever may publish to a topic may send anything; no worker acts on it."""
    name, value = WRONG_ATTRIBUTES[case]
    message = to_message(posted)
    attributes = {k: v for k, v in message.attributes.items() if k != f"ce-{name}"}
    whole = {k: v for k, v in json.loads(to_structured(posted)).items() if k != name}
    if value is not None:
        attributes[f"ce-{name}"] = value
        whole[name] = value
    refused(lambda: from_message(Message(attributes, message.body)))
    refused(lambda: from_structured(json.dumps(whole).encode()))


@pytest.mark.parametrize("replay", ["0", "-1", "+1", "1.0", "", SECRET, "9" * 40, " 1", "\u0661"])
def test_a_wrong_replay_count_is_a_malformed_event(posted: Event, replay: str) -> None:
    """The register orders by it."""
    message = to_message(posted)
    refused(lambda: from_message(Message({**message.attributes, "ce-replay": replay}, b"{}")))


@pytest.mark.parametrize("replay", ["1", -1, 1.5, True, None, 10**30])
def test_a_structured_replay_count_is_a_whole_number(posted: Event, replay: object) -> None:
    """The register orders by it."""
    whole = {**json.loads(to_structured(posted)), "replay": replay}
    refused(lambda: from_structured(json.dumps(whole).encode()))


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json\r\nx: y"])
def test_another_content_type_is_a_malformed_event(posted: Event, content_type: str | None) -> None:
    """The body is JSON or it is nothing of ours."""
    message = to_message(posted)
    attributes = {k: v for k, v in message.attributes.items() if k != "content-type"}
    if content_type is not None:
        attributes["content-type"] = content_type
    refused(lambda: from_message(Message(attributes, message.body)))


def test_the_content_type_does_not_travel_twice(posted: Event) -> None:
    """Two places for one fact could differ."""
    message = to_message(posted)
    attributes = {**message.attributes, "ce-datacontenttype": "application/json"}
    refused(lambda: from_message(Message(attributes, message.body)))


BAD_BODIES = {
    "empty": b"",
    "no JSON": SECRET.encode(),
    "not UTF-8": b'{"document_id": "\xff\xfe"}',
    "a list": b"[]",
    "null": b"null",
    "huge": b'{"x": "' + b"x" * MOST_BYTES + b'"}',
    "deep": b"[" * 8000 + b"]" * 8000,
    "deep objects": b'{"a":' * 2500 + b"1" + b"}" * 2500,
    "not a number": b'{"index": NaN}',
    "a lone surrogate": b'{"document_id": "\\ud800"}',
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_body_that_is_not_our_data_is_a_malformed_event(posted: Event, case: str) -> None:
    """A body may be anything at all; parsing it stays cheap and tells nothing."""
    message = to_message(posted)
    refused(lambda: from_message(Message(message.attributes, BAD_BODIES[case])))
    refused(lambda: from_structured(BAD_BODIES[case]))
    whole = to_structured(posted)
    data = whole.index(b'"data":') + len(b'"data":')
    refused(lambda: from_structured(whole[:data] + BAD_BODIES[case] + b"}"))


def test_an_unknown_field_is_a_malformed_event(event: Event) -> None:
    """Content smuggled beside the references would reach logs and stores."""
    message = to_message(event)
    data = {**json.loads(message.body), "supplier_name": SECRET}
    refused(lambda: from_message(Message(message.attributes, json.dumps(data).encode())))


def test_a_missing_field_is_a_malformed_event(event: Event) -> None:
    """A handler never sees half an event."""
    refused(lambda: from_message(Message(to_message(event).attributes, b"{}")))


def test_a_number_in_quotes_is_a_malformed_event(posted: Event) -> None:
    """One meaning, one spelling."""
    message = to_message(posted)
    data = {**json.loads(message.body), "index": "0"}
    refused(lambda: from_message(Message(message.attributes, json.dumps(data).encode())))


def test_data_of_another_type_is_a_malformed_event(event: Event) -> None:
    """The type decides which model reads the data."""
    message = to_message(event)
    for other in ("docledger.upload.arrived.v1", "docledger.document.quarantined.v1"):
        if event.type.value != other:
            attributes = {**message.attributes, "ce-type": other}
            refused(partial(from_message, Message(attributes, message.body)))


@pytest.mark.parametrize(
    "broken",
    [
        {"time": datetime(2026, 1, 1)},  # noqa: DTZ001 - the missing zone is the point
        {"subject": "invoice 17.pdf"},
        {"tenant": "ACME GmbH"},
        {"traceparent": ""},
        {"replay": -1},
    ],
)
def test_a_wrong_event_is_not_sent(posted: Event, broken: dict[str, Any]) -> None:
    """A mistake of ours fails where it is made, not in the next worker."""
    refused(lambda: to_message(replace(posted, **broken)))
    refused(lambda: to_structured(replace(posted, **broken)))


def test_an_event_of_the_wrong_payload_is_not_sent(posted: Event, event: Event) -> None:
    """Type and data are one statement."""
    if event.type is not posted.type:
        refused(lambda: to_message(replace(posted, data=event.data)))


def refused(attempt: Callable[[], object]) -> None:
    """Expect ``malformed_event``, and nothing of the message in all that can be printed."""
    with pytest.raises(PermanentError) as caught:
        attempt()
    assert caught.value.reason is QuarantineReason.MALFORMED_EVENT
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    printed = "".join(traceback.format_exception_only(caught.value)) + repr(caught.value)
    assert SECRET not in printed
