"""The poll: looks at every batch, sends its event again when it has ended, tidies up behind it."""

from services.ocr.adapters.batches import Batches
from services.ocr.adapters.operations import Operation, Range
from services.ocr.adapters.slots import BEGINNING
from shared.bus.port import Publisher
from shared.errors import TransientError
from shared.objects.port import ObjectStore
from shared.worker.tombstones import Tombstones


class Poll:
    """Looks at every batch once. Two at the same time do no harm.

    Args:
        batches: that were begun.
        objects: where results are.
        tombstones: what was erased.
        publisher: takes events, with the ids that they had.
    """

    def __init__(
        self,
        batches: Batches,
        *,
        objects: ObjectStore,
        tombstones: Tombstones,
        publisher: Publisher,
    ) -> None:
        self._batches = batches
        self._objects = objects
        self._tombstones = tombstones
        self._publisher = publisher

    def poll(self) -> None:
        """Look at all of them; one that cannot be looked at keeps nobody else waiting.

        Raises:
            TransientError: some could not; the next poll looks again.
        """
        failed: Exception | None = None
        standing = []
        running = []
        waiting: list[Operation] = []
        for pages in list(self._batches.operations.ranges()):
            standing.append(pages.path)
            try:
                turn = self._look(pages)
            except Exception as err:  # noqa: BLE001 - of one of many: the others are looked at
                failed, turn = err, None
            if turn is None:
                running.append(pages.path)
            else:
                waiting.append(turn)
        now = self._batches.clock.now()
        due = sorted(
            (operation for operation in waiting if operation.begun <= now),
            key=lambda operation: operation.begun,
        )
        turns = due[: self._batches.slots.free()]
        if turns:
            self._publisher.publish([operation.asked for operation in turns])
        self._batches.slots.clear(frozenset(running))  # who waits has no place, or died with it
        self._batches.bucket.tidy(
            frozenset(standing),
            before=now - BEGINNING,
            erased=self._tombstones.stands,
        )
        if failed is not None:
            raise TransientError("some batches could not be looked at") from failed

    def _look(self, pages: Range) -> Operation | None:
        """See to the record of a range; return it if it waits for its turn."""
        found = self._batches.operations.find(pages)
        if found is None:
            return None
        operation, generation = found
        age = self._batches.clock.now() - operation.begun
        forgotten = age > 2 * self._batches.deadline and not operation.waits
        if forgotten or self._is_over(operation):
            self._batches.forget(operation)
        elif operation.waits:
            return operation
        elif operation.given_up is not None:
            self._batches.clear(operation)  # who gave it up may have died over it
        else:
            self._tell(operation, generation, late=age > self._batches.deadline)
        return None

    def _tell(self, operation: Operation, generation: int, *, late: bool) -> None:
        """Send the event of a batch that has ended, or never will."""
        ended = self._batches.remote.standing(operation.operation).ended
        if ended:
            # Nothing runs any more: another batch may. Nobody reads the pages again, either.
            self._batches.slots.give_back(operation.slot, operation.slot_generation)
            self._batches.bucket.objects.delete(operation.range.input)
        if (ended or late) and not operation.told:
            # The bus keeps the event from now on: nobody need tell again.
            self._publisher.publish([operation.asked])
            told = operation.model_copy(update={"told": True})
            self._batches.operations.note(told, generation)

    def _is_over(self, operation: Operation) -> bool:
        """Tell whether nobody waits for a batch.

        Its range is stored, or its document erased; or it never began, and its worker gave it up:
        its event would be sent again for ever, and take the turns of others.
        """
        if self._objects.stat(operation.result) is not None:
            return True
        if operation.waits and self._objects.stat(operation.gone) is not None:
            return True
        return self._tombstones.stands(operation.document_id)
