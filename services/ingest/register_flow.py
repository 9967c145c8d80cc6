"""How documents flow through the stages: who came into one and who left it, by moments.

Counted from the rows as a transaction changes them, so a repeated or an old event counts nothing.
Of every document, what came into a stage less what left it is one while it waits there, else none.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from services.ingest.register_order import STAGES, rank_of
from services.ingest.registered import RegisteredDocument
from shared.events.payloads import StageName

FlowKey = tuple[int, str, StageName]
"""Slot, tenant and stage."""

SECOND: Final = timedelta(seconds=1)

SLOT: Final = timedelta(seconds=10)
"""What moments are counted by: a window is off by less than this."""

KEPT_SLOTS: Final = 360
"""An hour: nobody asks how fast it went before."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def slot_of(at: datetime) -> int:
    """Return the slot that a moment is in; they are numbered from 1970 on."""
    return (at - _EPOCH) // SLOT


def window_of(now: datetime, window: timedelta) -> tuple[int, int]:
    """Return the slots of a window that ends now: after the first, up to the last."""
    return slot_of(now - window), slot_of(now)


def passed(
    before: RegisteredDocument | None, after: RegisteredDocument
) -> tuple[Sequence[int], Sequence[int]]:
    """Return the stages that a document came into, and those that it left, as ranks.

    A stage that it skipped, because events came in another order, it came through. A later replay
    of what had ended begins where that ended; a later revision begins with reading.
    """
    here = rank_of(after.stage)
    stop = here if after.status is None else here + 1  # of what it left, the last is before this
    if before is None:
        first = min(1, after.revision, here)
        return range(first, here + 1), range(first, stop)
    was = rank_of(before.stage)
    waited = before.status is None
    if after.revision > before.revision:
        first = min(1, here)
        left = range(first, stop)
        return range(first, here + 1), (was, *left) if waited else left
    if not waited:
        first = min(was, here) if after.replay > before.replay else was + 1
        return range(first, here + 1), range(first, stop)
    if here >= was:
        return range(was + 1, here + 1), range(was, stop)
    return (here,) if after.status is None else (), (was,)


class Tally:
    """Counts of one transaction."""

    def __init__(self) -> None:
        self.counts: dict[FlowKey, tuple[int, int]] = {}

    def moved(self, before: RegisteredDocument | None, after: RegisteredDocument) -> None:
        """Count a document's way, at the moment of what brought it where it is."""
        entered, left = passed(before, after)
        if entered or left:
            slot = slot_of(after.since)
            for rank in entered:
                self._count((slot, after.tenant, STAGES[rank]), 1, 0)
            for rank in left:
                self._count((slot, after.tenant, STAGES[rank]), 0, 1)

    def removed(self, document: RegisteredDocument, at: datetime) -> None:
        """Count one that leaves the register."""
        if document.status is None:
            self._count((slot_of(at), document.tenant, document.stage), 0, 1)

    def _count(self, key: FlowKey, entered: int, left: int) -> None:
        before = self.counts.get(key, (0, 0))
        self.counts[key] = (before[0] + entered, before[1] + left)
