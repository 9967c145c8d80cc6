"""docs/vocabulary.md, made from the closed sets: ``python -m shared.telemetry.vocabulary``."""

from collections.abc import Iterable
from enum import StrEnum
from inspect import getdoc
from pathlib import Path
from typing import Final

from shared.events.payloads import EventType
from shared.logging.fields import FIELD_KINDS, LogField
from shared.telemetry.apis import ApiOperation, ApiOutcome, ApiProblem
from shared.telemetry.log_events import LogEvent
from shared.telemetry.meanings import meanings
from shared.telemetry.metrics import SPECS, Label, Metric, Paid, Unit
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.reasons import (
    HeldReason,
    InsteadReason,
    QuarantineReason,
    RefusedReason,
)
from shared.telemetry.refusals import Refusal
from shared.telemetry.spans import (
    ATTRIBUTE_KINDS,
    SPANS,
    Link,
    MessagingSystem,
    OperationType,
    SpanAttribute,
    SpanName,
)
from shared.telemetry.stages import Stage
from shared.telemetry.values import Kind

PAGE: Final = Path(__file__).parents[2] / "docs" / "vocabulary.md"

_INTRODUCTION: Final = """\
# Vocabulary

Every word that docledger uses for reasons, events, figures, log lines and spans. Each is a closed
set in the code, and this page is made from it: `python -m shared.telemetry.vocabulary`.
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [
        _INTRODUCTION,
        _words("Why a submission was refused", RefusedReason),
        _words("Why a worker refused a request", Refusal),
        _words("Why a document is in quarantine", QuarantineReason),
        _words("Why a document is held", HeldReason),
        _words("Why the embedded summarizer spoke instead", InsteadReason),
        _words("Who works", Stage),
        _words("Event types", EventType),
        _words("Outcomes of a delivery", DeliveryOutcome),
        _words("What callers ask of an API", ApiOperation),
        _words("How a request without a problem ends", ApiOutcome),
        _words("Why an API answers with an error", ApiProblem),
        _metrics(),
        _words("Metric labels", Label),
        _words("Units", Unit),
        _words("Whether a unit was paid for before", Paid),
        _words("Log events", LogEvent),
        _fields(),
        _spans(),
        _attributes(),
        _words("Links between spans", Link),
        _words("Messaging systems", MessagingSystem),
        _words("Messaging operations", OperationType),
        _words("Kinds of value", Kind),
    ]
    return "\n".join(parts)


def _words(title: str, closed_set: type[StrEnum]) -> str:
    rows = ((f"`{word}`", meaning) for word, meaning in meanings(closed_set).items())
    return _section(title, closed_set, ("word", "meaning"), rows)


def _metrics() -> str:
    told = meanings(Metric)
    rows = (
        (
            f"`{metric}`",
            spec.kind,
            spec.unit,
            ", ".join(f"`{label}`" for label in spec.labels),
            f"`{spec.convention}`" if spec.convention else "",
            told[metric.value],
        )
        for metric, spec in SPECS.items()
    )
    columns = ("metric", "type", "unit", "labels", "convention", "meaning")
    return _section("Metrics", Metric, columns, rows)


def _fields() -> str:
    rows = (
        (f"`{name}`", str(FIELD_KINDS.get(name, "made by the logger")), meaning)
        for name, meaning in meanings(LogField).items()
    )
    return _section("Fields of a log line", LogField, ("field", "kind", "meaning"), rows)


def _spans() -> str:
    told = meanings(SpanName)
    rows = (
        (
            f"`{name}`",
            spec.kind.name.lower(),
            f"`{spec.operation}`" if spec.operation else "",
            f"`{spec.named_by}`" if spec.named_by else "",
            told[name.value],
        )
        for name, spec in SPANS.items()
    )
    columns = ("span", "kind", "operation", "named by", "meaning")
    return _section("Spans", SpanName, columns, rows)


def _attributes() -> str:
    rows = (
        (f"`{name}`", str(ATTRIBUTE_KINDS[SpanAttribute(name)]), meaning)
        for name, meaning in meanings(SpanAttribute).items()
    )
    return _section("Span attributes", SpanAttribute, ("attribute", "kind", "meaning"), rows)


def _section(
    title: str,
    closed_set: type[StrEnum],
    columns: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
) -> str:
    about = (getdoc(closed_set) or "").partition("\n")[0]
    lines = [f"## {title}", "", about, "", _row(columns), _row(("---",) * len(columns))]
    lines += [_row(row) for row in rows]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
