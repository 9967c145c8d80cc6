"""A span while its work is being done: registered attributes only, and cheap.

The OpenTelemetry SDK's own span costs several times as much: it samples, guards and copies what
here is decided by the traceparent and by closed sets. What leaves is the SDK's ``ReadableSpan``,
so every exporter takes it.
"""

import os
import re
import secrets
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link as SpanLink
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from shared.telemetry.resource import resource_of
from shared.telemetry.spans import (
    ATTRIBUTE_KINDS,
    SPANS,
    Link,
    MessagingSystem,
    SpanAttribute,
    SpanName,
)
from shared.telemetry.values import CHECKS, Scalar

Attributes = Mapping[SpanAttribute, object]
NONE_GIVEN: Final[Attributes] = {}
Export = Callable[[Sequence[ReadableSpan]], None]

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_AT_ONCE: Final = 512
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_OK: Final = Status(StatusCode.UNSET)
_FAILED: Final = Status(StatusCode.ERROR)
_SCOPE: Final = InstrumentationScope("docledger")
_KEYS: Final = {one: (one.value, CHECKS[kind]) for one, kind in ATTRIBUTE_KINDS.items()}
_ATTEMPT: Final = SpanAttribute.ATTEMPT.value
_ERROR: Final = SpanAttribute.ERROR.value
_DELIVERY_ATTEMPT: Final = SpanAttribute.DELIVERY_ATTEMPT.value
_INHERITED: Final = tuple(
    one.value for one in (SpanAttribute.STAGE, SpanAttribute.JOB_ID, SpanAttribute.DOCUMENT_ID)
)


class Recorder:
    """Makes the spans of one process.

    Args:
        export: takes finished spans; a span and its children come together.
        service: the process that speaks.
        system: which bus it speaks of.
        worth_s: a child that is no messaging operation, took less and did not fail, is not told.
    """

    def __init__(
        self, export: Export, service: str, *, system: MessagingSystem, worth_s: float
    ) -> None:
        self.export = export
        self.worth_ns = int(worth_s * 1e9)
        self.resource = resource_of(service)
        self.system = system
        self.pubsub = system is MessagingSystem.PUBSUB
        self.forms = {name: self._form(name) for name in SpanName}

    def child_of(self, name: SpanName, ids: "Ids | None", attributes: Attributes) -> "RecordedSpan":
        """Begin a span under the one that ``ids`` names; under none, where there are none."""
        if ids is None:
            return RecordedSpan(self, name, _new_trace(), 0, None, attributes)
        return RecordedSpan(self, name, ids.trace, 0, _context(ids.trace, ids.span), attributes)

    def root(self, name: SpanName, ids: "Ids | None", attributes: Attributes) -> "RecordedSpan":
        """Begin the span that ``ids`` names itself; one with new ids, where there are none."""
        trace, span = (ids.trace, ids.span) if ids is not None else (_new_trace(), 0)
        return RecordedSpan(self, name, trace, span, None, attributes)

    def _form(self, name: SpanName) -> "_Form":
        spec = SPANS[name]
        said: dict[str, Scalar] = {}
        if spec.operation is not None:
            said = {
                SpanAttribute.SYSTEM.value: self.system.value,
                SpanAttribute.OPERATION.value: name.value,
                SpanAttribute.OPERATION_TYPE.value: spec.operation.value,
            }
            if spec.topic is not None:
                said[SpanAttribute.TOPIC.value] = spec.topic.value
        named_by = None if spec.named_by is None else spec.named_by.value
        return _Form(name.value, said, named_by, spec.kind, is_operation=spec.operation is not None)


@dataclass(frozen=True, slots=True)
class _Form:
    """What every span of a name has; looked up once: an enum's ``value`` is a call.

    Attributes:
        name: as it is told.
        said: attributes that are always the same.
        named_by: the attribute that is told behind the name.
        kind: OpenTelemetry's.
        is_operation: whether it is one of the messaging operations.
    """

    name: str
    said: dict[str, Scalar]
    named_by: str | None
    kind: SpanKind
    is_operation: bool


