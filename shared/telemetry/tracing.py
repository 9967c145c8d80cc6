"""One trace per document: spans by OpenTelemetry, without any global state.

The origin of a submission makes a ``traceparent`` (W3C Trace Context); every event carries it, and
every span names its parent by it. Nothing depends on a current span of the thread. What a span may
hold is ``shared.telemetry.spans``; anything else is dropped, and exceptions leave only their type.
"""

import re
import secrets
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Protocol

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from shared.telemetry.spans import ATTRIBUTE_KINDS, SpanAttribute, SpanName
from shared.telemetry.values import CHECKS

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_ERROR: Final = Status(StatusCode.ERROR)
_NONE_GIVEN: Final[Mapping[SpanAttribute, object]] = {}
_SAMPLING_STEPS: Final = 2**32


class ActiveSpan(Protocol):
    """A span while its work is being done."""

    @property
    def traceparent(self) -> str:
        """What a child names as its parent."""
        ...

    @property
    def trace_id(self) -> str:
        """32 hex characters; for log lines."""
        ...

    @property
    def span_id(self) -> str:
        """16 hex characters; for log lines."""
        ...

    def set(self, attribute: SpanAttribute, value: object) -> None:
        """Say something registered; a value that is not of its kind is dropped."""
        ...

    def fail(self, code: str | BaseException) -> None:
        """Mark the work as failed, with a reason's code or an exception (its type alone)."""
        ...


class Tracing:
    """Makes spans and hands them, finished, to an exporter.

    Args:
        exporter: where finished spans go, at once.
        service: the process that speaks (``ingest``, ``ocr`` … or ``docledger`` for all in one).
        sample: which share of the submissions is traced, 0 to 1. Decided once, at the origin, and
            carried in the traceparent's flag.
    """

    def __init__(self, exporter: SpanExporter, service: str, *, sample: float = 1.0) -> None:
        provider = TracerProvider(
            sampler=ParentBased(
                root=ALWAYS_ON,
                remote_parent_sampled=ALWAYS_ON,
                remote_parent_not_sampled=ALWAYS_OFF,
            ),
            resource=Resource({"service.name": service}),
            id_generator=_SystemIds(),
            span_limits=SpanLimits(),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        self._exporter = exporter
        self._tracer = provider.get_tracer("docledger")
        self._threshold = round(sample * _SAMPLING_STEPS)

    def origin(self) -> str:
        """Return a new traceparent, for one submission."""
        sampled = secrets.randbits(32) < self._threshold
        ids = _SystemIds()
        return f"00-{ids.generate_trace_id():032x}-{ids.generate_span_id():016x}-{sampled:02x}"

    def span(
        self,
        name: SpanName,
        *,
        parent: str,
        attributes: Mapping[SpanAttribute, object] = _NONE_GIVEN,
    ) -> AbstractContextManager[ActiveSpan]:
        """Measure the work of a ``with`` block; an exception fails the span and goes on.

        Args:
            name: what is measured.
            parent: a traceparent. A malformed one starts a new trace, as W3C Trace Context says.
            attributes: registered ones; the rest is dropped.
        """
        return self._span(name, parent, attributes)

    def close(self) -> None:
        """Let the exporter finish; spans that end later are lost."""
        self._exporter.shutdown()

    @contextmanager
    def _span(
        self, name: SpanName, parent: str, attributes: Mapping[SpanAttribute, object]
    ) -> Generator[ActiveSpan]:
        span = self._tracer.start_span(
            name.value,
            context=_context_of(parent),
            attributes=_allowed(attributes),
            record_exception=False,  # its message could be content
            set_status_on_exception=False,
        )
        active = _RecordedSpan(span)
        try:
            yield active
        except BaseException as error:
            active.fail(error)
            raise
        finally:
            span.end()


class NullTracing(Tracing):
    """Traces nothing and costs nothing; for the simulation. Origins count up."""

    def __init__(self) -> None:
        self._origins = 0

    def origin(self) -> str:
        """Return the next traceparent, not sampled."""
        self._origins += 1
        return f"00-{self._origins:032x}-{self._origins:016x}-00"

    def span(
        self,
        name: SpanName,  # noqa: ARG002 - the port has it
        *,
        parent: str,
        attributes: Mapping[SpanAttribute, object] = _NONE_GIVEN,  # noqa: ARG002 - the port has it
    ) -> AbstractContextManager[ActiveSpan]:
        """Return a span that passes its parent on."""
        return nullcontext(_PassingSpan(parent))

    def close(self) -> None:
        """Nothing to finish."""


class _RecordedSpan:
    """An OpenTelemetry span that takes registered attributes only."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        context = self._span.get_span_context()
        flags = context.trace_flags & TraceFlags.SAMPLED
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags:02x}"

    @property
    def trace_id(self) -> str:
        return f"{self._span.get_span_context().trace_id:032x}"

    @property
    def span_id(self) -> str:
        return f"{self._span.get_span_context().span_id:016x}"

    def set(self, attribute: SpanAttribute, value: object) -> None:
        kept = CHECKS[ATTRIBUTE_KINDS[attribute]](value)
        if kept is not None:
            self._span.set_attribute(attribute.value, kept)

    def fail(self, code: str | BaseException) -> None:
        attribute = SpanAttribute.REASON if isinstance(code, str) else SpanAttribute.ERROR
        self.set(attribute, code)
        self._span.set_status(_ERROR)


class _PassingSpan:
    """No span at all: children name the parent's parent."""

    __slots__ = ("traceparent",)

    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent

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


class _SystemIds(IdGenerator):
    """Ids from the system: the library's come from ``random``, which tests seed and forks copy."""

    def generate_trace_id(self) -> int:
        return secrets.randbits(128) or 1

    def generate_span_id(self) -> int:
        return secrets.randbits(64) or 1


def _allowed(attributes: Mapping[SpanAttribute, object]) -> dict[str, str | int | float | bool]:
    kept: dict[str, str | int | float | bool] = {}
    for attribute, value in attributes.items():
        shown = CHECKS[ATTRIBUTE_KINDS[attribute]](value)
        if shown is not None:
            kept[attribute.value] = shown
    return kept


def _context_of(traceparent: str) -> Context:
    """Return the context that makes a span the child of ``traceparent``; empty if malformed."""
    match = _TRACEPARENT.match(traceparent)
    if match is None or match[1] == _NO_TRACE or match[2] == _NO_SPAN:
        return Context()
    parent = SpanContext(
        trace_id=int(match[1], 16),
        span_id=int(match[2], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(match[3], 16) & TraceFlags.SAMPLED),
    )
    return set_span_in_context(NonRecordingSpan(parent), Context())
