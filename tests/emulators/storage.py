"""The Cloud Storage emulator, one for all tests of a process."""

import os
import secrets
from collections.abc import Iterator

import pytest

from deploy.local.storage_emulator import HOST_VARIABLE, StorageEmulator
from shared.errors import UserError


@pytest.fixture(scope="session")
def storage_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageEmulator]:
    """Give an emulator that answers and keeps everything in memory.

    Whoever restarts it starts one of its own.
    """
    emulator = StorageEmulator(None, log=tmp_path_factory.mktemp("storage") / "emulator.log")
    try:
        emulator.start()
    except UserError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    yield emulator
    emulator.stop()


@pytest.fixture
def bucket(storage_emulator: StorageEmulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give an empty bucket of the test's own; Google's clients are led to the emulator."""
    monkeypatch.setenv(HOST_VARIABLE, storage_emulator.url)
    name = f"bucket-{secrets.token_hex(8)}"
    storage_emulator.create_bucket(name)
    return name
