"""Process role ``work``: takes documents through all four stages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from deploy.local.house import House
from deploy.local.living import Run
from deploy.local.loop import BatchingPublisher, Loop, duties_for
from services.ingest.main import build as build_ingest
from services.ledger.chart import load_chart
from services.ocr.main import build as build_ocr
from services.summarize.main import build as build_summarize
from shared.events.envelope import Event
from shared.events.payloads import StageName
from shared.keys.vault import Vault
from shared.logging import get_logger
from shared.objects.batched import BatchedObjects
from shared.objects.sqlite import SqliteObjects
from shared.telemetry.metrics import NullMetrics
from shared.worker.breaker import Breaker
from shared.worker.edge import Edge
from shared.worker.effects import Effects, Signals
from shared.worker.emitter import Emitter
from shared.worker.isolation import Isolation
from shared.worker.leases import Leases
from shared.worker.outcome import Outcome
from shared.worker.quarantine import Quarantine
from shared.worker.results import Results

BATCH: Final = 32
LEASE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Work:
    """A loop over all stages, and how to end what it started."""

    loop: Loop
    close: Callable[[], None]


def build_work(house: House, *, epoch: str) -> Work:
    """Build the four workers of one process.

    Args:
        house: the site's ports.
        epoch: names this run of the supervisor: leases of other epochs belong to the dead.
    """
    run = Run(epoch)
    isolation = Isolation()
    objects = BatchedObjects(house.directory)
    publisher = BatchingPublisher(house.bus, settle=objects.flush)
    vault = Vault(objects, house.keyring)
    quarantine = Quarantine(objects, vault)
    lease_store = SqliteObjects(house.site.leases, clock=house.clock)
    ingest = build_ingest(
        objects=objects,
        vault=vault,
        keyring=house.keyring,
        register=house.register,
        erased=house.tombstones,
        quarantine=quarantine,
        publisher=publisher,
        clock=house.clock,
    )
    ocr = build_ocr(vault=vault, objects=objects)
    summarize = build_summarize(results=Results(vault), clock=house.clock)
    ledger = house.ledger_with(publisher)

    def edge(
        stage: StageName, handle: Callable[[Event], Outcome], canary: Callable[[], object]
    ) -> Edge:
        log = get_logger(stage)
        return Edge(
            stage,
            handle,
            effects=Effects(
                vault=vault,
                emitter=Emitter(
                    stage, publisher=publisher, keyring=house.keyring, clock=house.clock
                ),
                leases=Leases(
                    lease_store,
                    stage,
                    clock=house.clock,
                    holder=run.holder,
                    lease_s=LEASE_S,
                    abandoned=run.abandoned,
                    excused=run.excused,
                ),
                tombstones=house.tombstones,
                quarantine=quarantine,
                isolation=isolation,
                breaker=Breaker(canary, clock=house.clock, tell=log.error),
                clock=house.clock,
            ),
            signals=Signals(log, house.tracing, NullMetrics()),
        )

    edges = {
        "ingest": (edge("ingest", ingest.handle, ingest.canary), BATCH),
        "ocr": (edge("ocr", ocr.handle, ocr.canary), BATCH),
        "summarize": (edge("summarize", summarize.handle, summarize.canary), BATCH),
        "ledger": (edge("ledger", ledger.handle, load_chart), BATCH),
    }
    topology = house.topology
    receivers = {
        name: edges[subscription.worker]
        for name, subscription in reversed(topology.subscriptions.items())
        if subscription.worker in edges
    }
    leases = {name: one.lease_s for name, one in topology.subscriptions.items()}
    loop = Loop(house.bus, publisher, duties_for(receivers, leases), clock=house.clock)

    def close() -> None:
        ingest.close()
        ocr.close()
        summarize.close()
        lease_store.close()

    return Work(loop, close)
