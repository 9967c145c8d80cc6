"""Figures add up, and Prometheus can read them."""

import re
import threading

import pytest

from shared.telemetry.metrics import SPECS, Label, Metric, NullMetrics
from shared.telemetry.registry import MemoryMetrics


def test_counters_gauges_and_histograms_keep_their_values() -> None:
    """What was counted is what is shown."""
    metrics = MemoryMetrics()
    metrics.count(Metric.EVENTS, stage="ocr", outcome="done")
    metrics.count(Metric.EVENTS, 2, stage="ocr", outcome="done")
    metrics.count(Metric.EVENTS, stage="ocr", outcome="retry")
    metrics.level(Metric.BACKLOG_MESSAGES, 7, subscription="ocr.document-received")
    metrics.level(Metric.BACKLOG_MESSAGES, 3, subscription="ocr.document-received")
    for seconds in (0.001, 0.02, 1000):
        metrics.observe(Metric.STAGE_SECONDS, seconds, stage="ocr", outcome="done")
    assert metrics.value(Metric.EVENTS, stage="ocr", outcome="done") == 3
    assert metrics.value(Metric.BACKLOG_MESSAGES, subscription="ocr.document-received") == 3
    assert metrics.value(Metric.STAGE_SECONDS, stage="ocr", outcome="done") == 3
    assert metrics.value(Metric.CHECKPOINT_AGE) == 0


def test_the_text_is_what_prometheus_reads() -> None:
    """Format 0.0.4: cumulative buckets up to +Inf, sum and count, each metric with its type."""
    metrics = MemoryMetrics()
    for attempts in (1, 1, 4, 500):
        metrics.observe(Metric.ATTEMPTS, attempts, stage="ledger")
    metrics.level(Metric.CHECKPOINT_AGE, 1.5)
    text = metrics.render()
    assert "# TYPE docledger_delivery_attempts histogram" in text
    assert re.search(
        r"^# HELP docledger_checkpoint_age_seconds of the last one", text, re.MULTILINE
    )
    assert 'docledger_delivery_attempts_bucket{stage="ledger",le="1"} 2\n' in text
    assert 'docledger_delivery_attempts_bucket{stage="ledger",le="3"} 2\n' in text
    assert 'docledger_delivery_attempts_bucket{stage="ledger",le="5"} 3\n' in text
    assert 'docledger_delivery_attempts_bucket{stage="ledger",le="+Inf"} 4\n' in text
    assert 'docledger_delivery_attempts_sum{stage="ledger"} 506\n' in text
    assert 'docledger_delivery_attempts_count{stage="ledger"} 4\n' in text
    assert "\ndocledger_checkpoint_age_seconds 1.5\n" in text
    line = re.compile(r'(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"\\\n]*"(,\w+="[^"\\\n]*")*\})? \S+)\Z')
    assert all(line.match(each) for each in text.splitlines())


def test_other_labels_and_kinds_are_mistakes() -> None:
    """Found by any test that runs the line, not by an empty dashboard in an outage."""
    metrics = MemoryMetrics()
    with pytest.raises(ValueError, match="other labels"):
        metrics.count(Metric.EVENTS, stage="ocr")
    with pytest.raises(ValueError, match="other labels"):
        metrics.count(Metric.EVENTS, stage="ocr", supplier="done")
    with pytest.raises(ValueError, match="is a counter"):
        metrics.observe(Metric.EVENTS, 1, stage="ocr", outcome="done")
    with pytest.raises(ValueError, match="only grows"):
        metrics.count(Metric.EVENTS, -1, stage="ocr", outcome="done")


def test_content_as_a_label_is_counted_as_invalid() -> None:
    """A supplier's name as a label would leak, and make a series a supplier."""
    metrics = MemoryMetrics()
    metrics.count(Metric.EVENTS, stage='Ada"\n', outcome="done")
    metrics.level(Metric.BACKLOG_MESSAGES, 1, subscription="Ada Lovelace")
    text = metrics.render()
    assert "Ada" not in text
    assert 'messaging_client_consumed_messages_total{stage="invalid",outcome="done"} 1' in text


def test_threads_lose_no_count() -> None:
    """Promise 1 is checked against these."""
    metrics = MemoryMetrics()

    def work() -> None:
        for _ in range(1000):
            metrics.count(Metric.EVENTS, stage="ocr", outcome="done")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metrics.value(Metric.EVENTS, stage="ocr", outcome="done") == 4000


def test_every_metric_is_specified() -> None:
    """Kind, unit, labels; a histogram has ascending buckets, nothing else has any."""
    assert set(SPECS) == set(Metric)
    for metric, spec in SPECS.items():
        assert (spec.kind == "histogram") == bool(spec.buckets)
        assert list(spec.buckets) == sorted(set(spec.buckets))
        assert (spec.kind == "counter") == metric.value.endswith("_total")
        assert set(spec.labels) <= set(Label)


def test_the_null_metrics_take_everything() -> None:
    """The simulation counts nothing and pays nothing."""
    metrics = NullMetrics()
    metrics.count(Metric.EVENTS, stage="ocr", outcome="done")
    metrics.level(Metric.CHECKPOINT_AGE, 1)
    metrics.observe(Metric.ATTEMPTS, 1, stage="ocr")
