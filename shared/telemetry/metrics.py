"""Every figure that is measured: name, unit, labels, meaning. And the port that takes them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Protocol


class Metric(StrEnum):
    """Every metric; the name carries the unit, as Prometheus names do.

    Where OpenTelemetry's semantic conventions for messaging have a name, it is that one.
    """

    STAGE_SECONDS = "messaging_process_duration_seconds"  # one delivery at one stage, to its end
    END_TO_END_SECONDS = "docledger_end_to_end_seconds"  # from submission to sealed entry
    EVENTS = "messaging_client_consumed_messages_total"  # deliveries settled, by outcome
    SENT = "messaging_client_sent_messages_total"  # events handed to the bus
    ATTEMPTS = "docledger_delivery_attempts"  # hand-outs that a settled delivery took
    QUARANTINES = "docledger_quarantines_total"  # documents set aside, by reason
    BACKLOG_MESSAGES = "docledger_backlog_messages"  # waiting in a subscription, leased included
    BACKLOG_AGE = "docledger_backlog_oldest_age_seconds"  # age of the oldest message that waits
    LATE_DOCUMENTS = "docledger_late_documents"  # in flight past their stage's deadline
    CHECKPOINT_AGE = "docledger_checkpoint_age_seconds"  # of the last one while entries wait
    UNSEALED_ENTRIES = "docledger_unsealed_entries"  # in the journal, not yet under a checkpoint
    UNITS = "docledger_units_spent_total"  # pages read, tokens or calls paid for
    INSTEAD = "docledger_instead_total"  # documents that the embedded engine did for the asked one
    REQUESTS_REFUSED = "docledger_requests_refused_total"  # HTTP requests to a worker not served
    LOG_DROPPED = "docledger_log_fields_dropped_total"  # fields that the allow-list kept out
    API_SECONDS = "docledger_api_request_duration_seconds"  # one request of an API, to its answer


class Label(StrEnum):
    """Every label; values are codes from closed sets, so that series stay few."""

    STAGE = "stage"  # who worked
    OUTCOME = "outcome"  # how a delivery was settled
    REASON = "reason"  # of a quarantine, a refusal, or of doing without what was asked for
    SUBSCRIPTION = "subscription"  # as infra/topology.yaml names it
    UNIT = "unit"  # what was spent: see Unit
    PAID = "paid"  # first, or repeated after a crash between call and result
    OPERATION = "operation"  # what a caller of an API asked for


class Unit(StrEnum):
    """What work is counted and paid in."""

    PAGE = "page"  # one page read by an engine
    TOKEN = "token"  # noqa: S105 - one token of a language model
    CALL = "call"  # one call of a paid service
    MICRO = "micro"  # a millionth of the price table's currency


class Paid(StrEnum):
    """Whether a unit was spent for the first time."""

    FIRST = "first"  # the ordinary case
    REPEATED = "repeated"  # a crash between call and result made it necessary again


MetricKind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Spec:
    """What a metric is.

    Attributes:
        kind: counter (only grows), gauge (a level), histogram (a distribution).
        unit: of its value.
        labels: exactly these, in this order.
        buckets: upper bounds of a histogram, ascending, without infinity.
        convention: its name in OpenTelemetry's semantic conventions, where it has one.
    """

    kind: MetricKind
    unit: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    convention: str | None = None


_STAGE_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_JOURNEY_BUCKETS: Final = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600)
_ATTEMPT_BUCKETS: Final = (1, 2, 3, 5, 10, 20, 50, 100)

SPECS: Final[dict[Metric, Spec]] = {
    Metric.STAGE_SECONDS: Spec(
        "histogram",
        "seconds",
        (Label.STAGE, Label.OUTCOME),
        _STAGE_BUCKETS,
        convention="messaging.process.duration",
    ),
    Metric.END_TO_END_SECONDS: Spec("histogram", "seconds", (Label.OUTCOME,), _JOURNEY_BUCKETS),
    Metric.EVENTS: Spec(
        "counter",
        "messages",
        (Label.STAGE, Label.OUTCOME),
        convention="messaging.client.consumed.messages",
    ),
    Metric.SENT: Spec(
        "counter", "messages", (Label.STAGE,), convention="messaging.client.sent.messages"
    ),
    Metric.ATTEMPTS: Spec("histogram", "attempts", (Label.STAGE,), _ATTEMPT_BUCKETS),
    Metric.QUARANTINES: Spec("counter", "documents", (Label.STAGE, Label.REASON)),
    Metric.BACKLOG_MESSAGES: Spec("gauge", "messages", (Label.SUBSCRIPTION,)),
    Metric.BACKLOG_AGE: Spec("gauge", "seconds", (Label.SUBSCRIPTION,)),
    Metric.LATE_DOCUMENTS: Spec("gauge", "documents", (Label.STAGE,)),
    Metric.CHECKPOINT_AGE: Spec("gauge", "seconds"),
    Metric.UNSEALED_ENTRIES: Spec("gauge", "entries"),
    Metric.UNITS: Spec("counter", "units", (Label.STAGE, Label.UNIT, Label.PAID)),
    Metric.INSTEAD: Spec("counter", "documents", (Label.STAGE, Label.REASON)),
    Metric.REQUESTS_REFUSED: Spec("counter", "requests", (Label.STAGE, Label.REASON)),
    Metric.LOG_DROPPED: Spec("counter", "fields", (Label.STAGE,)),
    Metric.API_SECONDS: Spec(
        "histogram", "seconds", (Label.OPERATION, Label.OUTCOME), _STAGE_BUCKETS
    ),
}


class Metrics(Protocol):
    """Where figures go. No method raises over a value: telemetry never fails a job.

    Labels are given by name, exactly those of the metric's ``Spec``; other names, or another kind
    of metric, raise ValueError (a mistake in the code that any test of it finds). A label value
    that is no code is counted as ``invalid``.
    """

    def count(self, metric: Metric, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def level(self, metric: Metric, value: float, **labels: str) -> None:
        """Set a gauge."""
        ...

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """Add one observation to a histogram."""
        ...


class NullMetrics:
    """Counts nothing, costs nothing; for the simulation."""

    def count(self, metric: Metric, amount: float = 1, **labels: str) -> None:
        """Ignore it."""

    def level(self, metric: Metric, value: float, **labels: str) -> None:
        """Ignore it."""

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """Ignore it."""
