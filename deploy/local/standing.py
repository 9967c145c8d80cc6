"""How a data folder stands: the sums, what waits where and since when, how fast it goes."""

from dataclasses import asdict, dataclass, field

from deploy.local.deployables import Deployable, deployables_of
from deploy.local.house import House
from deploy.local.pace import WINDOW, Pace, Progress, paces, progress_of
from services.ingest.budget import BudgetUse
from services.ingest.registered import Counts
from shared.bus.port import Backlog
from shared.bus.topology import Topology
from shared.events.payloads import EventType


@dataclass(frozen=True, slots=True)
class Standing:
    """One look at everything.

    Attributes:
        counts: the two sums of the first promise.
        stages: in the order in which a document meets them.
        backlog: subscriptions in which something waits; None where the bus does not tell.
        untaken: uploads that no worker has in hand yet, so that no register knows them; None where
            the bus does not tell.
        deployables: what runs, where each is a process of its own; else nothing.
        budget: the tenant's limits, and what is used of them; nothing where there is none.
    """

    counts: Counts
    stages: list[Pace]
    backlog: list[Backlog] | None
    untaken: int | None
    deployables: list[Deployable]
    budget: list[BudgetUse] = field(default_factory=list)

    @property
    def progress(self) -> Progress:
        """How much of what was handed in is done."""
        return progress_of(self.counts)

    def as_json(self) -> dict[str, object]:
        """Return the documented object."""
        return {
            **asdict(self.counts),
            "done": self.progress.done,
            "untaken": self.untaken,
            "window_s": WINDOW.total_seconds(),
            "stages": [one.as_json() for one in self.stages],
            "backlog": None if self.backlog is None else [asdict(one) for one in self.backlog],
            "deployables": [asdict(one) for one in self.deployables],
            "budget": [asdict(one) for one in self.budget],
        }


def standing_of(house: House, tenant: str | None = None) -> Standing:
    """Look at ``house``. The figures are of moments that follow each other, not of one.

    Args:
        house: where to look.
        tenant: whose documents count; everybody's when None.

    Raises:
        TransientError: the register or the bus is unavailable.
    """
    now = house.clock.now()
    rows = house.backlog()
    return Standing(
        counts=house.register.counts(now, tenant),
        stages=paces(house.register.flow(now, window=WINDOW, tenant=tenant)),
        backlog=None if rows is None else [row for row in rows if row.messages],
        untaken=None if rows is None else _untaken(rows, house.topology),
        deployables=deployables_of(house.backing) if house.backing is not None else [],
        budget=house.register.budget(now, tenant or house.tenant),
    )


def _untaken(rows: list[Backlog], topology: Topology) -> int:
    """Return how many uploads wait; those in a worker's hands may be booked already."""
    door = {
        name
        for name, one in topology.subscriptions.items()
        if one.topic == EventType.UPLOAD_ARRIVED and one.worker == "ingest"
    }
    return sum(row.messages - row.leased for row in rows if row.subscription in door)
