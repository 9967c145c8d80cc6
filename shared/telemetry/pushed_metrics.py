"""Figures that are pushed: kept in memory as ever, and handed to a receiver from time to time.

Counting costs what it always does; ``/metrics`` shows the same figures. What OpenTelemetry's
exporters take is made from them at each push.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Metric as Exported
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from shared.telemetry.meanings import meanings
from shared.telemetry.metrics import SPECS, Label, Metric, Spec
from shared.telemetry.registry import Distribution, Key, MemoryMetrics
from shared.telemetry.resource import NAMESPACE
from shared.telemetry.spans import MessagingSystem, OperationType, SpanAttribute

EVERY_S: Final = 60.0
PARTING_S: Final = 0.25
"""What closing waits for at most; who wants more flushes first."""

_SCOPE: Final = InstrumentationScope("docledger")
_CUMULATIVE: Final = AggregationTemporality.CUMULATIVE
_UNITS: Final = {"seconds": "s"}
_OPERATIONS: Final = {
    Metric.STAGE_SECONDS: OperationType.PROCESS,
    Metric.EVENTS: OperationType.PROCESS,
    Metric.SENT: OperationType.SEND,
}
_LABELS: Final = {Label.SUBSCRIPTION: SpanAttribute.SUBSCRIPTION.value}


class PushedMetrics(MemoryMetrics):
    """Figures in memory that a thread hands on.

    Args:
        exporter: may be slow, may fail: that costs figures, never a job.
        resource: who speaks.
        system: which bus it speaks of.
        every_s: between two pushes; Cloud Monitoring wants ten seconds at least.
    """

    def __init__(
        self,
        exporter: MetricExporter,
        resource: Resource,
        *,
        system: MessagingSystem,
        every_s: float = EVERY_S,
    ) -> None:
        super().__init__()
        self._exporter = exporter
        self._resource = resource
        self._system = system
        self._every_s = every_s
        self._begun = time.time_ns()
        self._changed = threading.Condition()
        self._asked = 0  # pushes that somebody waits for
        self._pushed = 0
        self._closed = False
        self.failed = 0
        """Pushes that the receiver did not take."""
        threading.Thread(target=self._run, name="metrics", daemon=True).start()

    def flush(self, timeout_s: float) -> bool:
        """Push once more; tell whether that was done in time."""
        with self._changed:
            self._asked = wanted = self._asked + 1
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._pushed >= wanted, timeout_s)

    def close(self) -> None:
        """Push no more."""
        self.flush(PARTING_S)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._exporter.shutdown()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._is_due, self._every_s)
                if self._closed:
                    return
                asked = self._asked
            try:
                took = self._exporter.export(self.data()) is MetricExportResult.SUCCESS
            except Exception:  # noqa: BLE001 - telemetry never fails a job
                took = False
            with self._changed:
                self.failed += not took
                self._pushed = max(self._pushed, asked)
                self._changed.notify_all()

    def _is_due(self) -> bool:
        return self._closed or self._asked > self._pushed

    def data(self) -> MetricsData:
        """Return every figure as OpenTelemetry's exporters take them."""
        now = time.time_ns()
        told = meanings(Metric)
        series = sorted(self.snapshot().items(), key=lambda item: item[0])
        metrics = [
            Exported(
                name=_name(metric, SPECS[metric]),
                description=told[metric.value],
                unit=_UNITS.get(SPECS[metric].unit, f"{{{SPECS[metric].unit}}}"),
                data=self._points(metric, dict(rows), now),
            )
            for metric, rows in groupby(series, key=lambda item: item[0][0])
        ]
        scope = ScopeMetrics(_SCOPE, metrics, schema_url="")
        return MetricsData([ResourceMetrics(self._resource, [scope], schema_url="")])

    def _points(
        self, metric: Metric, rows: Mapping[Key, float | Distribution], now: int
    ) -> Sum | Gauge | Histogram:
        spec = SPECS[metric]
        if spec.kind == "histogram":
            distributions = list(self._distributions(metric, rows, now))
            return Histogram(distributions, _CUMULATIVE)
        numbers = [
            NumberDataPoint(self._attributes(metric, labels), self._begun, now, float(value))
            for (_, labels), value in rows.items()
            if not isinstance(value, Distribution)
        ]
        return Gauge(numbers) if spec.kind == "gauge" else Sum(numbers, _CUMULATIVE, True)  # noqa: FBT003 - it only grows

    def _distributions(
        self, metric: Metric, rows: Mapping[Key, float | Distribution], now: int
    ) -> Iterator[HistogramDataPoint]:
        for (_, labels), value in rows.items():
            assert isinstance(value, Distribution)
            yield HistogramDataPoint(
                attributes=self._attributes(metric, labels),
                start_time_unix_nano=self._begun,
                time_unix_nano=now,
                count=value.observations,
                sum=value.total,
                bucket_counts=value.counts,
                explicit_bounds=SPECS[metric].buckets,
                min=value.least,
                max=value.most,
            )

    def _attributes(self, metric: Metric, labels: tuple[str, ...]) -> dict[str, str]:
        said = {
            _LABELS.get(label, f"{NAMESPACE}.{label.value}"): value
            for label, value in zip(SPECS[metric].labels, labels, strict=True)
        }
        operation = _OPERATIONS.get(metric)
        if operation is not None:
            said[SpanAttribute.SYSTEM.value] = self._system.value
            said[SpanAttribute.OPERATION.value] = operation.value
        return said


def _name(metric: Metric, spec: Spec) -> str:
    """Return OpenTelemetry's form of a name: dots, and neither unit nor ``total`` in it."""
    if spec.convention is not None:
        return spec.convention
    plain = metric.value.removesuffix("_total").removesuffix(f"_{spec.unit}")
    return plain.replace("_", ".", 1)
