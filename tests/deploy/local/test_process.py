"""One process of a site: when it ends, and whose leases are left behind."""

import os
import signal
from collections.abc import Iterator

import pytest

from deploy.local.process import Stop


@pytest.fixture
def _signals() -> Iterator[None]:
    """Put back what a Stop changes."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_signals")
def test_a_process_ends_when_it_is_told() -> None:
    """SIGTERM finishes what is in hand; an interrupt at the terminal is the supervisor's."""
    stop = Stop(os.getppid())
    os.kill(os.getpid(), signal.SIGINT)
    assert not stop()
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop()


@pytest.mark.usefixtures("_signals")
def test_an_orphan_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """After kill -9 of the supervisor nobody would ever tell it."""
    stop = Stop(os.getppid())
    monkeypatch.setattr(os, "getppid", lambda: 1)
    assert stop()
