"""One worker for the bench: the whole edge on memory ports, and a handler that does nothing.

Everything else is real: the token of each push, the codec, leases, sealing, spans, log lines.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.clock import SystemClock
from shared.events.codec import to_message
from shared.events.envelope import Child, Event
from shared.events.payloads import DocumentRead, DocumentType, EventType
from shared.events.results import Summary
from shared.keys.memory import MemoryKeyring
from shared.keys.vault import Vault
from shared.logging import SilentLog, get_logger
from shared.objects.memory import MemoryObjects
from shared.objects.port import ObjectInfo, StoredObject
from shared.telemetry.metrics import NullMetrics
from shared.telemetry.registry import MemoryMetrics
from shared.telemetry.tracing import NullTracing, Tracing
from shared.worker.breaker import Breaker
from shared.worker.edge import Edge
from shared.worker.effects import Effects, Signals
from shared.worker.emitter import Emitter
from shared.worker.isolation import Isolation
from shared.worker.jwks import KeySet
from shared.worker.leases import Leases
from shared.worker.oidc import OidcAuthenticator
from shared.worker.outcome import Outcome
from shared.worker.quarantine import Quarantine
from shared.worker.tombstones import Tombstones
from shared.worker.web import Service

SUBSCRIPTION: Final = "summarize.document-read"
AUDIENCE: Final = "https://summarize.example"
ACCOUNT: Final = "push@bench.example"
KEYS: Final = "BENCH_KEYS"
CONCURRENCY: Final = 8

_SUMMARY: Final = Summary(
    document_type=DocumentType.LETTER, type_confidence=0.9, summary="A letter.", fields={}
)


class _Discarding(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        return SpanExportResult.SUCCESS


class _Discarder:
    """A bus that encodes what it is given, as every bus must, and forgets it."""

    def publish(self, events: Sequence[Event]) -> None:
        for event in events:
            to_message(event)


class _EveryKey(MemoryKeyring):
    """Every document was accepted."""

    def document_key(self, document_id: str) -> bytes:
        return self.create_document_key(document_id)


class _SharedObjects(MemoryObjects):
    """Memory for several threads."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self._lock = threading.RLock()

    def create(self, name: str, data: bytes) -> ObjectInfo:
        with self._lock:
            return super().create(name, data)

    def replace(self, name: str, data: bytes, *, generation: int) -> ObjectInfo:
        with self._lock:
            return super().replace(name, data, generation=generation)

    def read(self, name: str) -> StoredObject:
        with self._lock:
            return super().read(name)

    def stat(self, name: str) -> ObjectInfo | None:
        with self._lock:
            return super().stat(name)

    def delete(self, name: str, *, generation: int | None = None) -> None:
        with self._lock:
            super().delete(name, generation=generation)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._lock:
            return iter(list(super().list(prefix)))


def _summarized(event: Event) -> Outcome:
    data = event.data
    assert isinstance(data, DocumentRead)
    child = Child(
        EventType.DOCUMENT_SUMMARIZED,
        {
            "document_id": data.document_id,
            "revision": data.revision,
            "original": data.original.model_dump(),
            "pages": data.pages,
            "document_type": _SUMMARY.document_type.value,
        },
        takes_result=True,
    )
    return Outcome(result=_SUMMARY, children=(child,))


def build(name: str) -> Service:
    """Return the worker; SIGUSR2 switches its telemetry off, and on again."""
    clock, objects, keyring = SystemClock(), _SharedObjects(), _EveryKey()
    vault = Vault(objects, keyring)
    metrics = MemoryMetrics()
    log = get_logger("summarize")
    effects = Effects(
        vault=vault,
        emitter=Emitter("summarize", publisher=_Discarder(), keyring=keyring, clock=clock),
        leases=Leases(objects, "summarize", clock=clock, holder="bench", lease_s=60),
        tombstones=Tombstones(objects),
        quarantine=Quarantine(objects, vault),
        isolation=Isolation(),
        breaker=Breaker(_nothing, clock=clock),
        clock=clock,
    )
    loud = Signals(log, Tracing(_Discarding(), "summarize"), metrics)
    edge = Edge("summarize", _summarized, effects=effects, signals=loud)
    _switch_on_signal(edge, loud)
    keys: Callable[[], bytes] = os.environ[KEYS].encode
    return Service(
        name=name,
        receivers={SUBSCRIPTION: edge},
        authenticator=OidcAuthenticator(
            audience=AUDIENCE,
            accounts={SUBSCRIPTION: ACCOUNT},
            keys=KeySet(keys, clock=clock),
            clock=clock,
        ),
        checks={},
        metrics=metrics,
        jobs={},
        log=log,
        clock=clock,
        concurrency=CONCURRENCY,
        close=_nothing,
        flush=_nothing,
    )


def _switch_on_signal(edge: Edge, loud: Signals) -> None:
    """Compare with and without in one process: two processes differ by more than telemetry."""
    silent = Signals(SilentLog(), NullTracing(), NullMetrics())

    def switch(_number: int, _frame: object) -> None:
        edge._tell = silent if edge._tell is loud else loud

    if threading.current_thread() is threading.main_thread():  # uvicorn's host builds in another
        signal.signal(signal.SIGUSR2, switch)


def _nothing() -> None:
    pass
