"""Gauges of what waits and what is late."""

from datetime import UTC, datetime, timedelta

from services.ingest.levels import report_backlog
from services.ingest.register_memory import memory_register
from shared.bus.port import Backlog
from shared.bus.topology import load_topology
from shared.telemetry.metrics import Metric
from shared.telemetry.registry import MemoryMetrics
from tests.services.ingest.lifecycle import DOC, START, event, received, upload

DEADLINES = load_topology().deadline
ROWS = [
    Backlog("ingest.upload-arrived", 7, 12.5, 2),
    Backlog("ingest.upload-arrived.dead", 1, 99.0, 0),
    Backlog("ocr.document-received", 0, 0.0, 0),
]


def test_what_waits_and_what_is_late_are_shown_under_one_name() -> None:
    """Alert rules read these, from whichever bus."""
    metrics = MemoryMetrics()
    register = memory_register(DEADLINES)
    register.accept(upload(), document_id=DOC, pages=1)
    register.apply([event(received())])
    report_backlog(metrics, register=register, now=START + timedelta(hours=2), backlog=ROWS)
    for row in ROWS:
        said = {"subscription": row.subscription}
        assert metrics.value(Metric.BACKLOG_MESSAGES, **said) == row.messages
        assert metrics.value(Metric.BACKLOG_AGE, **said) == row.oldest_age_s
    assert metrics.value(Metric.LATE_DOCUMENTS, stage="ocr") == 1
    assert metrics.value(Metric.LATE_DOCUMENTS, stage="ledger") == 0


def test_what_has_drained_is_shown_as_nothing() -> None:
    """A gauge that keeps its last figure pages somebody for a queue that is empty."""
    metrics = MemoryMetrics()
    register = memory_register(DEADLINES)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    report_backlog(metrics, register=register, now=now, backlog=ROWS)
    empty = [Backlog(row.subscription, 0, 0.0, 0) for row in ROWS]
    report_backlog(metrics, register=register, now=now, backlog=empty)
    assert metrics.value(Metric.BACKLOG_MESSAGES, subscription="ingest.upload-arrived") == 0
    assert metrics.value(Metric.BACKLOG_AGE, subscription="ingest.upload-arrived") == 0


def test_a_bus_that_does_not_tell_leaves_its_gauges_alone() -> None:
    """No figure is better than a wrong zero; the register's figures are there all the same."""
    metrics = MemoryMetrics()
    register = memory_register(DEADLINES)
    report_backlog(metrics, register=register, now=START, backlog=None)
    shown = metrics.render()
    assert f"{Metric.BACKLOG_MESSAGES}{{" not in shown
    assert f'{Metric.LATE_DOCUMENTS}{{stage="ingest"}} 0' in shown
