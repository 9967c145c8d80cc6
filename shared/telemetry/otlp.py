"""To any collector: OTLP over HTTP, by OpenTelemetry's exporter."""

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter


def otlp_spans(endpoint: str, *, timeout_s: float) -> SpanExporter:
    """Return an exporter to ``<endpoint>/v1/traces``."""
    return OTLPSpanExporter(
        f"{endpoint}/v1/traces", timeout=timeout_s, compression=Compression.Gzip
    )


def otlp_metrics(endpoint: str, *, timeout_s: float) -> MetricExporter:
    """Return an exporter to ``<endpoint>/v1/metrics``."""
    return OTLPMetricExporter(
        f"{endpoint}/v1/metrics", timeout=timeout_s, compression=Compression.Gzip
    )
