"""One contract, every keyring: what the edge and the eraser rely on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.clock import FakeClock
from shared.keys.files import FileKek, FileKeyring
from shared.keys.memory import MemoryKeyring
from shared.keys.port import KeyMissingError, Keyring, TenantPurpose
from shared.keys.stored import KeyFolder
from shared.keys.stored_objects import KeyObjects
from shared.keys.wrapping import WrappedKeyring
from shared.objects.memory import MemoryObjects

DOCUMENT = "a" * 40
OTHER = "b" * 40

Reopen = Callable[[], Keyring]
"""Returns a keyring over the same keys, as another process would see them."""


KMS = pytest.param("kms", marks=[pytest.mark.integration, pytest.mark.enable_socket])

KMS_BUCKET = pytest.param("kms_bucket", marks=KMS.marks)


@pytest.fixture(params=["files", "memory", "objects", KMS, KMS_BUCKET])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    """Each implementation in turn."""
    if request.param == "objects":
        objects = MemoryObjects(FakeClock())
        stored = KeyFolder(tmp_path / "keys")
        return lambda: WrappedKeyring(KeyObjects(objects), FileKek(tmp_path / "keys", stored))
    if request.param in {"kms", "kms_bucket"}:
        opened: Callable[[], Keyring] = request.getfixturevalue(f"open_on_{request.param}")
        return opened
    if request.param == "files":
        return lambda: FileKeyring(tmp_path / "keys")
    keyring = MemoryKeyring()
    return lambda: keyring


def test_document_keys_are_stable_and_distinct(reopen: Reopen) -> None:
    """One key a document, the same for every worker."""
    keyring = reopen()
    key = keyring.create_document_key(DOCUMENT)
    assert len(key) == 32
    assert keyring.create_document_key(DOCUMENT) == key
    assert reopen().document_key(DOCUMENT) == key
    assert keyring.create_document_key(OTHER) != key


def test_a_key_that_was_never_made_is_missing(reopen: Reopen) -> None:
    """Reading must never make a key: it would hide an erasure."""
    with pytest.raises(KeyMissingError):
        reopen().document_key(DOCUMENT)


def test_a_destroyed_key_is_missing_for_everybody(reopen: Reopen) -> None:
    """An erasure holds at once, in processes that used the key a moment ago too."""
    worker, eraser = reopen(), reopen()
    worker.create_document_key(DOCUMENT)
    worker.document_key(DOCUMENT)
    eraser.destroy_document_key(DOCUMENT)
    with pytest.raises(KeyMissingError):
        worker.document_key(DOCUMENT)


def test_whether_there_is_a_key_is_told_without_making_one(reopen: Reopen) -> None:
    """An audit asks, which may open no document."""
    keyring = reopen()
    if not isinstance(keyring, WrappedKeyring):
        return  # the simulation's, which no audit asks
    assert not keyring.has_document_key(DOCUMENT)
    assert not keyring.has_document_key(DOCUMENT)
    keyring.create_document_key(DOCUMENT)
    assert keyring.has_document_key(DOCUMENT)
    assert not keyring.has_document_key(OTHER)
    keyring.destroy_document_key(DOCUMENT)
    assert not keyring.has_document_key(DOCUMENT)


def test_destroying_twice_is_no_error(reopen: Reopen) -> None:
    """The eraser is delivered at least once."""
    keyring = reopen()
    keyring.create_document_key(DOCUMENT)
    keyring.destroy_document_key(DOCUMENT)
    keyring.destroy_document_key(DOCUMENT)
    keyring.destroy_document_key(OTHER)


def test_destroying_one_key_leaves_the_others(reopen: Reopen) -> None:
    """Erasing one document must not touch its neighbour."""
    keyring = reopen()
    other = keyring.create_document_key(OTHER)
    keyring.create_document_key(DOCUMENT)
    keyring.destroy_document_key(DOCUMENT)
    assert keyring.document_key(OTHER) == other


def test_a_key_made_again_is_another_key(reopen: Reopen) -> None:
    """What was sealed before an erasure stays closed for good."""
    keyring = reopen()
    first = keyring.create_document_key(DOCUMENT)
    keyring.destroy_document_key(DOCUMENT)
    assert keyring.create_document_key(DOCUMENT) != first


def test_tenant_keys_are_stable_and_each_purpose_has_its_own(reopen: Reopen) -> None:
    """Ids must repeat across processes; no key serves two purposes or two tenants."""
    keyring = reopen()
    keys = {
        (tenant, purpose): keyring.tenant_key(tenant, purpose)
        for tenant in ("acme", "globex")
        for purpose in TenantPurpose
    }
    assert len(set(keys.values())) == len(keys)
    assert {len(key) for key in keys.values()} == {32}
    again = reopen()
    for _ in range(2):
        assert all(again.tenant_key(*which) == key for which, key in keys.items())


def test_repr_shows_no_key(reopen: Reopen) -> None:
    """Keyrings end up in tracebacks and debuggers."""
    keyring = reopen()
    key = keyring.create_document_key(DOCUMENT)
    assert key.hex()[:8] not in repr(keyring)
    assert repr(keyring).endswith("Keyring()")
