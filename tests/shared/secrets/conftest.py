from collections.abc import Iterator

import pytest

from shared.secrets.secret_manager import SecretManagerSecrets
from tests.emulators.secrets import SecretServer, secret_server

__all__ = ["secret_server"]


@pytest.fixture
def on_secret_manager(secret_server: SecretServer) -> Iterator[SecretManagerSecrets]:
    """Give what reads from the local server, for as long as these tests need."""
    made = SecretManagerSecrets(emulator=secret_server.address, attempt_s=10.0, deadline_s=30.0)
    yield made
    made.close()
