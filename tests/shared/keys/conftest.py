from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.keys.kms_connection import KmsConnection
from shared.keys.kms_kek import KmsKek
from shared.keys.opening import open_keyring
from shared.keys.stored import KeyFolder
from shared.keys.wrapping import WrappedKeyring
from tests.emulators.kms import KEK, KmsServer, kms_server

__all__ = ["kms_server"]


@pytest.fixture
def connection(kms_server: KmsServer) -> Iterator[KmsConnection]:
    """Give a connection that tries again for as long as these tests need."""
    made = KmsConnection(emulator=kms_server.address, attempt_s=2.0, deadline_s=30.0)
    yield made
    made.close()


@pytest.fixture
def hasty(kms_server: KmsServer) -> Iterator[KmsConnection]:
    """Give one that soon gives up."""
    made = KmsConnection(emulator=kms_server.address, attempt_s=0.1, deadline_s=0.3)
    yield made
    made.close()


@pytest.fixture
def open_on_kms(connection: KmsConnection, tmp_path: Path) -> Callable[[], WrappedKeyring]:
    """Give what opens one folder's keyring, its KEK in KMS, as another process would."""
    return lambda: WrappedKeyring(KeyFolder(tmp_path / "keys"), KmsKek(connection, KEK))


@pytest.fixture
def open_on_kms_bucket(
    kms_server: KmsServer, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], WrappedKeyring]:
    """Give what opens a bucket's keyring as the settings name it."""
    monkeypatch.setenv("DOCLEDGER_KMS_KEK", KEK)
    monkeypatch.setenv("DOCLEDGER_KMS_KEYS_BUCKET", bucket)
    monkeypatch.setenv("DOCLEDGER_UNSAFE_KMS_EMULATOR", kms_server.address)
    return lambda: open_keyring(tmp_path / "keys")
