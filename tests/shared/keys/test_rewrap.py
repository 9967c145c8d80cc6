"""Wrapping keys again: content untouched, resumed after a kill, and erased keys stay erased."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.clock import FakeClock
from shared.errors import TransientError, UserError
from shared.keys.files import FileKeyring
from shared.keys.kek import KeyDamagedError, Wrapped
from shared.keys.kms_connection import KmsConnection
from shared.keys.kms_kek import SETTLED, KmsKek
from shared.keys.opening import open_keyring
from shared.keys.port import KeyMissingError, TenantPurpose
from shared.keys.rewrap import destroy_older, rewrap, standing
from shared.keys.settings import KmsSettings
from shared.keys.stored import KeyFolder
from shared.keys.vault import ErasedError, Vault
from shared.keys.wrapping import WrappedKeyring
from shared.objects.directory import DirectoryObjects
from tests.emulators.kms import KEK, KmsServer

Open = Callable[[], WrappedKeyring]

DOCUMENTS = [f"{number:040x}" for number in range(5)]
KMS = pytest.param("kms", marks=[pytest.mark.integration, pytest.mark.enable_socket])


class KilledError(BaseException):
    """The process is gone: nothing catches this."""


@pytest.fixture(params=["files", KMS])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Each KEK in turn."""
    if request.param == "kms":
        opened: Open = request.getfixturevalue("open_on_kms")
        return opened
    return lambda: FileKeyring(tmp_path / "keys")


@pytest.fixture
def keys(reopen: Open) -> dict[str, bytes]:
    """Some documents' keys, and a tenant's."""
    keyring = reopen()
    made = {"acme": keyring.tenant_key("acme", TenantPurpose.IDS)}
    return made | {one: keyring.create_document_key(one) for one in DOCUMENTS}


def assert_opens(keyring: WrappedKeyring, keys: dict[str, bytes]) -> None:
    """Check that every key is what it was."""
    assert keyring.tenant_key("acme", TenantPurpose.IDS) == keys["acme"]
    assert {one: keyring.document_key(one) for one in keys if one != "acme"} == {
        one: key for one, key in keys.items() if one != "acme"
    }


def test_everything_opens_after_the_old_version_is_destroyed(
    reopen: Open, keys: dict[str, bytes]
) -> None:
    """The whole rotation: a new version, all keys wrapped again, the old version gone."""
    keyring = reopen()
    old = keyring.kek.newest()
    new = keyring.kek.renew()
    assert (standing(keyring).remaining, standing(keyring).newest) == (6, new)
    assert rewrap(keyring) == 6
    assert standing(keyring).wrapped == {old: 0, new: 6}
    assert destroy_older(keyring) == [old]
    assert_opens(reopen(), keys)
    assert standing(reopen()).wrapped == {new: 6}
    assert rewrap(reopen()) == 0


def test_content_is_not_touched(reopen: Open, keys: dict[str, bytes], tmp_path: Path) -> None:
    """Re-encrypting documents would break every reference to their bytes."""
    objects = tmp_path / "objects"
    vault = Vault(DirectoryObjects(objects), reopen())
    stored = [vault.store(f"originals/{one}", one, one.encode()) for one in DOCUMENTS]
    before = _digests(objects)
    keyring = reopen()
    keyring.kek.renew()
    rewrap(keyring)
    destroy_older(keyring)
    assert _digests(objects) == before
    again = Vault(DirectoryObjects(objects), reopen())
    assert [again.open(one) for one in stored] == [one.encode() for one in DOCUMENTS]
    assert len(keys) == 6


@pytest.mark.parametrize("killed_at", range(7))
@pytest.mark.parametrize("after", [False, True])
def test_it_goes_on_after_a_kill_at_any_step(
    reopen: Open, keys: dict[str, bytes], killed_at: int, *, after: bool
) -> None:
    """Half wrapped, everything opens, and how many remain can be told."""
    keyring = reopen()
    keyring.kek.renew()
    fragile = WrappedKeyring(_Fragile(keyring.stored, killed_at, after=after), keyring.kek)
    if killed_at < 6:
        with pytest.raises(KilledError):
            rewrap(fragile)
    else:
        rewrap(fragile)
    done = min(6, killed_at + after)
    assert standing(reopen()).remaining == 6 - done
    assert_opens(reopen(), keys)
    if done < 6:
        with pytest.raises(UserError, match="rewrap"):
            destroy_older(reopen())
    assert rewrap(reopen()) == 6 - done
    destroy_older(reopen())
    assert_opens(reopen(), keys)


