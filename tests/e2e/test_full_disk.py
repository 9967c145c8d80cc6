"""The disk is full: one line says so, nothing is lost, and the same command goes on later."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.truth import Example
from tests.e2e.commands import docledger
from tests.e2e.settled import settled

pytestmark = pytest.mark.integration

DISK_KIB = 65_536


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root: run the tests as root, in a container")
    mounted = tmp_path / "disk"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "tmpfs", str(mounted)]
    told = subprocess.run(mount, capture_output=True, text=True, check=False)
    if told.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here ({told.stderr.strip()})")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


@pytest.mark.parametrize("left_kib", [40, 760], ids=["from the start", "in the middle"])
def test_what_a_full_disk_stopped_goes_on_when_there_is_space(
    disk: Path, folder: Path, few: list[Example], left_kib: int
) -> None:
    """Workers wait for space and do not give documents up; the person reads one line."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, (DISK_KIB - left_kib) * 1024)
    data = disk / "data"

    stopped = docledger(data, "run", folder, "--format", "json")
    assert stopped.code == 1
    [line] = stopped.stderr.decode().splitlines()
    assert line.startswith("docledger: ")
    assert "the same command again" in line

    ballast.unlink()
    ran = docledger(data, "run", folder, "--format", "json")
    assert ran.code == 0, ran.stderr
    found = settled(data)
    assert found.balanced
    assert found.in_flight == 0
    ends = [end[:2] for end in found.documents.values()]
    attached = [part for one in few for part in one.attachments]
    for one in (*few, *attached):
        if one.status not in {"refused", "quarantined"}:
            ends.remove((one.status, one.reason.value if one.reason else None))
    assert ("quarantined", "attempts_exhausted") not in ends
    for command in ("audit", "verify"):
        told = docledger(data, command)
        assert told.code == 0, (told.stdout, told.stderr)
