"""A log line and a span, each beside what it stands on, in CPU microseconds.

``python tests/bench/bench_logging.py`` prints them. The limit of a line is bare ``json.dumps`` of
the same fields, written to the same place; of a span, the OpenTelemetry SDK with an exporter that
does nothing.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.logging import get_logger
from shared.logging.stage_log import Sink
from shared.telemetry.log_events import LogEvent
from shared.telemetry.span_files import SpanFiles
from shared.telemetry.spans import SpanAttribute, SpanName
from shared.telemetry.tracing import NullTracing, Tracing

LINES: Final = 20_000
SPANS: Final = 4_000
ROUNDS: Final = 5
DOCUMENT: Final = "0123456789abcdef0123456789abcdef01234567"


class Discarding(SpanExporter):
    """Takes spans and does nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Forget them."""
        del spans
        return SpanExportResult.SUCCESS


def cost(count: int, work: Callable[[], object]) -> float:
    """Return the CPU microseconds of one call: the best of several rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(count // ROUNDS):
            work()
        best = min(best, (time.process_time() - started) / (count // ROUNDS))
    return best * 1_000_000


def lines(sink: Sink) -> dict[str, float]:
    """Return the cost of each kind of line."""
    log = get_logger("ocr", sink=sink)
    cloud = get_logger("ocr", sink=sink, project="acme-documents")
    parent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    given: dict[str, object] = {
        "code": "done",
        "duration_ms": 12.345,
        "job_id": DOCUMENT,
        "document_id": DOCUMENT,
        "trace": "ab" * 16,
        "span": "cd" * 8,
        "attempt": 1,
    }
    whole = {"ts": "2026-01-31T12:00:00.000Z", "severity": "INFO", "op": "delivery.settled"}
    text = "could not read ada@example.com, IBAN DE89 3704 0044 0532 0130 00, call +49 30 1234567"
    error = ValueError("x")
    return {
        "json.dumps": cost(LINES, lambda: sink(json.dumps({**whole, "stage": "ocr", **given}))),
        "a line": cost(LINES, lambda: log.info(LogEvent.DELIVERY_SETTLED, **given)),
        "with a project": cost(
            LINES, lambda: cloud.info(LogEvent.DELIVERY_SETTLED, traceparent=parent, **given)
        ),
        "with an error": cost(
            LINES, lambda: log.warning(LogEvent.DELIVERY_FAILED, error=error, **given)
        ),
        "with free text": cost(
            LINES // 10, lambda: log.warning(LogEvent.LIBRARY_MESSAGE, text=text, **given)
        ),
    }


def spans(folder: Path) -> dict[str, float]:
    """Return the cost of a span with five attributes, by where it goes."""
    given: dict[SpanAttribute, object] = {
        SpanAttribute.STAGE: "ocr",
        SpanAttribute.ATTEMPT: 1,
        SpanAttribute.DOCUMENT_ID: DOCUMENT,
        SpanAttribute.JOB_ID: DOCUMENT,
        SpanAttribute.SUBSCRIPTION: "ocr.document-received",
    }
    found = {}
    for name, tracing in {
        "SDK alone": Tracing(Discarding(), "bench"),
        "into files": Tracing(SpanFiles(folder), "bench"),
        "null": NullTracing(),
    }.items():
        parent = tracing.origin(DOCUMENT)

        def one(tracing: Tracing = tracing, parent: str = parent) -> None:
            with tracing.span(SpanName.PROCESS, parent=parent, attributes=given) as span:
                span.set(SpanAttribute.OUTCOME, "done")

        found[name] = cost(SPANS, one)
        tracing.close()
    return found


def main() -> None:
    """Print every figure, the limits first."""
    with Path(os.devnull).open("w", encoding="ascii") as nowhere:

        def sink(line: str) -> None:
            nowhere.write(line + "\n")

        for name, microseconds in lines(sink).items():
            print(f"log line   {name:<16}{microseconds:8.1f} us CPU")
    with tempfile.TemporaryDirectory() as folder:
        for name, microseconds in spans(Path(folder) / "spans").items():
            print(f"span       {name:<16}{microseconds:8.1f} us CPU")


if __name__ == "__main__":
    main()
