"""The door takes every file that a folder can hold."""

import os
from pathlib import Path

import pytest

from deploy.local.entrance import RefusedAtTheDoorError, entrance_of, read_file
from deploy.local.house import House
from deploy.local.site import Site
from examples.hostile.names import FILE_NAMES
from shared.telemetry.reasons import RefusedReason


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
    house.close()


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe that nobody writes to would hold up all the other documents for ever."""
    pipe, link, folder = tmp_path / "pipe", tmp_path / "link", tmp_path / "folder"
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "nowhere")
    folder.mkdir()
    for path in (pipe, link, folder):
        with pytest.raises(RefusedAtTheDoorError) as caught:
            read_file(path)
        assert caught.value.reason is RefusedReason.UNREADABLE_FILE
