"""A local server that speaks Cloud Trace: v2 to write, v1 to read; and every mishap.

It gives back what is documented and no more: ids, names, times, attributes as labels,
``RPC_CLIENT`` and ``RPC_SERVER``. Links, a status and the other kinds are lost between the two, as
v1 has no field for them. It keeps to the narrowest limits that were ever documented
(google.devtools.cloudtrace.v2, Span): what is beyond is cut, as there, and stands in ``wrong``,
which each test ends by reading.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from typing import Any, Final

import grpc
import pytest
from google.cloud import trace_v1, trace_v2
from google.protobuf.empty_pb2 import Empty

PROJECT: Final = "docledger-test"

_V1: Final = "google.devtools.cloudtrace.v1.TraceService"
_V2: Final = "google.devtools.cloudtrace.v2.TraceService"
_MOST_NAME: Final = 128
_MOST_ATTRIBUTES: Final = 32
_MOST_KEY: Final = 128
_MOST_VALUE: Final = 256
_MOST_DELAY_S: Final = 30.0
_KINDS: Final = {
    trace_v2.Span.SpanKind.CLIENT: trace_v1.TraceSpan.SpanKind.RPC_CLIENT,
    trace_v2.Span.SpanKind.SERVER: trace_v1.TraceSpan.SpanKind.RPC_SERVER,
}


class Fault(Enum):
    """What goes wrong with one answer."""

    HANG = auto()  # no answer for as long as the caller waits


class TraceServer:
    """One server on a free port of this machine.

    Attributes:
        address: ``host:port``.
        calls: full method and resource of every call, in order.
        wrong: what a caller wrote that Cloud Trace would cut.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self._traces: dict[tuple[str, str], list[Any]] = {}
        self._faults: dict[str, deque[Fault | grpc.StatusCode]] = {}
        self._lock = threading.Lock()
        self._release = threading.Event()
        self._pool = ThreadPoolExecutor(4)
        self._server = grpc.server(self._pool)
        self._serve(_V2, "BatchWriteSpans", trace_v2.BatchWriteSpansRequest, self._write)
        self._serve(_V1, "GetTrace", trace_v1.GetTraceRequest, self._get)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        """End it, and whoever still waits."""
        self._release.set()
        self._server.stop(None).wait()
        self._pool.shutdown()

    def fail(self, method: str, *faults: Fault | grpc.StatusCode) -> None:
        """Let the next calls of a method go wrong, each in its way."""
        self._faults.setdefault(method, deque()).extend(faults)

    def put(self, trace_id: str, *spans: trace_v1.TraceSpan) -> None:
        """Add spans as v1 gives them, however they came there."""
        self._traces.setdefault((PROJECT, trace_id), []).extend(spans)

    def spans(self, trace_id: str) -> list[Any]:
        """Return what a trace has, as v1 gives it."""
        return self._traces[PROJECT, trace_id]

    def count(self, method: str) -> int:
        """Return how often a method was called."""
        return sum(called.endswith(f".{method}") for called, _ in self.calls)

    def _serve(self, service: str, method: str, request: Any, work: Callable[..., Any]) -> None:
        def answer(asked: Any, context: grpc.ServicerContext) -> Any:
            with self._lock:
                resource = getattr(asked, "name", "") or f"projects/{asked.project_id}"
                self.calls.append((f"{service}.{method}", resource))
                waiting = self._faults.get(method)
                fault = waiting.popleft() if waiting else None
            if isinstance(fault, grpc.StatusCode):
                context.abort(fault, "told to refuse")
            if fault is Fault.HANG:
                self._hang(context)
            with self._lock:
                return work(asked, context)

        handler = grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=request.deserialize,
            response_serializer=lambda message: message.SerializeToString(),
        )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {method: handler}),)
        )

    def _hang(self, context: grpc.ServicerContext) -> None:
        ends = time.monotonic() + _MOST_DELAY_S
        while context.is_active() and time.monotonic() < ends:
            if self._release.wait(0.01):
                return

    def _write(self, asked: Any, context: grpc.ServicerContext) -> Any:
        for span in asked.spans:
            _, project, _, trace_id, _, span_id = span.name.split("/")
            if asked.name != f"projects/{project}" or span_id != span.span_id:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a span of another project or id")
            # What is written twice is undefined: here both are kept.
            self._traces.setdefault((project, trace_id), []).append(self._as_v1(span))
        return Empty()

    def _get(self, asked: Any, context: grpc.ServicerContext) -> Any:
        found = self._traces.get((asked.project_id, asked.trace_id))
        if not found:
            context.abort(grpc.StatusCode.NOT_FOUND, "Resource not found")
        trace = trace_v1.Trace(project_id=asked.project_id, trace_id=asked.trace_id, spans=found)
        return trace_v1.Trace.pb(trace)

    def _as_v1(self, span: Any) -> trace_v1.TraceSpan:
        attributes = span.attributes.attribute_map
        if len(attributes) > _MOST_ATTRIBUTES:
            self.wrong.append(f"{len(attributes)} attributes")
        labels = {
            self._cut("a key", key, _MOST_KEY): self._cut("a value", _text(value), _MOST_VALUE)
            for key, value in sorted(attributes.items())[:_MOST_ATTRIBUTES]
        }
        return trace_v1.TraceSpan(
            span_id=int(span.span_id, 16),
            parent_span_id=int(span.parent_span_id or "0", 16),
            name=self._cut("a name", span.display_name.value, _MOST_NAME),
            kind=_KINDS.get(span.span_kind, trace_v1.TraceSpan.SpanKind.SPAN_KIND_UNSPECIFIED),
            start_time=span.start_time,
            end_time=span.end_time,
            labels=labels,
        )

    def _cut(self, what: str, text: str, most: int) -> str:
        data = text.encode()
        if len(data) > most:
            self.wrong.append(f"{what} of {len(data)} bytes")
        return data[:most].decode(errors="ignore")


def _text(value: Any) -> str:
    """Return an attribute's value as a label has it."""
    if "string_value" in value:
        return str(value.string_value.value)
    return str(value.bool_value).lower() if "bool_value" in value else str(value.int_value)


@pytest.fixture
def trace_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TraceServer]:
    """Give a server that the variable leads to; the test fails where something was cut."""
    server = TraceServer()
    monkeypatch.setenv("DOCLEDGER_UNSAFE_TRACE_EMULATOR", server.address)
    yield server
    server.stop()
    assert server.wrong == []
