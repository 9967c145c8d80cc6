"""Working off what waits, without taking anything new."""

from datetime import timedelta
from typing import Final

from deploy.local.house import House
from deploy.local.site import AlreadyRunsError, running
from deploy.local.supervisor import Supervisor, supervisor_of

LOOK_S: Final = 0.1

SOON: Final = timedelta(seconds=5)
"""What failed for the first time is tried again within it; what goes on failing is not waited for:
it backs off ever longer."""


def work_off(house: House, *, workers: int) -> None:
    """Run workers until nothing is due on the bus any more.

    Messages that back off for long after a failure are left for the next run.

    Raises:
        AlreadyRunsError: docledger runs on the folder, or on the project, already; it does the work
            itself.
    """
    if house.platform is not None:
        raise AlreadyRunsError(f"the deployables of {house.platform.settings.project} do the work")
    with running(house.site):
        house.bus.release_leases()
        supervisor = supervisor_of(house, workers=workers)
        supervisor.start()
        try:
            finish_due(house, supervisor)
        finally:
            supervisor.stop()


def finish_due(house: House, supervisor: Supervisor) -> None:
    """Wait until nothing is due soon any more, with workers that run already."""
    while _due(house):
        supervisor.tend()
        house.clock.sleep(LOOK_S)


def _due(house: House) -> bool:
    """Tell whether something can be done soon: a message is due or in work, an entry unsealed."""
    if any(row.leased for row in house.bus.backlog()):
        return True
    due = house.bus.next_due()
    if due is not None and due <= house.clock.now() + SOON:
        return True
    return bool(house.ledger.journal.tenants_waiting())
