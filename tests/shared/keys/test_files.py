"""Key files: made once, read by their owner alone, gone for good when destroyed."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import TransientError, UserError
from shared.keys import files, stored
from shared.keys.envelope import SealBrokenError, unseal
from shared.keys.files import FileKeyring
from shared.keys.kek import KeyDamagedError
from shared.keys.port import KeyMissingError, TenantPurpose
from tests.waiting import PATIENCE_S

DOCUMENT = "a" * 40
OTHER = "b" * 40

RACER = """
import hashlib, sys
from pathlib import Path
from shared.keys.files import FileKeyring
from shared.keys.port import TenantPurpose
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
keyring = FileKeyring(Path(sys.argv[1]))
keys = keyring.tenant_key("acme", TenantPurpose.IDS)
for number in range(60):
    keys += keyring.create_document_key(f"{number:040x}")
print(hashlib.sha256(keys).hexdigest())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the keys of one test live."""
    return tmp_path / "keys"


def everything(folder: Path) -> dict[Path, bytes]:
    """Return every byte in the folder, by file."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_in_the_folder_recovers_a_destroyed_key(folder: Path) -> None:
    """Erasure is this promise: the attack has the KEK, every file, and knows the format."""
    keyring = FileKeyring(folder)
    keyring.tenant_key("acme", TenantPurpose.IDS)
    keyring.create_document_key(OTHER)
    key = keyring.create_document_key(DOCUMENT)
    sealed = (folder / DOCUMENT).read_bytes()
    keyring.destroy_document_key(DOCUMENT)
    kek = bytes.fromhex((folder / "kek").read_text())
    assert unseal(kek, sealed, name=f"keys/{DOCUMENT}") == key  # the attack would work
    for data in everything(folder).values():
        assert key not in data
        assert key.hex().encode() not in data
        assert sealed[-28:] not in data
        with pytest.raises(SealBrokenError):
            unseal(kek, data, name=f"keys/{DOCUMENT}")


def test_a_second_name_left_by_a_crash_is_destroyed_too(folder: Path) -> None:
    """Dying between link and unlink leaves two names; destroying one must empty both."""
    keyring = FileKeyring(folder)
    keyring.create_document_key(DOCUMENT)
    left = folder / f".{DOCUMENT}.0123456789abcdef"
    os.link(folder / DOCUMENT, left)
    keyring.destroy_document_key(DOCUMENT)
    assert not any(left.read_bytes())


def test_an_eraser_that_died_half_way_has_erased(folder: Path) -> None:
    """Overwritten but not yet unlinked: missing for readers, and not made anew until finished."""
    keyring = FileKeyring(folder)
    keyring.create_document_key(DOCUMENT)
    size = (folder / DOCUMENT).stat().st_size
    (folder / DOCUMENT).write_bytes(bytes(size))
    with pytest.raises(KeyMissingError):
        keyring.document_key(DOCUMENT)
    with pytest.raises(TransientError, match="being destroyed"):
        keyring.create_document_key(DOCUMENT)
    keyring.destroy_document_key(DOCUMENT)
    assert len(keyring.create_document_key(DOCUMENT)) == 32


def test_key_files_are_for_their_owner_alone(folder: Path) -> None:
    """Whatever the umask, nobody else reads a key."""
    before = os.umask(0)
    try:
        keyring = FileKeyring(folder)
        keyring.create_document_key(DOCUMENT)
        keyring.tenant_key("acme", TenantPurpose.INBOX)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in everything(folder)} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_kek_that_others_may_read_is_refused(folder: Path) -> None:
    """The mistake is a careless copy; the error says what to do."""
    FileKeyring(folder)
    (folder / "kek").chmod(0o640)
    with pytest.raises(UserError, match="chmod 600"):
        FileKeyring(folder)


@pytest.mark.parametrize("tenants_first", [True, False])
def test_the_kek_of_another_folder_is_refused_at_start(
    folder: Path, tmp_path: Path, *, tenants_first: bool
) -> None:
    """A restore that mixed two backups must not quarantine every document one by one."""
    keyring = FileKeyring(folder)
    if tenants_first:
        keyring.tenant_key("acme", TenantPurpose.IDS)
    keyring.create_document_key(DOCUMENT)
    FileKeyring(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "kek", folder / "kek")
    with pytest.raises(UserError, match="not the one"):
        FileKeyring(folder)


