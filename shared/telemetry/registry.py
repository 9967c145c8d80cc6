"""Figures kept in the process, and shown as Prometheus text."""

import threading
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Final

from shared.telemetry.meanings import meanings
from shared.telemetry.metrics import SPECS, Label, Metric, MetricKind, Spec
from shared.telemetry.values import CHECKS, Kind

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""What ``/metrics`` answers with."""

_INVALID: Final = "invalid"

Key = tuple[Metric, tuple[str, ...]]


@dataclass(slots=True)
class Distribution:
    """What a histogram holds.

    Attributes:
        counts: per bucket, the one without an upper bound last; not cumulative.
        total: the sum of all observations.
        observations: how many.
        least: of them.
        most: of them.
    """

    counts: list[int]
    total: float = 0.0
    observations: int = 0
    least: float = float("inf")
    most: float = float("-inf")


@dataclass(frozen=True, slots=True)
class _Series:
    values: dict[Key, float] = field(default_factory=dict)
    histograms: dict[Key, Distribution] = field(default_factory=dict)


class MemoryMetrics:
    """A ``Metrics`` that keeps everything in memory; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series = _Series()
        self._keys: dict[tuple[object, ...], Key] = {}  # few: labels are from closed sets

    def count(self, metric: Metric, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        if amount < 0:
            raise ValueError("a counter only grows")
        key = self._key(metric, "counter", labels)
        with self._lock:
            self._series.values[key] = self._series.values.get(key, 0) + amount

    def level(self, metric: Metric, value: float, **labels: str) -> None:
        """Set a gauge."""
        key = self._key(metric, "gauge", labels)
        with self._lock:
            self._series.values[key] = value

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """Add one observation to a histogram."""
        key = self._key(metric, "histogram", labels)
        buckets = SPECS[metric].buckets
        with self._lock:
            histogram = self._series.histograms.get(key)
            if histogram is None:
                histogram = Distribution([0] * (len(buckets) + 1))
                self._series.histograms[key] = histogram
            histogram.counts[bisect_left(buckets, value)] += 1
            histogram.total += value
            histogram.observations += 1
            histogram.least = min(histogram.least, value)
            histogram.most = max(histogram.most, value)

    def _key(self, metric: Metric, kind: MetricKind, labels: dict[str, str]) -> Key:
        asked = (metric, kind, *labels.items())
        key = self._keys.get(asked)
        if key is None:
            key = _checked_key(metric, kind, labels)
            if _INVALID not in key[1]:  # what was made up may be anything, and never ends
                self._keys[asked] = key
        return key

    def value(self, metric: Metric, **labels: str) -> float:
        """Return a counter or gauge, or a histogram's number of observations; 0 if never used."""
        key = self._key(metric, SPECS[metric].kind, labels)
        with self._lock:
            histogram = self._series.histograms.get(key)
            return histogram.observations if histogram else self._series.values.get(key, 0)

    def snapshot(self) -> dict[Key, float | Distribution]:
        """Return every series as it is now, by metric and label values."""
        with self._lock:
            found: dict[Key, float | Distribution] = dict(self._series.values)
            for key, one in self._series.histograms.items():
                found[key] = replace(one, counts=list(one.counts))
        return found

    def flush(self, timeout_s: float) -> bool:  # noqa: ARG002 - for those that are pushed
        """Hand on what was measured; here whoever wants it comes and asks."""
        return True

    def close(self) -> None:
        """Nothing to end."""

    def render(self) -> str:
        """Return everything in the Prometheus text format 0.0.4, in a stable order."""
        lines: list[str] = []
        told = meanings(Metric)
        with self._lock:
            for metric, spec in SPECS.items():
                lines += (f"# HELP {metric} {told[metric]}", f"# TYPE {metric} {spec.kind}")
                for (owner, labels), value in sorted(self._series.values.items()):
                    if owner is metric:
                        lines.append(f"{metric}{_braces(spec, labels)} {_figure(value)}")
                for (owner, labels), histogram in sorted(
                    self._series.histograms.items(), key=lambda item: item[0]
                ):
                    if owner is metric:
                        lines += _histogram_lines(metric, spec, labels, histogram)
        return "\n".join(lines) + "\n"


def _checked_key(metric: Metric, kind: MetricKind, labels: dict[str, str]) -> Key:
    spec = SPECS[metric]
    if spec.kind != kind:
        raise ValueError(f"{metric.name} is a {spec.kind}")
    if len(labels) != len(spec.labels):
        raise ValueError(f"{metric.name} has other labels")
    try:
        return metric, tuple(_label(label, labels[label.value]) for label in spec.labels)
    except KeyError:
        raise ValueError(f"{metric.name} has other labels") from None


def _label(label: Label, value: str) -> str:
    kind = Kind.SUBSCRIPTION if label is Label.SUBSCRIPTION else Kind.CODE
    shown = CHECKS[kind](value)
    return shown if isinstance(shown, str) else _INVALID


def _histogram_lines(
    metric: Metric, spec: Spec, labels: tuple[str, ...], histogram: Distribution
) -> list[str]:
    bounds = [*(_figure(bound) for bound in spec.buckets), "+Inf"]
    lines = [
        f"{metric}_bucket{_braces(spec, labels, le=bound)} {count}"
        for bound, count in zip(bounds, accumulate(histogram.counts), strict=True)
    ]
    lines.append(f"{metric}_sum{_braces(spec, labels)} {_figure(histogram.total)}")
    lines.append(f"{metric}_count{_braces(spec, labels)} {histogram.observations}")
    return lines


def _braces(spec: Spec, values: tuple[str, ...], **more: str) -> str:
    # Values are codes and subscription names: nothing in them needs escaping.
    pairs = [*zip((label.value for label in spec.labels), values, strict=True), *more.items()]
    return "{" + ",".join(f'{name}="{value}"' for name, value in pairs) + "}" if pairs else ""


def _figure(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
