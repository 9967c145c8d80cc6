"""Process role ``keep``: the register follows, the sequencer seals, the sweeper brings back.

One process of a site does this, and the kernel's lock on ``keeper.lock`` sees to it.
"""

from collections.abc import Callable, Iterator
from typing import Final

from deploy.erasing import erasing_of
from deploy.local.house import House
from deploy.local.retention import Retention
from deploy.local.site import SiteLock
from deploy.local.tidy import tidy_inbox
from services.ingest.projector import project
from services.ingest.sweeper import Sweeper
from shared.bus.port import Delivery
from shared.bus.topology import DEAD_SUFFIX
from shared.errors import TransientError, UserError
from shared.telemetry.log_events import LogEvent

BATCH: Final = 500
PACE_S: Final = 0.15
"""Between two turns. Each turn costs a checkpoint and some transactions however little there is to
do, so what gathers meanwhile shares them: at sixty documents a second, nine to a turn."""

LEASE_S: Final = 60.0
SWEEP_EVERY_S: Final = 30.0
REFUSED_DELAY_S: Final = 60.0


class Keeper:
    """Register, sequencer and sweeper of one site.

    Args:
        house: the site's ports.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._log = house.logger("supervisor")
        self._register_log = house.logger("register")
        self._sweeper = Sweeper(
            register=house.register,
            publisher=house.publisher,
            objects=house.objects,
            vault=house.vault,
            keyring=house.keyring,
            deadlines=house.topology.deadline,
            clock=house.clock,
            tracing=house.tracing,
            log=house.logger("sweeper"),
        )
        self._subscriptions = [
            name for name, one in house.topology.subscriptions.items() if one.worker == "register"
        ]
        self._swept = float("-inf")
        self._retention = Retention(house)

    def run(self, stop: Callable[[], bool]) -> None:
        """Keep until ``stop()``; then once more, so that what is done is told."""
        while not stop():
            self.turn()
            self._house.clock.sleep(PACE_S)
        self._swept = float("-inf")
        while self.turn():
            pass

    def turn(self) -> bool:
        """Seal and follow once, sweep when it is time; return whether there was anything to do."""
        worked = False
        for chore in (self._seal, self._follow, self._sweep):
            try:
                worked = chore() or worked
            except TransientError as error:
                self._log.warning(LogEvent.STORE_UNAVAILABLE, error=error)
        return worked

    def _seal(self) -> bool:
        return self._house.ledger.sequencer.step() > 0

    def _follow(self) -> bool:
        bus = self._house.bus
        deliveries = list(self._pulled())
        if not deliveries:
            return False
        projection = project(
            deliveries,
            register=self._house.register,
            tracing=self._house.tracing,
            log=self._register_log,
        )
        bus.acknowledge(projection.applied)
        for refused in projection.refused:
            self._refuse(refused)
        return True

    def _refuse(self, refused: Delivery) -> None:
        """Give back what is no event of ours; once it is a dead letter, keep it whole."""
        if not refused.subscription.endswith(DEAD_SUFFIX):
            self._house.bus.retry(refused, delay_s=REFUSED_DELAY_S)
            return
        self._house.quarantine.put_undecodable(
            refused.message,
            stage="ingest",
            attempts=refused.attempt,
            at=self._house.clock.now(),
        )
        self._house.bus.acknowledge([refused])

    def _pulled(self) -> Iterator[Delivery]:
        for name in self._subscriptions:
            for queue in (name, name + DEAD_SUFFIX):
                yield from self._house.bus.pull(queue, most=BATCH, lease_s=LEASE_S)

    def _sweep(self) -> bool:
        now = self._house.clock.monotonic()
        if now - self._swept < SWEEP_EVERY_S:
            return False
        self._swept = now
        swept = self._sweeper.sweep()
        tidied = tidy_inbox(self._house)
        erased = self._finish_erasing()
        forgotten = self._retention.turn()
        return bool(swept.documents or swept.uploads or tidied or erased or forgotten)

    def _finish_erasing(self) -> bool:
        """Erase what came late of erased e-mails; nothing while nobody can say what must stay."""
        try:
            return bool(erasing_of(self._house).finish())
        except UserError:
            return False  # whoever erases by hand is told what is wrong with the policy


def keep(house: House, stop: Callable[[], bool]) -> None:
    """Keep a site until told to stop; waits for an earlier keeper to end."""
    lock = SiteLock(house.site.keeper_lock)
    lock.acquire(wait=True)
    try:
        Keeper(house).run(stop)
    finally:
        lock.release()


def keep_now(house: House) -> None:
    """Seal and follow what a person just decided; who runs already does it by itself."""
    if house.platform is not None:
        return
    lock = SiteLock(house.site.keeper_lock)
    if not lock.acquire(wait=False):
        return
    try:
        keeper = Keeper(house)
        while keeper.turn():
            pass
    finally:
        lock.release()
