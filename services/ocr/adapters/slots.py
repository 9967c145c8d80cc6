"""How many batches run at once: reservations that outlive the process that made them.

A reservation is an object, created before a batch is begun and removed when it has ended. Who died
in between finds its own again; a reservation that nobody's record stands for ends after a while.
"""

import json
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from services.ocr.adapters.operations import SLOTS, Range
from shared.clock import Clock
from shared.objects.port import AlreadyExistsError, NotFoundError, ObjectStore

BEGINNING: Final = timedelta(minutes=15)
"""Longer than any worker holds a message: who has not begun by then has died."""


class Slot(NamedTuple):
    """One reservation.

    Attributes:
        name: of its object.
        generation: of it.
        before: whether an earlier attempt at the same work had made it, and may have begun a batch.
    """

    name: str
    generation: int
    before: bool = False


class Slots:
    """The reservations of a project.

    Args:
        objects: where they lie, under ``operations/slots/``.
        most: how many there may be.
        clock: time.
    """

    def __init__(self, objects: ObjectStore, *, most: int, clock: Clock) -> None:
        self._objects = objects
        self._most = most
        self._clock = clock

    def take(self, pages: Range) -> Slot | None:
        """Reserve a place for the batch of a range; None where all are taken.

        Raises:
            TransientError: the store is unavailable.
        """
        for name, generation, whose, _since in self._taken():
            if whose == pages.path:
                return Slot(name, generation, before=True)
        told = json.dumps({"range": pages.path, "since": self._clock.now().isoformat()}).encode()
        for number in range(self._most):
            name = f"{SLOTS}{number}"
            if self._objects.stat(name) is not None:
                continue
            try:
                return Slot(name, self._objects.create(name, told).generation)
            except AlreadyExistsError:
                continue
        return None

    def free(self) -> int:
        """Return how many places nobody has."""
        return max(0, self._most - len(list(self._objects.list(SLOTS))))

    def give_back(self, name: str, generation: int) -> None:
        """Let a place go; no error where it is somebody else's by now."""
        self._objects.delete(name, generation=generation)

    def clear(self, standing: frozenset[str]) -> None:
        """Let places go that nobody will.

        Args:
            standing: the ranges (``Range.path``) whose batches have a record.
        """
        for name, generation, whose, since in self._taken():
            if whose not in standing and self._clock.now() - since > BEGINNING:
                self._objects.delete(name, generation=generation)

    def _taken(self) -> list[tuple[str, int, str, datetime]]:
        found = []
        for info in list(self._objects.list(SLOTS)):
            try:
                stored = self._objects.read(info.name)
            except NotFoundError:
                continue
            told = json.loads(stored.data)
            since = datetime.fromisoformat(told["since"])
            found.append((info.name, stored.info.generation, str(told["range"]), since))
        return found
