"""Ingest, built: settings in, worker out. Importing this does no I/O."""

from functools import partial

from services.ingest.adapters.inspector import SandboxInspector
from services.ingest.adapters.replays import QuarantineReplays
from services.ingest.adapters.vault import VaultInbox, VaultOriginals
from services.ingest.canary import sing
from services.ingest.handler import handle
from services.ingest.ports import Erased, Register
from services.ingest.settings import IngestSettings
from shared.bus.port import Publisher
from shared.clock import Clock
from shared.keys.port import Keyring
from shared.keys.vault import Vault
from shared.objects.port import ObjectStore
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import TaskRunner
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
