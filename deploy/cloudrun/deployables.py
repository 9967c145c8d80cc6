"""Every deployable that events are pushed to: its name in, its HTTP service out.

A builder imports its own worker and no other: an image carries the dependencies of one.
"""

from collections.abc import Callable, Mapping
from typing import Final

from deploy.cloudrun.platform import Platform
from shared.errors import UserError
from shared.logging import LogSettings, capture
from shared.telemetry.log_events import LogEvent
from shared.worker.built import nothing
from shared.worker.push_settings import PushSettings, authenticator_for
from shared.worker.settlement import Receiver
from shared.worker.web import Service

Job = Callable[[], object]

_NO_JOBS: Final[Mapping[str, Job]] = {}


def build(name: str, *, platform: Platform | None = None) -> Service:
    """Return the service of one deployable; its settings come from the environment.

    Raises:
        UserError: there is no such deployable, or a setting is wrong.
    """
    builder = _BUILDERS.get(name)
    if builder is None:
        raise UserError(f"{name} is no deployable: name one of {', '.join(_BUILDERS)}")
    return builder(platform or Platform(name))


def _entrance(platform: Platform) -> Service:
    from services.ingest.main import build_entrance  # noqa: PLC0415 - one worker's image

    entrance = build_entrance(
        vault=platform.vault,
        publisher=platform.publisher,
        keyring=platform.keyring,
        quarantine=platform.quarantine,
        clock=platform.clock,
        log=platform.log,
        tracing=platform.tracing,
        metrics=platform.metrics,
        project=platform.settings.project,
    )
    return _service(
        platform,
        receiver=entrance,
        checks={"objects": platform.check_objects},
        jobs={"sweep": entrance.sweep},
    )


def _ingest(platform: Platform) -> Service:
    from services.ingest.main import build as build_ingest  # noqa: PLC0415 - one worker's image

    worker = build_ingest(
        objects=platform.objects,
        vault=platform.vault,
        keyring=platform.keyring,
        register=platform.register,
        erased=platform.tombstones,
        quarantine=platform.quarantine,
        publisher=platform.publisher,
        clock=platform.clock,
    )
    return _service(
        platform,
        receiver=platform.edge("ingest", worker.handle, worker.canary),
        checks={"objects": platform.check_objects, "register": _asks_register(platform)},
        close=worker.close,
    )


def _register(platform: Platform) -> Service:
    from services.ingest.follower import Follower  # noqa: PLC0415 - one worker's image
    from services.ingest.sweeper import Sweeper  # noqa: PLC0415 - same

    sweeper = Sweeper(
        register=platform.register,
        publisher=platform.publisher,
        objects=platform.objects,
        vault=platform.vault,
        keyring=platform.keyring,
        deadlines=platform.topology.deadline,
        clock=platform.clock,
        tracing=platform.tracing,
        log=platform.log,
    )
    return _service(
        platform,
        receiver=Follower(
            register=platform.register,
            quarantine=platform.quarantine,
            clock=platform.clock,
            log=platform.log,
            metrics=platform.metrics,
            tracing=platform.tracing,
        ),
        checks={"objects": platform.check_objects, "register": _asks_register(platform)},
        jobs={"sweep": sweeper.sweep, "levels": lambda: _levels(platform)},
    )


def _ocr(platform: Platform) -> Service:
    from services.ocr.main import Far  # noqa: PLC0415 - one worker's image
    from services.ocr.main import build as build_ocr  # noqa: PLC0415 - same

    far = Far(publisher=platform.publisher, metrics=platform.metrics, clock=platform.clock)
    worker = build_ocr(vault=platform.vault, objects=platform.objects, far=far)
    return _service(
        platform,
        receiver=platform.edge("ocr", worker.handle, worker.canary),
        checks={"objects": platform.check_objects},
        jobs=worker.jobs,
        close=worker.close,
    )


