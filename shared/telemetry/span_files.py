"""Spans in files: one JSON line each, one file a process, readable while it is written.

A line is appended by one write. A crash can leave a torn last line: the reader skips it, and the
next process with the same id starts a fresh line. Nothing here ever fails a job: what cannot be
written is counted and lost.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, StatusCode

from shared.telemetry.spans import SpanAttribute

_NANOSECONDS: Final = 1_000_000_000
_DAY: Final = 86_400 * _NANOSECONDS
_ENCODE: Final = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class LinkedSpan:
    """Another span that a span names.

    Attributes:
        trace_id: 32 hex characters.
        span_id: 16 hex characters.
        what: a ``Link``.
    """

    trace_id: str
    span_id: str
    what: str


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One finished span.

    Attributes:
        trace_id: 32 hex characters.
        span_id: 16 hex characters.
        parent_id: 16 hex characters; empty for the root.
        name: a ``SpanName``, with its subscription or topic where it has one.
        kind: ``producer``, ``consumer`` or ``internal``.
        service: the process that wrote it.
        start: UTC.
        seconds: how long it took.
        failed: whether it ended in failure.
        attributes: by ``SpanAttribute``.
        links: spans that this one names.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    service: str
    start: datetime
    seconds: float
    failed: bool
    attributes: dict[str, str | int | float | bool] = field(default_factory=dict)
    links: tuple[LinkedSpan, ...] = ()

    @property
    def operation(self) -> str:
        """The ``SpanName`` alone."""
        return self.name.partition(" ")[0]

    def says(self, attribute: SpanAttribute) -> str | int | float | bool | None:
        """Return what it says; None where it says nothing of it."""
        return self.attributes.get(attribute.value)


class SpanFiles(SpanExporter):
    """Appends each span to ``<folder>/<process id>-<day since 1970>.ndjson``.

    A file a day, so that what is old can be removed while the process runs on.

    Args:
        folder: made at the first span.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = -1
        self._owner = (0, 0)  # the process and the day that the open file is of
        self.lost = 0
        """Spans that could not be written."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append the spans."""
        data = "".join(_line(span) for span in spans).encode("ascii")
        try:
            last = max((span.end_time or 0 for span in spans), default=0)
            owner = (os.getpid(), last // _DAY)
            if self._owner != owner:  # the first span, a new day, or a child of a fork
                self._open(owner)
            written = os.write(self._descriptor, data)
        except OSError:
            written = 0
        if written == len(data):
            return SpanExportResult.SUCCESS
        self.lost += len(spans)
        self._owner = (0, 0)  # the next one opens again, and ends a torn line
        return SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - nothing waits
        """Say that all is written: it was at once."""
        return True

    def shutdown(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._owner = -1, (0, 0)

    def _open(self, owner: tuple[int, int]) -> None:
        self.shutdown()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / "{}-{}.ndjson".format(*owner)
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._owner = owner
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")


def read_spans(
    folder: Path, *, trace_id: str | None = None, document_id: str | None = None
) -> list[SpanRecord]:
    """Return finished spans, oldest first; one that was told twice (a root), once.

    Args:
        folder: where ``SpanFiles`` writes.
        trace_id: only spans of this trace.
        document_id: only spans about this document, and those of its traces that name no
            document (its submission, for example).
    """
    if document_id is None:
        found = [
            span for span in _read(folder, trace_id or "") if trace_id in {None, span.trace_id}
        ]
    else:
        key = SpanAttribute.DOCUMENT_ID.value
        about = [s for s in _read(folder, document_id) if s.attributes.get(key) == document_id]
        traces = {span.trace_id for span in about if trace_id in {None, span.trace_id}}
        found = [
            span
            for span in (_read(folder, "") if traces else ())
            if span.trace_id in traces and span.attributes.get(key, document_id) == document_id
        ]
    return once_in_order(found)


def once_in_order(found: Iterable[SpanRecord]) -> list[SpanRecord]:
    """Return spans, oldest first; of a root that was told again, the first that did its work."""
    told = sorted(found, key=lambda span: (not span.failed, -span.start.timestamp()))
    once = {span.span_id: span for span in told}
    return sorted(once.values(), key=lambda span: (span.start, -span.seconds))


def _line(span: ReadableSpan) -> str:
    context, parent = span.get_span_context(), span.parent
    start = span.start_time or 0
    record = {
        "trace_id": f"{context.trace_id:032x}" if context else "",
        "span_id": f"{context.span_id:016x}" if context else "",
        "parent_id": f"{parent.span_id:016x}" if parent else "",
        "name": span.name,
        "kind": span.kind.name.lower(),
        "service": span.resource.attributes.get("service.name"),
        "start_ns": start,
        "duration_ns": (span.end_time or start) - start,
        "failed": span.status.status_code is StatusCode.ERROR,
        "attributes": dict(span.attributes or {}),
    }
    if span.links:
        record["links"] = [_link(link) for link in span.links]
    return _ENCODE(record) + "\n"


def _link(link: Link) -> dict[str, str]:
    what = (link.attributes or {}).get(SpanAttribute.LINK.value, "")
    return {
        "trace_id": f"{link.context.trace_id:032x}",
        "span_id": f"{link.context.span_id:016x}",
        "what": str(what),
    }


def _read(folder: Path, needle: str) -> Iterator[SpanRecord]:
    """Yield every whole span in the folder whose line contains ``needle``."""
    for path in sorted(folder.glob("*.ndjson")):
        with path.open("rb") as file:
            for line in file:
                if needle.encode() in line and line.endswith(b"\n"):
                    record = _record(line)
                    if record is not None:
                        yield record


def _record(line: bytes) -> SpanRecord | None:
    """Return the span of one line; None for a torn one."""
    try:
        raw = json.loads(line)
        return SpanRecord(
            trace_id=raw["trace_id"],
            span_id=raw["span_id"],
            parent_id=raw["parent_id"],
            name=raw["name"],
            kind=raw.get("kind", ""),
            service=raw["service"],
            start=datetime.fromtimestamp(raw["start_ns"] / _NANOSECONDS, UTC),
            seconds=raw["duration_ns"] / _NANOSECONDS,
            failed=raw["failed"],
            attributes=raw["attributes"],
            links=tuple(LinkedSpan(**link) for link in raw.get("links", ())),
        )
    except (ValueError, KeyError, TypeError):
        return None
