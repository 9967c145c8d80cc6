"""A file dropped in a bucket becomes an upload: the whole story of the entrance.

Sealed into the inbox → announced → removed from where it was dropped, in this order. A crash
between any two repeats the rest: the same object at the same generation is the same job.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.ingest.arrivals import Arrivals
from services.ingest.notification import MalformedError, dropped_in
from services.ingest.ports import Dropped, OversizeError, Uploads
from shared.bus.port import Delivery
from shared.bus.topology import DEAD_SUFFIX
from shared.clock import Clock
from shared.errors import TransientError, backoff_s
from shared.events.ids import keyed_id
from shared.events.payloads import StageName
from shared.keys.port import Keyring, TenantPurpose
from shared.keys.vault import Vault
from shared.logging.stage_log import StageLog
from shared.telemetry.log_events import LogEvent
from shared.telemetry.metrics import Metric, Metrics
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.reasons import QuarantineReason, RefusedReason
from shared.telemetry.stages import Stage
from shared.worker.quarantine import Quarantine
from shared.worker.settlement import Settlement

QUARANTINE: Final[StageName] = "ingest"
"""Under whose records the entrance keeps messages that it cannot use."""

_ENTRANCE: Final = Stage.ENTRANCE.value


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the entrance takes, and how patient its sweep is.

    Attributes:
        most_bytes: of a file; a larger one is refused unread, and stays where it is.
        sweep_after: how old a dropped file is before its notification counts as lost.
        sweep_most: files that one sweep takes.
    """

    most_bytes: int
    sweep_after: timedelta
    sweep_most: int


