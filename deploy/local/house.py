"""Everything that one data folder, or one project, offers; opened when first asked for.

Events and objects lie in the folder (the embedded bus, a directory); or on Pub/Sub and Cloud
Storage, as ``pubsub.json`` says; or everything is on a project's servers, as the settings of its
deployables say. Whoever looks or decides need not know which.
"""

import atexit
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deploy.cloudrun.settings import PlatformSettings
from deploy.local.backing import Backing
from deploy.local.site import KEEPER, Site
from deploy.stores import Stores
from services.ingest.register_opened import open_register
from services.ingest.register_sql import SqlRegister
from services.ingest.settings import RegisterSettings
from services.ledger.adapters.signing import Signing
from services.ledger.main import Ledger
from services.ledger.main import build as build_ledger
from services.ledger.settings import LedgerSettings, LogPlaceSettings
from shared.bus.port import Backlog, Publisher
from shared.bus.published import PublishedEvents
from shared.bus.sqlite import SqliteBus
from shared.bus.topology import Topology, load_topology
from shared.clock import Clock, SystemClock
from shared.errors import UserError
from shared.keys.opening import open_keyring
from shared.keys.settings import KmsSettings
from shared.keys.wrapping import WrappedKeyring
from shared.logging import SilentLog, StageLog
from shared.objects.directory import DirectoryObjects
from shared.objects.port import ObjectStore
from shared.objects.versions import Versions
from shared.telemetry.exporters import TelemetrySettings
from shared.telemetry.span_files import SpanFiles, SpanRecord, read_spans
from shared.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from deploy.cloudrun.platform import Platform

DEFAULT_TENANT: Final = "default"