def test_an_erased_key_is_not_brought_back(reopen: Open, keys: dict[str, bytes]) -> None:
    """The attack on erasure: destroyed between our look and our write."""
    keyring = reopen()
    keyring.kek.renew()

    class Beaten(_Fragile):
        def replace(self, name: str, old: bytes, new: bytes) -> bool:
            if name == DOCUMENTS[2]:
                reopen().destroy_document_key(name)
            return super().replace(name, old, new)

    assert rewrap(WrappedKeyring(Beaten(keyring.stored, 99, after=False), keyring.kek)) == 5
    with pytest.raises(KeyMissingError):
        reopen().document_key(DOCUMENTS[2])
    vault = Vault(DirectoryObjects(Path("nowhere")), reopen())
    with pytest.raises(ErasedError):
        vault.store("originals/x", DOCUMENTS[2], b"late")
    assert len(keys) == 6


def test_a_damaged_key_keeps_the_old_version(
    reopen: Open, keys: dict[str, bytes], tmp_path: Path
) -> None:
    """It may be repaired from a copy; with its KEK gone it could not."""
    (tmp_path / "keys" / DOCUMENTS[0]).write_bytes(b"nonsense")
    keyring = reopen()
    keyring.kek.renew()
    assert rewrap(keyring) == 5
    now = standing(keyring)
    assert (now.remaining, now.damaged) == (1, 1)
    with pytest.raises(UserError, match="1 keys"):
        destroy_older(keyring)
    assert len(keys) == 6


def test_progress_is_told(reopen: Open, keys: dict[str, bytes]) -> None:
    """A hundred thousand keys in KMS take an hour."""
    keyring = reopen()
    keyring.kek.renew()
    told: list[int] = []
    rewrap(keyring, on_progress=told.append)
    assert told == list(range(1, len(keys) + 1))


def test_a_worker_that_runs_wraps_by_the_new_version_at_once(tmp_path: Path) -> None:
    """Else what it makes during the rewrap would be lost with the old version."""
    worker, operator = FileKeyring(tmp_path / "keys"), FileKeyring(tmp_path / "keys")
    worker.create_document_key(DOCUMENTS[0])
    new = operator.kek.renew()
    worker.create_document_key(DOCUMENTS[1])
    assert Wrapped.parse((tmp_path / "keys" / DOCUMENTS[1]).read_bytes()).label == new


def test_a_key_made_while_the_version_goes_is_wrapped_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exact moment: wrapped by the old version, stored after the rewrap went by."""
    worker, operator = FileKeyring(tmp_path / "keys"), FileKeyring(tmp_path / "keys")
    worker.create_document_key(DOCUMENTS[0])
    create = KeyFolder.create

    def late(self: KeyFolder, name: str, data: bytes) -> bool:
        monkeypatch.setattr(KeyFolder, "create", create)
        operator.kek.renew()
        rewrap(operator)
        destroy_older(operator)
        return create(self, name, data)

    monkeypatch.setattr(KeyFolder, "create", late)
    key = worker.create_document_key(DOCUMENTS[1])
    assert FileKeyring(tmp_path / "keys").document_key(DOCUMENTS[1]) == key
    assert standing(operator).remaining == 0


def test_nothing_in_the_folder_recovers_a_destroyed_version(tmp_path: Path) -> None:
    """The files of old KEK versions are overwritten; so is what they wrapped."""
    keyring = FileKeyring(tmp_path / "keys")
    keyring.create_document_key(DOCUMENTS[0])
    kek = bytes.fromhex((tmp_path / "keys" / "kek").read_text())
    keyring.kek.renew()
    rewrap(keyring)
    destroy_older(keyring)
    lying = b"".join(path.read_bytes() for path in (tmp_path / "keys").rglob("*") if path.is_file())
    assert kek not in lying
    assert kek.hex().encode() not in lying
    assert not list((tmp_path / "keys").rglob(".*"))


def test_what_a_killed_replacement_left_is_destroyed_with_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second copy of a wrapped key must not outlive the erasure."""
    keyring = FileKeyring(tmp_path / "keys")
    keyring.create_document_key(DOCUMENTS[0])
    keyring.kek.renew()

    def killed(*_: object) -> None:
        raise KilledError

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KilledError):
        rewrap(keyring)
    monkeypatch.undo()
    assert (tmp_path / "keys" / f".{DOCUMENTS[0]}.new").exists()
    keyring.destroy_document_key(DOCUMENTS[0])
    assert {path.name for path in (tmp_path / "keys").iterdir()} == {"kek", "keks", "tenants"}


