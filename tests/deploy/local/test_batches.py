"""What the loop acknowledges was published, and what it publishes is durable."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from deploy.local.loop import BatchingPublisher, Loop, duties_for
from shared.bus.memory import MemoryBus
from shared.bus.port import Delivery
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.events.envelope import Event, make_event
from shared.events.payloads import DocumentRead, DocumentSummarized, DocumentType, Reference
from shared.telemetry.outcomes import DeliveryOutcome
from shared.worker.settlement import Settlement

READ = "summarize.document-read"
SUMMARIZED = "ledger.document-summarized"
REFERENCE = Reference(name="results/x", generation=1, digest="ab" * 32, size=1)
DONE = Settlement(acknowledge=True, code=DeliveryOutcome.DONE)


def event(number: int, *, summarized: bool) -> Event:
    """Return what a stage hears, or what follows from it."""
    facts = {
        "document_id": f"{number:040x}",
        "original": REFERENCE,
        "result": REFERENCE,
        "pages": 1,
    }
    data: DocumentRead | DocumentSummarized = DocumentRead.model_validate(facts)
    if summarized:
        data = DocumentSummarized.model_validate({**facts, "document_type": DocumentType.INVOICE})
    return make_event(
        data,
        tenant_key=b"k" * 32,
        tenant="acme",
        source="summarize",
        subject=f"{number:040x}",
        jobid="a" * 40,
        traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
        time=FakeClock().now(),
    )


@dataclass
class Stage:
    """Counts what it gets and publishes one event for each."""

    publisher: BatchingPublisher
    clock: FakeClock
    takes_s: float = 0.0
    seen: int = 0

    def receive(self, _delivery: Delivery) -> Settlement:
        """Do one delivery."""
        self.seen += 1
        self.clock.sleep(self.takes_s)
        self.publisher.publish([event(self.seen, summarized=True)])
        return DONE


@dataclass
class Bench:
    """A loop of one duty on a memory bus, warm: it takes eight at once."""

    settle: Callable[[], None] = lambda: None
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.bus = MemoryBus(load_topology(), self.clock)
        self.publisher = BatchingPublisher(self.bus, settle=lambda: self.settle())  # noqa: PLW0108 - tests swap it
        self.stage = Stage(self.publisher, self.clock)
        duties = duties_for({READ: (self.stage, 8)}, {READ: 60})
        self.loop = Loop(self.bus, self.publisher, duties, clock=self.clock)
        self.loop._sizes[READ] = 8

    def waiting(self, subscription: str) -> int:
        """Return how many messages wait there."""
        return {one.subscription: one.messages for one in self.bus.backlog()}[subscription]


@pytest.fixture
def bench() -> Bench:
    """Give a fresh bench."""
    return Bench()


def test_a_batch_is_made_durable_published_and_acknowledged_in_this_order(bench: Bench) -> None:
    """An event that is heard refers to what a power cut cannot take any more."""
    seen: list[tuple[int, int]] = []
    bench.settle = lambda: seen.append((bench.waiting(SUMMARIZED), bench.waiting(READ)))
    bench.bus.publish([event(n, summarized=False) for n in range(3)])
    assert bench.loop.turn()
    assert seen == [(0, 3)]
    assert (bench.waiting(SUMMARIZED), bench.waiting(READ)) == (3, 0)


def test_what_is_not_durable_is_neither_published_nor_acknowledged(bench: Bench) -> None:
    """The disk is full: the batch comes again, and nobody has heard of it."""

    def full() -> None:
        raise TransientError("full")

    bench.settle = full
    bench.bus.publish([event(n, summarized=False) for n in range(3)])
    assert bench.loop.turn()
    assert (bench.waiting(SUMMARIZED), bench.waiting(READ)) == (0, 3)
    bench.settle = lambda: None
    bench.clock.sleep(2)
    assert bench.loop.turn()
    assert (bench.waiting(SUMMARIZED), bench.waiting(READ)) == (3, 0)
    assert bench.stage.seen == 6


def taken(bench: Bench) -> int:
    """Return how many deliveries one turn began."""
    before = bench.stage.seen
    bench.loop.turn()
    return bench.stage.seen - before


def test_batches_grow_while_work_is_quick(bench: Bench) -> None:
    """What a batch costs is shared by more; eight is the duty's most."""
    bench.bus.publish([event(n, summarized=False) for n in range(30)])
    bench.loop._sizes.clear()
    assert [taken(bench) for _ in range(6)] == [1, 2, 4, 8, 8, 7]


def test_long_work_is_taken_one_by_one(bench: Bench) -> None:
    """A scan takes seconds: another worker, with nothing to do, takes the next one."""
    bench.bus.publish([event(n, summarized=False) for n in range(5)])
    bench.loop._sizes.clear()
    bench.stage.takes_s = 3.0
    assert [taken(bench) for _ in range(5)] == [1] * 5


def test_what_turns_out_long_is_given_back_unbegun(bench: Bench) -> None:
    """After quick documents come scans: they must not wait for one worker."""
    bench.bus.publish([event(n, summarized=False) for n in range(8)])
    bench.stage.takes_s = 0.6
    assert taken(bench) == 2
    assert (bench.waiting(SUMMARIZED), bench.waiting(READ)) == (2, 6)
    assert [len(bench.bus.pull(READ, most=8, lease_s=60))] == [6]


def test_what_was_not_begun_when_told_to_stop_is_given_back(bench: Bench) -> None:
    """Draining takes as long as one document."""
    bench.bus.publish([event(n, summarized=False) for n in range(3)])
    bench.loop.turn(lambda: bench.stage.seen == 1)
    assert (bench.waiting(SUMMARIZED), bench.waiting(READ)) == (1, 2)
