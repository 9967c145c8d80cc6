"""Spans read back from Cloud Trace, as ``shared.telemetry.gcp`` sent them.

They are written by API v2 (BatchWriteSpans) and read by v1 (GetTrace): v2 cannot read. What comes
back is documented in part. Documented: ids, names, times, and attributes as labels, keys and values
strings (cloud.google.com/trace/docs/trace-labels; google.devtools.cloudtrace.v1.TraceSpan; Google's
own end-to-end tests of its exporters read so what they wrote). v1 has no field for links, for a
status, or for the kinds ``producer`` and ``consumer``. So nothing here depends on them: links are
told as an attribute, too (``shared.telemetry.told_links``); a span that failed says ``error.type``;
its kind follows from its name. Inferred: that whole numbers come back in decimal, and that
``g.co/status/code``, where it is there, is the status as ``google.rpc.Code`` (Google's older
exporters wrote it so by v1).

Spans arrive seconds, at times minutes, after they were sent, and are kept for 30 days. Of one
trace Cloud Trace returns at most 10,000 spans, which ones is not said; 1,000 in earlier editions
of cloud.google.com/trace/docs/quotas.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from heapq import nsmallest
from typing import Any, Final

import grpc
from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    NotFound,
    ResourceExhausted,
    RetryError,
)
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.trace_v1 import GetTraceRequest, Trace, TraceServiceClient
from google.cloud.trace_v1.services.trace_service.transports import TraceServiceGrpcTransport

from shared.errors import TransientError
from shared.google_client import UNAVAILABLE, OpenedOnce, code_of
from shared.telemetry.span_files import SpanRecord, once_in_order
from shared.telemetry.spans import ATTRIBUTE_KINDS, SPANS, SpanAttribute, SpanName
from shared.telemetry.told_links import heard
from shared.telemetry.trace_emulator import trace_emulator
from shared.telemetry.values import Kind

ATTEMPT_S: Final = 10.0
DEADLINE_S: Final = 30.0

MOST_SPANS: Final = 10_000
MOST_BYTES: Final = 32 * 1024 * 1024
"""Of one answer: a span of ours has about 1.5 KB."""

_FIRST_DELAY_S: Final = 0.1
_MOST_DELAY_S: Final = 2.0
_NANOSECONDS: Final = 1_000_000_000
_SERVICE: Final = "service.name"
_STATUS: Final = "g.co/status/code"
_OK: Final = "0"
_NUMBERS: Final = {Kind.INTEGER: int, Kind.NUMBER: float}
_OURS: Final = frozenset(name.value for name in SpanName)
_AGAIN: Final = tuple(one for one in UNAVAILABLE if one is not ResourceExhausted)
"""A quota is one of a minute, and an answer that is too large stays so."""


def read_cloud_trace(
    project: str,
    trace_id: str,
    *,
    attempt_s: float = ATTEMPT_S,
    deadline_s: float = DEADLINE_S,
    most_bytes: int = MOST_BYTES,
) -> list[SpanRecord]:
    """Return the finished spans of a trace, oldest first; none where none has arrived yet.

    They are what ``read_spans`` returns for the same spans in files. What is no span of ours, or
    malformed, is left out, as a torn line is. Of more than ``MOST_SPANS`` the oldest are returned.

    Needs ``cloudtrace.traces.get`` on the project. ``DOCLEDGER_UNSAFE_TRACE_EMULATOR`` leads to a
    local server.

    Args:
        project: where the trace lies.
        trace_id: 32 hex characters.
        attempt_s: so long may one try take.
        deadline_s: after so long no further try is begun.
        most_bytes: a larger answer is refused before it is held in memory.

    Raises:
        TransientError: Cloud Trace is unavailable, refuses us, or has too much to tell.
        UserError: production is told to ask an emulator.
    """
    emulator = trace_emulator()
    opened = OpenedOnce(lambda: _client(emulator, most_bytes))
    again = Retry(
        predicate=if_exception_type(*_AGAIN),
        initial=_FIRST_DELAY_S,
        maximum=_MOST_DELAY_S,
        timeout=deadline_s,
    )
    request = GetTraceRequest(project_id=project, trace_id=trace_id)

    def once() -> Trace:
        return opened.get().get_trace(request, retry=None, timeout=attempt_s)

    try:
        with _translated(most_bytes):
            answer = Trace.pb(again(once)())
    except NotFound:
        return []
    finally:
        opened.close()
    oldest = nsmallest(MOST_SPANS, answer.spans, key=lambda span: _ns(span.start_time))
    records = (_record(trace_id, span) for span in oldest)
    return once_in_order(record for record in records if record is not None)


def _client(emulator: str | None, most_bytes: int) -> TraceServiceClient:
    options = (("grpc.max_receive_message_length", most_bytes),)
    channel = (
        TraceServiceGrpcTransport.create_channel(options=options)
        if emulator is None
        else grpc.insecure_channel(emulator, options=options)
    )
    return TraceServiceClient(transport=TraceServiceGrpcTransport(channel=channel))


@contextmanager
def _translated(most_bytes: int) -> Iterator[None]:
    """Turn what Google's client raises into one line; nothing of the server's text is repeated."""
    try:
        yield
    except NotFound:
        raise
    except ResourceExhausted as err:
        raise TransientError(
            "Cloud Trace's quota is used up (RESOURCE_EXHAUSTED), or the trace is larger than "
            f"{most_bytes} bytes: wait a minute, then look at it in the console"
        ) from err
    except RetryError as err:
        raise TransientError(f"Cloud Trace is unavailable ({code_of(err)})") from err
    except Forbidden as err:
        raise TransientError(
            f"Cloud Trace refuses us ({code_of(err)}): grant cloudtrace.traces.get on the project"
        ) from err
    except (GoogleAPICallError, GoogleAuthError, grpc.RpcError) as err:
        raise TransientError(f"Cloud Trace refuses us ({code_of(err)})") from err


def _record(trace_id: str, span: Any) -> SpanRecord | None:  # noqa: ANN401 - Google's message
    """Return a span of v1; None for one that is not ours, or not whole."""
    labels = span.labels
    operation = span.name.partition(" ")[0]
    start, end = _ns(span.start_time), _ns(span.end_time)
    if operation not in _OURS or _SERVICE not in labels or not span.span_id:
        return None
    if not 0 < start <= end:
        return None
    try:
        began = datetime.fromtimestamp(start / _NANOSECONDS, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return SpanRecord(
        trace_id=trace_id,
        span_id=f"{span.span_id:016x}",
        parent_id=f"{span.parent_span_id:016x}" if span.parent_span_id else "",
        name=span.name,
        kind=SPANS[SpanName(operation)].kind.name.lower(),
        service=labels[_SERVICE],
        start=began,
        seconds=(end - start) / _NANOSECONDS,
        failed=SpanAttribute.ERROR.value in labels or labels.get(_STATUS, _OK) != _OK,
        attributes=dict(_attributes(labels)),
        links=heard(labels.get(SpanAttribute.LINKS.value, "")),
    )


def _ns(stamp: Any) -> int:  # noqa: ANN401 - likewise
    """Return nanoseconds since 1970; of any timestamp: the message's own method may raise."""
    return int(stamp.seconds) * _NANOSECONDS + int(stamp.nanos)


def _attributes(labels: Any) -> Iterator[tuple[str, str | int | float]]:  # noqa: ANN401 - likewise
    """Yield what a span file has: our attributes, numbers as numbers."""
    for attribute, kind in ATTRIBUTE_KINDS.items():
        key = attribute.value
        if key not in labels or attribute is SpanAttribute.LINKS:
            continue
        try:
            yield key, _NUMBERS.get(kind, str)(labels[key])
        except ValueError:  # not of its kind: dropped, as a recorder drops it
            continue
