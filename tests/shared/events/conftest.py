"""One event of every type."""

from datetime import UTC, datetime

import pytest

from shared.events.envelope import Event, make_event
from shared.events.payloads import PAYLOADS, EventType, Payload
from shared.events.payloads import Reference as Ref

DOCUMENT = "d0" * 20
JOB = "a1" * 20
TRACE = "00-" + "7c" * 16 + "-" + "5e" * 8 + "-01"
REFERENCE = Ref(name=f"originals/{DOCUMENT}", generation=7, digest="ab" * 32, size=512)

FIELDS: dict[EventType, dict[str, object]] = {
    EventType.UPLOAD_ARRIVED: {"upload": REFERENCE, "entrance": "folder"},
    EventType.DOCUMENT_RECEIVED: {
        "document_id": DOCUMENT,
        "original": REFERENCE,
        "media_type": "application/pdf",
        "pages": 2,
    },
    EventType.DOCUMENT_READ: {
        "document_id": DOCUMENT,
        "original": REFERENCE,
        "result": REFERENCE,
        "pages": 2,
    },
    EventType.DOCUMENT_SUMMARIZED: {
        "document_id": DOCUMENT,
        "original": REFERENCE,
        "result": REFERENCE,
        "pages": 2,
        "document_type": "invoice",
    },
    EventType.DOCUMENT_QUARANTINED: {
        "document_id": DOCUMENT,
        "stage": "ocr",
        "reason": "unreadable",
        "record": REFERENCE,
    },
    EventType.DOCUMENT_ERASED: {"document_id": DOCUMENT},
    EventType.ENTRY_POSTED: {
        "document_id": DOCUMENT,
        "entry_id": "e5" * 20,
        "kind": "post",
        "index": 0,
        "tree_size": 1,
    },
    EventType.ENTRY_HELD: {
        "document_id": DOCUMENT,
        "entry_id": "e5" * 20,
        "kind": "hold",
        "index": 0,
        "tree_size": 1,
        "reason": "total_missing",
    },
}
_RANGE = {
    "document_id": DOCUMENT,
    "original": REFERENCE,
    "media_type": "application/pdf",
    "pages": 90,
    "first": 1,
    "last": 30,
}
FIELDS[EventType.PAGES_REQUESTED] = _RANGE
FIELDS[EventType.PAGES_READ] = _RANGE


def payload(type_: EventType) -> Payload:
    """Return a valid payload of a type."""
    return PAYLOADS[type_].model_validate(FIELDS[type_])


def event_of(type_: EventType, *, replay: int = 0) -> Event:
    """Return a valid event of a type."""
    data = payload(type_)
    return make_event(
        data,
        tenant_key=b"k" * 32,
        tenant="acme",
        source="ingest",
        subject=getattr(data, "document_id", JOB),
        jobid=JOB,
        traceparent=TRACE,
        time=datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC),
        replay=replay,
    )


@pytest.fixture(params=[*EventType], ids=lambda type_: type_.value)
def event(request: pytest.FixtureRequest) -> Event:
    """Give an event of every type in turn."""
    return event_of(request.param)


@pytest.fixture
def posted() -> Event:
    """Give one event on its third replay."""
    return event_of(EventType.ENTRY_POSTED, replay=3)
