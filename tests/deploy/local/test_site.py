"""The data folder: who may run on it, and what is told when nobody can."""

import os
from pathlib import Path

import pytest

from deploy.local.site import AlreadyRunsError, Site, SiteLock, running
from shared.errors import UserError


def test_a_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    """Keys lie in it."""
    site = Site(tmp_path / "a" / "data")
    site.create()
    site.create()
    assert site.folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_or_written_is_a_users_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, and what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot make the data folder"):
        Site(tmp_path / "file").create()
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(UserError, match="cannot write in the data folder"):
        Site(tmp_path / "data").create()


def test_a_lock_is_held_by_one_and_free_after(tmp_path: Path) -> None:
    """Two keepers would write two logs."""
    first, second = SiteLock(tmp_path / "lock"), SiteLock(tmp_path / "lock")
    assert first.acquire(wait=False)
    assert not second.acquire(wait=False)
    first.release()
    assert second.acquire(wait=True)
    second.release()


def test_running_is_exclusive_and_ends_with_its_block(tmp_path: Path) -> None:
    """An exception inside must not leave the folder locked."""
    site = Site(tmp_path / "data")
    site.create()
    with pytest.raises(AlreadyRunsError, match="already runs"), running(site), running(site):
        pass
    with running(site):
        pass
