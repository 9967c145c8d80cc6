"""The directory store on a disk that is full or broken, and what it syncs before it confirms."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.errors import TransientError
from shared.objects.directory import DirectoryObjects
from tests.shared.objects.folders import files_below


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let the kernel refuse every file of more than 4 KB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_write_that_the_kernel_cuts_short_leaves_nothing(
    root: Path, directory: DirectoryObjects
) -> None:
    """Half a result would be read as a whole one."""
    old = directory.create("b", b"old")
    with pytest.raises(TransientError, match="EFBIG"):
        directory.create("a", b"x" * 5000)
    with pytest.raises(TransientError, match="EFBIG"):
        directory.replace("b", b"x" * 5000, generation=old.generation)
    assert directory.read("b").data == b"old"
    assert files_below(root) == ["b"]


Fail = Callable[[str, int], None]


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Let one system call fail from now on."""

    def failing(call: str, code: int) -> None:
        def refuse(*_args: object, **_kwargs: object) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, call, refuse)

    return failing


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("write", errno.ENOSPC),
        ("fsync", errno.EIO),
        ("link", errno.EACCES),
        ("utime", errno.EPERM),
        ("mkdir", errno.EROFS),
        ("open", errno.EMFILE),
    ],
)
def test_a_failing_create_is_transient_and_leaves_nothing(
    root: Path, directory: DirectoryObjects, fail: Fail, call: str, code: int
) -> None:
    """A full disk, a lost permission or a broken drive: the document waits, nothing lies about."""
    fail(call, code)
    with pytest.raises(TransientError, match=errno.errorcode[code]) as caught:
        directory.create("a/b", b"ACME GmbH")
    assert "ACME" not in str(caught.value)
    assert directory.stat("a/b") is None
    assert files_below(root) == []


def test_a_create_whose_folder_cannot_be_synced_takes_its_name_back(
    root: Path, directory: DirectoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may not have reached the disk must not be read as if it had."""
    directory.create("a/first", b"")
    real = os.fsync

    def folders_fail(descriptor: int) -> None:
        if os.path.isdir(f"/dev/fd/{descriptor}"):  # noqa: PTH112 - a descriptor, not a path
            raise OSError(errno.EIO, "broken")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", folders_fail)
    with pytest.raises(TransientError):
        directory.create("a/second", b"")
    assert files_below(root) == ["a/first"]


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_failing_replace_leaves_the_old_object(
    root: Path, directory: DirectoryObjects, fail: Fail, call: str
) -> None:
    """A lease is never half a lease."""
    old = directory.create("a", b"old")
    fail(call, errno.ENOSPC)
    with pytest.raises(TransientError):
        directory.replace("a", b"new", generation=old.generation)
    assert directory.read("a").data == b"old"
    assert files_below(root) == ["a"]


def test_reading_a_broken_disk_is_transient(directory: DirectoryObjects, fail: Fail) -> None:
    """An I/O error is not an absent object."""
    directory.create("a/b", b"")
    fail("open", errno.EIO)
    fail("lstat", errno.EIO)
    fail("scandir", errno.EIO)
    with pytest.raises(TransientError):
        directory.read("a/b")
    with pytest.raises(TransientError):
        directory.stat("a/b")
    with pytest.raises(TransientError):
        list(directory.list("a/"))


def test_a_directory_that_cannot_be_made_is_transient(tmp_path: Path) -> None:
    """A volume that is not mounted yet may come."""
    (tmp_path / "file").write_text("")
    with pytest.raises(TransientError, match="ENOTDIR"):
        DirectoryObjects(tmp_path / "file" / "objects")


def test_every_write_is_synced_with_its_folders(
    root: Path, directory: DirectoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut takes nothing that was confirmed: not the file, its name, nor its folders."""
    synced: list[str] = []
    real = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115 - a descriptor
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    info = directory.create("a/b/c", b"")
    assert [path for path in synced if "~tmp" not in path] == [
        str(root),
        str(root / "a"),
        str(root / "a" / "b"),
    ]
    assert "~tmp" in synced[-2]
    synced.clear()
    directory.replace("a/b/c", b"x", generation=info.generation)
    assert "~tmp" in synced[0]
    assert synced[1:] == [str(root / "a" / "b")]
    synced.clear()
    directory.delete("a/b/c")
    assert synced == [str(root / "a" / "b")]


def test_many_are_synced_before_they_are_named_and_their_folders_after(
    root: Path, directory: DirectoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut leaves whole objects or none, and takes none that was confirmed."""
    done: list[str] = []
    sync, link = os.fsync, os.link

    def note_sync(descriptor: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115 - a descriptor
        sync(descriptor)

    def note_link(source: Path, target: Path, *, follow_symlinks: bool) -> None:
        done.append("link")
        link(source, target, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "link", note_link)
    directory.create_all([directory.stamped(name, b"x") for name in ("a/b/c", "a/b/d", "e/f")])
    assert all("~tmp" in path for path in done[:3])
    assert done[3:6] == ["link"] * 3
    assert set(done[6:]) == {str(root), str(root / "a"), str(root / "a" / "b"), str(root / "e")}
    done.clear()
    directory.create_all([directory.stamped("a/b/x", b"")])
    assert done[1:] == ["link", str(root / "a" / "b")]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("write", errno.ENOSPC),
        ("fsync", errno.EIO),
        ("link", errno.EACCES),
        ("mkdir", errno.EROFS),
        ("open", errno.EMFILE),
    ],
)
def test_of_many_that_fail_nothing_is_left(
    root: Path, directory: DirectoryObjects, fail: Fail, call: str, code: int
) -> None:
    """A full disk: the batch comes again, and finds nothing half done."""
    fail(call, code)
    with pytest.raises(TransientError, match=errno.errorcode[code]):
        directory.create_all([directory.stamped(f"a/{n}", b"x") for n in range(3)])
    assert files_below(root) == []


def test_many_whose_folder_cannot_be_synced_take_their_names_back(
    root: Path, directory: DirectoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may not have reached the disk must not be read as if it had."""
    real = os.fsync

    def folders_fail(descriptor: int) -> None:
        if os.path.isdir(f"/dev/fd/{descriptor}"):  # noqa: PTH112 - a descriptor, not a path
            raise OSError(errno.EIO, "broken")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", folders_fail)
    with pytest.raises(TransientError):
        directory.create_all([directory.stamped(f"a/{n}", b"x") for n in range(3)])
    assert files_below(root) == []
    monkeypatch.undo()
    directory.create_all([directory.stamped("a/0", b"x")])
    assert files_below(root) == ["a/0"]


def test_confirming_syncs_every_folder_of_the_names(
    root: Path, directory: DirectoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has named its object, and not synced the folder yet."""
    directory.create("a/b/c", b"")
    synced: set[str] = set()
    monkeypatch.setattr(
        os,
        "fsync",
        lambda descriptor: synced.add(os.readlink(f"/proc/self/fd/{descriptor}")),  # noqa: PTH115 - a descriptor
    )
    directory.confirm(["a/b/c", "a/x", "nowhere/x"])
    assert synced == {str(root), str(root / "a"), str(root / "a" / "b")}
