"""What an edge touches, and how it tells."""

from dataclasses import dataclass

from shared.clock import Clock
from shared.keys.vault import Vault
from shared.logging.stage_log import StageLog
from shared.telemetry.metrics import Metrics
from shared.telemetry.tracing import Tracing
from shared.worker.breaker import Breaker
from shared.worker.emitter import Emitter
from shared.worker.isolation import Isolation
from shared.worker.leases import Leases
from shared.worker.quarantine import Quarantine
from shared.worker.tombstones import Tombstones


@dataclass(frozen=True, slots=True)
class Effects:
    """Everything through which the edge touches the world.

    Attributes:
        vault: seals and stores results.
        emitter: makes and publishes events.
        leases: counts starts.
        tombstones: what was erased.
        quarantine: where records go.
        isolation: what is in this process's hands, whichever stage's.
        breaker: stops a worker that is itself broken.
        clock: time.
    """

    vault: Vault
    emitter: Emitter
    leases: Leases
    tombstones: Tombstones
    quarantine: Quarantine
    isolation: Isolation
    breaker: Breaker
    clock: Clock


@dataclass(frozen=True, slots=True)
class Signals:
    """How the edge tells what it does.

    Attributes:
        log: lines of registered fields.
        tracing: one span a delivery.
        metrics: counters and durations.
    """

    log: StageLog
    tracing: Tracing
    metrics: Metrics
