"""One suite on both: what the port promises, wherever secrets are."""

from pathlib import Path
from typing import Protocol

import pytest

from shared.clock import FakeClock
from shared.secrets.cache import CachedSecrets
from shared.secrets.embedded import EnvironmentSecrets
from shared.secrets.port import MOST_BYTES, Secrets, SecretUnusableError, SecretWithdrawnError
from tests.emulators.secrets import SecretServer, State

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

NEEDLE = "n33dle-of-a-secret-that-nobody-may-see"


class Place(Protocol):
    """Where an operator keeps secrets."""

    secrets: Secrets

    def add(self, data: bytes) -> str:
        """Write one; return its name."""
        ...

    def withdraw(self, name: str) -> None:
        """Take it back."""
        ...


class Folder:
    """Files, as Cloud Run mounts them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self.secrets: Secrets = EnvironmentSecrets({})

    def add(self, data: bytes) -> str:
        """Write a file."""
        self._count += 1
        path = self._folder / f"secret, the {self._count}."
        path.write_bytes(data)
        return f"file:{path}"

    def withdraw(self, name: str) -> None:
        """Remove it."""
        Path(name.removeprefix("file:")).unlink()


class Manager:
    """Secret Manager."""

    def __init__(self, server: SecretServer, secrets: Secrets) -> None:
        self._server = server
        self.secrets = secrets

    def add(self, data: bytes) -> str:
        """Add a version."""
        return self._server.add(data)

    def withdraw(self, name: str) -> None:
        """Disable it."""
        self._server.set_state(name, State.DISABLED)


@pytest.fixture(params=["environment", "secret-manager"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Give each of them."""
    if request.param == "environment":
        return Folder(tmp_path)
    server: SecretServer = request.getfixturevalue("secret_server")
    return Manager(server, request.getfixturevalue("on_secret_manager"))


@pytest.mark.parametrize("data", [NEEDLE.encode(), bytes(range(11, 256)), b"x" * MOST_BYTES])
def test_a_secret_is_read_as_it_was_written(place: Place, data: bytes) -> None:
    """Without this every refusal below would pass on a port that reads nothing."""
    name = place.add(data)
    other = place.add(b"another")
    assert place.secrets.read(name).reveal() == data
    assert place.secrets.read(other).reveal() == b"another"


def test_what_is_not_there_is_said_in_one_line(place: Place) -> None:
    """Who deploys reads one line that names the secret, and mends it."""
    name = place.add(NEEDLE.encode())
    place.withdraw(name)
    with pytest.raises(SecretWithdrawnError) as caught:
        place.secrets.read(name)
    assert name.removeprefix("file:") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_secret_is_none(place: Place) -> None:
    """An empty token would be what nobody sends, or what everybody does."""
    with pytest.raises(SecretUnusableError):
        place.secrets.read(place.add(b""))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "TOKEN",
        "file:relative",
        "env:",
        "projects/p/secrets/s",
        "projects/p/secrets/s/versions/",
        "projects/p/secrets/s/versions/07",
        "projects/p/secrets/s/versions/7/../8",
        "projects/p/secrets/../versions/7\n",
    ],
)
def test_a_name_that_is_none_is_refused_in_one_line(place: Place, name: str) -> None:
    """A typing mistake must not read something else."""
    with pytest.raises(SecretUnusableError) as caught:
        place.secrets.read(name)
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, SecretWithdrawnError)


def test_what_was_read_is_nowhere_but_in_its_value(place: Place) -> None:
    """The attack: dump everything that has touched a secret."""
    name = place.add(NEEDLE.encode())
    cached = CachedSecrets(place.secrets, clock=FakeClock(), tell=lambda _: None)
    value = cached.read(name)
    for shown in (value, cached, place.secrets, vars(cached), [value], {"token": value}):
        assert NEEDLE not in f"{shown!r} {shown}"


def test_withdrawing_and_giving_back_need_no_restart(place: Place) -> None:
    """What an operator revokes stops working after the cache's age, in every process."""
    clock, told = FakeClock(), list[Exception]()
    cached = CachedSecrets(place.secrets, clock=clock, tell=told.append, refresh_s=60, retry_s=5)
    name = place.add(NEEDLE.encode())
    assert cached.read(name).reveal() == NEEDLE.encode()
    place.withdraw(name)
    clock.sleep(59)
    assert cached.read(name).reveal() == NEEDLE.encode()
    clock.sleep(1)
    with pytest.raises(SecretWithdrawnError):
        cached.read(name)
    assert [type(error) for error in told] == [SecretWithdrawnError]
