"""One trace per document: spans by OpenTelemetry, without any global state.

A submission's traceparent (W3C Trace Context) is made from its job; every event carries it. The
span of the submission has exactly its ids and no parent: it is the root, and the span of every
delivery names it as its parent. Nothing depends on a current span of the thread. What a span may
hold is ``shared.telemetry.spans``; anything else is dropped, and exceptions leave only their type.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol, Self

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter

from shared.events.ids import origin_of
from shared.telemetry.recording import NONE_GIVEN, Attributes, Recorder, parse
from shared.telemetry.spans import Link, MessagingSystem, SpanAttribute, SpanName

WORTH_S: Final = 0.001
"""Parts of a delivery (its handler, its store) that took less tell nobody anything."""

_SAMPLING_STEPS: Final = 2**32


class ActiveSpan(Protocol):
    """A span while its work is being done."""

    @property
    def traceparent(self) -> str:
        """What a child names as its parent; and what joins a log line to the span."""
        ...

    @property
    def trace_id(self) -> str:
        """32 hex characters."""
        ...

    @property
    def span_id(self) -> str:
        """16 hex characters."""
        ...

    def set(self, attribute: SpanAttribute, value: object) -> None:
        """Say something registered; a value that is not of its kind is dropped."""
        ...

    def fail(self, code: str | BaseException) -> None:
        """Mark the work as failed, with a reason's code or an exception (its type alone)."""
        ...

    def link(self, traceparent: str, what: Link) -> None:
        """Name another span; a malformed traceparent names none."""
        ...

    def child(
        self, name: SpanName, attributes: Attributes = NONE_GIVEN
    ) -> AbstractContextManager["ActiveSpan"]:
        """Measure a part of this work; it is told when the whole ends, with it."""
        ...


class Tracing:
    """Makes spans and hands them, finished, to an exporter.

    Args:
        exporter: where finished spans go, at once (``shared.telemetry.queue`` for one that waits).
        service: the process that speaks (``ingest``, ``ocr`` … or ``docledger`` for all in one).
        sample: which share of the submissions is traced, 0 to 1. Decided once, at the origin, and
            carried in the traceparent's flag.
        system: which bus carries the events.
        worth_s: how long a part of a delivery takes at least to be told.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        service: str,
        *,
        sample: float = 1.0,
        system: MessagingSystem = MessagingSystem.EMBEDDED,
        worth_s: float = WORTH_S,
    ) -> None:
        self._exporter = exporter
        self._recorder = Recorder(self._export, service, system=system, worth_s=worth_s)
        self._threshold = round(sample * _SAMPLING_STEPS)
        self.lost = 0
        """Spans that the exporter failed to take."""

    def origin(self, job_id: str) -> str:
        """Return the traceparent in which a submission's work begins; the same for the same job.

        Whether the trace is kept is a matter of the job's id, too.
        """
        origin = origin_of(job_id)
        return origin if int(job_id[32:40], 16) < self._threshold else f"{origin[:-2]}00"

    def root(
        self,
        name: SpanName,
        *,
        traceparent: str,
        attributes: Attributes = NONE_GIVEN,
    ) -> AbstractContextManager[ActiveSpan]:
        """Measure what a trace begins with: the span that ``traceparent`` itself names.

        Told again by whoever does the same work again, with the same ids: readers take one. End it
        before the event is published, or a crash between leaves the others without it.

        Args:
            name: what is measured.
            traceparent: of the origin. A malformed one starts a new trace.
            attributes: registered ones; the rest is dropped.
        """
        ids = parse(traceparent)
        if ids is not None and not ids.sampled:
            return _PassingSpan(traceparent)
        return self._recorder.root(name, ids, attributes)

    def span(
        self,
        name: SpanName,
        *,
        parent: str,
        attributes: Attributes = NONE_GIVEN,
    ) -> AbstractContextManager[ActiveSpan]:
        """Measure the work of a ``with`` block; an exception fails the span and goes on.

        Args:
            name: what is measured.
            parent: a traceparent. A malformed one starts a new trace, as W3C Trace Context says.
            attributes: registered ones; the rest is dropped.
        """
        ids = parse(parent)
        if ids is not None and not ids.sampled:
            return _PassingSpan(parent)
        return self._recorder.child_of(name, ids, attributes)

    def flush(self, timeout_s: float) -> bool:
        """Hand on what waits; tell whether that was done in time."""
        return self._exporter.force_flush(int(timeout_s * 1000))

    def close(self) -> None:
        """Let the exporter finish; spans that end later are lost."""
        self._exporter.shutdown()

    def _export(self, spans: Sequence[ReadableSpan]) -> None:
        try:
            self._exporter.export(spans)
        except Exception:  # noqa: BLE001 - telemetry never fails a job
            self.lost += len(spans)


class NullTracing(Tracing):
    """Traces nothing and costs nothing; for the simulation."""

    def __init__(self) -> None:
        """Need nothing."""

    def origin(self, job_id: str) -> str:
        """Return the origin of the job."""
        return origin_of(job_id)

    def root(
        self,
        name: SpanName,  # noqa: ARG002 - the port has it
        *,
        traceparent: str,
        attributes: Attributes = NONE_GIVEN,  # noqa: ARG002 - the port has it
    ) -> AbstractContextManager[ActiveSpan]:
        """Return a span that passes the origin on."""
        return _PassingSpan(traceparent)

    def span(
        self,
        name: SpanName,  # noqa: ARG002 - the port has it
        *,
        parent: str,
        attributes: Attributes = NONE_GIVEN,  # noqa: ARG002 - the port has it
    ) -> AbstractContextManager[ActiveSpan]:
        """Return a span that passes its parent on."""
        return _PassingSpan(parent)

    def flush(self, timeout_s: float) -> bool:  # noqa: ARG002 - the port has it
        """Nothing waits."""
        return True

    def close(self) -> None:
        """Nothing to finish."""


class _PassingSpan:
    """No span at all: children name the parent's parent."""

    __slots__ = ("traceparent",)

    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def trace_id(self) -> str:
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        return self.traceparent[36:52]

    def set(self, attribute: SpanAttribute, value: object) -> None:
        pass

    def fail(self, code: str | BaseException) -> None:
        pass

    def link(self, traceparent: str, what: Link) -> None:
        pass

    def child(
        self,
        name: SpanName,  # noqa: ARG002 - the port has it
        attributes: Attributes = NONE_GIVEN,  # noqa: ARG002 - likewise
    ) -> "_PassingSpan":
        return self
