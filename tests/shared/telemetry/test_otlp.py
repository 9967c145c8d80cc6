"""Spans and figures as OTLP over HTTP, to a server that keeps what it gets."""

import gzip
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from shared.telemetry.exporters import metrics_of, tracing_of
from shared.telemetry.metrics import SPECS, Metric
from shared.telemetry.otlp import otlp_spans
from shared.telemetry.pushed_metrics import PushedMetrics
from shared.telemetry.queue import QueuedSpans
from shared.telemetry.tracing import Tracing
from tests.shared.telemetry.exported import CANARY, DOCUMENT, JOB, a_delivery, measure, settings
from tests.waiting import PATIENCE_S


@dataclass
class Collector:
    """What a collector got, and how it behaves."""

    url: str = ""
    bodies: dict[str, list[bytes]] = field(default_factory=dict)
    status: int = 200
    answers: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a free port."""
    collector = Collector()
    collector.answers.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = gzip.decompress(self.rfile.read(int(self.headers["content-length"])))
            collector.bodies.setdefault(self.path, []).append(body)
            collector.reached.set()
            collector.answers.wait(PATIENCE_S)
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    yield collector
    collector.answers.set()
    server.shutdown()
    server.server_close()


def said(pairs: Any) -> dict[str, Any]:
    """Return OTLP's attributes as a dict."""
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in pairs}


@pytest.mark.integration
@pytest.mark.enable_socket
def test_spans_reach_a_collector_as_otlp(collector: Collector) -> None:
    """Names, ids, attributes, links, failure and resource, as any backend will read them."""
    tracing = tracing_of(settings(TRACES="otlp", OTLP_ENDPOINT=collector.url), "ocr")
    span_id = a_delivery(tracing)
    assert tracing.flush(PATIENCE_S)
    tracing.close()
    (body,) = collector.bodies["/v1/traces"]
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    who = said(resource.resource.attributes)
    assert (who["service.name"], who["service.namespace"]) == ("ocr", "docledger")
    assert who["service.instance.id"]
    root, delivery = sorted(resource.scope_spans[0].spans, key=lambda span: span.parent_span_id)
    assert root.name == "submit docledger.upload.arrived.v1"
    assert (root.parent_span_id, root.span_id.hex()) == (b"", JOB[-16:])
    assert root.kind == Span.SPAN_KIND_PRODUCER
    assert (delivery.parent_span_id, delivery.span_id.hex()) == (root.span_id, span_id)
    assert delivery.trace_id == root.trace_id == bytes.fromhex(JOB[:32])
    assert (delivery.name, delivery.kind) == (
        "process ocr.document-received",
        Span.SPAN_KIND_CONSUMER,
    )
    assert said(delivery.attributes) == {
        "docledger.attempt": 2,
        "docledger.document_id": DOCUMENT,
        "error.type": "ValueError",
        "messaging.destination.subscription.name": "ocr.document-received",
        "messaging.gcp_pubsub.message.delivery_attempt": 2,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.system": "gcp_pubsub",
    }
    (link,) = delivery.links
    assert (link.trace_id.hex(), link.span_id.hex()) == ("a" * 32, "b" * 16)
    assert said(link.attributes) == {"docledger.link": "attempt_before"}
    assert delivery.status.code == Status.STATUS_CODE_ERROR
    assert CANARY.encode() not in body
    assert delivery.end_time_unix_nano >= delivery.start_time_unix_nano > 0


@pytest.mark.integration
@pytest.mark.enable_socket
def test_figures_reach_a_collector_as_otlp(collector: Collector) -> None:
    """By the conventions' names where there is one; and ``/metrics`` goes on showing them."""
    chosen = settings(TRACES="none", METRICS="otlp", OTLP_ENDPOINT=collector.url)
    metrics = metrics_of(chosen, "ocr")
    assert isinstance(metrics, PushedMetrics)
    measure(metrics)
    assert metrics.flush(PATIENCE_S)
    metrics.close()
    (resource,) = ExportMetricsServiceRequest.FromString(
        collector.bodies["/v1/metrics"][0]
    ).resource_metrics
    assert said(resource.resource.attributes)["service.name"] == "ocr"
    found = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    assert set(found) == {
        "messaging.process.duration",
        "messaging.client.consumed.messages",
        "docledger.backlog",
    }
    duration = found["messaging.process.duration"]
    (point,) = duration.histogram.data_points
    assert (duration.unit, point.count, list(point.explicit_bounds)) == (
        "s",
        3,
        list(SPECS[Metric.STAGE_SECONDS].buckets),
    )
    assert (point.bucket_counts[0], point.bucket_counts[5], point.bucket_counts[-1]) == (1, 1, 1)
    assert (point.min, point.max) == (0.004, 400)
    assert said(point.attributes) == {
        "docledger.stage": "ocr",
        "docledger.outcome": "done",
        "messaging.system": "gcp_pubsub",
        "messaging.operation.name": "process",
    }
    consumed = found["messaging.client.consumed.messages"]
    assert consumed.unit == "{messages}"
    assert (consumed.sum.is_monotonic, consumed.sum.data_points[0].as_double) == (True, 1)
    (level,) = found["docledger.backlog"].gauge.data_points
    assert said(level.attributes) == {
        "messaging.destination.subscription.name": "ocr.document-received"
    }
    assert 'messaging_process_duration_seconds_count{stage="ocr",outcome="done"} 3' in (
        metrics.render()
    )


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_collector_that_hangs_holds_up_nobody(collector: Collector) -> None:
    """The attack: it takes the request and never answers. Jobs go on, and the drain is bounded."""
    collector.answers.clear()
    chosen = settings(TRACES="otlp", METRICS="otlp", OTLP_ENDPOINT=collector.url)
    tracing, metrics = tracing_of(chosen, "ocr"), metrics_of(chosen, "ocr")
    assert isinstance(metrics, PushedMetrics)
    for _ in range(300):
        a_delivery(tracing)
        measure(metrics)
    assert collector.reached.wait(PATIENCE_S)
    assert not tracing.flush(0.02)
    assert not metrics.flush(0.02)
    collector.answers.set()
    assert tracing.flush(PATIENCE_S)
    assert metrics.flush(PATIENCE_S)
    tracing.close()
    metrics.close()


@pytest.mark.integration
@pytest.mark.enable_socket
@pytest.mark.parametrize("gone", ["refuses", "dead"])
def test_a_collector_that_refuses_or_is_dead_costs_only_telemetry(
    collector: Collector, gone: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What it did not take is counted; nothing is raised."""
    caplog.set_level(logging.CRITICAL)
    collector.status = 400
    url = collector.url if gone == "refuses" else "http://127.0.0.1:1"
    queue = QueuedSpans(otlp_spans(url, timeout_s=0.2), every_s=60)
    tracing = Tracing(queue, "ocr")
    a_delivery(tracing)
    assert tracing.flush(PATIENCE_S)
    tracing.close()
    assert queue.lost == 2
