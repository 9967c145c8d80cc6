"""Opening a data folder that a person names."""

from pathlib import Path

from deploy.local.house import House
from deploy.local.site import Site
from shared.errors import UserError


def open_house(data_dir: Path) -> House:
    """Return the house in ``data_dir``.

    Raises:
        UserError: there is none, or what it stands on is not up.
    """
    site = Site(data_dir)
    site.require()
    house = House(site)
    if house.backing is not None and not house.backing.answers():
        raise UserError(f"{data_dir} is on Pub/Sub, and not up: 'docledger up --bus pubsub' first")
    return house
