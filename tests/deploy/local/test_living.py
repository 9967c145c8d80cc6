"""Who holds a lease and has died must be known to have died: else its work waits for minutes."""

import os
import subprocess
import sys

import pytest

from deploy.local.living import Run, runs
from tests.waiting import wait_until

pytestmark = pytest.mark.integration


def test_a_process_runs_until_it_is_killed_waited_for_or_not() -> None:
    """A worker whose parent died first is nobody's: in a container it may stay a zombie."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert runs(child.pid)
        child.kill()
        wait_until(lambda: not runs(child.pid), what="the zombie is known for dead")
        os.kill(child.pid, 0)  # it is still there
    finally:
        child.communicate()
    assert not runs(child.pid)


def test_an_id_that_somebody_else_has_by_now_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the error would count against the document, and end it in quarantine."""

    def refuse(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert not runs(1)


def test_a_lease_of_an_earlier_run_or_a_dead_process_is_abandoned() -> None:
    """After a crash nobody waits for leases to end; a live colleague's is left alone."""
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    assert Run("new").abandoned(f"old.{os.getpid()}")
    assert Run("new").abandoned(f"new.{ended.pid}")
    assert not Run("new").abandoned(Run("new").holder)


def test_only_what_ended_with_its_whole_run_is_excused() -> None:
    """A power cut speaks against no document; one dead process may well."""
    assert Run("new").excused(f"old.{os.getpid()}")
    assert not Run("new").excused("new.1")


def test_without_a_supervisor_on_the_machine_nobody_is_known_to_have_ended() -> None:
    """On Cloud Run a process id says nothing: taking a lease away would do work twice."""
    for holder in (".999999999", f"other.{os.getpid()}"):
        assert not Run("").abandoned(holder)
        assert not Run("").excused(holder)
