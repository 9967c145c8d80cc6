import os
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.tlog.checkpoint import Checkpoint
from shared.tlog.errors import MalformedError
from shared.tlog.signer import Ed25519Signer

ORIGIN = "docledger.example/log/acme"


def test_the_key_is_made_once_and_stays(tmp_path: Path) -> None:
    """A log that changed its key would no longer be provable."""
    path = tmp_path / "keys" / "acme.pem"
    first = Ed25519Signer.open_or_create(path, ORIGIN)
    again = Ed25519Signer.open_or_create(path, ORIGIN)
    checkpoint = Checkpoint(ORIGIN, 1, bytes(32))
    assert first.key == again.key
    assert first.sign(checkpoint) == again.sign(checkpoint)
    assert [entry.name for entry in path.parent.iterdir()] == ["acme.pem"]


def test_nobody_else_can_read_the_key_file(tmp_path: Path) -> None:
    """Mode 0600, whatever the umask says."""
    path = tmp_path / "acme.pem"
    mask = os.umask(0)
    try:
        Ed25519Signer.open_or_create(path, ORIGIN)
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o600


def test_everyone_who_comes_at_once_gets_the_same_key(tmp_path: Path) -> None:
    """Two processes that start together must not sign with two keys."""
    path = tmp_path / "acme.pem"
    barrier = threading.Barrier(8)
    keys: list[str] = []

    def start() -> None:
        barrier.wait()
        keys.append(str(Ed25519Signer.open_or_create(path, ORIGIN).key))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_key_that_came_first_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losing the race means using the winner's key."""
    path = tmp_path / "acme.pem"
    winner = Ed25519Signer.open_or_create(path, ORIGIN)
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    assert Ed25519Signer.open_or_create(path, ORIGIN).key == winner.key


def test_a_damaged_or_foreign_key_file_is_refused(tmp_path: Path) -> None:
    """Never replaced by a new key, and never shown in the error."""
    path = tmp_path / "acme.pem"
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nsecret\n")
    with pytest.raises(MalformedError, match="damaged") as caught:
        Ed25519Signer.open_or_create(path, ORIGIN)
    assert "secret" not in str(caught.value)
    elliptic = generate_private_key(SECP256R1())
    path.write_bytes(elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(MalformedError, match="another kind"):
        Ed25519Signer.open_or_create(path, ORIGIN)
