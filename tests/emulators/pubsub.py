"""The official Pub/Sub emulator, one for all tests of a process."""

import os
import secrets
from collections.abc import Iterator

import pytest

from deploy.local.pubsub_emulator import PubsubEmulator, start_pubsub_emulator
from shared.errors import UserError


@pytest.fixture(scope="session")
def pubsub_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PubsubEmulator]:
    """Give an emulator that answers; whoever restarts it starts one of its own.

    Every test takes a project of its own in it: the emulator knows any.
    """
    try:
        emulator = start_pubsub_emulator(tmp_path_factory.mktemp("pubsub") / "emulator.log")
    except UserError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with emulator:
        yield emulator


@pytest.fixture
def pubsub_project(pubsub_emulator: PubsubEmulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give an empty project on the emulator, where Google's clients and ours look for it."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator.host)
    return f"test-{secrets.token_hex(8)}"
