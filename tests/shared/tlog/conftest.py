from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.tlog.signer import Ed25519Signer
from tests.shared.tlog.naive import NaiveLog


@pytest.fixture(scope="session")
def signer() -> Ed25519Signer:
    """A signer whose key is the same in every run."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return Ed25519Signer("docledger.example/log/acme", key)


@pytest.fixture(scope="session")
def some_leaves() -> list[bytes]:
    """70,000 leaves reach level 2; tests take as many as they need."""
    return [b"leaf %d" % number for number in range(70_000)]


@pytest.fixture
def write_log(tmp_path: Path) -> Callable[[NaiveLog], Path]:
    """Write a log to a directory and return it."""

    def write(log: NaiveLog) -> Path:
        for path, data in log.files.items():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return tmp_path

    return write
