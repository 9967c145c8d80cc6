"""A trace read from Cloud Trace is the trace that span files tell, over the real clients."""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud.trace_v1 import TraceSpan
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link as SpanLink
from opentelemetry.trace import SpanContext

from deploy.cli import trace as command
from shared.errors import TransientError, UserError
from shared.telemetry import cloud_trace as reading
from shared.telemetry.cloud_trace import read_cloud_trace
from shared.telemetry.gcp import cloud_trace
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.reasons import QuarantineReason
from shared.telemetry.span_files import LinkedSpan, SpanFiles, SpanRecord, read_spans
from shared.telemetry.spans import (
    ATTRIBUTE_KINDS,
    Link,
    MessagingSystem,
    SpanAttribute,
    SpanName,
)
from shared.telemetry.stages import Stage
from shared.telemetry.told_links import heard, told
from shared.telemetry.trace_emulator import trace_emulator
from shared.telemetry.tracing import Tracing
from shared.telemetry.values import CHECKS, Kind
from tests.emulators.cloudtrace import PROJECT, Fault, TraceServer, trace_server
from tests.waiting import PATIENCE_S

__all__ = ["trace_server"]

JOB = "f" * 40
TRACE = JOB[:32]
DOCUMENT = "d" * 40
CANARY = "canary Ada Lovelace"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.filterwarnings("ignore:Deprecated since version:DeprecationWarning"),  # Google's
]

EXAMPLES: dict[Kind, object] = {
    Kind.CODE: "encrypted",
    Kind.ID: DOCUMENT,
    Kind.INTEGER: 2**53 + 1,
    Kind.FAILURE: ValueError(CANARY),
    Kind.TOPIC: "docledger.document.received.v1",
    Kind.SUBSCRIPTION: "ocr.document-received",
    Kind.LINKS: f"gave_up:{'1' * 32}-{'2' * 16}",
}
"""A value of each kind that attributes have."""


class Both(SpanExporter):
    """Gives the same spans to several exporters."""

    def __init__(self, *exporters: SpanExporter) -> None:
        self._exporters = exporters

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Have each take the spans."""
        results = {exporter.export(spans) for exporter in self._exporters}
        assert results == {SpanExportResult.SUCCESS}
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """End each."""
        for exporter in self._exporters:
            exporter.shutdown()


@pytest.fixture
def tracing(trace_server: TraceServer, tmp_path: Path) -> Iterator[Tracing]:
    """Give a worker's tracing, into files and into Cloud Trace at once."""
    both = Both(SpanFiles(tmp_path / "spans"), cloud_trace(PROJECT))
    assert trace_server.calls == []
    made = Tracing(both, "ocr", system=MessagingSystem.PUBSUB, worth_s=0)
    yield made
    made.close()


def a_run(tracing: Tracing) -> None:
    """Trace a document: told twice at its origin, retried, given up, replayed, posted, sealed."""
    origin = tracing.origin(JOB)
    with pytest.raises(OSError, match="again"), tracing.root(SpanName.SUBMIT, traceparent=origin):
        raise OSError("again")
    with tracing.root(SpanName.SUBMIT, traceparent=origin) as root:
        root.set(SpanAttribute.JOB_ID, JOB)
    attributes = {
        SpanAttribute.SUBSCRIPTION: "ocr.document-received",
        SpanAttribute.STAGE: Stage.OCR,
        SpanAttribute.DOCUMENT_ID: DOCUMENT,
    }
    before = ""
    for attempt, outcome in enumerate(
        (DeliveryOutcome.RETRY, DeliveryOutcome.QUARANTINED, DeliveryOutcome.DONE), start=1
    ):
        with tracing.span(SpanName.PROCESS, parent=origin, attributes=attributes) as span:
            span.set(SpanAttribute.ATTEMPT, attempt)
            span.set(SpanAttribute.OUTCOME, outcome)
            span.link(before, Link.ATTEMPT_BEFORE)
            if outcome is DeliveryOutcome.QUARANTINED:
                span.fail(QuarantineReason.ENCRYPTED)
            if outcome is DeliveryOutcome.DONE:
                span.link(f"00-{'a' * 32}-{'b' * 16}-01", Link.GAVE_UP)
            with span.child(SpanName.HANDLE), span.child(SpanName.STORE):
                before = span.traceparent
            with span.child(SpanName.SEND) as send:
                send.set(SpanAttribute.TOPIC, "docledger.pages.read.v1")
    for name in (SpanName.SEAL, SpanName.REPLAY, SpanName.SWEEP, SpanName.ERASE):
        with tracing.span(name, parent=origin) as span:
            span.link(before, Link.GAVE_UP)


