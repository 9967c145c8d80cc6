from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.keys.kms_connection import KmsConnection
from shared.keys.kms_kek import KmsKek
from shared.keys.stored import KeyFolder
from shared.keys.wrapping import WrappedKeyring
from tests.emulators.kms import KEK, KmsServer, kms_server

__all__ = ["kms_server"]


@pytest.fixture
def connection(kms_server: KmsServer) -> Iterator[KmsConnection]:
    """Give a connection that soon gives up."""
    made = KmsConnection(emulator=kms_server.address, attempt_s=0.3, deadline_s=1.0)
    yield made
    made.close()


@pytest.fixture
def open_on_kms(connection: KmsConnection, tmp_path: Path) -> Callable[[], WrappedKeyring]:
    """Give what opens one folder's keyring, its KEK in KMS, as another process would."""
    return lambda: WrappedKeyring(KeyFolder(tmp_path / "keys"), KmsKek(connection, KEK))
