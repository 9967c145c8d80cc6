"""To Cloud Trace and Cloud Monitoring, by Google's exporters for OpenTelemetry.

Google has deprecated both in favour of OTLP to its Telemetry API; they are what works with an
ordinary service account today. The same spans and figures leave by OTLP with another setting.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
from google.cloud.trace_v2 import TraceServiceClient
from google.cloud.trace_v2.services.trace_service.transports import TraceServiceGrpcTransport
from opentelemetry.exporter.cloud_monitoring import CloudMonitoringMetricsExporter
from opentelemetry.exporter.cloud_trace import CloudTraceSpanExporter
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.telemetry.spans import SpanAttribute
from shared.telemetry.told_links import told
from shared.telemetry.trace_emulator import trace_emulator


def cloud_trace(project: str, *, client: Any = None) -> SpanExporter:  # noqa: ANN401 - Google's client has no type of ours
    """Return an exporter to Cloud Trace.

    Args:
        project: where traces lie.
        client: a ``TraceServiceClient``; Google's default one when None, or one for
            ``DOCLEDGER_UNSAFE_TRACE_EMULATOR``.
    """
    with _knowingly():
        exporter = CloudTraceSpanExporter(  # type: ignore[no-untyped-call]  # Google leaves it so
            project_id=project, client=client or _local(), resource_regex=r"service\..*"
        )
    return _WithLinks(exporter)


def cloud_monitoring(project: str, *, client: Any = None) -> MetricExporter:  # noqa: ANN401 - likewise
    """Return an exporter to Cloud Monitoring.

    Args:
        project: where time series lie.
        client: a ``MetricServiceClient``; Google's default one when None.
    """
    with _knowingly():
        return CloudMonitoringMetricsExporter(project_id=project, client=client)


@contextmanager
def _knowingly() -> Iterator[None]:
    """Let nobody be warned of what is known; see above."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


class _WithLinks(SpanExporter):
    """Tells links as an attribute, too: ``shared.telemetry.cloud_trace`` gets no others back."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand the spans on."""
        return self._exporter.export([_with_links(span) if span.links else span for span in spans])

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - nothing waits
        """Say that all is sent: it was at once."""
        return True

    def shutdown(self) -> None:
        """End Google's exporter."""
        self._exporter.shutdown()


def _with_links(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes={**(span.attributes or {}), SpanAttribute.LINKS.value: told(span.links)},
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _local() -> Any | None:  # noqa: ANN401 - Google's client has no type of ours
    """Return a client of the emulator; None where Cloud Trace is meant."""
    emulator = trace_emulator()
    if emulator is None:
        return None
    channel = grpc.insecure_channel(emulator)
    return TraceServiceClient(transport=TraceServiceGrpcTransport(channel=channel))
