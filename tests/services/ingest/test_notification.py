"""What Cloud Storage tells: both formats are read, and nothing else passes for one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.notification import MalformedError, dropped_in
from services.ingest.ports import Dropped
from shared.bus.port import Message

NAMES = ["a.pdf", "x" * 1024, "a\r\nX-Evil: 1.pdf", "\x00\x1b[31m", "Größe/€/😀.pdf", "../../etc"]


def resource(**said: Any) -> dict[str, Any]:
    """Return an object's resource."""
    return {
        "kind": "storage#object",
        "bucket": "acme-uploads",
        "name": "a.pdf",
        "generation": "1795337640504863",
        "size": "5",
        "updated": "2026-11-22T08:54:00.504Z",
        "metadata": {"who": "Anna"},
        **said,
    }


def told(body: dict[str, Any] | None = None, **attributes: str) -> Message:
    """Return a notification over Pub/Sub."""
    body = resource() if body is None else body
    return Message(
        {
            "eventType": "OBJECT_FINALIZE",
            "bucketId": body.get("bucket", "acme-uploads"),
            "objectId": body.get("name", "a.pdf"),
            "objectGeneration": body.get("generation", "1"),
            "payloadFormat": "JSON_API_V1",
            "notificationConfig": "projects/_/buckets/acme-uploads/notificationConfigs/1",
            "eventTime": "2026-11-22T08:54:00.504Z",
            **attributes,
        },
        json.dumps(body).encode(),
    )


def event(body: dict[str, Any] | None = None, **attributes: str) -> Message:
    """Return an Eventarc event over Pub/Sub."""
    body = resource() if body is None else body
    return Message(
        {
            "ce-id": "1234",
            "ce-specversion": "1.0",
            "ce-type": "google.cloud.storage.object.v1.finalized",
            "ce-source": "//storage.googleapis.com/projects/_/buckets/acme-uploads",
            "ce-subject": f"objects/{body.get('name')}",
            "ce-time": "2026-11-22T08:54:00.504Z",
            "content-type": "application/json",
            **{f"ce-{name}": value for name, value in attributes.items()},
        },
        json.dumps(body).encode(),
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [told, event])
def test_both_formats_tell_of_one_object(make: Any, name: str) -> None:
    """Whatever a sender calls a file, it is this file and no other."""
    dropped = dropped_in(make(resource(name=name)))
    assert dropped is not None
    assert (dropped.bucket, dropped.name, dropped.generation, dropped.size) == (
        "acme-uploads", name, 1795337640504863, 5,
    )  # fmt: skip
    assert dropped.updated is not None
    assert name not in repr(dropped)


def test_a_notification_without_a_payload_is_enough() -> None:
    """The attributes say which object it is; how large it is, the bucket says."""
    message = told(payloadFormat="NONE", objectGeneration="7")
    assert dropped_in(Message(message.attributes, b"")) == Dropped("acme-uploads", "a.pdf", 7)


@pytest.mark.parametrize(
    "message",
    [
        told(eventType="OBJECT_DELETE"),
        told(eventType="OBJECT_METADATA_UPDATE"),
        told(eventType="OBJECT_ARCHIVE"),
        event(type="google.cloud.storage.object.v1.deleted"),
    ],
)
def test_other_news_of_an_object_is_no_upload(message: Message) -> None:
    """Only bytes that were written whole are."""
    assert dropped_in(message) is None


@pytest.mark.parametrize(
    "message",
    [
        Message({}, b""),
        Message({"eventType": "OBJECT_FINALIZE"}, b"{}"),
        Message(told().attributes, b""),
        Message(told().attributes, b"not JSON"),
        Message(told().attributes, b"[" * 100_000),
        Message(told().attributes, b'{"a":"' + b"x" * 200_000 + b'"}'),
        told(objectId="another.pdf"),
        told(objectGeneration="2"),
        told(bucketId="other-uploads"),
        told(payloadFormat="XML"),
        told(resource(generation="0")),
        told(resource(generation="-1")),
        told(resource(generation="1e3")),
        told(resource(generation="9" * 20)),
        told(resource(size="-5")),
        told(resource(name="")),
        told(resource(name="x" * 1025)),
        told(resource(name="\ud800.pdf")),
        told(payloadFormat="NONE", objectId="\ud800.pdf"),
        told(resource(bucket="../x")),
        event(type="docledger.upload.arrived.v1"),
        event(source="//storage.googleapis.com/projects/_/buckets/other-uploads"),
        event(source="//pubsub.googleapis.com/projects/x"),
        event(resource(bucket="other-uploads")),
        event({"name": "a.pdf"}),
    ],
)
def test_what_contradicts_itself_is_no_notification(message: Message) -> None:
    """Nobody knows which object is meant; the message is kept for a person."""
    with pytest.raises(MalformedError) as malformed:
        dropped_in(message)
    error: BaseException | None = malformed.value
    while error is not None:
        assert "pdf" not in str(error)
        error = error.__cause__ or error.__context__


@given(
    attributes=st.dictionaries(
        st.sampled_from(
            ["eventType", "bucketId", "objectId", "objectGeneration", "payloadFormat", "ce-type"]
        ),
        st.one_of(
            st.text(max_size=20),
            st.sampled_from(["OBJECT_FINALIZE", "JSON_API_V1", "NONE", "acme-uploads", "1"]),
        ),
    ),
    body=st.one_of(
        st.binary(max_size=50),
        st.recursive(
            st.one_of(st.none(), st.text(max_size=5), st.integers()),
            lambda inner: st.dictionaries(
                st.sampled_from(["bucket", "name", "generation", "size"]), inner
            ),
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_any_message_is_read_or_refused(attributes: dict[str, str], body: bytes) -> None:
    """No message ends the worker."""
    try:
        dropped = dropped_in(Message(attributes, body))
    except MalformedError:
        return
    assert dropped is None or dropped.generation > 0
