"""``docledger trace``: a document's way as a waterfall."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.text import Text

from deploy.cli.opened import open_house
from deploy.cli.screen import ROOMY, block, safe, table, to_stdout
from deploy.local.house import House
from deploy.local.lookup import find_document
from deploy.local.outcomes import Outcomes
from services.ingest.ports import RegisteredDocument, Terminal
from shared.events.codec import from_structured
from shared.telemetry.span_files import SpanRecord, read_spans
from shared.telemetry.spans import SpanAttribute

WIDEST: Final = 40
NARROWEST: Final = 12
OTHER_COLUMNS: Final = 50
"""What stage, try, outcome and the two times take, with the space between."""

ROOMY_COLUMNS: Final = OTHER_COLUMNS + 22
"""With the event beside them."""


def trace(data_dir: Path, typed: str, *, as_json: bool) -> int:
    """Show every stage, attempt, time and outcome of one document, oldest first.

    An e-mail's trace goes on in its attachments: it shows them, too.
    """
    house = open_house(data_dir)
    document = find_document(house, typed)
    spans = _spans(house, document)
    if as_json:
        for span in spans:
            print(json.dumps(asdict(span), default=str))  # noqa: T201 - this is the output
        return 0
    console = to_stdout()
    console.print(safe(f"trace {_trace_id(document)}"))
    console.print(safe(f"document {document.document_id}"))
    if not spans:
        console.print("no finished span of it yet")
        return 0
    begin = min(span.start for span in spans)
    total = max((span.start - begin).total_seconds() + span.seconds for span in spans)
    whose = _names(house, document)
    taken = (ROOMY_COLUMNS if console.width >= ROOMY else OTHER_COLUMNS) + max(
        map(len, whose.values()), default=0
    )
    width = max(NARROWEST, min(WIDEST, console.width - taken))
    rows = [
        (*_row(span, (span.start - begin).total_seconds(), total, width), whose.get(_job(span), ""))
        for span in spans
    ]
    columns = ("!stage", "?!event", "!>try", "outcome", "!>start ms", "!>ms", "!when", "attachment")
    seen = len(columns) if whose else len(columns) - 1
    console.print(table("", columns[:seen], [row[:seen] for row in rows]))
    console.print()
    working = sum(span.seconds for span in spans)
    console.print(f"{len(spans)} spans in {total:.3f} s, at work for {working:.3f} s")
    return 0


def _spans(house: House, document: RegisteredDocument) -> list[SpanRecord]:
    """Return the document's part of its trace: an attachment shares it with its e-mail."""
    spans = read_spans(house.site.spans, trace_id=_trace_id(document))
    submission = house.register.submission(document.job_id)
    if document.terminal is Terminal.EXPANDED or submission is None or submission.parent is None:
        return list(spans)
    own = {document.job_id, document.document_id, submission.parent}
    return [span for span in spans if own & _about(span)]


def _names(house: House, document: RegisteredDocument) -> dict[object, str]:
    """Return what the attachments of an e-mail are called, by their jobs."""
    if document.terminal is not Terminal.EXPANDED:
        return {}
    attachments = Outcomes(house, document.tenant).attachments(document.job_id)
    return {one.job_id: one.name for one in attachments}


def _job(span: SpanRecord) -> object:
    return span.attributes.get(SpanAttribute.JOB_ID.value)


def _about(span: SpanRecord) -> set[object]:
    said = span.attributes
    about = (SpanAttribute.JOB_ID.value, SpanAttribute.DOCUMENT_ID.value)
    return {said[name] for name in about if name in said}


def _row(span: SpanRecord, offset: float, total: float, width: int) -> tuple[object, ...]:
    said = span.attributes
    outcome = str(said.get(SpanAttribute.OUTCOME.value, ""))
    reason = said.get(SpanAttribute.REASON.value) or said.get(SpanAttribute.ERROR.value)
    stage = str(said.get(SpanAttribute.STAGE.value, span.service))
    left = min(width - 1, round(width * offset / total)) if total else 0
    length = max(1, round(width * span.seconds / total)) if total else 1
    # A space that folding would strip is none: dots show the wait.
    bar = Text("·" * left if block() != "#" else "." * left, style="dim")
    failed = span.failed or outcome in {"quarantined", "retry"}
    bar.append(block() * min(length, width - left), style="red" if failed else "green")
    what = str(said.get(SpanAttribute.SUBSCRIPTION.value) or span.name)
    return (
        stage,
        what.removeprefix(f"{stage}."),
        said.get(SpanAttribute.ATTEMPT.value, ""),
        f"{outcome} {reason}" if reason else outcome,
        f"{offset * 1000:.1f}",
        f"{span.seconds * 1000:.1f}",
        bar,
    )


def _trace_id(document: RegisteredDocument) -> str:
    return from_structured(document.last_event).traceparent.split("-")[1]