def _summarize(platform: Platform) -> Service:
    from services.summarize.main import build as build_summarize  # noqa: PLC0415 - one image

    worker = build_summarize(
        results=platform.results, metrics=platform.metrics, clock=platform.clock
    )
    return _service(
        platform,
        receiver=platform.edge("summarize", worker.handle, worker.canary),
        checks={"objects": platform.check_objects},
        close=worker.close,
    )


def _ledger(platform: Platform) -> Service:
    from services.ledger.chart import load_chart  # noqa: PLC0415 - one worker's image
    from services.ledger.main import build as build_ledger  # noqa: PLC0415 - same

    ledger = build_ledger(
        data_dir=platform.settings.data_dir,
        results=platform.results,
        keyring=platform.keyring,
        publisher=platform.publisher,
        clock=platform.clock,
        holder=platform.run.holder,
        tracing=platform.tracing,
    )
    return _service(
        platform,
        receiver=platform.edge("ledger", ledger.handle, load_chart),
        checks={"objects": platform.check_objects, "journal": ledger.journal.tenants},
    )


def _sequencer(platform: Platform) -> Service:
    from deploy.cloudrun.sealing import Sealing  # noqa: PLC0415 - one worker's image

    sealing = Sealing(platform)
    sealing.start()
    return _service(
        platform,
        receiver=None,
        checks={"sequencer": sealing.check},
        close=sealing.stop,
    )


def _eraser(platform: Platform) -> Service:
    from deploy.erasing import erasing_of  # noqa: PLC0415 - one worker's image
    from services.ingest.erasure_settings import ErasureSettings  # noqa: PLC0415 - same
    from services.ingest.policy import Policy  # noqa: PLC0415 - same
    from services.ingest.retention import Retention  # noqa: PLC0415 - same

    policy = Policy.read(ErasureSettings.from_environment().policy)
    retention = Retention(
        register=platform.register,
        erasing=erasing_of(platform, policy=policy),
        policy=policy,
        clock=platform.clock,
    )
    return _service(
        platform,
        receiver=None,
        checks={"objects": platform.check_objects, "register": _asks_register(platform)},
        jobs={"retention": retention.run},
    )


_BUILDERS: Final[Mapping[str, Callable[[Platform], Service]]] = {
    "entrance": _entrance,
    "ingest": _ingest,
    "register": _register,
    "ocr": _ocr,
    "summarize": _summarize,
    "ledger": _ledger,
    "sequencer": _sequencer,
    "eraser": _eraser,
}

NAMES: Final = tuple(_BUILDERS)
"""In the order in which a document meets them."""


def _service(
    platform: Platform,
    *,
    receiver: Receiver | None,
    checks: Mapping[str, Callable[[], object]],
    jobs: Mapping[str, Job] = _NO_JOBS,
    close: Callable[[], None] = nothing,
) -> Service:
    """Put one worker behind HTTP: its subscriptions are the topology's."""
    subscriptions = platform.topology.subscriptions
    heard = [name for name, its in subscriptions.items() if its.worker == platform.name]
    capture(platform.log, level=LogSettings.from_environment().level)
    platform.log.info(LogEvent.WORKER_STARTED)
    return Service(
        name=platform.name,
        receivers=dict.fromkeys(heard, receiver) if receiver is not None else {},
        authenticator=authenticator_for(
            heard, jobs, clock=platform.clock, secrets=lambda: platform.secrets
        ),
        checks=checks,
        metrics=platform.metrics,
        jobs=jobs,
        log=platform.log,
        clock=platform.clock,
        concurrency=PushSettings.from_environment().concurrency,
        close=close,
        flush=platform.flush,
    )


def _levels(platform: Platform) -> None:
    """Set the gauges that on-call watches."""
    from services.ingest.levels import report_backlog  # noqa: PLC0415 - one worker's image

    report_backlog(
        platform.metrics,
        register=platform.register,
        now=platform.clock.now(),
        backlog=platform.backlog(),
    )


def _asks_register(platform: Platform) -> Callable[[], object]:
    """Return a check that the register answers."""
    return lambda: platform.register.unknown_jobs([])
