"""Wrapped keys in a bucket, the KEK in Cloud KMS: what an end-to-end run does not come to do."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from deploy.iam.calls import load_calls
from deploy.iam.matrix import load_matrix
from deploy.local.storage_emulator import StorageEmulator
from shared.errors import TransientError
from shared.keys.kms_connection import KmsConnection
from shared.keys.kms_signer import KmsSigner, new_version, public_key, version_of
from shared.keys.opening import open_keyring
from shared.keys.port import KeyMissingError, TenantPurpose
from shared.keys.rewrap import rewrap, standing
from shared.keys.wrapping import WrappedKeyring
from shared.tlog.checkpoint import Checkpoint
from tests.infra.declared_calls import undeclared
from tests.infra.enforcing import STORAGE, Enforcement
from tests.infra.enforcing_rpc import KMS
from tests.infra.project_keys import ProjectKeys

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

DOCUMENT: Final = "d" * 40
TENANT: Final = "acme"
ORIGIN: Final = "log.example/acme"
WHO: Final = ("entrance", "ingest", "ocr", "eraser", "sequencer", "operator", "keeper")

Opens = Callable[[str], WrappedKeyring]


@pytest.fixture
def keys() -> Iterator[ProjectKeys]:
    """Give Cloud KMS, and the name of a bucket for keys."""
    bucket = f"keys-{secrets.token_hex(8)}"
    stated = load_matrix().stated
    with ProjectKeys(stated, "local", bucket=bucket, tenants=[TENANT], token=bytes) as keys:
        yield keys
    assert keys.wrong == []


@pytest.fixture
def kept(
    storage_emulator: StorageEmulator, keys: ProjectKeys, tmp_path: Path
) -> Iterator[Enforcement]:
    """Give gates before an empty bucket for keys, and before KMS; what they pass is declared."""
    storage_emulator.create_bucket(keys.bucket)
    buckets = {keys.bucket: "wrapped"}
    with Enforcement(tmp_path / "kept", load_matrix(), WHO, buckets, keys=keys.of_buckets) as kept:
        kept.stand_before({STORAGE: storage_emulator.url, **keys.servers})
        yield kept
    assert undeclared(kept.allowed, load_calls()) == set()


@pytest.fixture
def as_who(
    kept: Enforcement, keys: ProjectKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Opens:
    """Give what opens the keyring as an identity does, by the settings of its service."""
    for name, value in keys.settings.items():
        monkeypatch.setenv(name, value)

    def opened(identity: str) -> WrappedKeyring:
        for name, address in kept.addresses(identity).items():
            monkeypatch.setenv(name, address)
        return open_keyring(tmp_path / "none")

    return opened


def test_a_documents_key_lives_as_those_may_who_use_it(as_who: Opens, kept: Enforcement) -> None:
    """Ingest makes it, stages use it, the eraser destroys it; nobody is asked for more."""
    tenant_key = as_who("entrance").tenant_key(TENANT, TenantPurpose.IDS)
    key = as_who("ingest").create_document_key(DOCUMENT)
    assert as_who("ocr").document_key(DOCUMENT) == key
    for whoever in ("sequencer", "operator"):
        assert as_who(whoever).tenant_key(TENANT, TenantPurpose.IDS) == tenant_key
    as_who("eraser").destroy_document_key(DOCUMENT)
    with pytest.raises(KeyMissingError):
        as_who("ocr").document_key(DOCUMENT)
    assert kept.denied == set()


def test_the_keeper_wraps_every_key_again(as_who: Opens, kept: Enforcement) -> None:
    """A KEK is exchanged by one identity alone, and whoever used a key before uses it after."""
    tenant_key = as_who("ingest").tenant_key(TENANT, TenantPurpose.IDS)
    key = as_who("ingest").create_document_key(DOCUMENT)
    keeper = as_who("keeper")
    old = keeper.kek.newest()
    newest = keeper.kek.renew()
    assert rewrap(keeper) == len({"the tenant's", "the document's"})
    assert standing(keeper).wrapped == {old: 0, newest: 2}
    keeper.kek.destroy(old)
    assert as_who("ocr").document_key(DOCUMENT) == key
    assert as_who("sequencer").tenant_key(TENANT, TenantPurpose.IDS) == tenant_key
    assert kept.denied == set()
    with pytest.raises(TransientError, match="PERMISSION_DENIED"):
        as_who("ingest").kek.newest()


def test_the_keeper_makes_a_logs_next_key_and_the_sequencer_signs(
    kept: Enforcement, keys: ProjectKeys
) -> None:
    """Whoever signs day by day cannot bring a key in; a disk that forgets which signs, can ask."""
    crypto_key = f"{keys.signers}/cryptoKeys/log-{TENANT}"
    with (
        closing(KmsConnection(emulator=kept.addresses("keeper")[KMS])) as keeper,
        closing(KmsConnection(emulator=kept.addresses("sequencer")[KMS])) as sequencer,
    ):
        version = new_version(keeper, crypto_key)
        key = public_key(sequencer, version, ORIGIN)
        assert version_of(sequencer, crypto_key, key) == version
        assert KmsSigner(sequencer, version, key).sign(Checkpoint(ORIGIN, 1, bytes(32)))
        assert kept.denied == set()
        with pytest.raises(TransientError, match="PERMISSION_DENIED"):
            new_version(sequencer, crypto_key)
