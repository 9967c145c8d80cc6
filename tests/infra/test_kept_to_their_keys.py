"""Wrapped keys in a bucket, the KEK in Cloud KMS: each identity uses them as it may."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from deploy.iam.matrix import load_matrix
from deploy.local.storage_emulator import StorageEmulator
from shared.errors import TransientError
from shared.keys.kms_connection import KmsConnection
from shared.keys.kms_kek import KmsKek
from shared.keys.kms_signer import KmsSigner, public_key, version_of
from shared.keys.opening import open_keyring
from shared.keys.port import KeyMissingError, TenantPurpose
from shared.keys.wrapping import WrappedKeyring
from shared.tlog.checkpoint import Checkpoint
from tests.emulators.kms import KEK, KmsServer, kms_server
from tests.infra.enforcing import STORAGE, Enforcement
from tests.infra.enforcing_rpc import KMS

__all__ = ["kms_server"]

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

DOCUMENT: Final = "d" * 40
TENANT: Final = "acme"
ORIGIN: Final = "log.example/acme"
WHO: Final = ("entrance", "ingest", "ocr", "summarize", "eraser", "sequencer", "ledger-api")

Opens = Callable[[str], WrappedKeyring]


@pytest.fixture
def kept(
    storage_emulator: StorageEmulator, kms_server: KmsServer, tmp_path: Path
) -> Iterator[Enforcement]:
    """Give gates before an empty bucket for keys, and before KMS."""
    bucket = f"keys-{secrets.token_hex(8)}"
    storage_emulator.create_bucket(bucket)
    with Enforcement(tmp_path / "kept", load_matrix(), WHO, {bucket: "wrapped"}) as kept:
        kept.stand_before({STORAGE: storage_emulator.url, KMS: kms_server.address})
        yield kept


@pytest.fixture
def as_who(kept: Enforcement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opens:
    """Give what opens the keyring as an identity does, by the settings of its service."""
    monkeypatch.setenv("DOCLEDGER_KMS_KEK", KEK)
    (bucket,) = kept.buckets
    monkeypatch.setenv("DOCLEDGER_KMS_KEYS_BUCKET", bucket)

    def opened(identity: str) -> WrappedKeyring:
        for name, address in kept.addresses(identity).items():
            monkeypatch.setenv(name, address)
        return open_keyring(tmp_path / "none")

    return opened


def test_a_documents_key_lives_as_those_may_who_use_it(as_who: Opens, kept: Enforcement) -> None:
    """Ingest makes it, stages use it, the eraser destroys it; nobody is asked for more."""
    tenant_key = as_who("entrance").tenant_key(TENANT, TenantPurpose.IDS)
    key = as_who("ingest").create_document_key(DOCUMENT)
    for stage in ("ocr", "summarize"):
        assert as_who(stage).document_key(DOCUMENT) == key
    assert as_who("sequencer").tenant_key(TENANT, TenantPurpose.IDS) == tenant_key
    as_who("eraser").destroy_document_key(DOCUMENT)
    with pytest.raises(KeyMissingError):
        as_who("ocr").document_key(DOCUMENT)
    assert kept.denied == set()


def test_nobody_does_with_keys_what_is_not_theirs(as_who: Opens, kept: Enforcement) -> None:
    """A stage that is taken over opens what it reads, and can neither make nor destroy a key."""
    as_who("ingest").create_document_key(DOCUMENT)
    tenant_key = as_who("ingest").tenant_key(TENANT, TenantPurpose.IDS)
    attacks: dict[str, Callable[[], object]] = {
        "ocr destroys a key": lambda: as_who("ocr").destroy_document_key(DOCUMENT),
        "ocr makes a key": lambda: as_who("ocr").create_document_key("e" * 40),
        "entrance opens a document": lambda: as_who("entrance").document_key(DOCUMENT),
        "sequencer opens a document": lambda: as_who("sequencer").document_key(DOCUMENT),
        "eraser makes a key": lambda: as_who("eraser").create_document_key("e" * 40),
        "eraser destroys a tenant": lambda: as_who("eraser").stored.destroy(
            f"tenants/{TENANT}.{TenantPurpose.IDS.value}"
        ),
        "ledger-api reads a key": lambda: as_who("ledger-api").document_key(DOCUMENT),
        "ledger-api lists keys": lambda: list(as_who("ledger-api").stored.names()),
        "eraser wraps": lambda: as_who("eraser").wrapped("e" * 40, bytes(32)),
    }
    for attack, does in attacks.items():
        kept.denied.clear()
        with pytest.raises(TransientError):
            does()
        assert kept.denied, attack
    assert as_who("ingest").tenant_key(TENANT, TenantPurpose.IDS) == tenant_key
    assert as_who("ocr").document_key(DOCUMENT)


def test_only_the_sequencer_signs(kept: Enforcement, kms_server: KmsServer) -> None:
    """Two who sign can tell two histories."""
    version = f"{kms_server.create_signer(TENANT)}/cryptoKeyVersions/1"
    with closing(KmsConnection(emulator=kept.addresses("sequencer")[KMS])) as sequencer:
        key = public_key(sequencer, version, ORIGIN)
        assert KmsSigner(sequencer, version, key).sign(Checkpoint(ORIGIN, 1, bytes(32)))
        # A disk that forgets which version signs: it is looked for.
        assert version_of(sequencer, version.partition("/cryptoKeyVersions/")[0], key) == version
    for identity in (name for name in WHO if name != "sequencer"):
        with closing(KmsConnection(emulator=kept.addresses(identity)[KMS])) as other:
            with pytest.raises(TransientError, match="PERMISSION_DENIED"):
                KmsSigner(other, version, key).sign(Checkpoint(ORIGIN, 2, bytes(32)))
            with pytest.raises(TransientError, match="PERMISSION_DENIED"):
                KmsKek(other, KEK).renew()  # no deployable makes or destroys versions
