"""What a delivery tells of itself: its span, the parts of it, and what it follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.errors import PermanentError, TransientError
from shared.events.envelope import Event
from shared.logging.stage_log import SilentLog, StageLog, get_logger
from shared.telemetry.metrics import Metric
from shared.telemetry.reasons import QuarantineReason
from shared.telemetry.registry import MemoryMetrics
from shared.telemetry.spans import SpanAttribute
from shared.telemetry.tracing import Tracing
from shared.worker.effects import Signals
from shared.worker.outcome import Outcome
from tests.shared.worker.conftest import DOCUMENT, SUBSCRIPTION, Bench, read_event, summarized


@dataclass
class Kept(SpanExporter):
    """Keeps spans."""

    spans: list[ReadableSpan] = field(default_factory=list)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep them."""
        self.spans.extend(spans)
        return SpanExportResult.SUCCESS

    def of(self, name: str) -> list[ReadableSpan]:
        """Return those of a name, in the order in which they ended."""
        return [span for span in self.spans if span.name.startswith(name)]


@dataclass
class Watched:
    """A bench whose spans, lines and figures are seen."""

    kept: Kept = field(default_factory=Kept)
    metrics: MemoryMetrics = field(default_factory=MemoryMetrics)
    log: StageLog = field(default_factory=SilentLog)

    def __post_init__(self) -> None:
        tracing = Tracing(self.kept, "summarize", worth_s=0)
        self.bench = Bench(signals=Signals(self.log, tracing, self.metrics))

    @property
    def attempts(self) -> list[ReadableSpan]:
        """The spans of deliveries."""
        return self.kept.of("process")


@pytest.fixture
def watched() -> Watched:
    """Give a fresh one."""
    return Watched()


def said(span: ReadableSpan, attribute: SpanAttribute) -> object:
    """Return what a span says."""
    return (span.attributes or {}).get(attribute.value)


def links(span: ReadableSpan) -> list[tuple[str, int]]:
    """Return what a span links to."""
    return [
        (str((link.attributes or {})[SpanAttribute.LINK.value]), link.context.span_id)
        for link in span.links
    ]


def span_id(span: ReadableSpan) -> int:
    """Return its id."""
    context = span.get_span_context()
    assert context is not None
    return context.span_id


def test_a_delivery_is_a_child_of_the_origin_and_its_parts_are_children_of_it(
    watched: Watched,
) -> None:
    """Handler, store and publication: where the time went."""
    watched.bench.deliver(attempt=3)
    (whole,) = watched.attempts
    assert whole.name == f"process {SUBSCRIPTION}"
    assert whole.parent is not None
    assert whole.parent.span_id == int("5e" * 8, 16)
    assert said(whole, SpanAttribute.MESSAGE_ID) == read_event().id
    assert said(whole, SpanAttribute.TOPIC) == "docledger.document.read.v1"
    assert said(whole, SpanAttribute.OUTCOME) == "done"
    assert said(whole, SpanAttribute.ATTEMPT) == 3
    parts = [span for span in watched.kept.spans if span is not whole]
    assert [span.name for span in parts] == [
        "handle",
        "store",
        "send docledger.document.summarized.v1",
    ]
    for part in parts:
        assert part.parent is not None
        assert part.parent.span_id == span_id(whole)
        assert said(part, SpanAttribute.DOCUMENT_ID) == DOCUMENT
    (event,) = watched.bench.published()
    assert said(parts[-1], SpanAttribute.MESSAGE_ID) == event.message.attributes["ce-id"]


def test_what_is_consumed_and_sent_is_counted(watched: Watched) -> None:
    """By the names of the conventions."""
    watched.bench.deliver(attempt=2)
    watched.bench.deliver()
    metrics = watched.metrics
    assert metrics.value(Metric.EVENTS, stage="summarize", outcome="done") == 1
    assert metrics.value(Metric.EVENTS, stage="summarize", outcome="repeated") == 1
    assert metrics.value(Metric.SENT, stage="summarize") == 2
    assert metrics.value(Metric.ATTEMPTS, stage="summarize") == 2


