"""Opening a data folder that a person names."""

from pathlib import Path

from deploy.local.house import House
from deploy.local.site import Site


def open_house(data_dir: Path) -> House:
    """Return the house in ``data_dir``.

    Raises:
        UserError: there is none.
    """
    site = Site(data_dir)
    site.require()
    return House(site)
