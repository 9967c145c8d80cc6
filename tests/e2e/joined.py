"""Whether spans and log lines of a cluster are joined: one connected trace a document."""

import json
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

from deploy.local.site import Site
from services.ingest.registered import Terminal
from shared.events.codec import from_structured
from shared.telemetry.span_files import SpanRecord, read_spans
from tests.e2e.cluster import Cluster
from tests.waiting import wait_until

STAGES = ("ingest", "ocr", "summarize", "ledger")


def _spans(up: Cluster) -> dict[str, list[SpanRecord]]:
    """Return every exported span, by trace."""
    traces: dict[str, list[SpanRecord]] = defaultdict(list)
    for span in read_spans(Site(up.data).spans):
        traces[span.trace_id].append(span)
    return traces


def assert_one_trace_each(up: Cluster) -> None:
    """Insist on one root, no orphan, and every stage that a document went through."""
    assert up.house.register.documents()
    # A span ends after its work is told of: what has just been handed in may lack its last ones.
    _insist(lambda: _broken_traces(up), "each document has one whole trace")


def assert_lines_in_spans(up: Cluster) -> None:
    """Insist that every line on a document names a span of the stage that wrote it."""
    # A line is written after its event was published, and a span ends after its last line.
    _insist(lambda: _unjoined_lines(up), "every line's span is there, and every stage's lines")


def _insist(broken: Callable[[], list[object]], what: str) -> None:
    """Wait until nothing is broken, or say what is."""
    with suppress(TimeoutError):
        wait_until(lambda: not broken(), what=what)
    assert broken() == []


def _broken_traces(up: Cluster) -> list[object]:
    """Return documents whose trace has another root, an orphan, or lacks a stage."""
    register, spans = up.house.register, _spans(up)
    children = {one.job_id for one in register.submissions() if one.parent is not None}
    broken: list[object] = []
    for document in register.documents():
        trace = spans[from_structured(document.last_event).traceparent.split("-")[1]]
        roots = {span.span_id for span in trace if not span.parent_id}
        orphans = {span.parent_id for span in trace if span.parent_id}
        orphans -= {span.span_id for span in trace}
        passed: tuple[str, ...] = STAGES
        if document.terminal in {Terminal.QUARANTINED, Terminal.EXPANDED}:
            passed = STAGES[: STAGES.index(document.stage) + 1]
        missing = {"entrance", *passed} - {span.service for span in trace}
        if document.job_id in children:
            missing = set()  # an attachment's trace is its e-mail's
        if len(roots) != 1 or orphans or missing:
            broken.append((document, roots, orphans, missing))
    return broken


def _unjoined_lines(up: Cluster) -> list[object]:
    """Return lines without a span of their stage, and documents that lack a stage's lines."""
    spans = _spans(up)
    broken: list[object] = []
    told: dict[str, set[str]] = defaultdict(set)
    for stage in STAGES:
        for line in map(json.loads, up.logs(stage)):
            if "document_id" not in line and "job_id" not in line:
                continue
            its = {(span.service, span.span_id) for span in spans[line.get("trace", "")]}
            if (stage, line.get("span")) in its:
                told[line["trace"]].add(stage)
            else:
                broken.append(line)
    for document in up.house.register.documents():
        if document.terminal in {Terminal.POSTED, Terminal.HELD}:
            trace = from_structured(document.last_event).traceparent.split("-")[1]
            missing = set(STAGES) - told[trace]
            if missing:
                broken.append((document, missing))
    return broken
