"""The follower: the register's worker where events are pushed one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.follower import Follower
from services.ingest.register import TableRegister
from services.ingest.register_memory import memory_register
from shared.bus.memory import MemoryBus
from shared.bus.port import Delivery, Message
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.events.envelope import Event, make_event
from shared.events.payloads import (
    DocumentRead,
    DocumentReceived,
    EntryKind,
    EntryPosted,
    MediaType,
    Reference,
)
from shared.keys.memory import MemoryKeyring
from shared.keys.vault import Vault
from shared.logging import SilentLog
from shared.objects.memory import MemoryObjects
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.registry import MemoryMetrics
from shared.worker.quarantine import Quarantine

TOPOLOGY = load_topology()
REF = Reference(name="originals/x", generation=1, digest="ab" * 32, size=1)
DOC, JOB = "d0" * 20, "a0" * 20
RUBBISH = Message({"ce-type": "nobody"}, b"CANARY")


def event(data: DocumentReceived | DocumentRead | EntryPosted) -> Event:
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


class Unavailable(TableRegister):
    """A register that does not answer."""

    def apply(self, events: Sequence[Event]) -> None:  # noqa: ARG002 - the port has it
        raise TransientError("the register is unavailable")


@dataclass
class Bench:
    """A follower over memory."""

    register: TableRegister = field(default_factory=lambda: memory_register(TOPOLOGY.deadline))
    objects: MemoryObjects = field(default_factory=lambda: MemoryObjects(FakeClock()))
    metrics: MemoryMetrics = field(default_factory=MemoryMetrics)

    @property
    def quarantine(self) -> Quarantine:
        return Quarantine(self.objects, Vault(self.objects, MemoryKeyring()))

    def receive(self, delivery: Delivery) -> tuple[bool, DeliveryOutcome]:
        settlement = Follower(
            register=self.register,
            quarantine=self.quarantine,
            clock=FakeClock(),
            log=SilentLog(),
            metrics=self.metrics,
        ).receive(delivery)
        return settlement.acknowledge, settlement.code


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def read() -> Delivery:
    """Give the delivery of a document that was read."""
    bus = MemoryBus(TOPOLOGY, FakeClock())
    bus.publish([event(DocumentRead(document_id=DOC, original=REF, result=REF, pages=1))])
    return bus.pull("register.document-read", most=1, lease_s=60)[0]


@pytest.fixture
def received() -> Delivery:
    """Give the delivery of a document that was received."""
    bus = MemoryBus(TOPOLOGY, FakeClock())
    data = DocumentReceived(document_id=DOC, original=REF, media_type=MediaType.PDF, pages=1)
    bus.publish([event(data)])
    return bus.pull("register.document-received", most=1, lease_s=60)[0]


def test_a_document_moves_on(bench: Bench, read: Delivery) -> None:
    """What was told is in the register before it is acknowledged."""
    assert bench.receive(read) == (True, DeliveryOutcome.DONE)
    document = bench.register.document("acme", DOC)
    assert document is not None
    assert document.stage == "summarize"


def test_what_comes_late_and_twice_changes_nothing(
    bench: Bench, read: Delivery, received: Delivery
) -> None:
    """Pub/Sub delivers again and in any order."""
    for delivery in (read, received, read):
        assert bench.receive(delivery) == (True, DeliveryOutcome.DONE)
    document = bench.register.document("acme", DOC)
    assert document is not None
    assert document.stage == "summarize"


def test_what_is_no_event_stays_on_the_bus_until_it_is_a_dead_letter(
    bench: Bench, read: Delivery
) -> None:
    """A deploy that cannot decode a new event must not throw it away."""
    assert bench.receive(replace(read, message=RUBBISH)) == (False, DeliveryOutcome.RETRY)
    assert list(bench.quarantine.every()) == []


def test_a_dead_letter_that_is_no_event_is_kept_whole(bench: Bench, read: Delivery) -> None:
    """Somebody can still look at it; nothing of it lies open."""
    dead = replace(read, message=RUBBISH, subscription=f"{read.subscription}.dead")
    assert bench.receive(dead) == (True, DeliveryOutcome.QUARANTINED)
    ((_, record, _),) = bench.quarantine.every()
    assert record.raw is not None
    assert b"CANARY" not in bench.objects.read(record.raw.name).data


def test_a_dead_letter_that_is_an_event_is_followed(bench: Bench, read: Delivery) -> None:
    """The register was away for a long time: what waited is as true as ever."""
    dead = replace(read, subscription=f"{read.subscription}.dead")
    assert bench.receive(dead) == (True, DeliveryOutcome.DONE)
    assert bench.register.document("acme", DOC) is not None


def entry(kind: EntryKind) -> EntryPosted:
    """Return what is told of a sealed entry."""
    return EntryPosted(document_id=DOC, entry_id="e0" * 20, kind=kind, index=0, tree_size=1)


@pytest.mark.parametrize(("kind", "seen"), [(EntryKind.POST, 1), (EntryKind.VOID, 0)])
def test_the_way_from_submission_to_entry_is_timed(
    bench: Bench, kind: EntryKind, seen: int
) -> None:
    """On-call promises minutes; what a person decided days later is no part of that."""
    begun = event(DocumentRead(document_id=DOC, original=REF, result=REF, pages=1))
    bench.register.accept(begun, document_id=DOC, pages=1)
    bus = MemoryBus(TOPOLOGY, FakeClock())
    bus.publish([replace(event(entry(kind)), time=begun.time + timedelta(seconds=7))])
    (delivery,) = bus.pull("register.entry-posted", most=1, lease_s=60)
    assert bench.receive(delivery) == (True, DeliveryOutcome.DONE)
    told = f'docledger_end_to_end_seconds_bucket{{outcome="post",le="10"}} {seen}'
    assert (told in bench.metrics.render()) is bool(seen)
    assert ("docledger_end_to_end_seconds_sum" in bench.metrics.render()) is bool(seen)


def test_an_unavailable_register_keeps_the_event_on_the_bus(read: Delivery) -> None:
    """Acknowledged and not written would be a document whose way nobody knows."""
    tables = memory_register(TOPOLOGY.deadline)._tables
    bench = Bench(register=Unavailable(tables, TOPOLOGY.deadline))
    assert bench.receive(read) == (False, DeliveryOutcome.RETRY)
