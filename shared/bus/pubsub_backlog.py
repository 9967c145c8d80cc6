"""What waits on Pub/Sub, by Cloud Monitoring.

Pub/Sub itself tells nobody. Its figures are taken every minute and seen a few minutes later: what
is too old to speak of now is left out, and a subscription without current figures has no row.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import grpc
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud.monitoring_v3.services.metric_service import MetricServiceClient
from google.cloud.monitoring_v3.services.metric_service.transports.grpc import (
    MetricServiceGrpcTransport,
)
from google.cloud.monitoring_v3.types import ListTimeSeriesRequest, TimeInterval

from shared.bus.port import Backlog
from shared.bus.pubsub_channel import translated
from shared.bus.topology import DEAD_SUFFIX, Topology
from shared.clock import Clock, SystemClock

FRESH_S: Final = 300.0
TOTAL_S: Final = 15.0

MESSAGES: Final = "num_undelivered_messages"
OLDEST: Final = "oldest_unacked_message_age"
PUSHED: Final = "num_outstanding_messages"
"""Pushed and not answered yet: what a worker holds now."""

_PAGE: Final = 10_000


class PubsubBacklog:
    """The backlog of a topology's subscriptions. Making one does no I/O.

    Args:
        project: whose subscriptions they are.
        topology: which, and in which order.
        clock: what is current.
        channel: to a server that is not Cloud Monitoring itself.
        total_s: how long one metric may be asked for.
    """

    def __init__(
        self,
        project: str,
        topology: Topology,
        *,
        clock: Clock | None = None,
        channel: grpc.Channel | None = None,
        total_s: float = TOTAL_S,
    ) -> None:
        self._project = project
        self._topology = topology
        self._clock = clock or SystemClock()
        self._channel = channel
        self._total_s = total_s
        self._retry = Retry(
            predicate=if_exception_type(exceptions.ServiceUnavailable),
            initial=0.1,
            maximum=2.0,
            timeout=total_s,
        )

    def backlog(self) -> list[Backlog]:
        """Return what waits, in the order of the topology, dead letters after their subscription.

        ``oldest_age_s`` is as old as its figure: up to ``FRESH_S`` seconds more by now.

        Raises:
            TransientError: Cloud Monitoring is unavailable, or refuses us.
        """
        with translated("Cloud Monitoring"):
            client = self._client()
            messages, oldest, pushed = (
                self._latest(client, metric) for metric in (MESSAGES, OLDEST, PUSHED)
            )
        return [
            Backlog(
                subscription=name,
                messages=messages[name],
                oldest_age_s=float(oldest.get(name, 0)),
                leased=min(pushed.get(name, 0), messages[name]),
            )
            for name in self._names()
            if name in messages and (name in oldest or not messages[name])
        ]

    def _names(self) -> Iterator[str]:
        for name in self._topology.subscriptions:
            yield name
            yield name + DEAD_SUFFIX

    def _client(self) -> MetricServiceClient:
        if self._channel is None:
            return MetricServiceClient()
        return MetricServiceClient(transport=MetricServiceGrpcTransport(channel=self._channel))

    def _latest(self, client: MetricServiceClient, metric: str) -> dict[str, int]:
        """Return a metric's newest value by subscription, where it is current."""
        now = self._clock.now()
        since = now - timedelta(seconds=FRESH_S)
        request = ListTimeSeriesRequest(
            name=f"projects/{self._project}",
            filter=(
                f'metric.type = "pubsub.googleapis.com/subscription/{metric}" '
                'AND resource.type = "pubsub_subscription"'
            ),
            interval=TimeInterval(start_time=since, end_time=now),
            view=ListTimeSeriesRequest.TimeSeriesView.FULL,
            page_size=_PAGE,
        )
        newest: dict[str, tuple[datetime, int]] = {}
        for series in client.list_time_series(request, retry=self._retry, timeout=self._total_s):
            labels = series.resource.labels
            if labels.get("project_id") != self._project:
                continue  # a metrics scope shows other projects, too
            for point in series.points:
                at = (point.interval.end_time, point.value.int64_value)
                name = labels.get("subscription_id", "")
                if at[0] >= since:
                    newest[name] = max(at, newest.get(name, at))
        return {name: value for name, (_at, value) in newest.items()}
