"""Ocr, built: settings in, worker out. Importing this does no I/O."""

from functools import partial

from services.ocr.adapters.sandboxed import SandboxReader
from services.ocr.adapters.stored_ranges import StoredRanges
from services.ocr.canary import sing
from services.ocr.handler import handle
from services.ocr.settings import OcrSettings
from shared.keys.vault import Vault
from shared.objects.port import ObjectStore
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import TaskRunner
from shared.worker.built import Worker, nothing


def build(
    *,
    vault: Vault,
    objects: ObjectStore,
    settings: OcrSettings | None = None,
    sandbox: TaskRunner | None = None,
) -> Worker:
    """Return the worker over the ports of one site.

    Args:
        vault: opens originals and stored page ranges.
        objects: the store below it, to be listed.
        settings: read from the environment when None.
        sandbox: runs the reader; a pool of confined processes when None.
    """
    settings = settings or OcrSettings.from_environment()
    close = nothing
    if sandbox is None:
        pool = Sandbox(settings.sandbox(), settings.children)
        sandbox, close = pool, pool.close
    reader = SandboxReader(sandbox)
    bound = partial(
        handle,
        originals=vault,
        reader=reader,
        ranges=StoredRanges(vault, objects),
        pages_per_range=settings.pages_per_range,
    )
    return Worker(handle=bound, canary=partial(sing, reader), close=close)
