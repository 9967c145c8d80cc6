"""Wrapped keys as objects: erased for everybody, and every generation of them."""

from pathlib import Path

import pytest

from shared.clock import FakeClock
from shared.keys.files import FileKek
from shared.keys.port import KeyMissingError, TenantPurpose
from shared.keys.rewrap import destroy_older, rewrap, standing
from shared.keys.settings import KmsSettings
from shared.keys.stored import KeyFolder
from shared.keys.stored_objects import KeyObjects
from shared.keys.wrapping import WrappedKeyring
from shared.objects.memory import MemoryObjects
from shared.settings import SettingsError

DOCUMENT = "a" * 40


class Versioned:
    """Says which names were purged."""

    def __init__(self) -> None:
        self.purged: list[str] = []

    def purge(self, prefix: str) -> int:
        self.purged.append(prefix)
        return 1

    def keeping(self) -> None:
        return None


@pytest.fixture
def objects() -> MemoryObjects:
    """Give an empty store."""
    return MemoryObjects(FakeClock())


@pytest.fixture
def keyring(objects: MemoryObjects, tmp_path: Path) -> WrappedKeyring:
    """Give a keyring on it, with a tenant's key and a document's."""
    folder = KeyFolder(tmp_path)
    keyring = WrappedKeyring(KeyObjects(objects), FileKek(tmp_path, folder))
    keyring.tenant_key("acme", TenantPurpose.IDS)
    keyring.create_document_key(DOCUMENT)
    return keyring


def test_keys_lie_below_one_prefix(keyring: WrappedKeyring, objects: MemoryObjects) -> None:
    """One prefix is one grant."""
    names = [info.name for info in objects.list("")]
    assert names == [f"keys/{DOCUMENT}", "keys/tenants/acme.ids"]
    assert list(keyring.stored.names()) == ["tenants/acme.ids", DOCUMENT]
    assert repr(keyring.stored) == "KeyObjects()"
    assert keyring.stored.has(DOCUMENT)
    assert not keyring.stored.has(DOCUMENT[:-1])  # a prefix of a name is no name


def test_they_are_wrapped_again(keyring: WrappedKeyring) -> None:
    """As in a folder: all of them, and then the old version can go."""
    key = keyring.document_key(DOCUMENT)
    new = keyring.kek.renew()
    assert rewrap(keyring) == 2
    assert destroy_older(keyring) == ["files/1"]
    assert standing(keyring).wrapped == {new: 2}
    assert keyring.document_key(DOCUMENT) == key


def test_an_erased_key_is_not_written_again(keyring: WrappedKeyring) -> None:
    """Whatever moment the eraser chooses: the generation that was read is not there any more."""
    stored = keyring.stored
    old = stored.read(DOCUMENT)
    assert not stored.replace(DOCUMENT, b"another", b"new")
    keyring.destroy_document_key(DOCUMENT)
    assert not stored.replace(DOCUMENT, old, b"new")
    with pytest.raises(KeyMissingError):
        keyring.document_key(DOCUMENT)


def test_two_that_wrap_again_do_not_undo_each_other(
    keyring: WrappedKeyring, objects: MemoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written between our read and our write."""
    old = keyring.stored.read(DOCUMENT)
    read = objects.read

    def beaten(name: str) -> object:
        found = read(name)
        monkeypatch.setattr(objects, "read", read)
        objects.replace(name, b"theirs", generation=found.info.generation)
        return found

    monkeypatch.setattr(objects, "read", beaten)
    assert not keyring.stored.replace(DOCUMENT, old, b"ours")
    assert keyring.stored.read(DOCUMENT) == b"theirs"


def test_older_generations_go_with_the_key(objects: MemoryObjects) -> None:
    """A bucket that keeps versions would keep the wrapped key."""
    versions = Versioned()
    stored = KeyObjects(objects, versions)
    stored.create(DOCUMENT, b"wrapped")
    stored.destroy(DOCUMENT)
    assert versions.purged == [f"keys/{DOCUMENT}"]
    assert objects.stat(f"keys/{DOCUMENT}") is None


def test_a_bucket_of_keys_needs_a_kek_in_kms() -> None:
    """A key file beside one worker would wrap what no other worker opens."""
    with pytest.raises(SettingsError, match="DOCLEDGER_KMS_KEYS_BUCKET needs DOCLEDGER_KMS_KEK"):
        KmsSettings.from_environment({"DOCLEDGER_KMS_KEYS_BUCKET": "some-bucket"})
