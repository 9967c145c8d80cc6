"""Where telemetry goes, by setting: real requests, decoded by the protocols' own classes."""

import gzip
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api.metric_pb2 import MetricDescriptor  # type: ignore[import-untyped]  # Google's
from google.cloud.monitoring_v3 import CreateMetricDescriptorRequest, CreateTimeSeriesRequest
from google.cloud.monitoring_v3.services.metric_service import MetricServiceClient
from google.cloud.monitoring_v3.services.metric_service.transports import (
    MetricServiceGrpcTransport,
)
from google.cloud.trace_v2 import BatchWriteSpansRequest, TraceServiceClient
from google.cloud.trace_v2.services.trace_service.transports import TraceServiceGrpcTransport
from google.protobuf.empty_pb2 import Empty
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from shared.settings import SettingsError
from shared.telemetry import exporters
from shared.telemetry.exporters import TelemetrySettings, metrics_of, tracing_of
from shared.telemetry.gcp import cloud_monitoring, cloud_trace
from shared.telemetry.metrics import SPECS, Metric
from shared.telemetry.otlp import otlp_spans
from shared.telemetry.pushed_metrics import PushedMetrics
from shared.telemetry.queue import QueuedSpans
from shared.telemetry.resource import resource_of
from shared.telemetry.span_files import read_spans
from shared.telemetry.spans import Link, MessagingSystem, SpanAttribute, SpanName
from shared.telemetry.tracing import NullTracing, Tracing

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


# Settings.