def test_a_missing_kek_is_never_replaced(folder: Path) -> None:
    """A fresh KEK beside old keys would look healthy and open nothing."""
    FileKeyring(folder).create_document_key(DOCUMENT)
    (folder / "kek").unlink()
    with pytest.raises(UserError, match="missing"):
        FileKeyring(folder)
    assert not (folder / "kek").exists()


@pytest.mark.parametrize("content", ["", "zz", "00" * 31, "é" * 32])
def test_a_damaged_kek_is_told(folder: Path, content: str) -> None:
    """Torn or edited: one line, not a traceback from a library."""
    FileKeyring(folder)
    (folder / "kek").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="damaged"):
        FileKeyring(folder)


def test_a_key_moved_to_another_document_is_refused(folder: Path) -> None:
    """Swapping two key files must not make one document open with the other's key."""
    keyring = FileKeyring(folder)
    keyring.create_document_key(DOCUMENT)
    shutil.copy(folder / DOCUMENT, folder / OTHER)
    with pytest.raises(KeyDamagedError):
        keyring.document_key(OTHER)


def test_a_witness_destroyed_meanwhile_is_no_obstacle(folder: Path) -> None:
    """The only key in the folder may be half destroyed when a worker starts."""
    FileKeyring(folder).create_document_key(DOCUMENT)
    (folder / DOCUMENT).write_bytes(bytes(100))
    FileKeyring(folder)


@pytest.mark.parametrize("name", ["../kek", "kek", "", "A" * 40, "a" * 40 + "\n", "a" * 39])
def test_only_ids_name_keys(folder: Path, name: str) -> None:
    """An id that is a path would let a document name the KEK and destroy it."""
    keyring = FileKeyring(folder)
    with pytest.raises(ValueError, match="document id"):
        keyring.destroy_document_key(name)
    with pytest.raises(ValueError, match="document id"):
        keyring.create_document_key(name)
    with pytest.raises(ValueError, match="tenant"):
        keyring.tenant_key(f"../{name}", TenantPurpose.IDS)


def test_processes_that_race_get_the_same_keys(folder: Path) -> None:
    """Two workers at a first start make one KEK, one tenant key, one key a document."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(files.__file__).parents[2],
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    answers = {racer.communicate(timeout=PATIENCE_S)[0] for racer in racers}
    assert len(answers) == 1
    keyring = FileKeyring(folder)
    keys = keyring.tenant_key("acme", TenantPurpose.IDS)
    keys += b"".join(keyring.document_key(f"{number:040x}") for number in range(60))
    assert answers == {hashlib.sha256(keys).hexdigest() + "\n"}
    assert not [path for path in everything(folder) if path.name.startswith(".")]


def test_the_loser_of_a_race_takes_the_winners_key(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exact moment: another process makes the key between our look and our write."""
    ours, theirs = FileKeyring(folder), FileKeyring(folder)
    won: list[bytes] = []
    create = stored.create_file

    def beaten(path: Path, data: bytes) -> bool:
        monkeypatch.setattr(stored, "create_file", create)
        won.append(theirs.create_document_key(DOCUMENT))
        return create(path, data)

    monkeypatch.setattr(stored, "create_file", beaten)
    assert ours.create_document_key(DOCUMENT) == won[0]


def test_a_disk_that_fails_is_transient(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk passes; it must neither leave half a key nor quarantine a document."""
    keyring = FileKeyring(folder)
    keyring.create_document_key(OTHER)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TransientError):
        keyring.create_document_key(DOCUMENT)
    with pytest.raises(TransientError):
        keyring.destroy_document_key(OTHER)
    monkeypatch.undo()
    with pytest.raises(KeyMissingError):
        keyring.document_key(DOCUMENT)
    assert {path.name for path in everything(folder)} <= {"kek", OTHER}


def test_a_key_that_cannot_be_read_is_transient(folder: Path) -> None:
    """A folder in the way stands for any reading error."""
    keyring = FileKeyring(folder)
    (folder / DOCUMENT).mkdir()
    with pytest.raises(TransientError):
        keyring.document_key(DOCUMENT)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file where the folder should be, or a parent that is not ours."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(TransientError):
        FileKeyring(tmp_path / "taken")


def test_a_folder_of_somebody_else_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting does not help against permissions, so it is the person's to mend."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match="owner"):
        FileKeyring(folder)
