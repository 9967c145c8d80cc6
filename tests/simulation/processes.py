"""The processes of one machine over the world's ports, wired as ``deploy.local`` wires them."""

import json
from collections.abc import Callable
from functools import cached_property, partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from deploy.local.keeper import SWEEP_EVERY_S, Keeper
from deploy.local.loop import BatchingPublisher, Loop, duties_for
from services.ingest.adapters.replays import QuarantineReplays
from services.ingest.adapters.vault import VaultInbox, VaultOriginals
from services.ingest.handler import handle as ingest
from services.ledger.adapters.summaries import StoredSummaries
from services.ledger.handler import handle as ledger
from services.ledger.publication import Intents, Publication, PublicFiles
from services.ledger.sequencer import Sequencer
from services.ocr.adapters.stored_ranges import StoredRanges
from services.ocr.handler import handle as ocr
from services.summarize.adapters.readings import StoredReadings
from services.summarize.handler import handle as summarize
from shared.bus.port import Bus, Delivery
from shared.events.envelope import Event
from shared.events.payloads import Reference, StageName
from shared.keys.vault import Vault
from shared.logging.stage_log import SilentLog
from shared.objects.batched import BatchedObjects
from shared.objects.port import NotFoundError, ObjectStore
from shared.telemetry.metrics import NullMetrics
from shared.telemetry.tracing import NullTracing
from shared.worker import names
from shared.worker.breaker import Breaker
from shared.worker.edge import Edge
from shared.worker.effects import Effects, Signals
from shared.worker.emitter import Emitter
from shared.worker.isolation import Isolation
from shared.worker.leases import Leases
from shared.worker.outcome import Outcome
from shared.worker.quarantine import Quarantine
from shared.worker.results import Results
from shared.worker.settlement import Settlement
from shared.worker.tombstones import Tombstones
from tests.simulation import effects
from tests.simulation.effects import Port
from tests.simulation.papers import Paper
from tests.simulation.parsers import SimulatedInspector, SimulatedReader, SimulatedSummarizer
from tests.simulation.unreliable import UnreliableBus
from tests.simulation.watched import Overlap, Stored
from tests.simulation.world import World, chart, signer_of

if TYPE_CHECKING:
    from deploy.local.house import House
    from deploy.local.retention import Retention
    from services.ingest.registered import Register
    from services.ledger.ports import Journal
    from shared.keys.port import Keyring
    from shared.tlog.signer import CheckpointSigner
    from shared.worker.settlement import Receiver

PAGES_PER_RANGE = 2
LEASE_S = 60.0
MOST_BYTES = 5_000
SIGNALS = Signals(SilentLog(), NullTracing(), NullMetrics())


class WatchedVault(Vault):
    """A vault that writes down which results it stored."""

    world: World

    def settle(self, name: str, document_id: str, data: bytes) -> tuple[Reference, bytes]:
        """Settle, and write down what was ours."""
        reference, standing = super().settle(name, document_id, data)
        if standing is data:
            self.world.objects.expect(reference, Stored(name, document_id, data))
        return reference, standing


class Rooms:
    """The ports of one process, each with a moment before and after its effects.

    Args:
        world: what they lead to.
        who: the process.
        batches: whether new objects wait for the end of a batch of deliveries, as a worker's do.
    """

    def __init__(self, world: World, who: str, *, batches: bool = False) -> None:
        self.world = world
        self.who = who
        self.clock = world.clock
        self.topology = world.topology
        self.bus = cast("Bus", UnreliableBus(world.bus, world.chaos, who))
        store = self._port(world.objects, effects.BatchStore)
        self.publisher = self.bus
        self.tracing = NullTracing()
        self.logger = lambda _stage: SilentLog()
        self.store = cast("ObjectStore", store)
        self.directory = self.store
        self.platform = None
        self.versions = None
        self.batched = BatchedObjects(cast("Any", store))
        self.objects: ObjectStore = self.batched if batches else self.store
        self.keyring = cast("Keyring", self._port(world.keyring, effects.KEYRING))
        self.register = cast("Register", self._port(world.register, effects.REGISTER))
        self.journal = cast("Journal", self._port(world.journal, effects.JOURNAL))
        vault = WatchedVault(self.objects, self.keyring)
        vault.world = world
        self.vault: Vault = vault
        self.tombstones = Tombstones(self.store)
        self.quarantine = Quarantine(self.objects, self.vault)
        self.results = Results(self.vault)
        self.isolation = Isolation()

    @cached_property
    def ledger(self) -> SimpleNamespace:
        """What the keeper needs of the ledger."""
        sequencer = Sequencer(
            journal=self.journal,
            log_of=self._log_of,
            publisher=self.bus,
            keyring=self.keyring,
            clock=self.clock,
            holder=self.who,
        )
        return SimpleNamespace(sequencer=sequencer)

    def _log_of(self, tenant: str) -> Publication:
        signer = self._port(signer_of(tenant), effects.SIGNER)
        files = self._port(self.world.files[tenant], effects.FILES)
        intents = self._port(self.world.journal.intents(tenant), effects.INTENTS)
        return Publication(
            origin=signer_of(tenant).key.name,
            files=cast("PublicFiles", files),
            signer=cast("CheckpointSigner", signer),
            intents=cast("Intents", intents),
        )

    def _port(self, inner: object, kind: type[Port]) -> Port:
        return kind(inner, self.world.chaos, self.who)


