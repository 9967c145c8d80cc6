"""A store of each kind on a clock that tests move."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clock import FakeClock
from shared.objects.batched import BatchedObjects
from shared.objects.directory import DirectoryObjects
from shared.objects.memory import MemoryObjects
from shared.objects.port import ObjectStore
from shared.objects.sqlite import SqliteObjects


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


@pytest.fixture(params=["memory", "directory", "sqlite", "batched"])
def store(request: pytest.FixtureRequest, root: Path, clock: FakeClock) -> Iterator[ObjectStore]:
    """Give an empty store of each kind in turn."""
    if request.param == "memory":
        yield MemoryObjects(clock)
    elif request.param == "directory":
        yield DirectoryObjects(root, clock=clock)
    elif request.param == "batched":
        yield BatchedObjects(DirectoryObjects(root, clock=clock))
    else:
        small = SqliteObjects(root / "small.sqlite", clock=clock)
        yield small
        small.close()


@pytest.fixture(params=["memory", "directory"])
def foldered(
    request: pytest.FixtureRequest, root: Path, clock: FakeClock
) -> MemoryObjects | DirectoryObjects:
    """Give an empty store of each kind that has folders, or behaves so."""
    if request.param == "memory":
        return MemoryObjects(clock)
    return DirectoryObjects(root, clock=clock)
