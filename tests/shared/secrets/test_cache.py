"""What is remembered of secrets, for how long, and what an outage changes."""

import threading

import pytest

from shared.clock import FakeClock
from shared.errors import TransientError
from shared.secrets.cache import CachedSecrets
from shared.secrets.port import SecretUnusableError, SecretWithdrawnError
from shared.secrets.value import SecretValue
from tests.waiting import PATIENCE_S

NAME = "projects/p/secrets/s/versions/7"


class Origin:
    """A source that says what a test wants."""

    def __init__(self) -> None:
        self.says: bytes | Exception = b"one"
        self.asked = 0
        self.gate: threading.Event | None = None
        self.entered = threading.Event()

    def read(self, name: str) -> SecretValue:
        """Say it."""
        del name
        self.asked += 1
        self.entered.set()
        if self.gate is not None:
            assert self.gate.wait(PATIENCE_S)
        if isinstance(self.says, Exception):
            raise self.says
        return SecretValue(self.says)


class Cached:
    """A cache with all that it stands on."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.origin = Origin()
        self.told: list[Exception] = []
        self.secrets = CachedSecrets(
            self.origin, clock=self.clock, tell=self.told.append, refresh_s=300, retry_s=15
        )

    def read(self) -> bytes:
        """Read."""
        return self.secrets.read(NAME).reveal()


@pytest.fixture
def cached() -> Cached:
    """Give one."""
    return Cached()


def test_its_age_is_bounded(cached: Cached) -> None:
    """One request more a job would be one outage more; a value for ever, one that is revoked."""
    assert [cached.read(), cached.read()] == [b"one", b"one"]
    cached.clock.sleep(299)
    cached.read()
    assert cached.origin.asked == 1
    cached.origin.says = b"two"
    cached.clock.sleep(1)
    assert [cached.read(), cached.read()] == [b"two", b"two"]
    assert cached.origin.asked == 2


@pytest.mark.parametrize("error", [TransientError("away"), SecretUnusableError("denied")])
def test_a_refresh_that_fails_keeps_the_value_and_tells(cached: Cached, error: Exception) -> None:
    """An outage of Secret Manager, or a grant lost by mistake, must not stop the jobs."""
    cached.read()
    cached.origin.says = error
    cached.clock.sleep(300)
    assert [cached.read(), cached.read()] == [b"one", b"one"]
    assert (cached.origin.asked, cached.told) == (2, [error])
    cached.clock.sleep(15)
    assert cached.read() == b"one"
    assert (cached.origin.asked, cached.told) == (3, [error, error])
    cached.origin.says = b"two"
    cached.clock.sleep(15)
    assert cached.read() == b"two"
    cached.clock.sleep(299)
    cached.read()
    assert cached.origin.asked == 4


def test_what_is_withdrawn_is_forgotten_and_told_once(cached: Cached) -> None:
    """Revoking a token that leaked is worth nothing where the old one goes on working."""
    cached.read()
    cached.origin.says = SecretWithdrawnError("disabled")
    cached.clock.sleep(300)
    for _ in range(3):
        with pytest.raises(SecretWithdrawnError, match="disabled"):
            cached.read()
        cached.clock.sleep(15)
    assert (len(cached.told), cached.origin.asked) == (1, 4)
    # Nor does an outage bring it back.
    cached.origin.says = TransientError("away")
    with pytest.raises(TransientError):
        cached.read()
    cached.origin.says = b"one"
    cached.clock.sleep(15)
    assert cached.read() == b"one"


@pytest.mark.parametrize("error", [TransientError("away"), SecretUnusableError("denied")])
def test_a_failure_is_remembered_for_a_while(cached: Cached, error: Exception) -> None:
    """The attack: knock a thousand times, and have the worker knock at Secret Manager."""
    cached.origin.says = error
    for _ in range(1_000):
        with pytest.raises(type(error)) as caught:
            cached.read()
        assert str(caught.value) == str(error)
        assert caught.value is not error
    assert (cached.origin.asked, cached.told) == (1, [error])
    cached.origin.says = b"one"
    cached.clock.sleep(15)
    assert cached.read() == b"one"


def test_nobody_waits_for_a_refresh_who_has_a_value(cached: Cached) -> None:
    """A source that hangs must not hold every request."""
    cached.read()
    cached.clock.sleep(300)
    cached.origin.gate, cached.origin.says = threading.Event(), b"two"
    cached.origin.entered.clear()
    refreshing = threading.Thread(target=cached.read)
    refreshing.start()
    assert cached.origin.entered.wait(PATIENCE_S)
    assert cached.read() == b"one"
    cached.origin.gate.set()
    refreshing.join(PATIENCE_S)
    assert cached.read() == b"two"


def test_the_first_value_is_asked_for_once_by_all(cached: Cached) -> None:
    """Every thread of a worker that starts wants it at once."""
    cached.origin.gate = threading.Event()
    read: list[bytes] = []
    threads = [threading.Thread(target=lambda: read.append(cached.read())) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert cached.origin.entered.wait(PATIENCE_S)
    cached.origin.gate.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert (read, cached.origin.asked) == ([b"one"] * 4, 1)
