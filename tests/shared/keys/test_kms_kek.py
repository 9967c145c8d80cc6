"""Keys wrapped by Cloud KMS: bound to their owner, checked both ways, never kept in memory."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from google.auth.exceptions import GoogleAuthError
from google.cloud.kms_v1 import CryptoKeyVersion

from shared.errors import TransientError, UserError
from shared.keys import kms_connection
from shared.keys.files import FileKeyring
from shared.keys.kek import KeyDamagedError, Wrapped
from shared.keys.kms_connection import KmsConnection
from shared.keys.kms_kek import KmsKek
from shared.keys.opening import open_keyring
from shared.keys.port import KeyMissingError, TenantPurpose
from shared.keys.settings import KmsSettings, kms_emulator
from shared.keys.stored import KeyFolder
from shared.keys.wrapping import WrappedKeyring
from tests.emulators.kms import KEK, Fault, KmsServer

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

Open = Callable[[], WrappedKeyring]

DOCUMENT = "a" * 40
OTHER = "b" * 40
STATE = CryptoKeyVersion.CryptoKeyVersionState


def test_a_key_lies_wrapped_under_a_named_version(open_on_kms: Open, tmp_path: Path) -> None:
    """Without the version's name nobody knows what may be destroyed."""
    key = open_on_kms().create_document_key(DOCUMENT)
    lying = (tmp_path / "keys" / DOCUMENT).read_bytes()
    assert key not in lying
    assert Wrapped.parse(lying).label == f"{KEK}/cryptoKeyVersions/1"
    assert not (tmp_path / "keys" / "kek").exists()


def test_an_erasure_holds_in_a_process_that_used_the_key(
    open_on_kms: Open, kms_server: KmsServer
) -> None:
    """A cache of unwrapped keys would open the document after it was forgotten."""
    worker = open_on_kms()
    key = worker.create_document_key(DOCUMENT)
    asked = kms_server.count("Decrypt")
    assert worker.document_key(DOCUMENT) == key == worker.document_key(DOCUMENT)
    assert kms_server.count("Decrypt") == asked + 2
    open_on_kms().destroy_document_key(DOCUMENT)
    with pytest.raises(KeyMissingError):
        worker.document_key(DOCUMENT)
    assert key not in repr(vars(worker)).encode()
    assert not any(key in str(value).encode() for value in vars(worker).values())


def test_a_tenants_key_is_asked_for_once(open_on_kms: Open, kms_server: KmsServer) -> None:
    """It is never destroyed, and every id needs it."""
    open_on_kms().tenant_key("acme", TenantPurpose.IDS)
    worker = open_on_kms()
    for _ in range(3):
        worker.tenant_key("acme", TenantPurpose.IDS)
    assert kms_server.count("Decrypt") == 1


def test_a_wrapped_key_moved_to_another_document_opens_nothing(
    open_on_kms: Open, tmp_path: Path
) -> None:
    """The attack: exchange two files, so that one document opens with the other's key."""
    keyring = open_on_kms()
    keyring.create_document_key(DOCUMENT)
    shutil.copy(tmp_path / "keys" / DOCUMENT, tmp_path / "keys" / OTHER)
    with pytest.raises(KeyDamagedError):
        keyring.document_key(OTHER)
    keyring.tenant_key("acme", TenantPurpose.IDS)
    tenants = tmp_path / "keys" / "tenants"
    shutil.copy(tenants / "acme.ids", tenants / "globex.ids")
    with pytest.raises(KeyDamagedError):
        keyring.tenant_key("globex", TenantPurpose.IDS)


def test_changed_bytes_open_nothing(open_on_kms: Open, tmp_path: Path) -> None:
    """Every byte of what is stored is covered: the label, too."""
    keyring = open_on_kms()
    keyring.create_document_key(DOCUMENT)
    path = tmp_path / "keys" / DOCUMENT
    whole = path.read_bytes()
    for position in (0, 4, 8, 20, len(whole) - 40, len(whole) - 1):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises((KeyDamagedError, TransientError)):
            keyring.document_key(DOCUMENT)
    path.write_bytes(whole[:9])
    with pytest.raises(KeyDamagedError):
        keyring.document_key(DOCUMENT)


DAMAGE = [Fault.FLIP, Fault.WRONG_CRC, Fault.NO_CRC]


@pytest.mark.parametrize("fault", [*DAMAGE, Fault.WRONG_NAME, Fault.UNVERIFIED])
def test_a_damaged_answer_to_wrap_is_asked_for_again(
    open_on_kms: Open, kms_server: KmsServer, fault: Fault
) -> None:
    """A wrapped key with one wrong bit is a document lost for good."""
    kms_server.fail("Encrypt", fault, fault)
    key = open_on_kms().create_document_key(DOCUMENT)
    assert kms_server.count("Encrypt") == 3
    assert open_on_kms().document_key(DOCUMENT) == key


@pytest.mark.parametrize("fault", DAMAGE)
def test_a_damaged_answer_to_unwrap_is_asked_for_again(
    open_on_kms: Open, kms_server: KmsServer, fault: Fault
) -> None:
    """A wrong key would be taken for a broken seal, and the document quarantined."""
    key = open_on_kms().create_document_key(DOCUMENT)
    kms_server.fail("Decrypt", fault)
    assert open_on_kms().document_key(DOCUMENT) == key
    assert kms_server.count("Decrypt") == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault.FLIP,
        Fault.HANG,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.NOT_FOUND,
    ],
)
def test_what_does_not_end_is_transient(
    hasty: KmsConnection, kms_server: KmsServer, tmp_path: Path, fault: Fault | grpc.StatusCode
) -> None:
    """An outage and a missing grant are no document's fault: the queue waits, nothing is stored."""
    keyring = WrappedKeyring(KeyFolder(tmp_path / "keys"), KmsKek(hasty, KEK))
    kms_server.fail_always("Encrypt", fault)
    with pytest.raises(TransientError):
        keyring.create_document_key(DOCUMENT)
    kms_server.fail_always("Encrypt", None)
    with pytest.raises(KeyMissingError):
        keyring.document_key(DOCUMENT)


