"""The ports of one deployable, opened when first asked for: settings in, ports out.

Imports of stores and clients wait until they are needed: a worker that never asks for the register
must not load it.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from deploy.cloudrun.settings import PlatformSettings
from deploy.local.living import Run
from deploy.stores import Stores
from shared.bus.port import Backlog, Publisher
from shared.bus.topology import Topology, load_topology
from shared.clock import Clock, SystemClock
from shared.events.envelope import Event
from shared.events.payloads import StageName
from shared.keys.opening import open_keyring
from shared.keys.port import Keyring
from shared.logging import StageLog, get_logger
from shared.objects.port import ObjectStore
from shared.secrets.opening import open_secrets
from shared.secrets.port import Secrets
from shared.telemetry.exporters import TelemetrySettings, metrics_of, tracing_of
from shared.telemetry.log_events import LogEvent
from shared.telemetry.registry import MemoryMetrics
from shared.telemetry.tracing import Tracing
from shared.worker.breaker import Breaker
from shared.worker.edge import Edge
from shared.worker.effects import Effects, Signals
from shared.worker.emitter import Emitter
from shared.worker.isolation import Isolation
from shared.worker.leases import Leases
from shared.worker.outcome import Outcome

if TYPE_CHECKING:
    from services.ingest.registered import Register
    from shared.objects.versions import Versions

READY_NAME: Final = "tombstones/ready"
"""What a check of the object store asks for; nothing is ever there."""


FLUSH_S: Final = 0.6
"""For spans, and again for figures: the drain has had most of Cloud Run's ten seconds before."""


class Platform(Stores):
    """Everything that a deployable stands on.

    Args:
        name: of the deployable: what its log lines and spans say.
        settings: read from the environment when None.
        clock: time.
    """

    def __init__(
        self, name: str, *, settings: PlatformSettings | None = None, clock: Clock | None = None
    ) -> None:
        self.name = name
        self.settings = settings or PlatformSettings.from_environment()
        self.clock = clock or SystemClock()

    @cached_property
    def topology(self) -> Topology:
        """Topics, subscriptions, deadlines."""
        return load_topology()

    @cached_property
    def objects(self) -> ObjectStore:
        """Sealed bytes at names."""
        from shared.objects.gcs import GcsObjects  # noqa: PLC0415 - some deployables store nothing

        settings = self.settings
        return GcsObjects(
            settings.objects_bucket, project=settings.project, kms_key_name=settings.objects_kms_key
        )

    @cached_property
    def versions(self) -> "Versions":
        """Generations of objects, for who erases."""
        from shared.objects.gcs_versions import GcsVersions  # noqa: PLC0415 - the eraser's alone

        return GcsVersions(self.settings.objects_bucket, project=self.settings.project)

    @cached_property
    def publisher(self) -> Publisher:
        """Where events go."""
        from shared.bus.pubsub import PubsubPublisher  # noqa: PLC0415 - readers publish nothing

        return PubsubPublisher(self.settings.project)

    @cached_property
    def keyring(self) -> Keyring:
        """Keys, wrapped by Cloud KMS or by a key file."""
        return open_keyring(self.settings.data_dir / "keys")

    @cached_property
    def secrets(self) -> Secrets:
        """Secrets, from the environment or from Secret Manager."""
        return open_secrets(
            clock=self.clock,
            tell=lambda error: self.log.warning(LogEvent.CREDENTIAL_UNREADABLE, error=error),
        )

    @cached_property
    def register(self) -> "Register":
        """Submissions and documents."""
        from services.ingest.register_opened import open_register  # noqa: PLC0415 - ingest's own

        return open_register(self.settings.data_dir / "register.sqlite", self.topology.deadline)

    @cached_property
    def telemetry(self) -> TelemetrySettings:
        """Where spans and figures go."""
        return TelemetrySettings.from_environment()

    @cached_property
    def tracing(self) -> Tracing:
        """Spans."""
        return tracing_of(self.telemetry, self.name)

    @cached_property
    def metrics(self) -> MemoryMetrics:
        """Figures."""
        return metrics_of(self.telemetry, self.name)

    @cached_property
    def log(self) -> StageLog:
        """Lines."""
        return get_logger(self.name, metrics=self.metrics, project=self.settings.project)

    @property
    def run(self) -> Run:
        """The supervisor's run, on one machine; without a name where there is none."""
        return Run(self.settings.machine)

    @cached_property
    def isolation(self) -> Isolation:
        """What is in this process's hands."""
        return Isolation()

    def edge(
        self, stage: StageName, handle: Callable[[Event], Outcome], canary: Callable[[], object]
    ) -> Edge:
        """Return the edge of one worker over these ports."""
        return Edge(
            stage,
            handle,
            effects=Effects(
                vault=self.vault,
                emitter=Emitter(
                    stage,
                    publisher=self.publisher,
                    keyring=self.keyring,
                    clock=self.clock,
                    metrics=self.metrics,
                ),
                leases=self._leases(stage),
                tombstones=self.tombstones,
                quarantine=self.quarantine,
                isolation=self.isolation,
                breaker=Breaker(canary, clock=self.clock, tell=self.log.error),
                clock=self.clock,
            ),
            signals=Signals(self.log, self.tracing, self.metrics),
        )

    def flush(self) -> None:
        """Send what telemetry still holds, and end it; what nobody asked for holds nothing."""
        for name in {"tracing", "metrics"} & self.__dict__.keys():
            one: Tracing | MemoryMetrics = getattr(self, name)
            one.flush(FLUSH_S)
            one.close()

    def backlog(self) -> list[Backlog] | None:
        """Return what waits in each subscription; None on the emulator, which does not tell.

        Raises:
            TransientError: Cloud Monitoring is unavailable.
        """
        from shared.bus.pubsub_backlog import PubsubBacklog  # noqa: PLC0415 - the register's
        from shared.bus.pubsub_channel import emulator_host  # noqa: PLC0415 - same

        if emulator_host() is not None:
            return None
        return PubsubBacklog(self.settings.project, self.topology, clock=self.clock).backlog()

    def check_objects(self) -> None:
        """Ask the object store something.

        Raises:
            TransientError: it does not answer.
        """
        self.objects.stat(READY_NAME)

    def _leases(self, stage: StageName) -> Leases:
        subscriptions = self.topology.of_worker(stage)
        return Leases(
            self.objects,
            stage,
            clock=self.clock,
            holder=self.run.holder,
            # As long as the bus waits for an answer: who holds it longer has died.
            lease_s=max(self.topology.subscriptions[name].lease_s for name in subscriptions),
            abandoned=self.run.abandoned,
            excused=self.run.excused,
        )
