"""Long documents, read by Document AI in batches, over as many deliveries as it takes.

The first delivery cuts the pages out, begins a batch, stores what it is called and ends. The poll
sends the same event again when the batch has ended; that delivery puts the shards together. No
delivery waits.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from services.ocr.adapters.batch_bucket import Bucket
from services.ocr.adapters.cutter import Cut, Cutter
from services.ocr.adapters.documentai import DocumentAi
from services.ocr.adapters.operations import (
    MOST_BATCHES,
    Operation,
    Operations,
    Range,
    asked_by,
)
from services.ocr.adapters.slots import Slots
from services.ocr.answer import OUT_OF_SHAPE, pages_in
from services.ocr.found import extraction_in
from services.ocr.metering import Meter
from services.ocr.processors import Processors
from services.ocr.shards import MissingShardError, Shard, place_of, together
from shared.clock import Clock
from shared.errors import PermanentError, TransientError
from shared.events.envelope import Event
from shared.events.payloads import DocumentReceived, PagesRequested
from shared.events.results import PageRange
from shared.objects.port import AlreadyExistsError, NotFoundError
from shared.telemetry.reasons import QuarantineReason

Asked = DocumentReceived | PagesRequested


@dataclass(frozen=True, slots=True)
class Batches:
    """Reads in batches; see ``services.ocr.ports.Batches``.

    Attributes:
        remote: Document AI.
        processors: ours, and their limits.
        cutter: cuts pages out.
        bucket: for the batches.
        operations: records of those that run.
        slots: how many may.
        meter: counts pages.
        clock: time.
        online_pages: documents of more pages are read in batches.
        deadline: after so long a batch is given up.
    """

    remote: DocumentAi
    processors: Processors
    cutter: Cutter
    bucket: Bucket
    operations: Operations
    slots: Slots
    meter: Meter
    clock: Clock
    online_pages: int
    deadline: timedelta

    def takes(self, data: Asked) -> bool:
        """Tell whether a document is too long, or too large, for requests."""
        too_much = (
            data.pages > self.online_pages
            or data.original.size > self.processors.limits.online_bytes
        )
        return too_much and self.processors.batch(data.media_type) is not None

    def most_pages(self, data: Asked) -> int:
        """Return how many pages one batch takes."""
        named = self.processors.batch(data.media_type)
        assert named is not None, "asked of a document that it does not take"
        return named.its.pages_batch

    def read(
        self, event: Event, data: Asked, original: Callable[[], bytes], *, first: int, last: int
    ) -> PageRange | None:
        """Begin, wait, or put together; see the port."""
        pages = Range(data.document_id, data.revision, first, last)
        found = self.operations.find(pages)
        if found is None:
            self._begin(event, data, original, pages)
            return None
        operation, generation = found
        if operation.given_up is not None:
            if operation.event["id"] == event.id:
                raise PermanentError(operation.given_up)
            self.forget(operation)  # somebody wants it tried again
            self._begin(event, data, original, pages)
            return None
        try:
            if not operation.waits:
                return self._look(operation, generation, original)
            if operation.begun <= self.clock.now():
                self._begin(event, data, original, pages, waiting=found)
        except PermanentError as error:
            given_up = operation.model_copy(update={"given_up": error.reason})
            self.operations.note(given_up, generation)
            self.clear(operation)
            raise
        return None

    def clear(self, operation: Operation) -> None:
        """Remove everything that a batch left but its record."""
        pages = operation.range
        if operation.slot:
            self.slots.give_back(operation.slot, operation.slot_generation)
        self.bucket.objects.delete(pages.input)
        self.bucket.empty(pages.output)

    def forget(self, operation: Operation) -> None:
        """Remove everything that a batch left, its record last."""
        self.clear(operation)
        self.operations.drop(operation.range)

    def _look(
        self, operation: Operation, generation: int, original: Callable[[], bytes]
    ) -> PageRange | None:
        """Put together what is there; see how the batch stands."""
        batch = self.remote.standing(operation.operation)
        late = self.clock.now() - operation.begun > self.deadline
        if not batch.ended and not late:
            if operation.told:  # too early: the poll shall tell once more
                self.operations.note(operation.model_copy(update={"told": False}), generation)
            return None
        if batch.document_at_fault:
            raise PermanentError(QuarantineReason.UNREADABLE)
        if batch.refused is not None:
            self._once_more(operation, generation, refused=True)
            raise TransientError(f"Document AI refuses us ({batch.refused} at a batch's end)")
        try:
            return self._put_together(operation, batch.folder, original)
        except MissingShardError as err:
            if late:
                raise PermanentError(QuarantineReason.PAGES_MISSING) from err
            if batch.folder is None:
                self._once_more(operation, generation)
                raise TransientError("the batch failed: another one will be begun") from err
            raise TransientError("a shard of the batch is missing") from err

    def _once_more(self, operation: Operation, generation: int, *, refused: bool = False) -> None:
        """Have a batch that failed wait for its next turn.

        Raises:
            PermanentError: ``attempts_exhausted``: it is no outage, and nobody's grant is missing.
        """
        if operation.failed + 1 >= MOST_BATCHES and not refused:
            raise PermanentError(QuarantineReason.ATTEMPTS_EXHAUSTED)
        self.clear(operation)
        again = operation.once_more(self.clock.now(), refused=refused)
        self.operations.note(again, generation)

    def _begin(
        self,
        event: Event,
        data: Asked,
        original: Callable[[], bytes],
        pages: Range,
        *,
        waiting: tuple[Operation, int] | None = None,
    ) -> None:
        """Begin a batch, or note that it waits for its turn: attempts at the bus are counted.

        Args:
            event: asks for it.
            data: its payload.
            original: opens the document.
            pages: of it.
            waiting: its record and that one's generation, where it has been waiting.
        """
        named = self.processors.batch(data.media_type)
        assert named is not None, "asked of a document that it does not take"
        kept, result = asked_by(event)
        record = Operation(
            **pages._asdict(),
            media_type=data.media_type,
            kind=named.kind,
            begun=self.clock.now(),
            result=result,
            event=kept,
            failed=waiting[0].failed if waiting is not None else 0,
        )
        slot = self.slots.take(pages)
        if slot is None:
            if waiting is None:
                self.operations.put(record)
            return
        try:
            self._lay_out(data, original(), pages)
            called = self.remote.start(
                named.name,
                self.bucket.uri(pages.input),
                data.media_type,
                self.bucket.uri(pages.output),
            )
        except Exception:
            # Who dies here leaves the place behind, and finds it again.
            self.bucket.objects.delete(pages.input)
            self.slots.give_back(slot.name, slot.generation)
            raise
        self.meter.read(pages.last - pages.first + 1, again=slot.before or record.failed > 0)
        runs = {"operation": called, "slot": slot.name, "slot_generation": slot.generation}
        begun = record.model_copy(update=runs)
        if waiting is None:
            self.operations.put(begun)
        else:
            self.operations.note(begun, waiting[1])

    def _lay_out(self, data: Asked, content: bytes, pages: Range) -> None:
        """Put the pages where Document AI finds them."""
        cut = self.cutter.cut(content, data.media_type, first=pages.first, last=pages.last)
        if len(cut.file) > self.processors.limits.batch_bytes:
            raise PermanentError(QuarantineReason.RESOURCE_EXHAUSTED)
        with suppress(AlreadyExistsError):  # an earlier attempt's: the same pages
            self.bucket.objects.create(pages.input, cut.file)

    def _put_together(
        self, operation: Operation, folder: str | None, original: Callable[[], bytes]
    ) -> PageRange:
        if folder is None:
            raise MissingShardError
        first, last = operation.first, operation.last
        cut = self.cutter.cut(original(), operation.media_type, first=first, last=last, look=True)
        shards = list(self._shards(operation, folder, cut))
        pages, extraction = together(shards, most=last - first + 1)
        if [page.number for page in pages] != list(range(first, last + 1)):
            raise PermanentError(QuarantineReason.PAGES_MISSING)
        return PageRange(
            first=first, last=last, pages=pages, einvoice=cut.einvoice, extraction=extraction
        )

    def _shards(self, operation: Operation, folder: str, cut: Cut) -> Iterator[Shard]:
        """Read the shards one by one: all of them at once would be the memory of an instance."""
        prefix = self.bucket.named(folder)
        if prefix is None or not prefix.startswith(operation.range.output):
            raise MissingShardError  # it is not ours to read
        its = self.processors.of(operation.kind)
        before = operation.first - 1
        for info in list(self.bucket.objects.list(prefix.rstrip("/") + "/")):
            try:
                file = self.bucket.objects.read(info.name).data
            except NotFoundError as err:
                raise MissingShardError from err
            try:
                document = json.loads(file)
                index, count = place_of(document)
                pages = tuple(pages_in(document, before=before, sizes=cut.sizes))
                found = extraction_in(document, its, before=before)
            except OUT_OF_SHAPE:
                # An object is there whole or not at all, and its batch has ended: it stays as it
                # is. The chain is cut: these errors quote what they could not read.
                raise PermanentError(QuarantineReason.UNREADABLE) from None
            yield Shard(index, count, pages, found)