def settings(**values: str) -> TelemetrySettings:
    """Read settings from an environment."""
    return TelemetrySettings.from_environment({f"DOCLEDGER_{k}": v for k, v in values.items()})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "DOCLEDGER_TRACES=gcp needs DOCLEDGER_PROJECT"),
        ({"TRACES": "files"}, "DOCLEDGER_TRACES=files needs DOCLEDGER_TRACES_FOLDER"),
        ({"TRACES": "none", "METRICS": "gcp"}, "DOCLEDGER_METRICS=gcp needs DOCLEDGER_PROJECT"),
        ({"TRACES": "jaeger"}, "DOCLEDGER_TRACES"),
        ({"TRACES": "none", "TRACES_SAMPLE": "1.5"}, "DOCLEDGER_TRACES_SAMPLE"),
        ({"TRACES": "none", "OTLP_ENDPOINT": "collector"}, "DOCLEDGER_OTLP_ENDPOINT"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_at_the_start(
    values: dict[str, str], told: str
) -> None:
    """Telemetry that goes nowhere is noticed when somebody needs it."""
    with pytest.raises(SettingsError) as refused:
        settings(**values)
    assert told in str(refused.value)


def test_files_and_nothing_need_no_network(tmp_path: Path) -> None:
    """One machine traces into its own folder, the share that the setting says."""
    chosen = settings(TRACES="files", TRACES_FOLDER=str(tmp_path / "spans"))
    tracing = tracing_of(chosen, "ocr", system=MessagingSystem.EMBEDDED)
    a_delivery(tracing)
    assert tracing.flush(1.0)
    tracing.close()
    assert [span.service for span in read_spans(tmp_path / "spans")] == ["ocr", "ocr"]
    sampled = settings(TRACES="files", TRACES_FOLDER=str(tmp_path), TRACES_SAMPLE="0")
    assert tracing_of(sampled, "ocr").origin(JOB).endswith("-00")
    assert isinstance(tracing_of(settings(TRACES="none"), "ocr"), NullTracing)
    metrics = metrics_of(settings(TRACES="none"), "ocr")
    assert metrics.flush(1.0)
    metrics.close()


def test_no_vendor_is_loaded_that_nobody_chose() -> None:
    """Each costs a third of a second at every cold start."""
    code = (
        "import sys; from shared.telemetry.exporters import *;"
        "s = TelemetrySettings(traces='none'); tracing_of(s, 'ocr'); metrics_of(s, 'ocr');"
        "print([n for n in sys.modules if n.startswith(('google.cloud.', 'google.api', 'grpc',"
        " 'requests', 'opentelemetry.exporter', 'opentelemetry.sdk.metrics'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_pubsub_counts_attempts_under_its_own_name(tmp_path: Path) -> None:
    """As the conventions for Google Cloud Pub/Sub have it; the embedded bus has none of that."""
    chosen = settings(TRACES="files", TRACES_FOLDER=str(tmp_path))
    tracing = tracing_of(chosen, "ocr")
    a_delivery(tracing)
    tracing.close()
    delivery = read_spans(tmp_path)[1].attributes
    assert delivery["messaging.system"] == "gcp_pubsub"
    assert delivery["messaging.gcp_pubsub.message.delivery_attempt"] == 2


# OTLP over HTTP, to a server that keeps what it gets.


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
            collector.answers.wait(30)
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
    assert tracing.flush(10.0)
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
    assert metrics.flush(10.0)
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
    assert collector.reached.wait(30)
    assert not tracing.flush(0.02)
    assert not metrics.flush(0.02)
    collector.answers.set()
    assert tracing.flush(20.0)
    assert metrics.flush(20.0)
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
    assert tracing.flush(20.0)
    tracing.close()
    assert queue.lost == 2


# Cloud Trace and Cloud Monitoring, over real gRPC to a server that speaks their protocols.


@dataclass
class Google:
    """What the servers got."""

    channel: grpc.Channel
    spans: list[BatchWriteSpansRequest] = field(default_factory=list)
    descriptors: list[CreateMetricDescriptorRequest] = field(default_factory=list)
    series: list[CreateTimeSeriesRequest] = field(default_factory=list)
    code: grpc.StatusCode | None = None


@pytest.fixture
def google() -> Iterator[Google]:
    """Both servers on a free port."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    port = server.add_insecure_port("127.0.0.1:0")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        google = Google(channel)

        def answer(kept: list[Any], kind: Any, result: Any) -> grpc.RpcMethodHandler:
            def serve(request: Any, context: grpc.ServicerContext) -> Any:
                if google.code is not None:
                    context.abort(google.code, "no")
                kept.append(request)
                return result(request)

            return grpc.unary_unary_rpc_method_handler(
                serve,
                request_deserializer=kind.deserialize,
                response_serializer=lambda message: message.SerializeToString(),
            )

        server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    "google.devtools.cloudtrace.v2.TraceService",
                    {
                        "BatchWriteSpans": answer(
                            google.spans, BatchWriteSpansRequest, lambda _: Empty()
                        )
                    },
                ),
                grpc.method_handlers_generic_handler(
                    "google.monitoring.v3.MetricService",
                    {
                        "CreateMetricDescriptor": answer(
                            google.descriptors,
                            CreateMetricDescriptorRequest,
                            lambda request: MetricDescriptor.FromString(
                                request.metric_descriptor.SerializeToString()
                            ),
                        ),
                        "CreateTimeSeries": answer(
                            google.series, CreateTimeSeriesRequest, lambda _: Empty()
                        ),
                    },
                ),
            )
        )
        server.start()
        yield google
        server.stop(None).wait(10)


def traced(google: Google) -> QueuedSpans:
    """Return a queue to the local Cloud Trace."""
    client = TraceServiceClient(transport=TraceServiceGrpcTransport(channel=google.channel))
    return QueuedSpans(cloud_trace(PROJECT, client=client), every_s=60)


@pytest.mark.integration
@pytest.mark.enable_socket
@pytest.mark.filterwarnings("ignore:Deprecated since version:DeprecationWarning")  # in Google's
def test_spans_reach_cloud_trace(google: Google) -> None:
    """Project, ids, parent, kind, attributes, links and status, as Cloud Trace's API has them."""
    tracing = Tracing(traced(google), "ocr", system=MessagingSystem.PUBSUB)
    span_id = a_delivery(tracing)
    assert tracing.flush(20.0)
    tracing.close()
    (request,) = google.spans
    assert request.name == f"projects/{PROJECT}"
    root, delivery = sorted(request.spans, key=lambda span: span.parent_span_id)
    assert root.name == f"projects/{PROJECT}/traces/{JOB[:32]}/spans/{JOB[-16:]}"
    assert root.display_name.value == "submit docledger.upload.arrived.v1"
    assert (delivery.span_id, delivery.parent_span_id) == (span_id, JOB[-16:])
    assert delivery.span_kind.name == "CONSUMER"
    attributes = delivery.attributes.attribute_map
    assert attributes["docledger.document_id"].string_value.value == DOCUMENT
    assert attributes["messaging.gcp_pubsub.message.delivery_attempt"].int_value == 2
    assert attributes["service.name"].string_value.value == "ocr"
    (link,) = delivery.links.link
    assert (link.trace_id, link.span_id) == ("a" * 32, "b" * 16)
    assert delivery.status.code != 0
    assert CANARY not in str(request)


@pytest.mark.integration
@pytest.mark.enable_socket
@pytest.mark.filterwarnings("ignore:Deprecated since version:DeprecationWarning")  # in Google's
def test_what_cloud_trace_refuses_costs_only_spans(
    google: Google, caplog: pytest.LogCaptureFixture
) -> None:
    """A role that is missing must not stop a document."""
    caplog.set_level(logging.CRITICAL)
    google.code = grpc.StatusCode.PERMISSION_DENIED
    queue = traced(google)
    tracing = Tracing(queue, "ocr")
    a_delivery(tracing)
    assert tracing.flush(20.0)
    tracing.close()
    assert queue.lost == 2


@pytest.mark.integration
@pytest.mark.enable_socket
def test_figures_reach_cloud_monitoring(google: Google) -> None:
    """Each as a series of this very process: two that wrote one series would refuse each other."""
    client = MetricServiceClient(transport=MetricServiceGrpcTransport(channel=google.channel))
    metrics = PushedMetrics(
        cloud_monitoring(PROJECT, client=client),
        resource_of("ocr", {"K_REVISION": "ocr-00042"}),
        system=MessagingSystem.PUBSUB,
    )
    measure(metrics)
    assert metrics.flush(20.0)
    metrics.close()
    described = {one.metric_descriptor.type: one.metric_descriptor for one in google.descriptors}
    duration = described["workload.googleapis.com/messaging.process.duration"]
    assert (duration.unit, duration.metric_kind, duration.value_type) == (
        "s",
        MetricDescriptor.CUMULATIVE,
        MetricDescriptor.DISTRIBUTION,
    )
    request = google.series[0]
    assert request.name == f"projects/{PROJECT}"
    series = {
        one.metric.type.removeprefix("workload.googleapis.com/"): one for one in request.time_series
    }
    assert set(series) == {
        "messaging.process.duration",
        "messaging.client.consumed.messages",
        "docledger.backlog",
    }
    consumed = series["messaging.client.consumed.messages"]
    assert dict(consumed.metric.labels) == {
        "docledger_stage": "ocr",
        "docledger_outcome": "done",
        "messaging_system": "gcp_pubsub",
        "messaging_operation_name": "process",
    }
    assert consumed.points[0].value.double_value == 1
    where = consumed.resource
    assert (where.type, where.labels["job"], where.labels["namespace"]) == (
        "generic_task",
        "ocr",
        "docledger",
    )
    assert where.labels["task_id"]
    assert series["messaging.process.duration"].points[0].value.distribution_value.count == 3


def test_each_kind_of_setting_finds_its_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project of the settings reaches Google's exporters, and nothing is asked of them yet."""
    asked: list[tuple[str, str]] = []

    class Exporter:
        """Takes nothing."""

        def export(self, *_: object, **__: object) -> None:
            """Ignore it."""

        def shutdown(self, *_: object, **__: object) -> None:
            """Ignore it."""

    def told(kind: str) -> Any:
        def make(project: str) -> Exporter:
            asked.append((kind, project))
            return Exporter()

        return make

    monkeypatch.setattr("shared.telemetry.gcp.cloud_trace", told("trace"))
    monkeypatch.setattr("shared.telemetry.gcp.cloud_monitoring", told("monitoring"))
    chosen = settings(TRACES="gcp", METRICS="gcp", PROJECT=PROJECT)
    exporters.tracing_of(chosen, "ocr").close()
    exporters.metrics_of(chosen, "ocr").close()
    assert asked == [("trace", PROJECT), ("monitoring", PROJECT)]
