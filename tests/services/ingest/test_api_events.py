"""A partner's CloudEvents: one document each, under the caller's tenant, and no echo."""

import json
from base64 import b64encode

import pytest

from services.ingest.api_events import PARTNER_DOCUMENT
from shared.events.payloads import UploadArrived
from tests.services.ingest.partners import CANARY, GLOBEX, PDF, Api
from tests.shared.api.asking import HANGS


@pytest.fixture
def api() -> Api:
    """Give an API with its ordinary limits."""
    return Api()


def structured(**attributes: object) -> bytes:
    """Return a CloudEvent in JSON; an attribute that is None is left out."""
    event = {
        "specversion": "1.0",
        "type": PARTNER_DOCUMENT,
        "source": "https://erp.example/outbox",
        "id": "4711",
        "data_base64": b64encode(PDF).decode(),
        **attributes,
    }
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


BINARY = [
    ("ce-specversion", "1.0"),
    ("ce-type", PARTNER_DOCUMENT),
    ("ce-source", "https://erp.example/outbox"),
    ("ce-id", "4711"),
]
STRUCTURED = ("Content-Type", "application/cloudevents+json; charset=utf-8")


def test_event_becomes_an_upload_in_both_modes(api: Api) -> None:
    """Both spellings of one event are one submission, so a partner may change its library."""
    first = api.post(structured(subject="é.pdf"), path="/v1/events", headers=[STRUCTURED])
    second = api.post(
        PDF, path="/v1/events", headers=[*BINARY, ("ce-subject", "%C3%A9.pdf"), ("ce-x", "1")]
    )
    assert first.status == second.status == 202
    assert first.json == second.json
    first_event, second_event = api.bus.events
    assert first_event.id == second_event.id
    assert isinstance(first_event.data, UploadArrived)
    assert first_event.data.entrance == "partner"
    assert api.upload(first_event) == ("é.pdf", PDF)


def test_tenant_of_an_event_is_the_callers(api: Api) -> None:
    """An attribute is the sender's claim; identity is not."""
    body = structured(tenant="acme", jobid="0" * 40)
    api.post(body, path="/v1/events", headers=[STRUCTURED], account=GLOBEX)
    assert api.bus.events[0].tenant == "globex"
    assert api.bus.events[0].jobid != "0" * 40


def test_event_sent_again_with_other_bytes_is_refused(api: Api) -> None:
    """Source and id name one event: two documents under one name would lose one of them."""
    api.post(structured(), path="/v1/events", headers=[STRUCTURED])
    other = structured(data_base64=b64encode(b"other").decode())
    answer = api.post(other, path="/v1/events", headers=[STRUCTURED])
    assert (answer.status, answer.code) == (422, "key_reused")
    assert api.post(structured(id="2"), path="/v1/events", headers=[STRUCTURED]).status == 202
    moved = structured(source="/other")
    assert api.post(moved, path="/v1/events", headers=[STRUCTURED]).status == 202


@pytest.mark.parametrize(
    "body",
    [
        structured(specversion="0.3"),
        structured(specversion=None),
        structured(id=None),
        structured(id=""),
        structured(id=4711),
        structured(id="x" * 1025),
        structured(source=None),
        structured(source=["a"]),
        structured(type=None),
        structured(data_base64=None),
        structured(data_base64=None, data={"canary": CANARY}),
        structured(data={"canary": CANARY}),
        structured(data_base64=""),
        structured(data_base64="JVBE!" + CANARY),
        structured(data_base64="JVBERi0"),
        structured(data_base64=[1]),
        b"[" + structured() + b"]",
        b"[" * 200_000,
        b'{"specversion":"1.0",' + CANARY.encode(),
        b"\xff\xfe" + structured(),
        b"null",
        CANARY.encode(),
    ],
    ids=range(22),
)
def test_what_is_no_event_is_refused_without_an_echo(api: Api, body: bytes) -> None:
    """The package's errors quote headers and body; ours are one sentence."""
    answer = api.post(body, path="/v1/events", headers=[STRUCTURED])
    assert (answer.status, answer.code) == (400, "malformed_event")
    assert CANARY.encode() not in answer.body
    assert CANARY not in "".join(api.process.lines)
    assert not api.bus.events


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Content-Type", "application/pdf")],
        [("Content-Type", "application/cloudevents-batch+json")],
        [("Content-Type", "application/cloudevents+xml")],
        [*BINARY, STRUCTURED],
        BINARY[:3],
        [*BINARY[:3], ("ce-id", "%ff")],
        [*BINARY[:3], ("ce-id", "\xe4")],
        [*BINARY[1:], ("ce-specversion", "0.3")],
    ],
    ids=range(9),
)
def test_headers_that_name_no_one_event_are_refused(
    api: Api, headers: list[tuple[str, str]]
) -> None:
    """Both modes at once, a batch, half an event: which document it is would be a guess."""
    answer = api.post(structured(), path="/v1/events", headers=headers)
    assert (answer.status, answer.code) == (400, "malformed_event")


@pytest.mark.parametrize("twice", [("ce-id", "2"), ("content-type", "text/plain")])
def test_event_header_that_comes_twice_is_refused(api: Api, twice: tuple[str, str]) -> None:
    """Joined by commas the two would be a third event."""
    headers = [*BINARY, ("content-type", "text/plain"), twice]
    answer = api.post(PDF, path="/v1/events", headers=headers)
    assert (answer.status, answer.code) == (400, "malformed_request")


def test_event_of_another_type_is_refused(api: Api) -> None:
    """Our own events must not be had from outside: a partner hands in documents, nothing else."""
    body = structured(type="docledger.document.erased.v1")
    answer = api.post(body, path="/v1/events", headers=[STRUCTURED])
    assert (answer.status, answer.code) == (400, "unknown_event_type")


def test_event_over_its_limit_is_refused() -> None:
    """JSON is parsed whole, so events are small; large documents have their own path."""
    api = Api(most_event_bytes=1000)
    answer = api.post(
        structured(data_base64="A" * 2000), HANGS, path="/v1/events", headers=[STRUCTURED]
    )
    assert answer.code == "too_large"