def test_a_refusal_is_not_asked_again(open_on_kms: Open, kms_server: KmsServer) -> None:
    """Retrying a missing grant only makes the outage slower."""
    kms_server.fail_always("Encrypt", grpc.StatusCode.PERMISSION_DENIED)
    with pytest.raises(TransientError, match="PERMISSION_DENIED"):
        open_on_kms().create_document_key(DOCUMENT)
    assert kms_server.count("Encrypt") == 1


def test_a_short_outage_is_lived_through(open_on_kms: Open, kms_server: KmsServer) -> None:
    """One lost call must not cost a redelivery."""
    kms_server.fail("Encrypt", grpc.StatusCode.UNAVAILABLE, Fault.HANG)
    key = open_on_kms().create_document_key(DOCUMENT)
    assert open_on_kms().document_key(DOCUMENT) == key


def test_a_disabled_version_keeps_documents_waiting(
    open_on_kms: Open, kms_server: KmsServer
) -> None:
    """An operator can enable it again; a quarantined document would need a replay."""
    keyring = open_on_kms()
    key = keyring.create_document_key(DOCUMENT)
    version = f"{KEK}/cryptoKeyVersions/1"
    kms_server.set_state(version, STATE.DISABLED)
    with pytest.raises(TransientError, match="FAILED_PRECONDITION"):
        keyring.document_key(DOCUMENT)
    kms_server.set_state(version, STATE.ENABLED)
    assert keyring.document_key(DOCUMENT) == key


def test_a_signing_key_is_no_kek(kms_server: KmsServer, connection: KmsConnection) -> None:
    """A key of another purpose is a setting that is wrong, and says so."""
    kek = KmsKek(connection, kms_server.create_signer("acme"))
    with pytest.raises(TransientError, match="symmetric"):
        kek.wrap(bytes(32), owner=DOCUMENT, name=f"keys/{DOCUMENT}")


def test_keys_from_files_open_once_the_kek_is_in_kms(
    tmp_path: Path, kms_server: KmsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moving to KMS must not need a day without service."""
    folder = tmp_path / "keys"
    key = FileKeyring(folder).create_document_key(DOCUMENT)
    monkeypatch.setenv("DOCLEDGER_KMS_KEK", KEK)
    monkeypatch.setenv("DOCLEDGER_UNSAFE_KMS_EMULATOR", kms_server.address)
    keyring = open_keyring(folder)
    assert keyring.document_key(DOCUMENT) == key
    keyring.create_document_key(OTHER)
    assert Wrapped.parse((folder / OTHER).read_bytes()).label.startswith(KEK)


def test_without_its_setting_keys_from_kms_are_refused(open_on_kms: Open, tmp_path: Path) -> None:
    """A forgotten setting would have new keys wrapped by a file, and nobody would notice."""
    open_on_kms().tenant_key("acme", TenantPurpose.IDS)
    with pytest.raises(UserError, match="DOCLEDGER_KMS_KEK"):
        open_keyring(tmp_path / "keys", settings=KmsSettings())
    assert not (tmp_path / "keys" / "kek").exists()


def test_keys_from_a_kek_that_no_setting_names_do_not_open(
    open_on_kms: Open, connection: KmsConnection, kms_server: KmsServer
) -> None:
    """Another key ring's KEK must not even be asked."""
    keyring = open_on_kms()
    keyring.create_document_key(DOCUMENT)
    other = kms_server.create_kek(f"{KEK}-2")
    stranger = WrappedKeyring(keyring.stored, KmsKek(connection, other))
    with pytest.raises(KeyDamagedError, match="settings"):
        stranger.document_key(DOCUMENT)


@pytest.mark.parametrize(
    "production",
    [{"K_SERVICE": "x"}, {"CLOUD_RUN_JOB": "x"}, {"DOCLEDGER_ENVIRONMENT": "production"}],
)
def test_production_hands_no_key_to_an_emulator(production: dict[str, str]) -> None:
    """The emulator's channel is unencrypted and proves nothing."""
    with pytest.raises(UserError, match="not for production"):
        kms_emulator(production | {"DOCLEDGER_UNSAFE_KMS_EMULATOR": "127.0.0.1:1"})
    assert kms_emulator(production) is None


def test_without_its_client_the_setting_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop's installation has no client of Google's: one line, no traceback."""
    monkeypatch.setitem(sys.modules, "shared.keys.kms_connection", None)
    with pytest.raises(UserError, match="extra 'cloud'"):
        open_keyring(tmp_path / "keys", settings=KmsSettings(kek=KEK))


def test_without_credentials_it_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metadata server that is not up yet at a cold start."""

    def refuse() -> object:
        raise GoogleAuthError

    monkeypatch.setattr(kms_connection, "KeyManagementServiceClient", refuse)
    connection = KmsConnection(deadline_s=0.1)
    with pytest.raises(TransientError, match="refuses us"):
        connection.ask(lambda client, _timeout: client)
    assert repr(connection) == "KmsConnection()"
