"""A slow or dead receiver costs spans, never a job."""

import multiprocessing
import threading
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.telemetry.queue import QueuedSpans
from shared.telemetry.spans import SpanName
from shared.telemetry.tracing import Tracing
from tests.waiting import PATIENCE_S

JOB = "f" * 40
PATIENCE_MS = int(PATIENCE_S * 1_000)


class Receiver(SpanExporter):
    """Takes what it is let take."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.answer = SpanExportResult.SUCCESS
        self.error: Exception | None = None
        self.batches: list[int] = []
        self.shut = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Wait until it may, then answer."""
        self.entered.set()
        self.open.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error
        self.batches.append(len(spans))
        return self.answer

    def shutdown(self) -> None:
        """End."""
        self.shut = True


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver; let go at the end, so that no thread waits for it."""
    receiver = Receiver()
    yield receiver
    receiver.open.set()


def spans(count: int) -> list[ReadableSpan]:
    """Return some spans."""
    return [ReadableSpan(str(number)) for number in range(count)]


def test_a_flush_hands_on_everything(receiver: Receiver) -> None:
    """What a drain waits for has arrived when it goes on."""
    queue = QueuedSpans(receiver, batch=10, every_s=60)
    queue.export(spans(25))
    assert queue.force_flush(PATIENCE_MS)
    assert sum(receiver.batches) == 25
    assert max(receiver.batches) == 10
    queue.shutdown()
    assert receiver.shut
    assert queue.lost == 0


def test_spans_are_handed_on_without_a_flush(receiver: Receiver) -> None:
    """A quiet worker's spans are seen soon, too."""
    queue = QueuedSpans(receiver, batch=10, every_s=0.01)
    receiver.open.clear()
    queue.export(spans(1))
    assert receiver.entered.wait(PATIENCE_S)
    receiver.open.set()
    assert queue.force_flush(PATIENCE_MS)  # the end has a moment, and no more
    queue.shutdown()
    assert receiver.batches == [1]


def test_a_receiver_that_hangs_holds_up_nobody(receiver: Receiver) -> None:
    """The attack: it never answers. Taking spans goes on until the queue is full, then loses."""
    queue = QueuedSpans(receiver, most=20, batch=10, every_s=60)
    receiver.open.clear()
    queue.export(spans(10))
    assert receiver.entered.wait(PATIENCE_S)
    assert queue.export(spans(15)) is SpanExportResult.SUCCESS
    assert queue.export(spans(15)) is SpanExportResult.FAILURE
    assert queue.lost == 10
    assert not queue.force_flush(20)
    receiver.open.set()
    assert queue.force_flush(PATIENCE_MS)
    assert sum(receiver.batches) == 30
    queue.shutdown()


@pytest.mark.parametrize("error", [None, RuntimeError("canary")])
def test_what_a_receiver_does_not_take_is_counted(
    receiver: Receiver, error: Exception | None
) -> None:
    """A collector that refuses or breaks is seen, and the thread lives."""
    queue = QueuedSpans(receiver, every_s=60)
    receiver.answer, receiver.error = SpanExportResult.FAILURE, error
    queue.export(spans(3))
    assert queue.force_flush(PATIENCE_MS)
    assert queue.lost == 3
    receiver.answer, receiver.error = SpanExportResult.SUCCESS, None
    queue.export(spans(2))
    assert queue.force_flush(PATIENCE_MS)
    assert queue.lost == 3
    queue.shutdown()


def test_after_the_end_nothing_is_taken(receiver: Receiver) -> None:
    """A late span must not wait for a thread that has ended."""
    queue = QueuedSpans(receiver)
    queue.shutdown()
    assert queue.export(spans(1)) is SpanExportResult.FAILURE
    assert queue.force_flush(1_000)
    assert (queue.lost, receiver.batches) == (1, [])


def _in_child(
    queue: QueuedSpans, receiver: Receiver, told: "multiprocessing.Queue[object]"
) -> None:
    queue.export(spans(3))
    told.put((queue.force_flush(PATIENCE_MS), receiver.batches))


def test_a_forked_child_tells_its_own_spans(receiver: Receiver) -> None:
    """A fork copies the queue but not its thread: nothing would leave, or everything twice."""
    queue = QueuedSpans(receiver, every_s=60)
    queue.export(spans(2))
    forking = multiprocessing.get_context("fork")
    told: multiprocessing.Queue[object] = forking.Queue()
    child = forking.Process(target=_in_child, args=(queue, receiver, told))
    child.start()
    assert told.get(timeout=PATIENCE_S) == (True, [3])
    child.join(PATIENCE_S)
    assert queue.force_flush(PATIENCE_MS)
    assert receiver.batches == [2]
    queue.shutdown()


def test_tracing_flushes_through_its_queue(receiver: Receiver) -> None:
    """A drain asks the tracing, and says how long it has."""
    tracing = Tracing(QueuedSpans(receiver, every_s=60), "ocr")
    receiver.open.clear()
    with tracing.root(SpanName.SUBMIT, traceparent=tracing.origin(JOB)):
        pass
    assert not tracing.flush(0.02)
    receiver.open.set()
    assert tracing.flush(PATIENCE_S)
    tracing.close()
    assert receiver.batches == [1]