def as_shown(spans: list[SpanRecord]) -> object:
    """Return what the command makes of spans: its rows, and what follows what."""
    hops = [span for span in spans if command._is_hop(span)]
    rows = [[str(cell) for cell in command._row(span, 0.0, 1.0, 20)] for span in hops]
    return rows, command._extra(hops, {})


def test_a_run_reads_back_as_span_files_tell_it(
    tracing: Tracing, trace_server: TraceServer, tmp_path: Path
) -> None:
    """On call sees the same trace of a project as of a laptop: tries, failures, what follows."""
    a_run(tracing)
    from_files = read_spans(tmp_path / "spans", trace_id=TRACE)
    from_cloud = read_cloud_trace(PROJECT, TRACE)
    assert from_cloud == from_files
    assert as_shown(from_cloud) == as_shown(from_files)
    assert {span.operation for span in from_cloud} == {name.value for name in SpanName}
    follows = command._extra([s for s in from_cloud if s.operation == SpanName.PROCESS], {})
    assert follows == {"follows": ["", "retries 1", "retries 2, replays one that was lost"]}
    assert CANARY not in str(trace_server.spans(TRACE))


def test_every_attribute_reads_back(tracing: Tracing, tmp_path: Path) -> None:
    """All that a span may say at once stays below Cloud Trace's limits, and keeps its type."""
    everything = {one: EXAMPLES[kind] for one, kind in ATTRIBUTE_KINDS.items()}
    del everything[SpanAttribute.LINKS]
    with tracing.span(SpanName.PROCESS, parent=tracing.origin(JOB), attributes=everything) as span:
        for what in (Link.ATTEMPT_BEFORE, Link.ATTEMPT_BEFORE, Link.GAVE_UP):
            span.link(f"00-{'a' * 32}-{'b' * 16}-01", what)
        span.fail(ValueError(CANARY))
    (from_cloud,) = read_cloud_trace(PROJECT, TRACE)
    assert [from_cloud] == read_spans(tmp_path / "spans", trace_id=TRACE)
    assert set(from_cloud.attributes) == {one.value for one in everything}
    assert from_cloud.says(SpanAttribute.SIZE) == 2**53 + 1
    assert len(from_cloud.links) == 3


def test_a_trace_that_has_not_arrived_is_empty(trace_server: TraceServer) -> None:
    """Spans come late; asking early is no mistake. Nor is the trace of another project ours."""
    assert read_cloud_trace(PROJECT, TRACE) == []
    trace_server.put(TRACE, a_span())
    assert read_cloud_trace("another-project", TRACE) == []
    assert len(read_cloud_trace(PROJECT, TRACE)) == 1


def test_an_outage_that_ends_is_not_seen(trace_server: TraceServer) -> None:
    """A server that is restarted answers the next try."""
    trace_server.put(TRACE, a_span())
    trace_server.fail("GetTrace", grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL)
    assert len(read_cloud_trace(PROJECT, TRACE)) == 1
    assert trace_server.count("GetTrace") == 3


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("PERMISSION_DENIED", "refuses us .PERMISSION_DENIED.: grant cloudtrace.traces.get"),
        ("UNAUTHENTICATED", "refuses us .UNAUTHENTICATED.$"),
        ("INVALID_ARGUMENT", "refuses us .INVALID_ARGUMENT.$"),
        ("RESOURCE_EXHAUSTED", "quota is used up .RESOURCE_EXHAUSTED."),
    ],
)
def test_a_refusal_is_one_line_and_asked_once(
    trace_server: TraceServer, code: str, said: str
) -> None:
    """What to grant, nothing of the server's own words, and no hammering at a quota."""
    trace_server.fail("GetTrace", grpc.StatusCode[code])
    with pytest.raises(TransientError, match=said) as refused:
        read_cloud_trace(PROJECT, TRACE)
    assert "told to refuse" not in str(refused.value)
    assert trace_server.count("GetTrace") == 1


def test_a_server_that_hangs_or_is_gone_is_given_up(trace_server: TraceServer) -> None:
    """A command at night ends with a line, not with Ctrl-C."""
    trace_server.fail("GetTrace", *[Fault.HANG] * 9)
    with pytest.raises(TransientError, match=r"unavailable \(DEADLINE_EXCEEDED"):
        read_cloud_trace(PROJECT, TRACE, attempt_s=0.05, deadline_s=0.1)
    trace_server.stop()
    with pytest.raises(TransientError, match=r"unavailable \(UNAVAILABLE"):
        read_cloud_trace(PROJECT, TRACE, attempt_s=PATIENCE_S, deadline_s=0.1)


def a_span(span_id: int = 7, *, at_s: float = 0, **changed: Any) -> TraceSpan:
    """Return a span of ours as v1 gives it."""
    labels = {"service.name": "ocr", "docledger.attempt": "2", "docledger.stage": "ocr"}
    given = {
        "span_id": span_id,
        "name": "process ocr.document-received",
        "start_time": START + timedelta(seconds=at_s),
        "end_time": START + timedelta(seconds=at_s + 1),
        "labels": labels | changed.pop("labels", {}),
    }
    return TraceSpan(**given | changed)


