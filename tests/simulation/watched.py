"""What the simulation writes down while it runs: facts for the invariants, in their order."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field

from services.ledger.adapters.public_files import MemoryFiles
from shared.bus.memory import MemoryBus
from shared.bus.port import Delivery
from shared.bus.topology import Topology
from shared.clock import Clock
from shared.events.envelope import Event
from shared.events.payloads import EntryPayload, Reference
from shared.objects.memory import MemoryObjects
from shared.objects.names import checked_name
from shared.objects.port import ObjectInfo, StoredObject
from tests.simulation.chaos import Chaos


@dataclass(frozen=True, slots=True)
class Published:
    """One event as it reached the bus.

    Attributes:
        event: all of it.
        sound: whether what it refers to was there already: the result it names, the checkpoint
            that covers its entry.
    """

    event: Event
    sound: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """A result that was put into the store."""

    name: str
    document_id: str
    packed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A delivery that was settled for good."""

    subscription: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two workers at one piece of work while the first one's lease lasted."""

    stage: str
    work: str


@dataclass(frozen=True, slots=True)
class Escaped:
    """An exception that ended a process, and was no crash of ours."""

    process: str
    error: str


Fact = Published | Stored | Acknowledged | Overlap | Escaped


@dataclass(slots=True)
class History:
    """All facts of one run, in their order."""

    facts: list[Fact] = field(default_factory=list)

    def add(self, fact: Fact) -> None:
        """Write one down."""
        self.facts.append(fact)


class WatchedBus(MemoryBus):
    """The bus in memory, writing down what it takes and settles; it can lose and double events.

    Args:
        topology: who hears what.
        clock: time.
        chaos: decides what is lost.
        history: what to write to.
        objects: to see whether what an event refers to is there.
        covered: how many entries of a tenant's log a checkpoint covers.
    """

    def __init__(
        self,
        topology: Topology,
        clock: Clock,
        *,
        chaos: Chaos,
        history: History,
        objects: MemoryObjects,
        covered: dict[str, int],
    ) -> None:
        super().__init__(topology, clock)
        self._chaos = chaos
        self._history = history
        self._its_objects = objects
        self._covered = covered

    def publish(self, events: Sequence[Event]) -> None:
        """Write the events down; then take them, lose them or take them twice."""
        weather = self._chaos.weather
        for event in events:
            self._history.add(Published(event, self._is_sound(event)))
        kept = [event for event in events if not self._chaos.happens(weather.losses)]
        kept += [event for event in kept if self._chaos.happens(weather.doubles)]
        super().publish(kept)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Settle, and write down what."""
        for delivery in deliveries:
            if self._held(delivery) is not None:
                event_id = delivery.message.attributes["ce-id"]
                self._history.add(Acknowledged(delivery.subscription, event_id))
        super().acknowledge(deliveries)

    def by_name(self) -> Mapping[str, Sized]:
        """Return what waits, by subscription, as it will be whenever somebody looks."""
        return self._waiting

    def queues(self, subscriptions: Iterable[str]) -> list[Sized]:
        """Return what waits in each subscription, as it will be whenever somebody looks."""
        return [self._waiting[name] for name in subscriptions]

    def _is_sound(self, event: Event) -> bool:
        data = event.data
        if isinstance(data, EntryPayload):
            return data.index < data.tree_size <= self._covered.get(event.tenant, 0)
        result = getattr(data, "result", None)
        if not isinstance(result, Reference):
            return True
        there = self._its_objects.stat(result.name)
        if there is not None:
            return there.generation == result.generation
        return self._its_objects.stat(f"tombstones/{event.subject}") is not None


class WatchedFiles(MemoryFiles):
    """The public files of one log in memory; remembers every checkpoint that was served.

    Args:
        tenant: whose log.
        covered: where to write how many entries its checkpoint covers.
    """

    def __init__(self, tenant: str, covered: dict[str, int]) -> None:
        super().__init__()
        self._tenant = tenant
        self._covered = covered
        self.sizes: list[int] = []

    def replace_larger(self, path: str, data: bytes, *, size: Callable[[bytes], int]) -> bytes:
        """Write a checkpoint, and remember its size."""
        standing = super().replace_larger(path, data, size=size)
        self.sizes.append(size(standing))
        self._covered[self._tenant] = size(standing)
        return standing


class WatchedObjects(MemoryObjects):
    """Objects in memory with what a batch of writes needs of a store: names taken in advance.

    Args:
        clock: stamps objects.
        history: where results are written down, once they are really there.
    """

    def __init__(self, clock: Clock, history: History) -> None:
        super().__init__(clock)
        self._history = history
        self._expected: dict[tuple[str, int], Stored] = {}

    def expect(self, reference: Reference, result: Stored) -> None:
        """Write ``result`` down as soon as it is there, which may be never."""
        there = self.stat(reference.name)
        if there is not None and there.generation == reference.generation:
            self._history.add(result)
        else:
            self._expected[reference.name, reference.generation] = result

    def stamped(self, name: str, data: bytes) -> StoredObject:
        """Return the object that ``create_stamped`` would write now; nothing is written yet."""
        checked_name(name)
        self._generation += 1
        info = ObjectInfo(name, self._generation, len(data), self._clock.now())
        return StoredObject(info, data)

    def confirm(self, wanted: Iterable[str]) -> None:
        """What can be read here is there for good."""

    def create_stamped(self, one: StoredObject) -> None:
        """Write it with the generation that it was promised.

        Raises:
            AlreadyExistsError: the name was taken meanwhile.
        """
        standing, self._generation = self._generation, one.info.generation - 1
        try:
            self.create(one.info.name, one.data)
        finally:
            self._generation = max(standing, self._generation)
        result = self._expected.pop((one.info.name, one.info.generation), None)
        if result is not None:
            self._history.add(result)
