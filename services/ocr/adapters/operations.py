"""Batches that Document AI is working on, one record each, stored before anybody relies on them.

A record lies at ``operations/<document>/<revision>/<first>-<last>`` and holds references and codes
only. It lives until its range is stored, or until the batch is given up.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from services.ocr.adapters.batch_bucket import INPUT, OUTPUT
from services.ocr.processors import Kind
from shared.events.codec import from_structured, to_structured
from shared.events.envelope import Event
from shared.events.payloads import MediaType
from shared.objects.port import (
    AlreadyExistsError,
    GenerationMismatchError,
    NotFoundError,
    ObjectStore,
)
from shared.telemetry.reasons import QuarantineReason
from shared.worker.names import result_of
from shared.worker.quarantine import record_of

PREFIX: Final = "operations/"
SLOTS: Final = f"{PREFIX}slots/"

MOST_BATCHES: Final = 8
"""So many batches of the same pages may fail: each is paid for, and the pages may be why."""

MOST_REFUSALS: Final = 6
"""No more failures are counted of batches that a missing grant ended: the pages are not why, and
each next one rests as long as after so many."""

_FIRST_REST: Final = timedelta(minutes=1)


class Range(NamedTuple):
    """Pages of one revision of a document."""

    document_id: str
    revision: int
    first: int
    last: int

    @property
    def path(self) -> str:
        """What names it below a prefix."""
        return f"{self.document_id}/{self.revision}/{self.first}-{self.last}"

    @property
    def operation(self) -> str:
        """Where its record lies."""
        return f"{PREFIX}{self.path}"

    @property
    def input(self) -> str:
        """Where Document AI finds its pages, in the bucket for batches."""
        return f"{INPUT}{self.path}"

    @property
    def output(self) -> str:
        """Below what Document AI leaves what it read, in the same bucket."""
        return f"{OUTPUT}{self.path}/"


class Operation(BaseModel):
    """One record.

    Attributes:
        operation: as Document AI calls it; empty while it waits for its turn.
        document_id: whose pages.
        revision: of the document.
        first: page, from 1.
        last: page, included.
        media_type: of what was sent.
        kind: of the processor.
        begun: when, UTC; of one that waits, since when, or from when on its turn may come.
        slot: the reservation that it runs under; empty while it waits.
        slot_generation: of that reservation.
        result: where the worker edge stores what becomes of it.
        event: what asked for it, as a structured CloudEvent: it is sent again when there is news.
        told: whether it was, and nothing but its deadline changes what there is to tell.
        failed: how many batches of these pages have.
        given_up: why; then nothing runs any more, and a copy of the event ends the same way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str = ""
    document_id: str
    revision: int
    first: int
    last: int
    media_type: MediaType
    kind: Kind
    begun: datetime
    slot: str = ""
    slot_generation: int = 0
    result: str
    event: dict[str, Any]
    told: bool = False
    failed: int = 0
    given_up: QuarantineReason | None = None

    @property
    def waits(self) -> bool:
        """Whether it has not been begun, and shall be."""
        return not self.operation and self.given_up is None

    @property
    def range(self) -> Range:
        """Which pages."""
        return Range(self.document_id, self.revision, self.first, self.last)

    @property
    def gone(self) -> str:
        """Where a record of quarantine lies, if the worker gave its event up."""
        return record_of("ocr", self.asked)

    def once_more(self, at: datetime, *, refused: bool = False) -> Self:
        """Return the record of one that failed, and waits: twice as long each time.

        Args:
            at: now.
            refused: whether it failed for a missing grant.
        """
        rest = _FIRST_REST * 2**self.failed
        failed = self.failed + 1
        if refused:
            failed = max(self.failed, min(failed, MOST_REFUSALS))
        changed = {"operation": "", "slot": "", "slot_generation": 0, "told": False}
        return self.model_copy(update={**changed, "begun": at + rest, "failed": failed})

    @property
    def asked(self) -> Event:
        """The event that asked for it."""
        return from_structured(json.dumps(self.event).encode())


def asked_by(event: Event) -> tuple[dict[str, Any], str]:
    """Return an event as a record keeps it, and where its result will be."""
    return json.loads(to_structured(event)), result_of("ocr", event)


class Operations:
    """The records of all batches.

    Args:
        objects: where they lie.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def find(self, pages: Range) -> tuple[Operation, int] | None:
        """Return the record of a range and its generation, or None.

        Raises:
            TransientError: the store is unavailable.
        """
        try:
            stored = self._objects.read(pages.operation)
        except NotFoundError:
            return None
        return Operation.model_validate_json(stored.data), stored.info.generation

    def put(self, operation: Operation) -> bool:
        """Write a record, create-only; return False where another one stands."""
        try:
            self._objects.create(operation.range.operation, operation.model_dump_json().encode())
        except AlreadyExistsError:
            return False
        return True

    def note(self, operation: Operation, generation: int) -> None:
        """Write a changed record over the one of a generation; who changed it first is as good."""
        data = operation.model_dump_json().encode()
        with suppress(GenerationMismatchError):
            self._objects.replace(operation.range.operation, data, generation=generation)

    def drop(self, pages: Range) -> None:
        """Remove a record."""
        self._objects.delete(pages.operation)

    def ranges(self) -> Iterator[Range]:
        """Yield the ranges that have a record."""
        for info in self._objects.list(PREFIX):
            parts = info.name.removeprefix(PREFIX).split("/")
            if info.name.startswith(SLOTS) or len(parts) != len(("document", "revision", "pages")):
                continue
            first, _, last = parts[2].partition("-")
            yield Range(parts[0], int(parts[1]), int(first), int(last))
