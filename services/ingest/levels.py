"""The levels that on-call watches: what waits on the bus, and what is late in each stage."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.ingest.registered import Register
from shared.bus.port import Backlog
from shared.telemetry.metrics import Metric, Metrics


def report_backlog(
    metrics: Metrics, *, register: Register, now: datetime, backlog: Sequence[Backlog] | None
) -> None:
    """Set the gauges of backlog and late documents; call it as often as they should be fresh.

    Args:
        metrics: takes them.
        register: knows what is late, of all tenants.
        now: what late means.
        backlog: a row for each subscription, empty ones too, as the bus tells; None where it does
            not (Pub/Sub's emulator): then its gauges are left alone.

    Raises:
        TransientError: the register is unavailable.
    """
    for row in backlog or ():
        metrics.level(Metric.BACKLOG_MESSAGES, row.messages, subscription=row.subscription)
        metrics.level(Metric.BACKLOG_AGE, row.oldest_age_s, subscription=row.subscription)
    for stage in register.flow(now, window=timedelta()):
        metrics.level(Metric.LATE_DOCUMENTS, stage.late, stage=stage.stage)
