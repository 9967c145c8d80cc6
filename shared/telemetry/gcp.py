"""To Cloud Trace and Cloud Monitoring, by Google's exporters for OpenTelemetry.

Google has deprecated both in favour of OTLP to its Telemetry API; they are what works with an
ordinary service account today. The same spans and figures leave by OTLP with another setting.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.exporter.cloud_monitoring import CloudMonitoringMetricsExporter
from opentelemetry.exporter.cloud_trace import CloudTraceSpanExporter
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter


def cloud_trace(project: str, *, client: Any = None) -> SpanExporter:  # noqa: ANN401 - Google's client has no type of ours
    """Return an exporter to Cloud Trace.

    Args:
        project: where traces lie.
        client: a ``TraceServiceClient``; Google's default one when None.
    """
    with _knowingly():
        return CloudTraceSpanExporter(  # type: ignore[no-untyped-call]  # Google leaves it so
            project_id=project, client=client, resource_regex=r"service\..*"
        )


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