class Entrance:
    """Takes in what is dropped in the uploads buckets. Thread-safe.

    Args:
        uploads: those buckets.
        tenants: by bucket, whose uploads it takes: a message cannot say whose it is.
        arrivals: seals and announces.
        vault: remembers which large files were refused.
        quarantine: keeps messages that are of no use.
        keyring: the tenant's key makes job ids.
        bounds: what is taken.
        clock: time.
        log: lines of registered fields.
        metrics: counts.
    """

    def __init__(  # noqa: PLR0913 - an entrance touches this much
        self,
        *,
        uploads: Uploads,
        tenants: Mapping[str, str],
        arrivals: Arrivals,
        vault: Vault,
        quarantine: Quarantine,
        keyring: Keyring,
        bounds: Bounds,
        clock: Clock,
        log: StageLog,
        metrics: Metrics,
    ) -> None:
        self._uploads = uploads
        self._tenants = tenants
        self._turns = deque(tenants.items())
        self._arrivals = arrivals
        self._vault = vault
        self._quarantine = quarantine
        self._keyring = keyring
        self._bounds = bounds
        self._clock = clock
        self._log = log
        self._metrics = metrics

    def receive(self, delivery: Delivery) -> Settlement:
        """Take in the object that one notification tells of; never raises."""
        started = self._clock.monotonic()
        try:
            code = self._received(delivery)
        except TransientError as error:
            self._log.warning(LogEvent.STORE_UNAVAILABLE, error=error, attempt=delivery.attempt)
            code = DeliveryOutcome.RETRY
        except Exception as error:  # noqa: BLE001 - the bus counts the tries, and buries it at last
            self._log.error(LogEvent.DELIVERY_FAILED, error=error, attempt=delivery.attempt)
            code = DeliveryOutcome.RETRY
        elapsed = self._clock.monotonic() - started
        self._metrics.count(Metric.EVENTS, stage=_ENTRANCE, outcome=code.value)
        self._metrics.observe(Metric.STAGE_SECONDS, elapsed, stage=_ENTRANCE, outcome=code.value)
        if code is DeliveryOutcome.RETRY:
            return Settlement(acknowledge=False, code=code, delay_s=backoff_s(delivery.attempt))
        return Settlement(acknowledge=True, code=code)

    def sweep(self) -> int:
        """Take in what lies in the buckets and nobody told of; return how many files.

        Notifications are delivered at least once as a rule, and not at all in the end.

        Raises:
            TransientError: a store or the bus is unavailable; sweep again later.
        """
        taken = 0
        for dropped, tenant in self._waiting():
            if taken == self._bounds.sweep_most:
                break
            job_id = self._job_id(tenant, dropped)
            if self._is_too_large(dropped) and self._was_refused(tenant, job_id):
                continue
            try:
                self._take(tenant, job_id, dropped)
            except TransientError:
                raise
            except Exception as error:  # noqa: BLE001 - one file must not stand in others' way
                self._log.error(
                    LogEvent.DELIVERY_FAILED,
                    error=error,
                    job_id=job_id,
                    traceparent=self._arrivals.origin(job_id),
                )
                continue
            self._log.warning(
                LogEvent.UPLOAD_SWEPT,
                job_id=job_id,
                size=dropped.size,
                traceparent=self._arrivals.origin(job_id),
            )
            taken += 1
        return taken

    def _received(self, delivery: Delivery) -> DeliveryOutcome:
        if delivery.subscription.endswith(DEAD_SUFFIX):
            return self._keep(delivery, LogEvent.DEAD_LETTER)
        try:
            dropped = dropped_in(delivery.message)
        except MalformedError:
            return self._keep(delivery, LogEvent.EVENT_MALFORMED)
        if dropped is None or dropped.is_folder:
            return DeliveryOutcome.IGNORED
        tenant = self._tenants.get(dropped.bucket)
        if tenant is None:
            return self._keep(delivery, LogEvent.BUCKET_UNKNOWN)
        job_id = self._job_id(tenant, dropped)
        code = self._take(tenant, job_id, dropped)
        self._log.info(
            LogEvent.DELIVERY_SETTLED,
            code=code.value,
            job_id=job_id,
            size=dropped.size,
            attempt=delivery.attempt,
            traceparent=self._arrivals.origin(job_id),
        )
        return code

    def _take(self, tenant: str, job_id: str, dropped: Dropped) -> DeliveryOutcome:
        if self._is_too_large(dropped):
            return self._refuse(tenant, job_id, dropped, dropped.size or 0)
        try:
            content = self._uploads.open(dropped, most_bytes=self._bounds.most_bytes)
        except OversizeError as large:
            return self._refuse(tenant, job_id, dropped, large.size)
        except LookupError:
            return self._gone(tenant, job_id)
        self._arrivals.take(tenant, job_id, dropped.name, content, "gcs")
        # Its bytes must not outlive the document's erasure, and nobody else knows where they are.
        self._uploads.delete(dropped)
        return DeliveryOutcome.DONE

    def _refuse(self, tenant: str, job_id: str, dropped: Dropped, size: int) -> DeliveryOutcome:
        """Have a large file counted once; its bytes stay with the sender, unread."""
        if self._was_refused(tenant, job_id):
            return DeliveryOutcome.REPEATED
        self._arrivals.refuse(
            tenant,
            job_id,
            dropped.name,
            reason=RefusedReason.TOO_LARGE,
            size=size,
            entrance="gcs",
        )
        self._vault.store_for_tenant(_mark(tenant, job_id), tenant, b"")
        self._log.warning(
            LogEvent.SUBMISSION_REFUSED,
            code=RefusedReason.TOO_LARGE,
            job_id=job_id,
            size=size,
            traceparent=self._arrivals.origin(job_id),
        )
        return DeliveryOutcome.DONE

    def _gone(self, tenant: str, job_id: str) -> DeliveryOutcome:
        """The object is not there: taken in before, or its sender thought better of it."""
        if self._arrivals.announce_again(tenant, job_id, "gcs"):
            return DeliveryOutcome.REPEATED
        self._log.info(LogEvent.UPLOAD_GONE, job_id=job_id)  # no document, so no trace
        return DeliveryOutcome.IGNORED

    def _keep(self, delivery: Delivery, why: LogEvent) -> DeliveryOutcome:
        """Keep a message whole, sealed: it may name a file."""
        self._quarantine.put_undecodable(
            delivery.message,
            stage=QUARANTINE,
            attempts=delivery.attempt,
            at=self._clock.now(),
        )
        reason = QuarantineReason.MALFORMED_EVENT.value
        self._metrics.count(Metric.QUARANTINES, stage=_ENTRANCE, reason=reason)
        self._log.error(why, code=reason, attempt=delivery.attempt)
        return DeliveryOutcome.QUARANTINED

    def _waiting(self) -> Iterator[tuple[Dropped, str]]:
        before = self._clock.now() - self._bounds.sweep_after
        # Another one first each time: a bucket that is gone ends the sweep, a flood fills it.
        self._turns.rotate(-1)
        for bucket, tenant in tuple(self._turns):
            for dropped in self._uploads.list(bucket):
                old = dropped.updated is not None and dropped.updated < before
                if old and not dropped.is_folder:
                    yield dropped, tenant

    def _is_too_large(self, dropped: Dropped) -> bool:
        return dropped.size is not None and dropped.size > self._bounds.most_bytes

    def _was_refused(self, tenant: str, job_id: str) -> bool:
        return self._vault.find(_mark(tenant, job_id)) is not None

    def _job_id(self, tenant: str, dropped: Dropped) -> str:
        key = self._keyring.tenant_key(tenant, TenantPurpose.IDS)
        return keyed_id(key, "dropped", dropped.bucket, dropped.name, dropped.generation)


def _mark(tenant: str, job_id: str) -> str:
    """Return where it stands that a file was refused that still lies in its bucket."""
    return f"entrance/refused/{tenant}/{job_id}"
