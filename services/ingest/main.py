"""Ingest and its entrance, built: settings in, worker out. Importing this does no I/O."""

from functools import partial

from services.ingest.adapters.inspector import SandboxInspector
from services.ingest.adapters.replays import QuarantineReplays
from services.ingest.adapters.vault import VaultInbox, VaultOriginals
from services.ingest.arrivals import Arrivals
from services.ingest.canary import sing
from services.ingest.handler import handle
from services.ingest.notified import Entrance
from services.ingest.ports import Erased, Uploads
from services.ingest.registered import Register
from services.ingest.settings import EntranceSettings, IngestSettings
from shared.bus.port import Publisher
from shared.clock import Clock
from shared.keys.port import Keyring
from shared.keys.vault import Vault
from shared.logging.stage_log import StageLog
from shared.objects.port import ObjectStore
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import TaskRunner
from shared.telemetry.metrics import Metrics
from shared.telemetry.tracing import Tracing
from shared.worker.built import Worker, nothing
from shared.worker.quarantine import Quarantine


def build(  # noqa: PLR0913 - the ports that workers share, by name
    *,
    objects: ObjectStore,
    vault: Vault,
    keyring: Keyring,
    register: Register,
    erased: Erased,
    quarantine: Quarantine,
    publisher: Publisher,
    clock: Clock,
    settings: IngestSettings | None = None,
    sandbox: TaskRunner | None = None,
) -> Worker:
    """Return the worker over the ports of one site.

    Args:
        objects: the store.
        vault: seals what goes into it.
        keyring: keys.
        register: of all submissions.
        erased: tombstones.
        quarantine: records to replay.
        publisher: takes replayed events.
        clock: stamps them.
        settings: read from the environment when None.
        sandbox: runs the look into foreign bytes; a pool of confined processes when None.
    """
    settings = settings or IngestSettings.from_environment()
    close = nothing
    if sandbox is None:
        pool = Sandbox(settings.sandbox(), settings.children)
        sandbox, close = pool, pool.close
    inspector = SandboxInspector(sandbox, settings.inspection())
    bound = partial(
        handle,
        inbox=VaultInbox(vault, objects),
        originals=VaultOriginals(vault, keyring),
        register=register,
        erased=erased,
        inspector=inspector,
        replays=QuarantineReplays(quarantine, keyring=keyring, publisher=publisher, clock=clock),
        keyring=keyring,
        most_bytes=settings.most_bytes,
    )
    return Worker(handle=bound, canary=partial(sing, inspector), close=close)


def build_entrance(  # noqa: PLR0913 - the ports that workers share, by name
    *,
    vault: Vault,
    publisher: Publisher,
    keyring: Keyring,
    quarantine: Quarantine,
    clock: Clock,
    log: StageLog,
    tracing: Tracing,
    metrics: Metrics,
    project: str | None = None,
    settings: EntranceSettings | None = None,
    uploads: Uploads | None = None,
) -> Entrance:
    """Return the entrance for files that are dropped in buckets.

    Args:
        vault: seals uploads.
        publisher: takes ``upload.arrived``.
        keyring: keys.
        quarantine: keeps messages that are of no use.
        clock: time.
        log: lines of registered fields.
        tracing: each document's trace begins here.
        metrics: counts.
        project: of the buckets.
        settings: read from the environment when None.
        uploads: the buckets; on Cloud Storage when None.
    """
    settings = settings or EntranceSettings.from_environment()
    if uploads is None:
        # Who takes no files from buckets need not have Google's client.
        from services.ingest.adapters.uploads import GcsUploads  # noqa: PLC0415 - see above
        from shared.objects.gcs_connection import GcsConnection  # noqa: PLC0415 - see above

        uploads = GcsUploads(GcsConnection(project=project))
    return Entrance(
        uploads=uploads,
        tenants=settings.buckets,
        arrivals=Arrivals(vault, publisher, keyring, clock, tracing),
        vault=vault,
        quarantine=quarantine,
        keyring=keyring,
        bounds=settings.bounds(),
        clock=clock,
        log=log,
        metrics=metrics,
    )
