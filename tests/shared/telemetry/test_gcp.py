"""Cloud Trace and Cloud Monitoring, over real gRPC to a server that speaks their protocols."""

import logging
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.api.metric_pb2 import MetricDescriptor  # type: ignore[import-untyped]  # Google's
from google.cloud.monitoring_v3 import CreateMetricDescriptorRequest, CreateTimeSeriesRequest
from google.cloud.monitoring_v3.services.metric_service import MetricServiceClient
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.cloud.trace_v2 import BatchWriteSpansRequest, TraceServiceClient
from google.cloud.trace_v2.services.trace_service.transports import TraceServiceGrpcTransport
from google.protobuf.empty_pb2 import Empty

from shared.telemetry.gcp import cloud_monitoring, cloud_trace
from shared.telemetry.pushed_metrics import PushedMetrics
from shared.telemetry.queue import QueuedSpans
from shared.telemetry.resource import resource_of
from shared.telemetry.spans import MessagingSystem
from shared.telemetry.tracing import Tracing
from tests.shared.telemetry.exported import CANARY, DOCUMENT, JOB, PROJECT, a_delivery, measure
from tests.waiting import PATIENCE_S


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
        server.stop(None).wait(PATIENCE_S)


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
    assert tracing.flush(PATIENCE_S)
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
    assert tracing.flush(PATIENCE_S)
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
    assert metrics.flush(PATIENCE_S)
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