@dataclass(frozen=True)
class House(Stores):
    """The ports of one site.

    Args:
        site: where everything lies.
        clock: time.
        logger: gives each stage its log; a command has a person at its screen, and says nothing.
        tenant: whose documents a person means who names none.
        project: the settings of a project that everything is on; None where the folder says.
        logged: whether what is shown is written down somewhere: then without names of files.
    """

    site: Site
    clock: Clock = field(default_factory=SystemClock)
    logger: Callable[[str], StageLog] = lambda _stage: SilentLog()
    tenant: str = DEFAULT_TENANT
    project: PlatformSettings | None = None
    logged: bool = False

    @cached_property
    def topology(self) -> Topology:
        """Topics, subscriptions, deadlines."""
        return load_topology()

    @cached_property
    def backing(self) -> Backing | None:
        """The emulators that objects and events are on; None where there are none."""
        backing = Backing.read(self.site.backing) if self.project is None else None
        if backing is not None:
            backing.enter()
        return backing

    @cached_property
    def platform(self) -> "Platform | None":
        """The servers that objects and events are on; None where the folder has both."""
        settings = self.project
        if self.backing is not None:
            settings = PlatformSettings(
                project=self.backing.project,
                objects_bucket=self.backing.objects,
                data_dir=self.site.folder,
            )
        if settings is None:
            return None
        from deploy.cloudrun.platform import Platform  # noqa: PLC0415 - needed on servers only

        return Platform("docledger", settings=settings, clock=self.clock)

    @cached_property
    def objects(self) -> ObjectStore:
        """Sealed bytes at names."""
        return self.directory if self.platform is None else self.platform.objects

    @cached_property
    def versions(self) -> Versions | None:
        """Generations of objects; a folder has but one of each."""
        return None if self.platform is None else self.platform.versions

    @cached_property
    def directory(self) -> DirectoryObjects:
        """Sealed bytes in the folder itself."""
        self._require_embedded()
        return DirectoryObjects(self.site.objects, clock=self.clock)

    @cached_property
    def keyring(self) -> WrappedKeyring:
        """Keys, wrapped by a key file or by Cloud KMS."""
        settings = KmsSettings.from_environment()
        self._require_set(KmsSettings.variable("kek"), settings.kek, self.site.keys)
        # An empty folder needs no version of the KEK, and says of every document that it is erased.
        self._require_set(KmsSettings.variable("keys_bucket"), settings.keys_bucket, self.site.keys)
        return open_keyring(self.site.keys, settings=settings)

    @cached_property
    def bus(self) -> SqliteBus:
        """The embedded bus."""
        self._require_embedded()
        return SqliteBus(self.site.bus, self.topology, clock=self.clock)

    @cached_property
    def publisher(self) -> Publisher:
        """Where events go."""
        return self.bus if self.platform is None else self.platform.publisher

    @property
    def published(self) -> PublishedEvents | None:
        """The bus's memory; None where it forgets what was delivered (Pub/Sub)."""
        return self.bus if self.platform is None else None

    def backlog(self) -> list[Backlog] | None:
        """Return what waits in each subscription; None where the bus does not tell."""
        return self.bus.backlog() if self.platform is None else self.platform.backlog()

    @cached_property
    def register(self) -> SqlRegister:
        """Submissions and documents."""
        settings = RegisterSettings.from_environment()
        variable = RegisterSettings.variable("database")
        self._require_set(variable, settings.database, self.site.register)
        return open_register(self.site.register, self.topology.deadline, settings=settings)

    @cached_property
    def tracing(self) -> Tracing:
        """Spans: into files, or to where a project's go."""
        if self.project is None or self.platform is None:
            return Tracing(SpanFiles(self.site.spans), "docledger")
        atexit.register(self.platform.flush)  # what is queued would end with the command
        return self.platform.tracing

    def spans(self, trace_id: str) -> Iterable[SpanRecord]:
        """Return the finished spans of a trace, oldest first.

        Raises:
            TransientError: they cannot be asked for now.
            UserError: they go to where nobody can ask for them.
        """
        telemetry = TelemetrySettings.from_environment() if self.project is not None else None
        if telemetry is None:
            return read_spans(self.site.spans, trace_id=trace_id)
        if telemetry.traces == "files" and telemetry.traces_folder is not None:
            return read_spans(telemetry.traces_folder, trace_id=trace_id)
        if telemetry.traces != "gcp" or telemetry.project is None:
            raise UserError(
                f"{telemetry.variable('traces')}={telemetry.traces}: spans are not in Cloud Trace; "
                f"look for trace {trace_id} where they are sent to"
            )
        from shared.telemetry.cloud_trace import read_cloud_trace  # noqa: PLC0415 - a vendor's

        return read_cloud_trace(telemetry.project, trace_id)

    @cached_property
    def ledger(self) -> Ledger:
        """The books, as somebody who looks or decides sees them."""
        return self.ledger_with(self.publisher)

    def ledger_with(self, publisher: Publisher) -> Ledger:
        """Return the ledger with another publisher (one that batches)."""
        settings = LedgerSettings.from_environment()
        variable = LedgerSettings.variable("database")
        self._require_set(variable, settings.database, self.site.ledger)
        self._require_log()
        return build_ledger(
            data_dir=self.site.folder,
            results=self.results,
            keyring=self.keyring,
            publisher=publisher,
            clock=self.clock,
            holder=KEEPER,
            settings=settings,
            tracing=self.tracing,
            lines=self.logger("sequencer"),
        )

    @cached_property
    def signing(self) -> Signing:
        """Who signs the logs, and the published history of their keys."""
        self._require_log()
        return Signing(self.site.folder, LedgerSettings.from_environment().origin)

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
        if self.project is not None:
            raise UserError(
                f"DOCLEDGER_PROJECT names {self.project.project}, where deployables do the work: "
                "hand documents in at its bucket or its API, or unset it to work in a folder"
            )
        if self.backing is not None:
            raise UserError(
                f"{self.site.folder} is on Pub/Sub: start 'docledger up --bus pubsub' on it, "
                "or name another folder with --data-dir"
            )

    def _require_log(self) -> None:
        place, signers = LogPlaceSettings.from_environment(), KmsSettings.from_environment().signers
        self._require_set(LogPlaceSettings.variable("bucket"), place.bucket, self.site.log)
        self._require_set(KmsSettings.variable("signers"), signers, self.site.signers)

    def _require_set(self, variable: str, value: str | None, path: Path) -> None:
        """Never take an empty file, made on the spot, for what a project has on a server."""
        if self.project is not None and value is None and not path.exists():
            raise UserError(
                f"{variable} is not set: give it what the deployables of "
                f"{self.project.project} have"
            )
