"""A local server that speaks google.cloud.documentai.v1 and its operations, with every mishap.

It reads PDFs by their text, or replays what a test gives it, and holds to Document AI's limits:
pages, bytes, batches at once, requests a second. What a careful caller would not send stands in
``wrong``, which each test ends by reading.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import grpc
import pytest
from google.cloud import documentai_v1 as api
from google.longrunning import operations_pb2

from shared.clock import Clock
from shared.objects.port import NotFoundError, ObjectStore
from tests.emulators.documentai_answers import Json, document, pages_of, shards_of
from tests.emulators.documentai_faults import Ends, Fault, Leaves

BUCKET: Final = "docledger-test-batches"

_SITE: Final = "projects/docledger-test/locations/eu"
OCR: Final = f"{_SITE}/processors/0cr"
INVOICE: Final = f"{_SITE}/processors/1nv"

_SERVICE: Final = "google.cloud.documentai.v1.DocumentProcessorService"
_OPERATIONS: Final = "google.longrunning.Operations"
_ONLINE_PAGES: Final = 15
_BATCH_PAGES: Final = {OCR: 500, INVOICE: 200}
_ONLINE_BYTES: Final = 40_000_000
_BATCHES: Final = 10
_ROUNDING_S: Final = 1e-6
_MOST_DELAY_S: Final = 30.0
_OPTIONS: Final = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


@dataclass
class _Running:
    name: str
    request: Any
    fault: Any
    error: int = 0
    ended: bool = False
    folder: str = ""


class DocumentAiServer:
    """One server on a free port of this machine.

    Attributes:
        address: ``host:port``.
        calls: method and resource of every call, in order.
        pages: that were read, and would have been paid for.
        wrong: what a careful caller does not do.
        answers: what to answer instead of a file's own text; by processor.
        bucket: where batches find and leave what they read.
        most_at_once: batches that ran at the same time.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.pages = 0
        self.wrong: list[str] = []
        self.answers: dict[str, Json] = {}
        self.bucket: ObjectStore | None = None
        self.most_at_once = 0
        self.unordered = False
        self._quota: tuple[int, Clock] | None = None
        self._asked_at: deque[float] = deque()
        self._holds = False
        self._denies = False
        self._late: list[tuple[str, bytes]] = []
        self._running: dict[str, _Running] = {}
        self._faults: dict[str, deque[Any]] = {}
        self._always: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._release = threading.Event()
        self._pool = ThreadPoolExecutor(8)
        self._server = grpc.server(self._pool, options=_OPTIONS)
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    _SERVICE,
                    {
                        "ProcessDocument": self._handler(
                            "ProcessDocument",
                            api.ProcessRequest.deserialize,
                            api.ProcessResponse.serialize,
                            self._process,
                        ),
                        "BatchProcessDocuments": self._handler(
                            "BatchProcessDocuments",
                            api.BatchProcessRequest.deserialize,
                            operations_pb2.Operation.SerializeToString,
                            self._batch,
                        ),
                    },
                ),
                grpc.method_handlers_generic_handler(
                    _OPERATIONS,
                    {
                        "GetOperation": self._handler(
                            "GetOperation",
                            operations_pb2.GetOperationRequest.FromString,
                            operations_pb2.Operation.SerializeToString,
                            self._operation,
                        )
                    },
                ),
            )
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        """End it, and whoever still waits."""
        self._release.set()
        self._server.stop(None).wait()
        self._pool.shutdown()

    def fresh(self) -> None:
        """Forget everything that a test told it or asked of it."""
        self.calls, self.pages, self.wrong, self.answers = [], 0, [], {}
        self.bucket, self.most_at_once, self.unordered = None, 0, False
        self._quota, self._holds, self._denies = None, False, False
        self._running, self._faults, self._always = {}, {}, {}
        self._asked_at.clear()
        self._late.clear()

    def fail(self, method: str, *faults: Any) -> None:
        """Let the next calls of a method go wrong: a status, a ``Fault``, an operation's error."""
        self._faults.setdefault(method, deque()).extend(faults)

    def fail_always(self, method: str, fault: Any) -> None:
        """Let every call of a method go wrong."""
        self._always[method] = fault

    def allow(self, per_second: int, clock: Clock) -> None:
        """Refuse what is asked beyond so many requests within any second."""
        self._quota = (per_second, clock)

    def hold(self) -> None:
        """Let batches run until they are let go."""
        self._holds = True

    def let_go(self, most: int | None = None) -> None:
        """End the oldest batches that run; all of them, and those to come at once, when None."""
        self._holds = most is not None
        for one in [one for one in self._running.values() if not one.ended][:most]:
            self._end(one)

    def bring_late(self) -> None:
        """Leave the shards that were held back."""
        assert self.bucket is not None, "a batch without a bucket"
        for name, file in self._late:
            self.bucket.create(name, file)

    def deny_once(self) -> None:
        """Say of the next operation that is asked for that it has not ended."""
        self._denies = True

    def count(self, method: str) -> int:
        """Return how often a method was called."""
        return sum(called == method for called, _ in self.calls)

    def _process(self, asked: Any, fault: Any) -> Any:
        content, mime_type = asked.raw_document.content, asked.raw_document.mime_type
        self._expect(asked.name, asked.field_mask, raw=asked.raw_document)
        if len(content) > _ONLINE_BYTES:
            raise _RefusedError(grpc.StatusCode.INVALID_ARGUMENT)
        told = self._read(asked.name, content, mime_type, most=_ONLINE_PAGES)
        if fault is Fault.LOST:
            raise _RefusedError(grpc.StatusCode.UNAVAILABLE)
        if fault is Fault.TRUNCATE:
            told = {**told, "pages": told["pages"][:-1]}
        return api.ProcessResponse(
            document=api.Document.from_json(json.dumps(told), ignore_unknown_fields=True)
        )

    def _batch(self, asked: Any, fault: Any) -> Any:
        output = asked.document_output_config.gcs_output_config
        self._expect(asked.name, output.field_mask)
        if sum(not one.ended for one in self._running.values()) >= _BATCHES:
            raise _RefusedError(grpc.StatusCode.RESOURCE_EXHAUSTED)
        error = fault.value[0] if isinstance(fault, grpc.StatusCode) else 0
        name = f"{_SITE}/operations/{len(self._running) + 1:08d}"
        one = _Running(name, asked, fault, error)
        self._running[name] = one
        running = sum(not other.ended for other in self._running.values())
        self.most_at_once = max(self.most_at_once, running)
        if not self._holds:
            self._end(one)
        if fault is Fault.LOST:
            raise _RefusedError(grpc.StatusCode.UNAVAILABLE)
        return operations_pb2.Operation(name=name)

    def _operation(self, asked: Any, _fault: Any) -> Any:
        one = self._running.get(asked.name)
        if one is None:
            raise _RefusedError(grpc.StatusCode.NOT_FOUND)
        denies, self._denies = self._denies, False
        told = operations_pb2.Operation(name=one.name, done=one.ended and not denies)
        status = api.BatchProcessMetadata.IndividualProcessStatus(output_gcs_destination=one.folder)
        metadata = api.BatchProcessMetadata(individual_process_statuses=[status])
        told.metadata.value = api.BatchProcessMetadata.serialize(metadata)
        if one.ended and one.error:
            told.error.code = one.error
            told.error.message = "told to fail"
        return told

    def _end(self, one: _Running) -> None:
        if one.ended:
            return
        one.ended = True
        assert self.bucket is not None, "a batch without a bucket"
        source = one.request.input_documents.gcs_documents.documents[0]
        output = one.request.document_output_config.gcs_output_config
        start = f"gs://{BUCKET}/"
        try:
            content = self.bucket.read(source.gcs_uri.removeprefix(start)).data
            most = _BATCH_PAGES[one.request.name]
            whole = self._read(one.request.name, content, source.mime_type, most=most)
        except NotFoundError:
            one.error = grpc.StatusCode.NOT_FOUND.value[0]
        except _RefusedError as refused:
            one.error = refused.code.value[0]
        if one.error:
            return
        one.folder = f"{output.gcs_uri}{one.name.rpartition('/')[2]}/0"
        shards = shards_of(whole, per_shard=output.sharding_config.pages_per_shard)
        files = [json.dumps(shard).encode() for shard in shards]
        if self.unordered:
            files.reverse()
        if one.fault is Fault.ELSEWHERE:
            one.folder = "gs://somebody-elses/output"
            return
        name = f"{one.folder.removeprefix(start)}/{source.gcs_uri.rpartition('/')[2]}"
        for number, file in enumerate(self._spoilt(files, one.fault, late=f"{name}-late.json")):
            self.bucket.create(f"{name}-{number}.json", file)

    def _spoilt(self, files: list[bytes], fault: Any, *, late: str) -> list[bytes]:
        """Return what is left of shards where a batch's end went wrong."""
        *before, last = files
        if fault is Fault.TRUNCATE:
            middle = len(files) // 2
            self._late.append((late, files[middle]))
            return files[:middle] + files[middle + 1 :]
        if fault is Fault.HALF:
            return [*before, last[: len(last) // 2]]
        return [*before, fault.file] if isinstance(fault, Leaves) else files

    def _read(self, processor: str, content: bytes, mime_type: str, *, most: int) -> Json:
        given = self.answers.get(processor)
        if given is not None:
            self.pages += len(given["pages"])
            return given
        try:
            pages = pages_of(content, mime_type)
        except Exception:  # noqa: BLE001 - whatever a decoder says
            raise _RefusedError(grpc.StatusCode.INVALID_ARGUMENT) from None
        if len(pages) > most:
            raise _RefusedError(grpc.StatusCode.INVALID_ARGUMENT)
        self.pages += len(pages)
        return document(pages)

    def _expect(self, processor: str, mask: Any, raw: Any = None) -> None:
        if processor not in _BATCH_PAGES:
            raise _RefusedError(grpc.StatusCode.NOT_FOUND)
        if "pages.tokens" not in mask.paths or "pages.image" in mask.paths:
            self.wrong.append("asks for more, or less, than it needs")
        if raw is not None and raw.display_name:
            self.wrong.append("tells what the file is called")

    def _throttles(self) -> bool:
        if self._quota is None:
            return False
        per_second, clock = self._quota
        now = clock.monotonic()
        while self._asked_at and now - self._asked_at[0] >= 1.0 - _ROUNDING_S:
            self._asked_at.popleft()
        if len(self._asked_at) >= per_second:
            return True
        self._asked_at.append(now)
        return False

    def _handler(
        self,
        method: str,
        reads: Callable[[bytes], Any],
        writes: Callable[[Any], bytes],
        work: Callable[[Any, Any], Any],
    ) -> Any:
        def answer(asked: Any, context: grpc.ServicerContext) -> Any:
            with self._lock:
                self.calls.append((method, asked.name))
                waiting = self._faults.get(method)
                fault = waiting.popleft() if waiting else self._always.get(method)
                throttled = method != "GetOperation" and self._throttles()
            if throttled:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "quota")
            if isinstance(fault, grpc.StatusCode):
                context.abort(fault, "told to refuse")
            if fault is Fault.HANG:
                self._hang(context)
            try:
                with self._lock:
                    return work(asked, fault.status if isinstance(fault, Ends) else fault)
            except _RefusedError as refusal:
                context.abort(refusal.code, "refused")

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=reads, response_serializer=writes
        )

    def _hang(self, context: grpc.ServicerContext) -> None:
        ends = time.monotonic() + _MOST_DELAY_S
        while context.is_active() and time.monotonic() < ends:
            if self._release.wait(0.01):
                return


class _RefusedError(Exception):
    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__(code)
        self.code = code


@pytest.fixture(scope="module")
def running_documentai() -> Iterator[DocumentAiServer]:
    """Give one server to all tests of a module."""
    server = DocumentAiServer()
    yield server
    server.stop()


@pytest.fixture
def documentai_server(running_documentai: DocumentAiServer) -> Iterator[DocumentAiServer]:
    """Give a server that knows nothing yet; a test fails where a request was not as it must be."""
    running_documentai.fresh()
    yield running_documentai
    assert running_documentai.wrong == []
