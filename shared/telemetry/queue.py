"""Spans that wait for a slow receiver: bounded, handed on by a thread of its own.

A collector that is slow or dead costs spans, never a job: taking one is an append to a queue, and
what finds it full is counted and lost. The SDK's batch processor cannot bound how long a flush
takes; a drain has eight seconds for everything.
"""

import os
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

MOST: Final = 4_096
"""Spans that wait: a thousand deliveries, a few megabytes."""

BATCH: Final = 256
EVERY_S: Final = 2.0
PARTING_S: Final = 0.25
"""What closing waits for at most; who wants more flushes first."""


class QueuedSpans(SpanExporter):
    """Hands spans on to another exporter, some at a time, from a thread.

    Args:
        exporter: may be slow, may fail.
        most: how many spans wait at most.
        batch: how many are handed on at once at most.
        every_s: how long a span waits for others.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        *,
        most: int = MOST,
        batch: int = BATCH,
        every_s: float = EVERY_S,
    ) -> None:
        self._exporter = exporter
        self._most = most
        self._batch = batch
        self._every_s = every_s
        self._begin()
        self._owner = 0
        self.lost = 0
        """Spans that found the queue full, or that the receiver did not take."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Take spans; at once, whatever the receiver does."""
        if self._owner != os.getpid():  # the first span, or a child of a fork
            self._start()
        with self._changed:
            room = self._most - len(self._waiting)
            taken = spans[: max(0, room)] if not self._closed else ()
            self._waiting.extend(taken)
            self.lost += len(spans) - len(taken)
            if len(self._waiting) >= self._batch:
                self._changed.notify_all()
        return SpanExportResult.SUCCESS if len(taken) == len(spans) else SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Hand on what waits; tell whether all of it was, in time."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            done = self._changed.wait_for(self._is_done, timeout_millis / 1000)
            self._hurry = False
        return done

    def shutdown(self) -> None:
        """Take no more; wait a moment for what is on its way."""
        with self._changed:
            self._closed = True
        if self._owner == os.getpid():
            self.force_flush(int(PARTING_S * 1000))
        self._exporter.shutdown()

    def _is_done(self) -> bool:
        return not self._waiting and not self._in_hand

    def _begin(self) -> None:
        self._waiting: deque[ReadableSpan] = deque()
        self._changed = threading.Condition()
        self._in_hand = 0
        self._hurry = False
        self._closed = False

    def _start(self) -> None:
        """Start the thread; what a fork copied is its parent's to tell."""
        if self._owner:
            self._begin()
        self._owner = os.getpid()
        threading.Thread(target=self._run, name="spans", daemon=True).start()

    def _run(self) -> None:
        while some := self._next():
            try:
                took = self._exporter.export(some) is SpanExportResult.SUCCESS
            except Exception:  # noqa: BLE001 - telemetry never fails a job
                took = False
            with self._changed:
                self.lost += 0 if took else len(some)
                self._in_hand = 0
                self._changed.notify_all()

    def _next(self) -> list[ReadableSpan]:
        """Wait for a batch, or for time to pass; nothing, once there is nothing and no more."""
        with self._changed:
            while True:
                self._changed.wait_for(self._is_due, self._every_s)
                if self._waiting:
                    count = min(self._batch, len(self._waiting))
                    self._in_hand = count
                    return [self._waiting.popleft() for _ in range(count)]
                if self._closed:
                    return []

    def _is_due(self) -> bool:
        hurry = self._hurry or self._closed
        return len(self._waiting) >= self._batch or (hurry and bool(self._waiting)) or self._closed
