"""Where spans and figures go, by setting; a vendor's library is loaded only where it is chosen."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.settings import Settings
from shared.telemetry.queue import QueuedSpans
from shared.telemetry.registry import MemoryMetrics
from shared.telemetry.resource import resource_of
from shared.telemetry.span_files import SpanFiles
from shared.telemetry.spans import MessagingSystem
from shared.telemetry.tracing import NullTracing, Tracing

SEND_TIMEOUT_S = 5.0
"""How long a collector may take to answer one request."""


class TelemetrySettings(Settings):
    """Where telemetry goes: ``DOCLEDGER_<FIELD>``.

    Attributes:
        traces: ``gcp`` is Cloud Trace; ``files`` one NDJSON file a process.
        traces_sample: the share of submissions that are traced, decided at their origin.
        traces_folder: for ``files``.
        metrics: ``gcp`` is Cloud Monitoring; ``prometheus`` waits to be asked at ``/metrics``,
            which shows the figures whatever is chosen.
        metrics_every_s: between two pushes.
        otlp_endpoint: of a collector that speaks OTLP over HTTP, without ``/v1/…``.
        project: of Google Cloud; log lines name their trace in it.
    """

    traces: Literal["none", "files", "otlp", "gcp"] = "gcp"
    traces_sample: Annotated[float, Field(ge=0, le=1)] = 1.0
    traces_folder: Path | None = None
    metrics: Literal["none", "prometheus", "otlp", "gcp"] = "prometheus"
    metrics_every_s: Annotated[float, Field(ge=10, le=3600)] = 60.0
    otlp_endpoint: Annotated[str, Field(pattern=r"^https?://[^/]+$")] = "http://127.0.0.1:4318"
    project: str | None = None

    @model_validator(mode="after")
    def _has_what_is_needed(self) -> Self:
        if self.traces == "files" and self.traces_folder is None:
            raise ValueError("DOCLEDGER_TRACES=files needs DOCLEDGER_TRACES_FOLDER")
        for field in ("traces", "metrics"):
            if getattr(self, field) == "gcp" and not self.project:
                raise ValueError(f"{self.variable(field)}=gcp needs DOCLEDGER_PROJECT")
        return self


def tracing_of(
    settings: TelemetrySettings,
    service: str,
    *,
    system: MessagingSystem = MessagingSystem.PUBSUB,
) -> Tracing:
    """Return the tracing of one process.

    Args:
        settings: where spans go.
        service: which deployable speaks.
        system: which bus carries its events.
    """
    if settings.traces == "none":
        return NullTracing()
    if settings.traces == "files":
        assert settings.traces_folder is not None
        files = SpanFiles(settings.traces_folder)
        return Tracing(files, service, sample=settings.traces_sample, system=system)
    if settings.traces == "otlp":
        from shared.telemetry.otlp import otlp_spans  # noqa: PLC0415 - only where it is chosen

        exporter = otlp_spans(settings.otlp_endpoint, timeout_s=SEND_TIMEOUT_S)
    else:
        from shared.telemetry.gcp import cloud_trace  # noqa: PLC0415 - likewise

        assert settings.project is not None
        exporter = cloud_trace(settings.project)
    queued = QueuedSpans(exporter)
    return Tracing(queued, service, sample=settings.traces_sample, system=system)


def metrics_of(
    settings: TelemetrySettings,
    service: str,
    *,
    system: MessagingSystem = MessagingSystem.PUBSUB,
) -> MemoryMetrics:
    """Return the figures of one process; ``render`` shows them whatever is chosen.

    Args:
        settings: where figures go.
        service: which deployable speaks.
        system: which bus carries its events.
    """
    if settings.metrics in {"none", "prometheus"}:
        return MemoryMetrics()
    from shared.telemetry.pushed_metrics import PushedMetrics  # noqa: PLC0415 - only where pushed

    if settings.metrics == "otlp":
        from shared.telemetry.otlp import otlp_metrics  # noqa: PLC0415 - only where it is chosen

        exporter = otlp_metrics(settings.otlp_endpoint, timeout_s=SEND_TIMEOUT_S)
    else:
        from shared.telemetry.gcp import cloud_monitoring  # noqa: PLC0415 - likewise

        assert settings.project is not None
        exporter = cloud_monitoring(settings.project)
    return PushedMetrics(
        exporter, resource_of(service), system=system, every_s=settings.metrics_every_s
    )
