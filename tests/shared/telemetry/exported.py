"""One delivery and one figure of each kind, to be sent somewhere."""

from shared.telemetry.exporters import TelemetrySettings
from shared.telemetry.metrics import Metric
from shared.telemetry.pushed_metrics import PushedMetrics
from shared.telemetry.spans import Link, SpanAttribute, SpanName
from shared.telemetry.tracing import Tracing

JOB = "f" * 40


DOCUMENT = "d" * 40


PROJECT = "acme-documents"


CANARY = "canary Ada Lovelace"


def a_delivery(tracing: Tracing) -> str:
    """Trace one submission and one delivery that fails; return the delivery's span id."""
    origin = tracing.origin(JOB)
    with tracing.root(SpanName.SUBMIT, traceparent=origin):
        pass
    attributes = {
        SpanAttribute.SUBSCRIPTION: "ocr.document-received",
        SpanAttribute.ATTEMPT: 2,
        SpanAttribute.DOCUMENT_ID: DOCUMENT,
    }
    with tracing.span(SpanName.PROCESS, parent=origin, attributes=attributes) as span:
        span.link(f"00-{'a' * 32}-{'b' * 16}-01", Link.ATTEMPT_BEFORE)
        span.fail(ValueError(CANARY))
    return span.span_id


def measure(metrics: PushedMetrics) -> None:
    """Measure one of each kind."""
    metrics.count(Metric.EVENTS, stage="ocr", outcome="done")
    metrics.level(Metric.BACKLOG_MESSAGES, 7, subscription="ocr.document-received")
    for seconds in (0.004, 0.2, 400):
        metrics.observe(Metric.STAGE_SECONDS, seconds, stage="ocr", outcome="done")


def settings(**values: str) -> TelemetrySettings:
    """Read settings from an environment."""
    return TelemetrySettings.from_environment({f"DOCLEDGER_{k}": v for k, v in values.items()})
