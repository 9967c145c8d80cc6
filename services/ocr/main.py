"""Ocr, built: settings in, worker out. Importing this does no I/O."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from services.ocr.adapters.cutter import Cutter
from services.ocr.adapters.sandboxed import SandboxReader
from services.ocr.adapters.stored_ranges import StoredRanges
from services.ocr.canary import sing
from services.ocr.handler import handle
from services.ocr.metering import Meter
from services.ocr.pace import Pace
from services.ocr.ports import Batches, Reader
from services.ocr.processors import Processors, load_table
from services.ocr.settings import OcrSettings, documentai_emulator
from shared.bus.port import Publisher
from shared.clock import Clock, SystemClock
from shared.errors import UserError
from shared.events.payloads import MediaType
from shared.keys.vault import Vault
from shared.objects.port import ObjectStore
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import TaskRunner
from shared.telemetry.metrics import Metrics, NullMetrics
from shared.worker.built import Worker, nothing
from shared.worker.tombstones import Tombstones


@dataclass(frozen=True, slots=True)
class Far:
    """What reading elsewhere needs besides.

    Attributes:
        publisher: takes the events of batches that have ended.
        batches: the bucket for batches; opened from the settings when None.
        metrics: counts pages that were paid for.
        clock: time.
    """

    publisher: Publisher
    batches: ObjectStore | None = None
    metrics: Metrics = field(default_factory=NullMetrics)
    clock: Clock = field(default_factory=SystemClock)


@dataclass(frozen=True, slots=True)
class _Reads:
    """Who reads, and how much at a time."""

    reader: Reader
    pages_per_range: Callable[[MediaType], int]
    batches: Batches | None = None
    poll: Callable[[], object] = nothing
    close: Callable[[], None] = nothing


def build(
    *,
    vault: Vault,
    objects: ObjectStore,
    settings: OcrSettings | None = None,
    sandbox: TaskRunner | None = None,
    far: Far | None = None,
) -> Worker:
    """Return the worker over the ports of one site.

    Args:
        vault: opens originals and stored page ranges.
        objects: the store below it, to be listed.
        settings: read from the environment when None.
        sandbox: runs the reader; a pool of confined processes when None.
        far: where there is a poll that brings batches to their end; else all is read online.

    Raises:
        UserError: a setting is wrong, or Document AI's client is not installed.
    """
    settings = settings or OcrSettings.from_environment()
    close = nothing
    if sandbox is None:
        pool = Sandbox(settings.sandbox(), settings.children)
        sandbox, close = pool, pool.close
    embedded = SandboxReader(sandbox)
    if settings.reader == "documentai":
        reads = _elsewhere(settings, embedded, Cutter(sandbox), objects, far)
    else:
        reads = _Reads(embedded, lambda _media_type: settings.pages_per_range)

    def end() -> None:
        close()
        reads.close()

    bound = partial(
        handle,
        originals=vault,
        reader=reads.reader,
        ranges=StoredRanges(vault, objects),
        pages_per_range=reads.pages_per_range,
        batches=reads.batches,
    )
    return Worker(
        handle=bound,
        canary=partial(sing, reads.reader, elsewhere=settings.reader == "documentai"),
        close=end,
        jobs={"poll": reads.poll},
    )


def _elsewhere(
    settings: OcrSettings,
    embedded: Reader,
    cutter: Cutter,
    objects: ObjectStore,
    far: Far | None,
) -> _Reads:
    """Have Document AI read."""
    try:
        from services.ocr.adapters.documentai import DocumentAi  # noqa: PLC0415 - half a second
        from services.ocr.adapters.documentai_channel import (  # noqa: PLC0415 - same
            DocumentAiChannel,
        )
    except ImportError as err:
        raise UserError("Document AI needs its client: install docledger[documentai]") from err
    from services.ocr.adapters.remote_reader import DocumentAiReader  # noqa: PLC0415 - loads it

    clock = far.clock if far is not None else SystemClock()
    processors = Processors(load_table(settings.processor_table), settings.processors)
    meter = Meter(far.metrics if far is not None else NullMetrics())
    share = processors.limits.requests_per_minute / settings.instances
    remote = DocumentAi(
        DocumentAiChannel(
            processors.location,
            pace=Pace(share, clock=clock),
            clock=clock,
            emulator=documentai_emulator(),
        )
    )
    reader = DocumentAiReader(
        remote, processors=processors, cutter=cutter, embedded=embedded, meter=meter
    )

    def pages_per_range(media_type: MediaType) -> int:
        named = processors.online(media_type)
        return settings.pages_per_range if named is None else named.its.pages_online

    online = _Reads(reader, pages_per_range, close=remote.close)
    if far is None or settings.batches_bucket is None:
        return online
    from services.ocr.adapters.batch_bucket import Bucket  # noqa: PLC0415 - rarely needed
    from services.ocr.adapters.batches import Batches as InBatches  # noqa: PLC0415 - loads the client
    from services.ocr.adapters.operations import Operations  # noqa: PLC0415 - rarely needed
    from services.ocr.adapters.polling import Poll  # noqa: PLC0415 - loads the client
    from services.ocr.adapters.slots import Slots  # noqa: PLC0415 - rarely needed

    batches = InBatches(
        remote=remote,
        processors=processors,
        cutter=cutter,
        bucket=Bucket(settings.batches_bucket, far.batches or _opened(settings)),
        operations=Operations(objects),
        slots=Slots(objects, most=processors.limits.concurrent_batches, clock=clock),
        meter=meter,
        clock=clock,
        online_pages=settings.online_pages,
        deadline=timedelta(seconds=settings.batch_deadline_s),
    )
    poll = Poll(batches, objects=objects, tombstones=Tombstones(objects), publisher=far.publisher)
    return replace(online, batches=batches, poll=poll.poll)


def _opened(settings: OcrSettings) -> ObjectStore:
    from shared.objects.gcs import GcsObjects  # noqa: PLC0415 - only where there is a bucket

    assert settings.batches_bucket is not None
    return GcsObjects(settings.batches_bucket, kms_key_name=settings.batches_kms_key)