def test_what_is_malformed_or_not_ours_is_left_out(trace_server: TraceServer) -> None:
    """One broken span, or a stranger's in the same trace, must not hide the others."""
    never = a_span(8)
    TraceSpan.pb(never).end_time.seconds = TraceSpan.pb(never).start_time.seconds = 10**15
    whole = a_span(labels={"docledger.size": "a lot", "docledger.links": "gave_up:12", "x": "y"})
    broken = [
        never,
        a_span(0),
        a_span(1, name="GET /v1/documents"),
        a_span(2, start_time=None),
        a_span(3, end_time=None),
        a_span(4, end_time=START - timedelta(seconds=1)),
        a_span(5, start_time=datetime(1950, 1, 1, tzinfo=UTC)),
        TraceSpan(span_id=6, name="submit", start_time=START, end_time=START),
        TraceSpan(),
    ]
    trace_server.put(TRACE, *broken, whole)
    (found,) = read_cloud_trace(PROJECT, TRACE)
    assert found == SpanRecord(
        trace_id=TRACE,
        span_id=f"{7:016x}",
        parent_id="",
        name="process ocr.document-received",
        kind="consumer",
        service="ocr",
        start=START,
        seconds=1.0,
        failed=False,
        attributes={"docledger.attempt": 2, "docledger.stage": "ocr"},
    )


@pytest.mark.parametrize(("status", "failed"), [("0", False), ("2", True)])
def test_a_status_is_heard_where_there_is_one(
    trace_server: TraceServer, status: str, failed: object
) -> None:
    """Google's older exporters told it so; a span without an error's name may yet have failed."""
    trace_server.put(TRACE, a_span(labels={"g.co/status/code": status}))
    (found,) = read_cloud_trace(PROJECT, TRACE)
    assert found.failed is failed


def test_a_trace_without_end_does_not_fill_the_memory(
    trace_server: TraceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: spans without number under one trace. The oldest are shown, or one line is."""
    trace_server.put(TRACE, *(a_span(9 - number, at_s=number) for number in (4, 2, 0, 3, 1)))
    monkeypatch.setattr(reading, "MOST_SPANS", 3)
    oldest = read_cloud_trace(PROJECT, TRACE)
    assert [span.span_id for span in oldest] == [f"{span_id:016x}" for span_id in (9, 8, 7)]
    with pytest.raises(TransientError, match="larger than 100 bytes"):
        read_cloud_trace(PROJECT, TRACE, most_bytes=100)


def test_without_credentials_it_is_transient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who did not log in is told so in one line."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(TransientError, match=r"refuses us \(DefaultCredentialsError\)"):
        read_cloud_trace(PROJECT, TRACE)


@pytest.mark.parametrize(
    "production",
    [{"K_SERVICE": "x"}, {"CLOUD_RUN_JOB": "x"}, {"DOCLEDGER_ENVIRONMENT": "production"}],
)
def test_production_neither_tells_nor_asks_an_emulator(production: dict[str, str]) -> None:
    """Its channel is unencrypted and proves nothing."""
    with pytest.raises(UserError, match="not for production"):
        trace_emulator(production | {"DOCLEDGER_UNSAFE_TRACE_EMULATOR": "127.0.0.1:1"})
    assert trace_emulator(production) is None


def test_links_are_told_in_words_of_their_kind() -> None:
    """What is told is what a span may say; what was cut off is no link."""
    first, second = (
        SpanLink(SpanContext(1, span, is_remote=True), {SpanAttribute.LINK.value: what.value})
        for span, what in enumerate(Link, start=2)
    )
    text = told([first, second])
    assert CHECKS[Kind.LINKS](text) == text
    assert heard(text) == (
        LinkedSpan(f"{1:032x}", f"{2:016x}", Link.ATTEMPT_BEFORE),
        LinkedSpan(f"{1:032x}", f"{3:016x}", Link.GAVE_UP),
    )
    assert len(heard(text[:-1])) == 1
    assert heard("") == ()
    assert CHECKS[Kind.LINKS](CANARY) is None


def test_spans_that_cloud_trace_refuses_cost_only_spans(
    trace_server: TraceServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The wrapper around Google's exporter hides no failure."""
    caplog.set_level(logging.CRITICAL)
    trace_server.fail("BatchWriteSpans", grpc.StatusCode.PERMISSION_DENIED)
    exporter = cloud_trace(PROJECT)
    assert exporter.export([]) is SpanExportResult.FAILURE
    assert exporter.force_flush()
    exporter.shutdown()
