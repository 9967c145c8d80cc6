"""What the auditor API asks of the journal: where to look, never what to say.

Everything told comes from the published log and is checked there; the journal only shortens the
search, and keeps the checkpoints that the log has outgrown.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.ledger.api_filters import Filter


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that may be what was asked for.

    Attributes:
        index: in the log.
        settled_by: index of the entry that settles it; None when nothing does, or nobody asked.
    """

    index: int
    settled_by: int | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A checkpoint on record.

    Attributes:
        size: of the tree.
        note: as it was signed.
        at: when it was recorded, UTC.
    """

    size: int
    note: str
    at: datetime


class Index(Protocol):
    """Finding entries and checkpoints of one tenant's log.

    Every method raises ``TransientError`` when the journal is unavailable.
    """

    def candidates(  # noqa: PLR0913 - a window of a log, by name
        self,
        tenant: str,
        wanted: Filter,
        *,
        low: int,
        high: int,
        size: int,
        newest: bool,
        most: int,
    ) -> list[Candidate]:
        """Return entries at ``low <= index < high`` that fit the filter, in order.

        Args:
            tenant: whose log.
            wanted: what must hold; the times of sealing are the caller's business.
            low: first index.
            high: the one after the last.
            size: at which statuses are told: later entries settle nothing yet.
            newest: greatest index first.
            most: how many at the most.
        """
        ...

    def covers(self, tenant: str, size: int) -> bool:
        """Tell whether the journal knows the last entry of a log of ``size``."""
        ...

    def checkpoints(self, tenant: str, *, after: int, most: int) -> list[Recorded]:
        """Return the checkpoints of sizes above ``after``, smallest first."""
        ...

    def checkpoint(self, tenant: str, size: int) -> Recorded | None:
        """Return the checkpoint of one size."""
        ...

    def sealed_before(self, tenant: str, moment: datetime) -> int:
        """Return the greatest size recorded before ``moment``; 0 where there is none."""
        ...
