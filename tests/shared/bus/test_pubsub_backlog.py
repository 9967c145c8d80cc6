"""The backlog by Cloud Monitoring: over real gRPC, against a server that speaks its protos."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import grpc
import pytest
from google.api.metric_pb2 import Metric  # type: ignore[import-untyped]
from google.api.monitored_resource_pb2 import MonitoredResource  # type: ignore[import-untyped]
from google.cloud.monitoring_v3.types import (
    ListTimeSeriesRequest,
    ListTimeSeriesResponse,
    Point,
    TimeInterval,
    TimeSeries,
    TypedValue,
)

from shared.bus.port import Backlog
from shared.bus.pubsub_backlog import FRESH_S, MESSAGES, OLDEST, PUSHED, PubsubBacklog
from shared.bus.topology import Topology
from shared.clock import FakeClock
from shared.errors import TransientError
from tests.shared.bus.served import Refused, serving
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

READ = "summarize.document-read"
PREFIX = "pubsub.googleapis.com/subscription/"


@dataclass
class FakeMonitoring:
    """Holds points; answers in pages of two series.

    Attributes:
        series: by metric, its series.
        asked: every request.
        code: a refusal, instead.
        hold: while cleared, requests wait.
    """

    series: dict[str, list[TimeSeries]] = field(default_factory=dict)
    asked: list[ListTimeSeriesRequest] = field(default_factory=list)
    code: grpc.StatusCode | None = None
    hold: Event = field(default_factory=Event)

    def add(
        self,
        metric: str,
        subscription: str,
        *points: tuple[datetime, int],
        project: str = "acme-prod",
    ) -> None:
        """Add a series, its points from the newest to the oldest as the API gives them."""
        self.series.setdefault(PREFIX + metric, []).append(
            TimeSeries(
                metric=Metric(type=PREFIX + metric),
                resource=MonitoredResource(
                    type="pubsub_subscription",
                    labels={"project_id": project, "subscription_id": subscription},
                ),
                points=[
                    Point(
                        interval=TimeInterval(start_time=at, end_time=at),
                        value=TypedValue(int64_value=value),
                    )
                    for at, value in points
                ],
            )
        )

    def __call__(self, request: ListTimeSeriesRequest) -> ListTimeSeriesResponse:
        self.asked.append(request)
        self.hold.wait(PATIENCE_S)
        if self.code is not None:
            raise Refused(self.code)
        [metric] = [name for name in (MESSAGES, OLDEST, PUSHED) if name in request.filter]
        every = self.series.get(PREFIX + metric, [])
        start = int(request.page_token or 0)
        more = str(start + 2) if start + 2 < len(every) else ""
        return ListTimeSeriesResponse(time_series=every[start : start + 2], next_page_token=more)


@pytest.fixture
def monitoring() -> FakeMonitoring:
    """Give the server's side."""
    fake = FakeMonitoring()
    fake.hold.set()
    return fake


@pytest.fixture
def channel(monitoring: FakeMonitoring) -> Iterator[grpc.Channel]:
    """Give a channel to it."""
    methods = {"ListTimeSeries": (monitoring, ListTimeSeriesRequest, ListTimeSeriesResponse)}
    with (
        serving("google.monitoring.v3.MetricService", methods) as host,
        grpc.insecure_channel(host) as opened,
    ):
        yield opened
        monitoring.hold.set()


@pytest.fixture
def backlog(topology: Topology, clock: FakeClock, channel: grpc.Channel) -> PubsubBacklog:
    """Give the adapter on that channel."""
    return PubsubBacklog("acme-prod", topology, clock=clock, channel=channel, total_s=PATIENCE_S)


def test_the_newest_point_of_each_metric_is_what_waits(
    backlog: PubsubBacklog, monitoring: FakeMonitoring, clock: FakeClock
) -> None:
    """Under the same names as on the embedded bus."""
    now = clock.now()
    minute = timedelta(minutes=1)
    monitoring.add(MESSAGES, READ, (now - minute, 7), (now - 2 * minute, 9))
    monitoring.add(OLDEST, READ, (now - 2 * minute, 61), (now - minute, 121))
    monitoring.add(PUSHED, READ, (now - minute, 3))
    assert backlog.backlog() == [Backlog(READ, 7, 121.0, 3)]


def test_rows_come_in_the_order_of_the_topology_over_all_pages(
    backlog: PubsubBacklog, monitoring: FakeMonitoring, clock: FakeClock, topology: Topology
) -> None:
    """Dead letters have rows of their own: they page somebody."""
    names = [name for one in topology.subscriptions for name in (one, one + ".dead")]
    for metric in (MESSAGES, OLDEST):
        for name in reversed(names):
            monitoring.add(metric, name, (clock.now(), 0))
    assert backlog.backlog() == [Backlog(name, 0, 0.0, 0) for name in names]


def test_a_figure_that_is_too_old_is_not_shown_as_current(
    backlog: PubsubBacklog, monitoring: FakeMonitoring, clock: FakeClock
) -> None:
    """Nothing waits, and nobody knows what waits: these are not the same."""
    old = clock.now() - timedelta(seconds=FRESH_S + 1)
    monitoring.add(MESSAGES, READ, (old, 7))
    monitoring.add(OLDEST, READ, (old, 7))
    monitoring.add(MESSAGES, "ocr.pages-read", (clock.now(), 4))  # how old, nobody knows
    assert backlog.backlog() == []


def test_only_current_points_are_asked_for(
    backlog: PubsubBacklog, monitoring: FakeMonitoring, clock: FakeClock
) -> None:
    """One request a metric, for a few minutes."""
    backlog.backlog()
    assert len(monitoring.asked) == 3
    for request in monitoring.asked:
        assert request.name == "projects/acme-prod"
        assert 'resource.type = "pubsub_subscription"' in request.filter
        assert request.interval.end_time == clock.now()
        assert request.interval.start_time == clock.now() - timedelta(seconds=FRESH_S)


def test_others_subscriptions_are_left_out(
    backlog: PubsubBacklog, monitoring: FakeMonitoring, clock: FakeClock
) -> None:
    """A project may be shared, and a metrics scope shows several projects."""
    for metric in (MESSAGES, OLDEST):
        monitoring.add(metric, "weather", (clock.now(), 5))
        monitoring.add(metric, READ, (clock.now(), 5), project="acme-test")
    assert backlog.backlog() == []


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.NOT_FOUND,
    ],
)
def test_a_refusal_is_one_line(
    backlog: PubsubBacklog, monitoring: FakeMonitoring, code: grpc.StatusCode
) -> None:
    """Status goes on without a backlog, and says why."""
    monitoring.code = code
    with pytest.raises(TransientError, match=f"Cloud Monitoring is unavailable .{code.name}"):
        backlog.backlog()


def test_a_server_that_never_answers_is_given_up(
    topology: Topology, clock: FakeClock, channel: grpc.Channel, monitoring: FakeMonitoring
) -> None:
    """A person waits for it."""
    monitoring.hold.clear()
    backlog = PubsubBacklog("acme-prod", topology, clock=clock, channel=channel, total_s=0.2)
    with pytest.raises(TransientError, match="DEADLINE_EXCEEDED"):
        backlog.backlog()


def test_missing_credentials_are_told(
    topology: Topology, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Making it asked nobody; asking does."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    backlog = PubsubBacklog("acme-prod", topology)
    with pytest.raises(TransientError, match="DefaultCredentialsError"):
        backlog.backlog()
