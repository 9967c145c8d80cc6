"""Whether spans and log lines of a cluster are joined: one connected trace a document."""

import json
from collections import defaultdict

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
    register, spans = up.house.register, _spans(up)
    children = {one.job_id for one in register.submissions() if one.parent is not None}
    documents = register.documents()
    assert documents
    for document in documents:
        trace = from_structured(document.last_event).traceparent.split("-")[1]
        ids = {span.span_id for span in spans[trace]}
        roots = {span.span_id for span in spans[trace] if not span.parent_id}
        assert len(roots) == 1, document
        assert {span.parent_id for span in spans[trace] if span.parent_id} <= ids, document
        if document.job_id in children:
            continue  # an attachment's trace is its e-mail's
        worked = {span.service for span in spans[trace]}
        passed: tuple[str, ...] = STAGES
        if document.terminal in {Terminal.QUARANTINED, Terminal.EXPANDED}:
            passed = STAGES[: STAGES.index(document.stage) + 1]
        assert {"entrance", *passed} <= worked, document


def assert_lines_in_spans(up: Cluster) -> None:
    """Insist that every line on a document names a span of the stage that wrote it."""
    told: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for stage in STAGES:
        for line in map(json.loads, up.logs(stage)):
            if "document_id" in line or "job_id" in line:
                assert {"trace", "span"} <= line.keys(), line
                told[line["trace"]].add((stage, line["span"]))
    # A span ends after its last line, and another test may just have handed something in.
    wait_until(
        lambda: all(
            lines <= {(span.service, span.span_id) for span in spans[trace]}
            for spans in (_spans(up),)
            for trace, lines in told.items()
        ),
        what="every line's span is there",
    )
    for document in up.house.register.documents():
        if document.terminal in {Terminal.POSTED, Terminal.HELD}:
            trace = from_structured(document.last_event).traceparent.split("-")[1]
            assert {stage for stage, _ in told[trace]} == set(STAGES)
