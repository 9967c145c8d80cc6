"""One edge of the summarize stage on memory ports, with a handler that each test chooses."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from shared.bus.memory import MemoryBus
from shared.bus.port import Delivery
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.events.codec import to_message
from shared.events.envelope import Child, Event, make_event
from shared.events.payloads import DocumentRead, DocumentType, EventType, Reference
from shared.events.results import Summary
from shared.keys.memory import MemoryKeyring
from shared.keys.port import TenantPurpose
from shared.keys.vault import Vault
from shared.logging.stage_log import SilentLog
from shared.objects.memory import MemoryObjects
from shared.telemetry.metrics import NullMetrics
from shared.telemetry.tracing import NullTracing
from shared.worker.breaker import Breaker
from shared.worker.edge import Edge
from shared.worker.effects import Effects, Signals
from shared.worker.emitter import Emitter
from shared.worker.isolation import Isolation
from shared.worker.leases import Leases
from shared.worker.outcome import Outcome
from shared.worker.quarantine import Quarantine
from shared.worker.settlement import Settlement
from shared.worker.tombstones import Tombstones

DOCUMENT = "d" * 40
TENANT = "acme"
SUBSCRIPTION = "summarize.document-read"
RESULT = f"results/summarize/{DOCUMENT}/0"
SUMMARY = Summary(
    document_type=DocumentType.LETTER, type_confidence=0.9, summary="A letter.", fields={}
)


class CrashError(BaseException):
    """The process is gone: nothing catches this."""


def summarized(event: Event) -> Outcome:
    """Summarize as the real handler would, the short way."""
    data = event.data
    assert isinstance(data, DocumentRead)
    child = Child(
        EventType.DOCUMENT_SUMMARIZED,
        {
            "document_id": data.document_id,
            "revision": data.revision,
            "original": data.original.model_dump(),
            "pages": data.pages,
            "document_type": SUMMARY.document_type.value,
        },
        takes_result=True,
    )
    return Outcome(result=SUMMARY, children=(child,))


def read_event(replay: int = 0, document_id: str = DOCUMENT) -> Event:
    """Return the event that the edge works on."""
    reference = Reference(name="originals/x", generation=1, digest="ab" * 32, size=1)
    return make_event(
        DocumentRead(document_id=document_id, original=reference, result=reference, pages=1),
        tenant_key=MemoryKeyring().tenant_key(TENANT, TenantPurpose.IDS),
        tenant=TENANT,
        source="ocr",
        subject=document_id,
        jobid="a" * 40,
        traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
        time=FakeClock().now(),
        replay=replay,
    )


@dataclass
class Bench:
    """An edge and everything around it."""

    handle: Callable[[Event], Outcome] = summarized
    canary: Callable[[], object] = lambda: None
    clock: FakeClock = field(default_factory=FakeClock)
    keyring: MemoryKeyring = field(default_factory=MemoryKeyring)
    handled: int = 0
    signals: Signals = field(
        default_factory=lambda: Signals(SilentLog(), NullTracing(), NullMetrics())
    )

    def __post_init__(self) -> None:
        self.objects = MemoryObjects(self.clock)
        self.bus = MemoryBus(load_topology(), self.clock)
        self.vault = Vault(self.objects, self.keyring)
        self.tombstones = Tombstones(self.objects)
        self.quarantine = Quarantine(self.objects, self.vault)
        self.keyring.create_document_key(DOCUMENT)
        self.edge = self.worker("w1")

    def worker(self, holder: str) -> Edge:
        """Return another worker of the same stage."""
        return Edge(
            "summarize",
            self._count_and_handle,
            effects=Effects(
                vault=self.vault,
                emitter=Emitter(
                    "summarize",
                    publisher=self.bus,
                    keyring=self.keyring,
                    clock=self.clock,
                    metrics=self.signals.metrics,
                ),
                leases=Leases(
                    self.objects, "summarize", clock=self.clock, holder=holder, lease_s=60
                ),
                tombstones=self.tombstones,
                quarantine=self.quarantine,
                isolation=Isolation(within_s=0),
                breaker=Breaker(lambda: self.canary(), clock=self.clock),  # noqa: PLW0108 - tests swap it
                clock=self.clock,
            ),
            signals=self.signals,
        )

    def _count_and_handle(self, event: Event) -> Outcome:
        self.handled += 1
        return self.handle(event)

    def deliver(
        self,
        event: Event | None = None,
        *,
        attempt: int = 1,
        subscription: str = SUBSCRIPTION,
        edge: Edge | None = None,
    ) -> Settlement:
        """Hand one event to the edge, as the bus would."""
        message = to_message(event or read_event())
        delivery = Delivery(subscription, message, attempt, "receipt", self.clock.now())
        return (edge or self.edge).receive(delivery)

    def published(self, subscription: str = "ledger.document-summarized") -> list[Delivery]:
        """Return what waits for the next stage."""
        return self.bus.pull(subscription, most=100, lease_s=0)


@pytest.fixture
def bench() -> Bench:
    """Give a fresh bench."""
    return Bench()
