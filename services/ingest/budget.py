"""How many pages a tenant may hand in: a YAML file that people write and read.

::

    everybody:                # a tenant without a line of its own; unless it is here, no limit
      pages_a_day: 5000
    tenants:
      acme: {pages_a_day: 2000, pages_a_month: 30000}
      globex: {}              # no limit

A page is what every paid call is about, and ingest has counted it before the first one. Days and
months are UTC's; a document counts on the day on which it was handed in, or replayed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field

from services.ingest.stated import Stated, read_stated
from shared.events.payloads import TenantName

ReservationKey = tuple[str, str, int]
"""Tenant, document and revision."""

Days = tuple[int, int]
"""The first and the last of them; they are numbered from 1970 on."""

MOST_PAGES: Final = 10**12

Pages = Annotated[int, Field(ge=0, le=MOST_PAGES, strict=True)]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)


def day_of(at: datetime) -> int:
    """Return the day that a moment is in."""
    return (at - _EPOCH) // _DAY


class Period(StrEnum):
    """For how long a limit holds."""

    DAY = "day"
    MONTH = "month"

    def days(self, at: datetime) -> Days:
        """Return the days of the period that a moment is in."""
        if self is Period.DAY:
            return (day_of(at), day_of(at))
        there = at.astimezone(UTC)
        first = date(there.year, there.month, 1)
        after = (first + timedelta(days=31)).replace(day=1)
        begins = day_of(datetime(first.year, first.month, 1, tzinfo=UTC))
        return (begins, begins + (after - first).days - 1)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Pages of one revision of one document, taken out of its tenant's budget for good.

    Attributes:
        tenant: whose budget.
        document_id: for which document.
        revision: of it; each is read anew, and paid for.
        pages: as ingest counted them.
        day: on which they count.
    """

    tenant: str
    document_id: str
    revision: int
    pages: int
    day: int

    @property
    def key(self) -> ReservationKey:
        """What there is one reservation for."""
        return (self.tenant, self.document_id, self.revision)


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """How much of one limit is used.

    Attributes:
        period: that now is in.
        pages: reserved in it.
        limit: in pages; fewer than ``pages`` where it was lowered, or set later.
    """

    period: Period
    pages: int
    limit: int


class Limits(Stated):
    """Of one tenant; None is none.

    Attributes:
        pages_a_day: handed in on one day.
        pages_a_month: handed in within one month.
    """

    pages_a_day: Pages | None = None
    pages_a_month: Pages | None = None

    def uses(self, at: datetime, spent: Callable[[Days], int]) -> Iterator[BudgetUse]:
        """Yield each limit with what is used of it at a moment.

        Args:
            at: the moment.
            spent: how many pages are reserved in some days.
        """
        limits = ((Period.DAY, self.pages_a_day), (Period.MONTH, self.pages_a_month))
        for period, limit in limits:
            if limit is not None:
                yield BudgetUse(period, spent(period.days(at)), limit)

    def leave(self, pages: int, at: datetime, spent: Callable[[Days], int]) -> bool:
        """Tell whether so many more pages stay within every limit."""
        return all(use.pages + pages <= use.limit for use in self.uses(at, spent))


class Budgets(Stated):
    """The whole file.

    Attributes:
        everybody: limits of each tenant that has none of its own.
        tenants: limits of some.
    """

    everybody: Limits = Limits()
    tenants: Mapping[TenantName, Limits] = Field(default_factory=dict)

    @classmethod
    def read(cls, source: str | None) -> Self:
        """Return what the source says; without one, there is no limit.

        Args:
            source: a file's path; or, where no file is at hand, the YAML itself, in braces.

        Raises:
            UserError: it cannot be read, or says something that no budget says.
        """
        return read_stated(cls, source, "the budgets")

    def of(self, tenant: str) -> Limits:
        """Return a tenant's limits."""
        return self.tenants.get(tenant, self.everybody)
