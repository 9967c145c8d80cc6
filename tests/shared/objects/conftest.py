"""A store of each kind on a clock that tests move.

On Cloud Storage the suite runs twice: against fake-gcs-server, which is somebody else's idea of it,
and against our own server, which refuses what Cloud Storage refuses and looks at our clock.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from shared.clock import FakeClock
from shared.objects.batched import BatchedObjects
from shared.objects.directory import DirectoryObjects
from shared.objects.gcs import GcsObjects
from shared.objects.gcs_connection import EMULATOR, GcsConnection
from shared.objects.memory import MemoryObjects
from shared.objects.port import ObjectStore
from shared.objects.sqlite import SqliteObjects
from tests.shared.objects.json_api import BUCKET, JsonApi


@pytest.fixture
def clock() -> FakeClock:
    """Give the clock that stamps objects."""
    return FakeClock()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Say where the directory store lies."""
    return tmp_path / "objects"


@pytest.fixture
def directory(root: Path, clock: FakeClock) -> DirectoryObjects:
    """Give an empty store in a directory."""
    return DirectoryObjects(root, clock=clock)


UNPROVEN: Final = {
    "test_what_was_created_is_read_back": "it stamps objects by its own clock",
    "test_the_time_is_that_of_the_last_write": "it stamps objects by its own clock",
    "test_deleting_a_generation_leaves_a_later_one": "it ignores which generation to delete, so "
    "the adapter looks first: what is shown is that it looks",
}
"""Clauses that fake-gcs-server cannot prove, and why. It also ignores ``ifGenerationMatch`` on
resumable uploads and downloads, KMS keys, and checksums that are wrong; it never is slow, away or
half gone. All of that is proven by our own server, here and in ``test_gcs.py``."""

KINDS: Final = ("memory", "directory", "sqlite", "batched", "gcs", "fake-gcs-server")
_ON_A_SOCKET: Final = (pytest.mark.integration, pytest.mark.enable_socket)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each clause on every store that can prove it."""
    if "store" in metafunc.fixturenames:
        proves = [
            kind
            for kind in KINDS
            if kind != "fake-gcs-server" or metafunc.definition.name not in UNPROVEN
        ]
        kinds = [pytest.param(kind, marks=_ON_A_SOCKET if "gcs" in kind else ()) for kind in proves]
        metafunc.parametrize("store", kinds, indirect=True)


@pytest.fixture
def api(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[JsonApi]:
    """Give a server that speaks Cloud Storage's API; Google's clients are led to it."""
    api = JsonApi(clock)
    with api.serving() as url:
        monkeypatch.setenv(EMULATOR, url)
        yield api


@pytest.fixture
def store(request: pytest.FixtureRequest, root: Path, clock: FakeClock) -> Iterator[ObjectStore]:
    """Give an empty store of each kind in turn."""
    if request.param == "memory":
        yield MemoryObjects(clock)
    elif request.param == "directory":
        yield DirectoryObjects(root, clock=clock)
    elif request.param == "batched":
        yield BatchedObjects(DirectoryObjects(root, clock=clock))
    elif request.param == "sqlite":
        small = SqliteObjects(root / "small.sqlite", clock=clock)
        yield small
        small.close()
    elif request.param == "gcs":
        request.getfixturevalue("api")
        strict = GcsObjects(BUCKET, connection=GcsConnection(lenient=False))
        yield strict
        strict.close()
    else:
        emulated = GcsObjects(request.getfixturevalue("bucket"))
        yield emulated
        emulated.close()


@pytest.fixture(params=["memory", "directory"])
def foldered(
    request: pytest.FixtureRequest, root: Path, clock: FakeClock
) -> MemoryObjects | DirectoryObjects:
    """Give an empty store of each kind that has folders, or behaves so."""
    if request.param == "memory":
        return MemoryObjects(clock)
    return DirectoryObjects(root, clock=clock)