def failing_once(error: Exception) -> Callable[[Event], Outcome]:
    """Return a handler that fails, and then does its work."""
    errors = [error]

    def handle(event: Event) -> Outcome:
        if errors:
            raise errors.pop()
        return summarized(event)

    return handle


@pytest.mark.parametrize("error", [TransientError("away"), ValueError("canary")])
def test_a_retry_links_to_the_attempt_before_it(watched: Watched, error: Exception) -> None:
    """Both are children of the origin; the link says which came of which."""
    watched.bench.handle = failing_once(error)
    watched.bench.deliver()
    watched.bench.deliver(attempt=2)
    first, second = watched.attempts
    assert links(first) == []
    assert links(second) == [("attempt_before", span_id(first))]
    assert (first.status.is_ok, second.status.is_ok) == (False, True)
    assert said(first, SpanAttribute.ERROR) == type(error).__name__
    assert said(first, SpanAttribute.OUTCOME) == "retry"
    assert list(watched.bench.objects.list("leases/")) == []


def test_a_retry_after_a_death_links_to_what_was_never_told(watched: Watched) -> None:
    """The worker was killed in its handler: only its lease is left of the attempt."""
    killed = KeyboardInterrupt()
    watched.bench.handle = failing_once(killed)  # type: ignore[arg-type]  # as kill -9: nothing handles it
    with pytest.raises(KeyboardInterrupt):
        watched.bench.deliver()
    (died,) = watched.attempts
    watched.kept.spans.clear()
    watched.bench.clock.sleep(61)
    watched.bench.deliver(attempt=2)
    (again,) = watched.attempts
    assert links(again) == [("attempt_before", span_id(died))]


def test_a_replay_links_to_the_attempt_that_gave_up(watched: Watched) -> None:
    """The record in quarantine names it; the trace goes on."""
    watched.bench.handle = failing_once(PermanentError(QuarantineReason.UNREADABLE))
    watched.bench.deliver()
    watched.bench.deliver(read_event(replay=1))
    gave_up, replayed = watched.attempts
    assert said(gave_up, SpanAttribute.REASON) == "unreadable"
    assert said(gave_up, SpanAttribute.OUTCOME) == "quarantined"
    assert said(gave_up, SpanAttribute.ERROR) == "unreadable"
    assert not gave_up.status.is_ok
    assert links(replayed) == [("gave_up", span_id(gave_up))]
    assert said(replayed, SpanAttribute.REPLAY) == 1
    assert gave_up.context is not None
    assert replayed.context is not None
    assert gave_up.context.trace_id == replayed.context.trace_id


def test_a_dead_letter_says_where_it_came_from(watched: Watched) -> None:
    """Its topic and its subscription are its own; no lease of it stays."""
    watched.bench.handle = failing_once(TransientError("away"))
    watched.bench.deliver()
    watched.bench.deliver(subscription=f"{SUBSCRIPTION}.dead")
    _, dead = watched.attempts
    assert dead.name == f"process {SUBSCRIPTION}.dead"
    assert said(dead, SpanAttribute.TOPIC) == f"{SUBSCRIPTION}.dead"
    assert said(dead, SpanAttribute.REASON) == "dead_letter"
    assert list(watched.bench.objects.list("leases/")) == []


def test_an_erased_document_leaves_no_lease_of_an_earlier_attempt(watched: Watched) -> None:
    """Nobody will come back to clear it."""
    watched.bench.handle = failing_once(TransientError("away"))
    watched.bench.deliver()
    assert list(watched.bench.objects.list("leases/")) != []
    watched.bench.tombstones.put(DOCUMENT, at=watched.bench.clock.now())
    watched.bench.deliver(attempt=2)
    assert list(watched.bench.objects.list("leases/")) == []


def test_every_line_names_the_span_of_its_delivery() -> None:
    """A failure's line, too: whoever finds it finds the attempt."""
    lines: list[str] = []
    watched = Watched(log=get_logger("summarize", sink=lines.append))
    watched.bench.handle = failing_once(ValueError("canary"))
    watched.bench.deliver()
    (attempt,) = watched.attempts
    assert len(lines) == 2
    for line in lines:
        assert f'"span":"{span_id(attempt):016x}"' in line
        assert "canary" not in line
