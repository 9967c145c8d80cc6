"""The projector: what the register learns from the bus."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.ingest.projector import project
from services.ingest.register import TableRegister
from services.ingest.register_memory import MemoryTables, memory_register
from shared.bus.memory import MemoryBus
from shared.bus.port import Delivery, Message
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.events.envelope import Event, make_event
from shared.events.payloads import DocumentRead, DocumentReceived, MediaType, Reference
from shared.logging.stage_log import get_logger
from shared.telemetry.span_files import SpanFiles, read_spans
from shared.telemetry.spans import SpanAttribute
from shared.telemetry.tracing import Tracing

TOPOLOGY = load_topology()
REF = Reference(name="originals/x", generation=1, digest="ab" * 32, size=1)
DOC, JOB = "d0" * 20, "a0" * 20


def event(data: DocumentReceived | DocumentRead) -> Event:
    """Wrap a payload."""
    return make_event(
        data,
        tenant_key=b"k" * 32,
        tenant="acme",
        source="ocr",
        subject=DOC,
        jobid=JOB,
        traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
        time=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def bus() -> MemoryBus:
    """Give a bus on which a document was received and read."""
    bus = MemoryBus(TOPOLOGY, FakeClock())
    received = DocumentReceived(document_id=DOC, original=REF, media_type=MediaType.PDF, pages=1)
    bus.publish([event(received)])
    bus.publish([event(DocumentRead(document_id=DOC, original=REF, result=REF, pages=1))])
    return bus


@pytest.fixture
def register() -> TableRegister:
    """Give an empty register."""
    return memory_register(TOPOLOGY.deadline)


def pulled(bus: MemoryBus) -> list[Delivery]:
    """Pull all that the register hears."""
    return [
        delivery
        for name in TOPOLOGY.of_worker("register")
        for delivery in bus.pull(name, most=10, lease_s=60)
    ]


def test_lifecycle_events_reach_the_register_in_any_order(
    bus: MemoryBus, register: TableRegister
) -> None:
    """Each subscription is pulled by itself, so their order means nothing."""
    deliveries = pulled(bus)
    projection = project(deliveries[::-1], register=register)
    assert projection.applied == tuple(deliveries[::-1])
    assert projection.refused == ()
    found = register.document("acme", DOC)
    assert found is not None
    assert found.stage == "summarize"


def test_a_message_that_is_no_event_does_not_stop_the_others(
    bus: MemoryBus, register: TableRegister
) -> None:
    """One poisonous message must not hide every other document's progress."""
    good, *rest = pulled(bus)
    bad = Delivery(good.subscription, Message({"ce-id": "x"}, b"{"), 1, "9.1", good.published)
    projection = project([good, bad, *rest], register=register)
    assert projection.refused == (bad,)
    assert projection.applied == (good, *rest)
    assert register.document("acme", DOC) is not None


def test_nothing_to_project_is_fine(register: TableRegister) -> None:
    """An idle poll is ordinary."""
    assert project([], register=register).applied == ()


class DeafRegister(TableRegister):
    """A register that is away."""

    def apply(self, events: Sequence[Event]) -> None:
        """Fail."""
        raise TransientError(f"the register is away; {len(events)} events wait")


def test_each_event_is_a_hop_of_its_documents_trace(
    bus: MemoryBus, register: TableRegister, tmp_path: Path
) -> None:
    """The register is a stage like any other; its lines are joined to its spans."""
    lines: list[str] = []
    tracing = Tracing(SpanFiles(tmp_path), "register")
    log = get_logger("register", sink=lines.append)
    project(pulled(bus), register=register, tracing=tracing, log=log)
    spans = read_spans(tmp_path)
    assert sorted(span.name for span in spans) == [
        "process register.document-read",
        "process register.document-received",
    ]
    told = [json.loads(line) for line in lines]
    assert {(line["op"], line["code"], line["stage"]) for line in told} == {
        ("delivery.settled", "done", "register")
    }
    assert {line["span"] for line in told} == {span.span_id for span in spans}
    assert {span.parent_id for span in spans} == {"5e" * 8}
    tracing.close()


def test_a_register_that_is_away_is_seen_in_every_trace(bus: MemoryBus, tmp_path: Path) -> None:
    """Nothing was applied, and every document that waits for it says so."""
    lines: list[str] = []
    tracing = Tracing(SpanFiles(tmp_path), "register")
    away = DeafRegister(MemoryTables(), TOPOLOGY.deadline)
    with pytest.raises(TransientError):
        project(
            pulled(bus),
            register=away,
            tracing=tracing,
            log=get_logger("register", sink=lines.append),
        )
    assert [(span.failed, span.says(SpanAttribute.ERROR)) for span in read_spans(tmp_path)] == [
        (True, "TransientError")
    ] * 2
    assert lines == []
    tracing.close()
