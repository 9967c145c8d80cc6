"""The door takes every file that a folder can hold."""

import os
from pathlib import Path

import pytest

from deploy.local.entrance import entrance_of
from deploy.local.house import House
from deploy.local.site import Site
from examples.hostile.names import FILE_NAMES


@pytest.mark.parametrize("name", FILE_NAMES.values(), ids=FILE_NAMES.keys())
def test_a_file_of_any_name_becomes_one_submission(tmp_path: Path, name: str) -> None:
    """One name that is no UTF-8 must not end the run of all the others."""
    path = tmp_path / "in" / name
    path.parent.mkdir()
    path.write_bytes(b"Invoice 1")
    site = Site(tmp_path / "data")
    site.create()
    house = House(site)
    entrance = entrance_of(house, "cli")

    job_ids = {entrance.submit(path).job_id, entrance.submit(path).job_id}
    os.rename(path, path.with_name("other"))  # noqa: PTH104 - nothing but the name changes
    other = entrance.submit(path.with_name("other")).job_id

    assert len(job_ids) == 1
    assert other not in job_ids
    house.bus.close()
