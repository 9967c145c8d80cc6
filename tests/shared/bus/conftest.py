"""A bus of each kind on a clock that tests move, and events to put on it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.pubsub_emulator import PubsubEmulator
from shared.bus.memory import MemoryBus
from shared.bus.sqlite import SqliteBus
from shared.bus.topology import Topology, load_topology
from shared.clock import FakeClock
from shared.events.envelope import Event, make_event
from shared.events.payloads import DocumentRead, Reference
from tests.shared.bus.emulated import CANNOT, EmulatedBus, EmulatedClock, small

MakeEvent = Callable[[int], Event]


def make(number: int) -> Event:
    """Return the document.read of the ``number``-th document; two subscriptions hear it."""
    document_id = f"{number:040x}"
    reference = Reference(name="originals/x", generation=1, digest="ab" * 32, size=1)
    return make_event(
        DocumentRead(document_id=document_id, original=reference, result=reference, pages=1),
        tenant_key=b"k" * 32,
        tenant="acme",
        source="ocr",
        subject=document_id,
        jobid="a1" * 20,
        traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
        time=FakeClock().now(),
    )


@pytest.fixture
def event() -> MakeEvent:
    """Give the maker of events."""
    return make


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> FakeClock:
    """Give the clock that every bus of a test looks at."""
    if "bus" in request.fixturenames and request.getfixturevalue("kind") == "pubsub":
        return EmulatedClock()
    return FakeClock()


@pytest.fixture(scope="session")
def topology() -> Topology:
    """Give the real topology, with one subscription that runs out of attempts soon."""
    real = load_topology()
    short = real.subscriptions["summarize.document-read"].model_copy(update={"attempts": 5})
    return real.model_copy(
        update={"subscriptions": {**real.subscriptions, "summarize.document-read": short}}
    )


@pytest.fixture
def sqlite_bus(tmp_path: Path, topology: Topology, clock: FakeClock) -> Iterator[SqliteBus]:
    """Give an empty bus on SQLite."""
    bus = SqliteBus(tmp_path / "bus.sqlite", topology, clock=clock, busy_s=0.05)
    yield bus
    bus.close()


@pytest.fixture
def emulated_bus(
    topology: Topology, clock: FakeClock, pubsub_emulator: PubsubEmulator, pubsub_project: str
) -> Iterator[EmulatedBus]:
    """Give an empty bus on Pub/Sub's emulator."""
    assert isinstance(clock, EmulatedClock)
    bus = EmulatedBus(small(topology), pubsub_project, pubsub_emulator.host, clock)
    yield bus
    bus.close()


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("pubsub", marks=[pytest.mark.integration, pytest.mark.enable_socket]),
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    """Give each kind of bus in turn; a clause that Pub/Sub's emulator cannot prove says why."""
    name: str = request.param
    clause = request.function.__name__
    if name == "pubsub" and clause in CANNOT:
        pytest.skip(f"not on Pub/Sub: {CANNOT[clause]}")
    return name


@pytest.fixture
def bus(
    kind: str, request: pytest.FixtureRequest, topology: Topology, clock: FakeClock
) -> MemoryBus | SqliteBus | EmulatedBus:
    """Give an empty bus of each kind in turn."""
    if kind == "memory":
        return MemoryBus(topology, clock)
    made: SqliteBus | EmulatedBus = request.getfixturevalue(
        "sqlite_bus" if kind == "sqlite" else "emulated_bus"
    )
    return made