def test_a_full_disk_is_transient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command goes on when there is room again."""
    keyring = FileKeyring(tmp_path / "keys")
    key = keyring.create_document_key(DOCUMENTS[0])
    keyring.kek.renew()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TransientError):
        rewrap(keyring)
    with pytest.raises(TransientError):
        keyring.kek.renew()
    monkeypatch.undo()
    assert keyring.document_key(DOCUMENTS[0]) == key
    assert rewrap(keyring) == 1


@pytest.mark.integration
@pytest.mark.enable_socket
def test_keys_move_from_files_to_kms(
    tmp_path: Path, kms_server: KmsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of a laptop's folder into production, and the key file is destroyed at its end."""
    folder = tmp_path / "keys"
    key = FileKeyring(folder).create_document_key(DOCUMENTS[0])
    monkeypatch.setenv("DOCLEDGER_UNSAFE_KMS_EMULATOR", kms_server.address)
    keyring = open_keyring(folder, settings=KmsSettings(kek=KEK))
    assert standing(keyring).remaining == 1
    rewrap(keyring)
    assert destroy_older(keyring) == ["files/1"]
    assert not (folder / "kek").exists()
    assert open_keyring(folder, settings=KmsSettings(kek=KEK)).document_key(DOCUMENTS[0]) == key


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_destroyed_version_in_kms_opens_nothing(
    connection: KmsConnection, kms_server: KmsServer, tmp_path: Path
) -> None:
    """What was left behind under it is gone: the command refuses, an operator by hand may not."""
    keyring = WrappedKeyring(KeyFolder(tmp_path / "keys"), KmsKek(connection, KEK))
    keyring.create_document_key(DOCUMENTS[0])
    old = keyring.kek.newest()
    keyring.kek.renew()
    keyring.kek.destroy(old)
    with pytest.raises((TransientError, KeyDamagedError)):
        keyring.document_key(DOCUMENTS[0])
    assert kms_server.count("DestroyCryptoKeyVersion") == 1


class _Fragile:
    """Stored keys whose process dies at the n-th replacement, before or after it."""

    def __init__(self, stored: object, killed_at: int, *, after: bool) -> None:
        assert isinstance(stored, KeyFolder)
        self._stored = stored
        self._left = killed_at
        self._after = after

    def read(self, name: str) -> bytes:
        return self._stored.read(name)

    def create(self, name: str, data: bytes) -> bool:
        return self._stored.create(name, data)

    def replace(self, name: str, old: bytes, new: bytes) -> bool:
        due = self._left == 0
        self._left -= 1
        if due and not self._after:
            raise KilledError
        replaced = self._stored.replace(name, old, new)
        if due:
            raise KilledError
        return replaced

    def destroy(self, name: str) -> None:
        self._stored.destroy(name)

    def has(self, name: str) -> bool:
        return self._stored.has(name)

    def names(self) -> Iterator[str]:
        return self._stored.names()


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_version_that_still_wraps_is_not_destroyed(
    tmp_path: Path, connection: KmsConnection, kms_server: KmsServer
) -> None:
    """KMS may wrap by the version before for hours: what is made meanwhile would be lost."""
    clock = FakeClock()
    keyring = WrappedKeyring(KeyFolder(tmp_path / "keys"), KmsKek(connection, KEK, clock=clock))
    keyring.create_document_key(DOCUMENTS[0])
    old = keyring.kek.newest()
    new = keyring.kek.renew()
    kms_server.set_made(new, clock.now())
    assert rewrap(keyring) == 1
    with pytest.raises(UserError, match=r"nothing was destroyed.*2026-01-01 03:00 UTC"):
        destroy_older(keyring)
    kms_server.lag(KEK, 1)
    key = keyring.create_document_key(DOCUMENTS[1])
    assert standing(keyring).wrapped == {old: 1, new: 1}
    kms_server.lag(KEK, None)
    clock.sleep(SETTLED.total_seconds())
    with pytest.raises(UserError, match="rewrap"):
        destroy_older(keyring)
    assert rewrap(keyring) == 1
    assert destroy_older(keyring) == [old]
    assert keyring.document_key(DOCUMENTS[1]) == key
