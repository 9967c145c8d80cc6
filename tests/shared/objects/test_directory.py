"""What only the directory store promises: several processes, kills, links, erasure."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.clock import FakeClock
from shared.errors import TransientError
from shared.objects import directory as module
from shared.objects.directory import DirectoryObjects
from shared.objects.port import AlreadyExistsError, GenerationMismatchError
from tests.shared.objects.folders import files_below

CREATE = """
import sys
from pathlib import Path
from shared.objects.directory import DirectoryObjects
from shared.objects.port import AlreadyExistsError
store = DirectoryObjects(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(60):
    try:
        store.create(f"results/{number}", sys.argv[2].encode())
        print(number)
    except AlreadyExistsError:
        pass
"""


COUNT = """
import sys
from pathlib import Path
from shared.objects.directory import DirectoryObjects
from shared.objects.port import GenerationMismatchError
store = DirectoryObjects(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
done = 0
while done < 60:
    there = store.read("counter")
    try:
        store.replace("counter", b"%d" % (int(there.data) + 1), generation=there.info.generation)
        done += 1
    except GenerationMismatchError:
        pass
"""


DIE = """
import os, signal, sys
from pathlib import Path
from shared.objects import directory
from shared.objects.directory import DirectoryObjects
store = DirectoryObjects(Path(sys.argv[1]))
at = sys.argv[2]
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
if at == "before the sync":
    os.utime = die
elif at == "before the link":
    directory.link_new = die
elif at == "before the rename":
    Path.rename = die
if at == "before the rename":
    store.replace("a/old", b"new", generation=store.stat("a/old").generation)
else:
    store.create("b/new", b"new")
"""


def run_together(script: str, root: Path, workers: int) -> list[list[str]]:
    """Start real processes, let them go at once, and return what each said."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(root), f"worker-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(workers)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * workers
    return said


@pytest.mark.integration
def test_of_many_creators_exactly_one_wins(root: Path, directory: DirectoryObjects) -> None:
    """Two workers that did the same work store one result."""
    said = run_together(CREATE, root, workers=3)
    won = sorted(int(number) for numbers in said for number in numbers)
    assert won == list(range(60))
    for worker, numbers in enumerate(said):
        for number in numbers:
            assert directory.read(f"results/{number}").data == f"worker-{worker}".encode()
    assert len(files_below(root)) == 60


@pytest.mark.integration
def test_of_many_replacers_exactly_one_wins_each_generation(
    root: Path, directory: DirectoryObjects
) -> None:
    """No start of a poisonous document goes uncounted."""
    directory.create("counter", b"0")
    run_together(COUNT, root, workers=3)
    assert directory.read("counter").data == b"180"


@pytest.mark.integration
@pytest.mark.parametrize("at", ["before the sync", "before the link", "before the rename"])
def test_a_killed_writer_leaves_nothing(root: Path, directory: DirectoryObjects, at: str) -> None:
    """There is the old object or the new one; what was half written is swept."""
    directory.create("a/old", b"old")
    died = subprocess.run([sys.executable, "-c", DIE, str(root), at], check=False)
    assert died.returncode < 0
    assert directory.read("a/old").data == b"old"
    assert directory.stat("b/new") is None
    assert len(files_below(root)) == 2
    again = DirectoryObjects(root)
    assert files_below(root) == ["a/old"]
    again.create("b/new", b"new")


def test_sweeping_leaves_a_living_writer_alone(root: Path, directory: DirectoryObjects) -> None:
    """A second process starts while the first one writes."""
    with directory._temporary_file() as (_, temporary):
        DirectoryObjects(root)
        assert temporary.exists()
    assert files_below(root) == []


def test_sweeping_between_making_a_file_and_locking_it_loses_no_write(
    root: Path, directory: DirectoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that starts at that very moment sweeps what looks like a dead writer's."""
    locks = fcntl.flock
    made: list[int] = []

    def late(file: int, how: int) -> None:
        made.append(1)
        if len(made) == 1:  # the writer's; the sweep's own come after it
            DirectoryObjects(root)
        locks(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    directory.create("a/b", b"whole")
    assert len(made) == 3  # the writer's, the sweep's, the writer's once more
    assert directory.read("a/b").data == b"whole"
    assert not any((root / "~tmp").iterdir())


def test_a_folder_removed_by_somebody_is_made_again(
    root: Path, directory: DirectoryObjects
) -> None:
    """An operator tidied up empty folders while the worker ran."""
    directory.create("a/b", b"")
    directory.delete("a/b")
    (root / "a").rmdir()
    with pytest.raises(TransientError):
        directory.create("a/b", b"")
    directory.create("a/b", b"")


def test_a_store_is_as_it_was_after_reopening(root: Path, directory: DirectoryObjects) -> None:
    """Generations live on the disk: a reference from yesterday still fits."""
    first = directory.create("a", b"1")
    again = DirectoryObjects(root, clock=FakeClock())
    assert again.read("a").info == first
    second = again.replace("a", b"2", generation=first.generation)
    with pytest.raises(GenerationMismatchError):
        directory.replace("a", b"3", generation=first.generation)
    assert second.generation > first.generation


def test_a_link_planted_in_the_store_is_not_followed(
    root: Path, tmp_path: Path, directory: DirectoryObjects
) -> None:
    """Who may write into the folder must not make a worker read another file."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (root / "planted").symlink_to(secret)
    assert directory.stat("planted") is None
    assert list(directory.list("")) == []
    with pytest.raises(TransientError, match="ELOOP"):
        directory.read("planted")
    with pytest.raises(AlreadyExistsError):
        directory.create("planted", b"x")
    directory.delete("planted")
    assert secret.read_bytes() == b"secret"


def test_objects_are_for_their_owner_alone(root: Path, directory: DirectoryObjects) -> None:
    """Other users of the machine read nothing, encrypted or not."""
    directory.create("a/b", b"")
    modes = {oct(path.stat().st_mode & 0o777) for path in (root, root / "a", root / "a" / "b")}
    assert modes == {"0o700", "0o600"}


def test_deleting_with_overwriting_leaves_no_bytes(tmp_path: Path, root: Path) -> None:
    """Where bytes are not encrypted, a name that is gone is not enough."""
    store = DirectoryObjects(root, overwrite=True)
    store.create("keys/a", b"secret" * 1000)
    os.link(root / "keys" / "a", tmp_path / "watched")
    store.delete("keys/a")
    assert (tmp_path / "watched").read_bytes() == bytes(6000)
    assert files_below(root) == []


def test_what_a_killed_eraser_left_is_overwritten_too(tmp_path: Path, root: Path) -> None:
    """An erasure that was begun is finished."""
    DirectoryObjects(root, overwrite=True)
    left = root / "~tmp" / "left"
    left.write_bytes(b"secret")
    os.link(left, tmp_path / "watched")
    DirectoryObjects(root, overwrite=True)
    assert (tmp_path / "watched").read_bytes() == bytes(6)
    assert not left.exists()


def test_remembered_folders_are_bounded(
    directory: DirectoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that runs for a year meets a folder per document."""
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 3)
    for number in range(10):
        directory.create(f"results/{number}/0", b"")
    assert len(directory._durable) <= 3


def test_many_are_written_as_if_one_by_one(root: Path, directory: DirectoryObjects) -> None:
    """Whoever reads them need not know how they came."""
    wanted = [directory.stamped(f"results/ocr/{n}/0", b"%d" % n) for n in range(40)]
    directory.create_all(wanted)
    assert [DirectoryObjects(root).read(one.info.name) for one in wanted] == wanted


def test_of_many_nothing_is_written_after_a_taken_one(directory: DirectoryObjects) -> None:
    """Another worker stored its object first: what was made after ours refers to ours."""
    wanted = [directory.stamped(name, b"ours") for name in ("a", "b", "c")]
    directory.create("b", b"theirs")
    with pytest.raises(AlreadyExistsError):
        directory.create_all(wanted)
    assert [directory.read(name).data for name in ("a", "b")] == [b"ours", b"theirs"]
    assert directory.stat("c") is None
