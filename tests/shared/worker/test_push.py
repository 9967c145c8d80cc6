"""A wrapped push becomes a delivery, and nothing else does."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.port import Delivery
from shared.worker.push import MOST_BYTES, MalformedPushError, delivery_of

SUBSCRIPTION = "ingest.upload-arrived"
SECRET = "canary-5b1f"


def wrapped(message: dict[str, object] | None = None, **other: object) -> bytes:
    """Return a push as Pub/Sub sends it, but for what the test changes; None leaves a key out."""
    told: dict[str, object] = {
        "attributes": {"ce-type": "docledger.upload.arrived.v1"},
        "data": base64.b64encode(b'{"a": 1}').decode(),
        "messageId": "2070443601311540",
        "message_id": "2070443601311540",
        "publishTime": "2026-02-26T19:13:55.749Z",
        "publish_time": "2026-02-26T19:13:55.749Z",
        **(message or {}),
    }
    push: dict[str, object] = {
        "message": {name: value for name, value in told.items() if value is not None},
        "subscription": f"projects/acme/subscriptions/{SUBSCRIPTION}",
        "deliveryAttempt": 5,
        **other,
    }
    return json.dumps({name: value for name, value in push.items() if value is not None}).encode()


def test_a_push_becomes_a_delivery() -> None:
    """Nothing of what Pub/Sub says may get lost on the way to the edge."""
    delivery = delivery_of(wrapped(), SUBSCRIPTION)
    assert delivery == Delivery(
        subscription=SUBSCRIPTION,
        message=delivery.message,
        attempt=5,
        receipt="2070443601311540",
        published=datetime(2026, 2, 26, 19, 13, 55, 749_000, UTC),
    )
    assert delivery.message.attributes == {"ce-type": "docledger.upload.arrived.v1"}
    assert delivery.message.body == b'{"a": 1}'


@pytest.mark.parametrize("attempt", [None, 0])
def test_without_an_attempt_it_is_the_first(attempt: int | None) -> None:
    """The emulator sends none, and Pub/Sub only where dead letters are configured."""
    assert delivery_of(wrapped(deliveryAttempt=attempt), SUBSCRIPTION).attempt == 1


def test_attributes_or_data_may_be_absent() -> None:
    """Pub/Sub leaves out what is empty; whether that is an event, the edge decides."""
    delivery = delivery_of(wrapped({"attributes": None, "data": None}), SUBSCRIPTION)
    assert delivery.message.attributes == {}
    assert delivery.message.body == b""


@pytest.mark.parametrize("nanoseconds", ["2026-02-26T19:13:55.749123456Z", "2026-02-26T19:13:55Z"])
def test_times_come_with_any_fraction(nanoseconds: str) -> None:
    """Protobuf timestamps print zero, three, six or nine digits."""
    assert delivery_of(wrapped({"publishTime": nanoseconds}), SUBSCRIPTION).published.second == 55


def test_what_is_new_in_pubsub_is_no_error() -> None:
    """A field that Pub/Sub adds must not stop the pipeline."""
    delivery_of(wrapped({"orderingKey": "k", "brandNew": 1}, brandNew={}), SUBSCRIPTION)


HOSTILE = {
    "nothing": b"",
    "no JSON": b"\xff\xfe",
    "a number": b"1",
    "a list": b"[]",
    "an empty object": b"{}",
    "deep nesting": b'{"message":' + b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000,
    "too long": b" " * MOST_BYTES + wrapped(),
    "a huge number": wrapped(deliveryAttempt=10**400),
    "a negative attempt": wrapped(deliveryAttempt=-1),
    "a true attempt": wrapped(deliveryAttempt=True),
    "half an attempt": wrapped(deliveryAttempt=1.5),
    "an attempt as text": wrapped(deliveryAttempt="1"),
    "infinity": wrapped(deliveryAttempt=float("inf")),
    "no message": b'{"subscription": "ingest.upload-arrived"}',
    "a message as text": b'{"message": "x", "subscription": "ingest.upload-arrived"}',
    "no message id": wrapped({"messageId": None}),
    "an empty message id": wrapped({"messageId": ""}),
    "a message id of another type": wrapped({"messageId": 7}),
    "an endless message id": wrapped({"messageId": "7" * 10_000}),
    "no time": wrapped({"publishTime": None}),
    "a time without a zone": wrapped({"publishTime": "2026-02-26T19:13:55"}),
    "no such time": wrapped({"publishTime": "2026-02-30T19:13:55Z"}),
    "a time before time": wrapped({"publishTime": "0001-01-01T00:00:00+23:59"}),
    "bad base64": wrapped({"data": "a"}),
    "base64 of the other alphabet": wrapped({"data": "-_-_"}),
    "base64 with a line break": wrapped({"data": "YWJj\nYWJj"}),
    "base64 with a tail": wrapped({"data": "YQ==YQ=="}),
    "base64 that is not ASCII": wrapped({"data": "ä"}),
    "data of another type": wrapped({"data": {"a": 1}}),
    "attributes of another type": wrapped({"attributes": [1]}),
    "an attribute that is a number": wrapped({"attributes": {"a": 1}}),
    "an attribute that is an object": wrapped({"attributes": {"a": {"b": "c"}}}),
    "a lone surrogate": wrapped({"attributes": {"a": "\ud800"}}),
    "no subscription": wrapped(subscription=None),
    "another subscription": wrapped(subscription="projects/a/subscriptions/ocr.pages-read"),
    "its dead letters": wrapped(subscription=f"projects/a/subscriptions/{SUBSCRIPTION}.dead"),
    "a longer subscription": wrapped(subscription=f"projects/a/subscriptions/x.{SUBSCRIPTION}"),
    "a subscription in a list": wrapped(subscription=[SUBSCRIPTION]),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_what_pubsub_cannot_have_sent_is_refused(body: bytes) -> None:
    """Each is one kind of answer, and none of another exception, of memory or of time."""
    with pytest.raises(MalformedPushError):
        delivery_of(body, SUBSCRIPTION)


def test_a_refusal_carries_nothing_of_the_push() -> None:
    """Whoever prints the error must not print the document's name with it."""
    body = wrapped({"attributes": {"a": SECRET, "b": 7}, "data": SECRET})
    with pytest.raises(MalformedPushError) as caught:
        delivery_of(body, SUBSCRIPTION)
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in repr(error)
        error = error.__cause__ or error.__context__


def test_the_last_of_duplicate_keys_counts_everywhere() -> None:
    """One parser reads a push: the subscription that is checked is the one that is used."""
    twice = wrapped()[:-1] + b', "subscription": "projects/a/subscriptions/ocr.pages-read"}'
    with pytest.raises(MalformedPushError):
        delivery_of(twice, SUBSCRIPTION)
    assert delivery_of(twice, "ocr.pages-read").subscription == "ocr.pages-read"


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    """Whatever comes, the service has one answer."""
    with pytest.raises(MalformedPushError):
        delivery_of(body, SUBSCRIPTION)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["message", "subscription", "data"]), inner)
        ),
        max_leaves=6,
    )
)
def test_no_json_raises_anything_else(whole: object) -> None:
    """Wrong types in every place."""
    with pytest.raises(MalformedPushError):
        delivery_of(json.dumps(whole).encode(), SUBSCRIPTION)