class RecordedSpan:
    """One span. Its children are told when it ends, with it: a process that dies leaves neither."""

    __slots__ = (
        "_begun",
        "_children",
        "_context",
        "_failed",
        "_form",
        "_links",
        "_parent",
        "_recorder",
        "_said",
        "_span",
        "_started",
        "_trace",
        "_within",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - the ids of a span and of its parent
        self,
        recorder: Recorder,
        name: SpanName,
        trace: int,
        span: int,
        parent: SpanContext | None,
        attributes: Attributes,
        within: "RecordedSpan | None" = None,
    ) -> None:
        self._recorder = recorder
        self._form = form = recorder.forms[name]
        self._trace = trace
        self._span = span  # 0: made when it is asked for; most parts of a delivery never are
        self._parent = parent
        self._within = within
        self._context: SpanContext | None = None
        self._failed = False
        self._children: list[ReadableSpan] = []
        self._links: tuple[SpanLink, ...] = ()
        self._said = said = form.said.copy()
        for attribute, value in attributes.items():
            if value is not None:
                key, check = _KEYS[attribute]
                kept = check(value)
                if kept is not None:
                    said[key] = kept
        if recorder.pubsub and _ATTEMPT in said:
            said[_DELIVERY_ATTEMPT] = said[_ATTEMPT]
        self._started = time.time_ns()
        self._begun = time.perf_counter_ns()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self.fail(error)
        self._end(time.perf_counter_ns() - self._begun)

    @property
    def context(self) -> SpanContext:
        """Its ids, as OpenTelemetry has them."""
        if self._context is None:
            self._span = self._span or _new_span()
            self._context = _context(self._trace, self._span)
        return self._context

    @property
    def traceparent(self) -> str:
        """What a child names as its parent."""
        return f"00-{self._trace:032x}-{self.context.span_id:016x}-01"

    @property
    def trace_id(self) -> str:
        """32 hex characters."""
        return f"{self._trace:032x}"

    @property
    def span_id(self) -> str:
        """16 hex characters."""
        return f"{self.context.span_id:016x}"

    def set(self, attribute: SpanAttribute, value: object) -> None:
        """Say something registered; a value that is not of its kind is dropped."""
        key, check = _KEYS[attribute]
        kept = check(value)
        if kept is not None:
            self._said[key] = kept

    def fail(self, code: str | BaseException) -> None:
        """Mark the work as failed, with a reason's code or an exception (its type alone)."""
        if isinstance(code, str):
            self.set(SpanAttribute.REASON, code)
        if _ERROR not in self._said:  # what came first is the cause
            self.set(SpanAttribute.ERROR, code)
        self._failed = True

    def link(self, traceparent: str, what: Link) -> None:
        """Name another span, of this trace or another; a malformed traceparent names none."""
        ids = parse(traceparent) if traceparent else None
        if ids is not None and ids.span != self.context.span_id:
            said = {SpanAttribute.LINK.value: what.value}
            self._links += (SpanLink(_context(ids.trace, ids.span), said),)

    def child(self, name: SpanName, attributes: Attributes = NONE_GIVEN) -> "RecordedSpan":
        """Begin a part of this work, about the same document."""
        return RecordedSpan(self._recorder, name, self._trace, 0, None, attributes, within=self)

    def _end(self, nanoseconds: int) -> None:
        recorder = self._recorder
        within = self._within
        form = self._form
        if within is not None:
            if (
                nanoseconds < recorder.worth_ns
                and not form.is_operation
                and not self._failed
                and not self._children
            ):
                return
            self._inherit(within)
        about = self._said.get(form.named_by) if form.named_by is not None else None
        finished = ReadableSpan(
            f"{form.name} {about}" if about else form.name,
            context=self.context,
            parent=self._parent,
            resource=recorder.resource,
            attributes=self._said,
            links=self._links,
            kind=form.kind,
            status=_FAILED if self._failed else _OK,
            start_time=self._started,
            end_time=self._started + nanoseconds,
            instrumentation_scope=_SCOPE,
        )
        if within is not None:
            within.keep(finished, *self._children)
        else:
            recorder.export((finished, *self._children))

    def _inherit(self, within: "RecordedSpan") -> None:
        self._parent = within.context
        theirs = within._said  # noqa: SLF001 - of its own kind
        for key in _INHERITED:
            if key in theirs:
                self._said.setdefault(key, theirs[key])

    def keep(self, *finished: ReadableSpan) -> None:
        """Take parts of this work that ended, to be told with it."""
        self._children += finished


@dataclass(frozen=True, slots=True)
class Ids:
    """What a traceparent names.

    Attributes:
        trace: the trace.
        span: the span.
        sampled: whether the origin decided that the trace is kept.
    """

    trace: int
    span: int
    sampled: bool


def parse(traceparent: str) -> Ids | None:
    """Return what a W3C traceparent (a later version, too) names; None if it is malformed."""
    match = _TRACEPARENT.match(traceparent)
    if match is None or match[1] == _NO_TRACE or match[2] == _NO_SPAN:
        return None
    flags = int(match[3], 16)
    return Ids(int(match[1], 16), int(match[2], 16), bool(flags & TraceFlags.SAMPLED))


def _context(trace: int, span: int) -> SpanContext:
    return SpanContext(trace, span, is_remote=True, trace_flags=_SAMPLED)


def _new_trace() -> int:
    # From the system: the SDK's ids come from ``random``, which tests seed and forks copy.
    return secrets.randbits(128) or 1


class _SpanIds:
    """Span ids from the system, many at a time: each request would give the processor away."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        os.register_at_fork(after_in_child=self._ids.clear)  # a child must not tell the same ids

    def take(self) -> int:
        """Return the next id. Safe for threads."""
        try:
            return self._ids.pop() or 1
        except IndexError:
            fresh = os.urandom(8 * _AT_ONCE)
            self._ids += [value for (value,) in struct.iter_unpack("<Q", fresh)]
            return int.from_bytes(os.urandom(8), "little") or 1


_new_span: Final = _SpanIds().take
