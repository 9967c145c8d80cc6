"""All deployables on one machine, over the Pub/Sub and Cloud Storage emulators."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from deploy.cloudrun.deployables import NAMES
from deploy.cloudrun.settings import PlatformSettings
from deploy.local.backing import Backing
from deploy.local.house import DEFAULT_TENANT
from deploy.local.job_token import asked, new_token, start_job
from deploy.local.ports import unused_ports
from deploy.local.pubsub_emulator import start_pubsub_emulator
from deploy.local.site import Site
from deploy.local.storage_emulator import StorageEmulator
from deploy.local.supervisor import Program, Supervisor
from services.ingest.api_settings import IngestApiSettings
from services.ingest.settings import EntranceSettings
from services.ledger.api_settings import LedgerApiSettings
from services.ledger.settings import LogPlaceSettings
from shared.api.grants import ANYBODY
from shared.api.identities import UNSAFE_VARIABLE as UNSAFE_APIS
from shared.api.identities import UnsafeApiSettings
from shared.bus.pubsub_admin import apply
from shared.bus.topology import Topology, load_topology
from shared.clock import Clock, SystemClock
from shared.errors import TransientError
from shared.keys.settings import KmsSettings
from shared.secrets.settings import SecretsSettings, UnsafeSecretsSettings
from shared.settings import Settings
from shared.telemetry.exporters import TelemetrySettings
from shared.worker.authentication import UNSAFE_VARIABLE as UNSAFE_PUSHES
from shared.worker.push_settings import PushSettings, UnsafeSettings

PROJECT: Final = "docledger-local"
OBJECTS: Final = "docledger-objects"
UPLOADS: Final = "docledger-uploads"
UPLOADS_TOPIC: Final = "docledger.uploads.notified"
APIS: Final = ("ingest-api", "ledger-api")
JOBS: Final = (
    ("entrance", "sweep"),
    ("register", "sweep"),
    ("register", "levels"),
    ("eraser", "retention"),
    ("ocr", "poll"),
)
"""Deployables and jobs of theirs that Cloud Scheduler starts on Google Cloud."""

SWEEP_EVERY_S: Final = 30.0
START_S: Final = 120.0

SETTINGS: Final[tuple[type[Settings], ...]] = (
    EntranceSettings,
    IngestApiSettings,
    LedgerApiSettings,
    PlatformSettings,
    PushSettings,
    SecretsSettings,
    TelemetrySettings,
    UnsafeApiSettings,
    UnsafeSecretsSettings,
    UnsafeSettings,
)
"""What the deployables read beside what every command does."""
LOOK_S: Final = 0.1


class PubsubSite:
    """The processes of a data folder that is on Pub/Sub.

    Args:
        site: the data folder; objects lie below ``storage/``.
        topology: topics, subscriptions, their clocks; the project's when None.
        clock: to wait with.
    """

    def __init__(
        self,
        site: Site,
        *,
        topology: Topology | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._site = site
        self._topology = topology or load_topology()
        self._clock = clock or SystemClock()
        self._swept = float("-inf")

    @contextmanager
    def started(self, tell: Callable[[str], object] = lambda _line: None) -> Iterator[Backing]:
        """Have everything run for the time of a block, each deployable ready.

        Args:
            tell: takes a line on what is being started.

        Raises:
            UserError: an emulator is not installed.
            TransientError: something does not start.
        """
        site = self._site
        site.logs.mkdir(mode=0o700, exist_ok=True)
        with ExitStack() as stack:
            tell("starting the Pub/Sub emulator")
            self.pubsub = stack.enter_context(start_pubsub_emulator(site.logs / "pubsub.log"))
            tell("starting the Cloud Storage emulator")
            self.storage = stack.enter_context(
                StorageEmulator(
                    site.folder / "storage",
                    log=site.logs / "storage.log",
                    pubsub_host=self.pubsub.host,
                    project=PROJECT,
                    topic=UPLOADS_TOPIC,
                    uploads=UPLOADS,
                )
            )
            self.backing = Backing(
                project=PROJECT,
                pubsub=self.pubsub.host,
                storage=self.storage.url,
                objects=OBJECTS,
                uploads=UPLOADS,
                services=dict(zip((*NAMES, *APIS), unused_ports(), strict=False)),
            )
            self.backing.enter()
            self._prepare()
            new_token(site.job_token)
            self.supervisor = Supervisor(self._programs(), logs=site.logs, clock=self._clock)
            stack.callback(self.supervisor.stop)
            tell("starting the deployables")
            self.supervisor.start()
            self._wait_until_ready()
            self.backing.write(site.backing)
            yield self.backing

    def tend(self) -> None:
        """Start again what died; sweep when it is time.

        An emulator that died forgot its topics and what was on them: the topology is applied
        anew, and the sweep sends on what the register knows to be late.

        Raises:
            TransientError: something dies again and again.
        """
        if not self.pubsub.alive():
            self.pubsub.restart()
            self._apply()
        if not self.storage.alive():
            self.storage.restart()
        self.supervisor.tend()
        if self._clock.monotonic() - self._swept >= SWEEP_EVERY_S:
            self._swept = self._clock.monotonic()
            self.sweep()

    def sweep(self) -> None:
        """Start the jobs that Cloud Scheduler starts elsewhere; who is down is asked next time."""
        for name, job in JOBS:
            start_job(self.backing, self._site.job_token, name, job)

    def _prepare(self) -> None:
        logs = LogPlaceSettings.from_environment().bucket
        keys = KmsSettings.from_environment().keys_bucket
        for bucket in filter(None, (OBJECTS, UPLOADS, logs, keys)):
            self.storage.create_bucket(bucket)
        self._apply()

    def _apply(self) -> None:
        pushed = {one.worker for one in self._topology.subscriptions.values()}
        endpoints: dict[str, str] = {name: self.backing.url(name) for name in pushed}
        apply(self._topology, project=PROJECT, endpoints=endpoints)

    def _wait_until_ready(self) -> None:
        deadline = self._clock.monotonic() + START_S
        waiting = set(self.backing.services)
        while waiting:
            self.supervisor.tend()
            waiting -= {name for name in waiting if state_of(self.backing, name) == "ready"}
            if self._clock.monotonic() > deadline:
                raise TransientError(
                    f"not ready: {', '.join(sorted(waiting))}; read {self._site.logs}"
                )
            self._clock.sleep(LOOK_S)

    def _programs(self) -> list[Program]:
        unless_set = {
            "DOCLEDGER_ENTRANCE_BUCKETS": f"{UPLOADS}={DEFAULT_TENANT}",
            "DOCLEDGER_TRACES": "files",
            "DOCLEDGER_TRACES_FOLDER": str(self._site.spans),
            "DOCLEDGER_INGEST_API_CALLERS": f"{ANYBODY}={DEFAULT_TENANT}",
            "DOCLEDGER_LEDGER_API_READERS": f"{ANYBODY}={DEFAULT_TENANT}",
            "OMP_NUM_THREADS": "1",
        }
        shared = {
            **{name: os.environ.get(name) or value for name, value in unless_set.items()},
            **self.backing.environment(),
            "DOCLEDGER_PROJECT": PROJECT,
            "DOCLEDGER_OBJECTS_BUCKET": OBJECTS,
            "DOCLEDGER_DATA_DIR": str(self._site.folder),
            "DOCLEDGER_SECRETS": "environment",
            PushSettings.variable("job_tokens"): f"file:{self._site.job_token.resolve()}",
            "DOCLEDGER_MACHINE": secrets.token_hex(8),
            UNSAFE_PUSHES: "true",  # the emulator sends no tokens
            UNSAFE_APIS: "true",  # who is on this machine may use them
        }
        return [
            Program(
                name,
                command_of(name),
                {**shared, "FUNCTION_TARGET": name, "PORT": str(port)},
                last=name in {"register", "sequencer"},
            )
            for name, port in self.backing.services.items()
        ]


def command_of(name: str) -> tuple[str, ...]:
    """Return what starts a deployable; ``FUNCTION_TARGET`` and ``PORT`` say which, and where."""
    if name in APIS:
        return (sys.executable, "-m", "deploy.cloudrun.api", name)
    return (sys.executable, "-m", "gunicorn", "-c", "python:deploy.cloudrun.gunicorn_conf")


def state_of(backing: Backing, name: str) -> str:
    """Return ``ready``, ``not ready``, or ``down``: what a deployable says of itself."""
    status = asked(backing, name, "GET", "/ready")
    if status is None:
        return "down"
    return "ready" if status == 200 else "not ready"  # noqa: PLR2004 - HTTP's
