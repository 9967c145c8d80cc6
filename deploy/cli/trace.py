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
from services.ingest.registered import RegisteredDocument, Terminal
from shared.events.codec import from_structured
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.span_files import SpanRecord
from shared.telemetry.spans import Link, SpanAttribute, SpanName
from shared.telemetry.stages import Stage

WIDEST: Final = 40
NARROWEST: Final = 12
OTHER_COLUMNS: Final = 54
"""What number, stage, try, outcome and the two times take, with the space between."""

ROOMY_COLUMNS: Final = OTHER_COLUMNS + 22
"""With the event beside them."""

_PARTS: Final = frozenset({SpanName.HANDLE, SpanName.STORE, SpanName.SEND})
"""What a delivery's own row covers; JSON shows it, too."""

_UNSEEN: Final = (Stage.REGISTER.value, DeliveryOutcome.DONE.value)
"""Nor what the register followed without trouble: it is no part of the way."""

_FOLLOWS: Final = {Link.ATTEMPT_BEFORE: "retries", Link.GAVE_UP: "replays"}


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
    hops = [span for span in spans if _is_hop(span)]
    if not hops:
        console.print("no finished span of it yet")
        return 0
    begin = min(span.start for span in hops)
    total = max((span.start - begin).total_seconds() + span.seconds for span in hops)
    extra = _extra(hops, _names(house, document))
    taken = (ROOMY_COLUMNS if console.width >= ROOMY else OTHER_COLUMNS) + sum(
        max(map(len, cells)) + 2 for cells in extra.values()
    )
    width = max(NARROWEST, min(WIDEST, console.width - taken))
    rows = [
        (
            number,
            *_row(span, (span.start - begin).total_seconds(), total, width),
            *(cells[number - 1] for cells in extra.values()),
        )
        for number, span in enumerate(hops, start=1)
    ]
    columns = ("!>", "!stage", "?!event", "!>try", "outcome", "!>start ms", "!>ms", "!when")
    console.print(table("", (*columns, *extra), rows))
    console.print()
    working = sum(span.seconds for span in hops)
    parts = f"; {len(spans) - len(hops)} spans more in JSON" if len(spans) > len(hops) else ""
    console.print(f"{len(hops)} hops in {total:.3f} s, at work for {working:.3f} s{parts}")
    return 0


def _spans(house: House, document: RegisteredDocument) -> list[SpanRecord]:
    """Return the document's part of its trace: an attachment shares it with its e-mail."""
    spans = house.spans(_trace_id(document))
    submission = house.register.submission(document.job_id)
    if document.terminal is Terminal.EXPANDED or submission is None or submission.parent is None:
        return list(spans)
    own = {document.job_id, document.document_id, submission.parent}
    return [span for span in spans if not span.parent_id or own & _about(span)]


def _is_hop(span: SpanRecord) -> bool:
    how = (span.says(SpanAttribute.STAGE), span.says(SpanAttribute.OUTCOME))
    return span.operation not in _PARTS and how != _UNSEEN


def _extra(hops: list[SpanRecord], names: dict[object, str]) -> dict[str, list[str]]:
    """Return the columns that only some traces have: what follows what, and whose span it is."""
    numbers = {span.span_id: number for number, span in enumerate(hops, start=1)}
    columns = {
        "follows": [_follows(span, numbers) for span in hops],
        "attachment": [names.get(span.says(SpanAttribute.JOB_ID), "") for span in hops],
    }
    return {title: cells for title, cells in columns.items() if any(cells)}


def _follows(span: SpanRecord, numbers: dict[str, int]) -> str:
    """Say which attempt a span comes after; one whose worker died has told nothing of itself."""
    return ", ".join(
        f"{_FOLLOWS[Link(linked.what)]} {numbers.get(linked.span_id, 'one that was lost')}"
        for linked in span.links
    )


def _names(house: House, document: RegisteredDocument) -> dict[object, str]:
    """Return what the attachments of an e-mail are called, by their jobs."""
    if document.terminal is not Terminal.EXPANDED:
        return {}
    outcomes = Outcomes(house, document.tenant)
    carried = house.register.parts_of([document.job_id])
    return {one.job_id: outcomes.name(one.job_id) for one in carried}


def _about(span: SpanRecord) -> set[object]:
    said = (span.says(SpanAttribute.JOB_ID), span.says(SpanAttribute.DOCUMENT_ID))
    return {one for one in said if one is not None}


def _row(span: SpanRecord, offset: float, total: float, width: int) -> tuple[object, ...]:
    outcome = str(span.says(SpanAttribute.OUTCOME) or "")
    reason = span.says(SpanAttribute.REASON) or span.says(SpanAttribute.ERROR)
    stage = str(span.says(SpanAttribute.STAGE) or span.service)
    left = min(width - 1, round(width * offset / total)) if total else 0
    length = max(1, round(width * span.seconds / total)) if total else 1
    # A space that folding would strip is none: dots show the wait.
    bar = Text("·" * left if block() != "#" else "." * left, style="dim")
    failed = span.failed or outcome in {"quarantined", "retry"}
    bar.append(block() * min(length, width - left), style="red" if failed else "green")
    what = str(span.says(SpanAttribute.SUBSCRIPTION) or span.operation)
    return (
        stage,
        what.removeprefix(f"{stage}."),
        span.says(SpanAttribute.ATTEMPT) or "",
        f"{outcome} {reason}" if reason else outcome,
        f"{offset * 1000:.1f}",
        f"{span.seconds * 1000:.1f}",
        bar,
    )


def _trace_id(document: RegisteredDocument) -> str:
    return from_structured(document.last_event).traceparent.split("-")[1]
