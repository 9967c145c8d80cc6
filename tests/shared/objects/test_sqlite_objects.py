"""What only the store of small objects promises: several processes, kills, an unusable file."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.clock import FakeClock
from shared.errors import TransientError
from shared.objects.sqlite import SqliteObjects

BEGIN = """
import os, signal, sys
from pathlib import Path
from shared.objects.port import AlreadyExistsError
from shared.objects.sqlite import SqliteObjects
store = SqliteObjects(Path(sys.argv[1]))
sys.stdin.readline()
for number in range(50):
    try:
        store.create(f"leases/{number}", b"x")
        print(number, flush=True)
    except AlreadyExistsError:
        pass
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_of_many_processes_one_gets_each_lease_and_kills_lose_none(tmp_path: Path) -> None:
    """A lease that two hold, or that its holder's death undoes, guards nothing."""
    path = tmp_path / "leases.sqlite"
    command = [sys.executable, "-c", BEGIN, str(path)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    told = [child.communicate()[0].split() for child in children]
    assert sorted(int(number) for its in told for number in its) == list(range(50))
    store = SqliteObjects(path)
    assert len(list(store.list("leases/"))) == 50
    store.close()


def test_a_failed_write_leaves_the_store_usable(tmp_path: Path) -> None:
    """An open transaction of a failed write would lock everybody else out."""
    store = SqliteObjects(tmp_path / "leases.sqlite", clock=FakeClock())
    store._connection.execute("PRAGMA max_page_count = 3")
    with pytest.raises(TransientError, match="SQLITE_FULL"):
        store.create("leases/a", bytes(100_000))
    assert store.stat("leases/a") is None
    store.create("leases/a", b"x")
    store.close()


def test_a_file_that_is_no_database_is_transient(tmp_path: Path) -> None:
    """The supervisor says so in one line; there is no traceback for a broken folder."""
    (tmp_path / "leases.sqlite").write_bytes(b"not a database, but long enough to be read" * 50)
    with pytest.raises(TransientError, match="SQLITE_NOTADB"):
        SqliteObjects(tmp_path / "leases.sqlite")


def test_a_folder_that_cannot_be_made_is_transient(tmp_path: Path) -> None:
    """The same, where the folder itself is missing and cannot be made."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TransientError, match="unavailable"):
        SqliteObjects(tmp_path / "file" / "leases.sqlite")


def test_a_bug_of_ours_is_not_called_an_outage(tmp_path: Path) -> None:
    """Retrying would never end."""
    store = SqliteObjects(tmp_path / "leases.sqlite")
    store.close()
    with pytest.raises(Exception, match="closed database") as caught:
        store.read("leases/a")
    assert not isinstance(caught.value, TransientError)


def test_leases_are_for_their_owner_alone(tmp_path: Path) -> None:
    """They name documents and processes."""
    store = SqliteObjects(tmp_path / "leases.sqlite")
    store.create("a", b"")
    assert (tmp_path / "leases.sqlite").stat().st_mode & 0o077 == 0
    store.close()
