"""Draining: what can still come to its end soon is waited for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.drain import SOON, finish_due
from deploy.local.entrance import entrance_of
from deploy.local.house import House
from deploy.local.site import Site
from deploy.local.supervisor import Supervisor
from shared.clock import FakeClock

QUEUE = "ingest.upload-arrived"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house with one file at its door."""
    site = Site(tmp_path / "data")
    site.create()
    house = House(site, clock=FakeClock())
    (tmp_path / "a.txt").write_text("hello")
    entrance_of(house, "cli").submit(tmp_path / "a.txt")
    yield house
    house.close()


@dataclass
class Worker(Supervisor):
    """Stands for the processes: acknowledges what is due when it is tended."""

    house: House
    done: int = 0

    def tend(self) -> None:
        deliveries = self.house.bus.pull(QUEUE, most=10, lease_s=60)
        self.house.bus.acknowledge(deliveries)
        self.done += len(deliveries)


def given_back(house: House, delay_s: float) -> None:
    """Let the only message fail once."""
    (delivery,) = house.bus.pull(QUEUE, most=1, lease_s=60)
    house.bus.retry(delivery, delay_s=delay_s)


def test_what_failed_for_the_first_time_is_waited_for(house: House) -> None:
    """A run that ends with a document in flight for a second's backoff has not ended."""
    given_back(house, SOON.total_seconds() - 1)
    worker = Worker(house)
    finish_due(house, worker)
    assert worker.done == 1


def test_what_goes_on_failing_is_left_for_the_next_run(house: House) -> None:
    """On a full disk nothing would ever end."""
    given_back(house, SOON.total_seconds() * 10)
    worker = Worker(house)
    finish_due(house, worker)
    assert worker.done == 0
