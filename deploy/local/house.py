"""Everything that one data folder offers, opened when first asked for.

Events and objects lie in the folder (the embedded bus, a directory), or on Pub/Sub and Cloud
Storage, as ``pubsub.json`` says; whoever looks or decides need not know which.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from deploy.local.backing import Backing
from deploy.local.site import KEEPER, Site
from deploy.stores import Stores
from services.ingest.register_opened import open_register
from services.ingest.register_sql import SqlRegister
from services.ledger.main import Ledger
from services.ledger.main import build as build_ledger
from shared.bus.port import Backlog, Publisher
from shared.bus.published import PublishedEvents
from shared.bus.sqlite import SqliteBus
from shared.bus.topology import Topology, load_topology
from shared.clock import Clock, SystemClock
from shared.errors import UserError
from shared.keys.opening import open_keyring
from shared.keys.wrapping import WrappedKeyring
from shared.logging import SilentLog, StageLog
from shared.objects.directory import DirectoryObjects
from shared.objects.port import ObjectStore
from shared.objects.versions import Versions
from shared.telemetry.span_files import SpanFiles
from shared.telemetry.tracing import Tracing

DEFAULT_TENANT: Final = "default"


@dataclass(frozen=True)
class House(Stores):
    """The ports of one site.

    Args:
        site: where everything lies.
        clock: time.
        logger: gives each stage its log; a command has a person at its screen, and says nothing.
    """

    site: Site
    clock: Clock = field(default_factory=SystemClock)
    logger: Callable[[str], StageLog] = lambda _stage: SilentLog()

    @cached_property
    def topology(self) -> Topology:
        """Topics, subscriptions, deadlines."""
        return load_topology()

    @cached_property
    def backing(self) -> Backing | None:
        """Where objects and events are, if not in the folder."""
        backing = Backing.read(self.site.backing)
        if backing is not None:
            backing.enter()
        return backing

    @cached_property
    def objects(self) -> ObjectStore:
        """Sealed bytes at names."""
        if self.backing is None:
            return self.directory
        from shared.objects.gcs import GcsObjects  # noqa: PLC0415 - needed on servers only

        return GcsObjects(self.backing.objects, project=self.backing.project)

    @cached_property
    def versions(self) -> Versions | None:
        """Generations of objects; a folder has but one of each."""
        if self.backing is None:
            return None
        from shared.objects.gcs_versions import GcsVersions  # noqa: PLC0415 - as above

        return GcsVersions(self.backing.objects, project=self.backing.project)

    @cached_property
    def directory(self) -> DirectoryObjects:
        """Sealed bytes in the folder itself."""
        self._require_embedded()
        return DirectoryObjects(self.site.objects, clock=self.clock)

    @cached_property
    def keyring(self) -> WrappedKeyring:
        """Keys, wrapped by a key file or by Cloud KMS."""
        return open_keyring(self.site.keys)

    @cached_property
    def bus(self) -> SqliteBus:
        """The embedded bus."""
        self._require_embedded()
        return SqliteBus(self.site.bus, self.topology, clock=self.clock)

    @cached_property
    def publisher(self) -> Publisher:
        """Where events go."""
        if self.backing is None:
            return self.bus
        from shared.bus.pubsub import PubsubPublisher  # noqa: PLC0415 - needed on servers only

        return PubsubPublisher(self.backing.project)

    @property
    def published(self) -> PublishedEvents | None:
        """The bus's memory; None where it forgets what was delivered (Pub/Sub)."""
        return self.bus if self.backing is None else None

    def backlog(self) -> list[Backlog] | None:
        """Return what waits in each subscription; None where the bus does not tell."""
        return self.bus.backlog() if self.backing is None else None

    @cached_property
    def register(self) -> SqlRegister:
        """Submissions and documents."""
        return open_register(self.site.register, self.topology.deadline)

    @cached_property
    def tracing(self) -> Tracing:
        """Spans into files."""
        return Tracing(SpanFiles(self.site.spans), "docledger")

    @cached_property
    def ledger(self) -> Ledger:
        """The books, as somebody who looks or decides sees them."""
        return self.ledger_with(self.publisher)

    def ledger_with(self, publisher: Publisher) -> Ledger:
        """Return the ledger with another publisher (one that batches)."""
        return build_ledger(
            data_dir=self.site.folder,
            results=self.results,
            keyring=self.keyring,
            publisher=publisher,
            clock=self.clock,
            holder=KEEPER,
            tracing=self.tracing,
            lines=self.logger("sequencer"),
        )

    def close(self) -> None:
        """Give back the files and connections that were opened."""
        opened = self.__dict__
        if "bus" in opened:
            self.bus.close()
        if "register" in opened:
            self.register.close()
        if "ledger" in opened:
            self.ledger.close()

    def _require_embedded(self) -> None:
        if self.backing is not None:
            raise UserError(
                f"{self.site.folder} is on Pub/Sub: start 'docledger up --bus pubsub' on it, "
                "or name another folder with --data-dir"
            )
