"""``docledger trace``: a document's way as a waterfall."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.text import Text

from deploy.cli.opened import open_house
from deploy.cli.screen import safe, table, to_stdout
from deploy.local.lookup import find_document
from services.ingest.ports import RegisteredDocument
from shared.events.codec import from_structured
from shared.telemetry.span_files import SpanRecord, read_spans
from shared.telemetry.spans import SpanAttribute

WIDTH: Final = 40


def trace(data_dir: Path, typed: str, *, as_json: bool) -> int:
    """Show every stage, attempt, time and outcome of one document, oldest first."""
    house = open_house(data_dir)
    document = find_document(house, typed)
    spans = read_spans(house.site.spans, trace_id=_trace_id(document))
    if as_json:
        for span in spans:
            print(json.dumps(asdict(span), default=str))  # noqa: T201 - this is the output
        return 0
    console = to_stdout()
    console.print(safe(f"trace {_trace_id(document)}  document {document.document_id}"))
    if not spans:
        console.print("no finished span of it yet")
        return 0
    begin = min(span.start for span in spans)
    total = max((span.start - begin).total_seconds() + span.seconds for span in spans)
    rows = [_row(span, (span.start - begin).total_seconds(), total) for span in spans]
    columns = ("stage", "what", ">try", "outcome", ">start ms", ">ms", "")
    console.print(table("", columns, rows))
    console.print(f"\n{len(spans)} spans in {total:.3f} s")
    return 0


def _row(span: SpanRecord, offset: float, total: float) -> tuple[object, ...]:
    said = span.attributes
    outcome = str(said.get(SpanAttribute.OUTCOME.value, ""))
    reason = said.get(SpanAttribute.REASON.value) or said.get(SpanAttribute.ERROR.value)
    left = round(WIDTH * offset / total) if total else 0
    length = max(1, round(WIDTH * span.seconds / total)) if total else 1
    bar = Text(" " * min(left, WIDTH - 1) + "█" * min(length, WIDTH - min(left, WIDTH - 1)))
    bar.stylize("red" if span.failed or outcome == "quarantined" else "green")
    what = said.get(SpanAttribute.SUBSCRIPTION.value) or span.name
    return (
        said.get(SpanAttribute.STAGE.value, span.service),
        str(what).removeprefix(f"{said.get(SpanAttribute.STAGE.value, '')}."),
        said.get(SpanAttribute.ATTEMPT.value, ""),
        f"{outcome} {reason}" if reason else outcome,
        f"{offset * 1000:.1f}",
        f"{span.seconds * 1000:.1f}",
        bar,
    )


def _trace_id(document: RegisteredDocument) -> str:
    return from_structured(document.last_event).traceparent.split("-")[1]
