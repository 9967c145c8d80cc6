from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.tlog.memory import Memory
from shared.tlog.signer import Ed25519Signer
from shared.tlog.watch import Sight, Watch
from tests.shared.tlog.naive import NaiveLog
from tests.shared.tlog.watching import Shown


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


@pytest.fixture
def grown(signer: Ed25519Signer, some_leaves: list[bytes]) -> Callable[..., NaiveLog]:
    """Make the log of some leaves, with the tiles of its earlier sizes."""

    def make(size: int = 600, leaves: Sequence[bytes] = (), at: Sequence[int] = ()) -> NaiveLog:
        return NaiveLog(signer, leaves or some_leaves[:size], sizes=at)

    return make


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    """A watcher's memory, empty."""
    return Memory(tmp_path / "acme.state")


@pytest.fixture
def shown(grown: Callable[..., NaiveLog]) -> Shown:
    """A log of 600 entries."""
    return Shown(grown())


@pytest.fixture
def watch(shown: Shown, memory: Memory, signer: Ed25519Signer) -> Watch:
    """A watcher that has looked once."""
    watching = Watch(shown, lambda: signer.key, memory)
    assert watching.look().sight is Sight.FIRST
    return watching
