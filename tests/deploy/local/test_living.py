"""Who holds a lease and has died must be known to have died: else its work waits for minutes."""

import os
import subprocess
import sys

import pytest

from deploy.local.living import runs
from tests.e2e.commands import wait_until

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
