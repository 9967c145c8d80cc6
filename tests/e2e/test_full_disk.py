"""The disk is full: one line says so, nothing is lost, and the same command goes on later."""

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.truth import Example
from tests.e2e.commands import docledger
from tests.e2e.settled import settled

pytestmark = pytest.mark.integration

DISK_KIB = 65_536


def _complete(data: Path, folder: Path, few: list[Example]) -> None:
    """The same command again: every document has the end that it would have had."""
    ran = docledger(data, "run", folder, "--format", "json")
    assert ran.code == 0, ran.stderr
    found = settled(data)
    assert found.balanced
    assert found.in_flight == 0
    ends = [end[:2] for end in found.documents.values()]
    attached = [part for one in few for part in one.attachments]
    for one in (*few, *attached):
        if one.status != "refused":
            ends.remove((one.status, one.reason.value if one.reason else None))
    for command in ("audit", "verify"):
        told = docledger(data, command)
        assert told.code == 0, (told.stdout, told.stderr)


def test_what_a_limit_on_files_stopped_goes_on_without_it(
    data: Path, folder: Path, few: list[Example]
) -> None:
    """A quota is a full disk that needs no root to try: no file may grow beyond 100 KB."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    stopped = docledger(data, "run", folder, "--format", "json", before=limit)
    assert stopped.code == 1
    [line] = stopped.stderr.decode().splitlines()
    assert line.startswith("docledger: not now: ")
    _complete(data, folder, few)


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
    _complete(data, folder, few)
