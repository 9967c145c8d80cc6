"""One process of a site: when it ends, and whose leases are left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from deploy.local.process import Stop
from deploy.local.work import _abandoned


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


def test_a_lease_of_an_earlier_run_or_a_dead_process_is_abandoned() -> None:
    """After a crash nobody waits for leases to end; a live colleague's is left alone."""
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    assert _abandoned(f"old.{os.getpid()}", "new")
    assert _abandoned(f"new.{ended.pid}", "new")
    assert not _abandoned(f"new.{os.getpid()}", "new")