class Told:
    """An edge whose settlements are in the schedule."""

    def __init__(self, rooms: Rooms, edge: Edge) -> None:
        self._rooms = rooms
        self._edge = edge

    def receive(self, delivery: Delivery) -> Settlement:
        """Let the edge do it."""
        settlement = self._edge.receive(delivery)
        subject = delivery.message.attributes["ce-subject"][:6]
        self._rooms.world.chaos.note(
            f"{self._rooms.who} settles {delivery.subscription} {subject}: {settlement.code.value}"
        )
        return settlement


def keeper(world: World, who: str) -> Callable[[], bool]:
    """Return one turn of a process that keeps register and log."""
    keeping = Keeper(cast("House", Rooms(world, who)))
    keeping._retention = cast("Retention", SimpleNamespace(turn=lambda: False))  # a day has no past
    if not world.sweeps:
        keeping._swept = float("inf")
    queues = world.bus.queues(world.topology.of_worker("register"))

    def turn() -> bool:
        due = (
            any(queues)
            or bool(world.journal.tenants_waiting())
            or world.clock.monotonic() - keeping._swept >= SWEEP_EVERY_S
        )
        return due and keeping.turn()

    return turn


def worker(world: World, who: str) -> Callable[[], bool]:
    """Return one turn of a process that takes documents through the four stages."""
    rooms = Rooms(world, who, batches=True)
    publisher = BatchingPublisher(rooms.bus, settle=rooms.batched.flush)
    handlers = _handlers(rooms, publisher)
    edges = {stage: _edge(rooms, publisher, stage, handle) for stage, handle in handlers.items()}
    receivers: dict[str, tuple[Receiver, int]] = {
        name: (
            Told(rooms, edges[subscription.worker]),
            world.batch,
        )
        for name, subscription in reversed(world.topology.subscriptions.items())
        if subscription.worker in edges
    }
    leases = {name: one.lease_s for name, one in world.topology.subscriptions.items()}
    duties = duties_for(receivers, leases)
    loop = Loop(rooms.bus, publisher, duties, clock=world.clock)

    queues = world.bus.queues(duty.subscription for duty in duties)

    def turn() -> bool:
        return any(queues) and loop.turn()

    return turn


def _handlers(
    rooms: Rooms, publisher: BatchingPublisher
) -> dict[StageName, Callable[[Event], Outcome]]:
    world = rooms.world

    def meet(paper: Paper, stage: str) -> None:
        world.chaos.point(rooms.who, f"parsing at {stage}", may_fail=True)
        world.health.meet(paper, stage, world.chaos, rooms.who)

    return {
        "ingest": partial(
            ingest,
            inbox=VaultInbox(rooms.vault, rooms.objects),
            originals=VaultOriginals(rooms.vault, rooms.keyring),
            register=rooms.register,
            erased=rooms.tombstones,
            inspector=SimulatedInspector(meet),
            replays=QuarantineReplays(
                rooms.quarantine, keyring=rooms.keyring, publisher=publisher, clock=rooms.clock
            ),
            keyring=rooms.keyring,
            most_bytes=MOST_BYTES,
        ),
        "ocr": partial(
            ocr,
            originals=rooms.vault,
            reader=SimulatedReader(meet),
            ranges=StoredRanges(rooms.vault, rooms.objects),
            pages_per_range=lambda _type: PAGES_PER_RANGE,
        ),
        "summarize": partial(
            summarize,
            readings=StoredReadings(rooms.results),
            summarizer=SimulatedSummarizer(meet),
        ),
        "ledger": partial(
            ledger,
            summaries=StoredSummaries(Results(Vault(rooms.store, rooms.keyring))),
            keyring=rooms.keyring,
            journal=rooms.journal,
            chart=chart(),
        ),
    }


def _edge(
    rooms: Rooms,
    publisher: BatchingPublisher,
    stage: StageName,
    handle: Callable[[Event], Outcome],
) -> Edge:
    world = rooms.world
    return Edge(
        stage,
        partial(_watched, world, stage, handle),
        effects=Effects(
            vault=rooms.vault,
            emitter=Emitter(stage, publisher=publisher, keyring=rooms.keyring, clock=world.clock),
            leases=Leases(
                rooms.store,
                stage,
                clock=world.clock,
                holder=rooms.who,
                lease_s=LEASE_S,
                abandoned=lambda holder: (
                    world.chaos.weather.tells_dead and holder not in world.alive
                ),
            ),
            tombstones=rooms.tombstones,
            quarantine=rooms.quarantine,
            isolation=rooms.isolation,
            breaker=Breaker(lambda: None, clock=world.clock),
            clock=world.clock,
        ),
        signals=SIGNALS,
    )


def _watched(
    world: World, stage: StageName, handle: Callable[[Event], Outcome], event: Event
) -> Outcome:
    """Handle, and write down when two are at the same work under one lease."""
    work = names.work_of(event)
    others = world.at_work.get((stage, work))
    if others is not None and world.clock.now().timestamp() < others:
        world.history.add(Overlap(stage, work))
    try:
        lease = json.loads(world.objects.read(f"leases/{stage}/{work}").data)
    except NotFoundError:
        lease = {"expires": 0.0}
    world.at_work[stage, work] = lease["expires"]
    try:
        return handle(event)
    finally:
        world.at_work.pop((stage, work), None)
