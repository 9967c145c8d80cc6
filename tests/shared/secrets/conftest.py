from collections.abc import Iterator

import pytest

from shared.secrets.secret_manager import SecretManagerSecrets
from tests.emulators.secrets import SecretServer, secret_server

__all__ = ["secret_server"]


@pytest.fixture
def on_secret_manager(secret_server: SecretServer) -> Iterator[SecretManagerSecrets]:
    """Give what reads from the local server, and soon gives up."""
    made = SecretManagerSecrets(emulator=secret_server.address, attempt_s=2.0, deadline_s=4.0)
    yield made
    made.close()
