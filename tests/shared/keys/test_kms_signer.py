"""A log's key in Cloud KMS: no signature leaves that the pinned key does not verify."""

import grpc
import pytest
from google.cloud.kms_v1 import CryptoKeyVersion

from shared.errors import TransientError
from shared.keys.kms_connection import KmsConnection
from shared.keys.kms_signer import KmsSigner, new_version, public_key
from shared.tlog.checkpoint import Checkpoint, open_checkpoint
from shared.tlog.errors import MalformedError, SignatureError
from shared.tlog.key_history import KeyHistory
from shared.tlog.note import VerifierKey
from tests.emulators.kms import Fault, KmsServer

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

ORIGIN = "docledger.example/log/acme"
CHECKPOINT = Checkpoint(ORIGIN, 7, bytes(range(32)))
STATE = CryptoKeyVersion.CryptoKeyVersionState


@pytest.fixture
def version(kms_server: KmsServer) -> str:
    """Give the first version of a signing key."""
    return f"{kms_server.create_signer('acme')}/cryptoKeyVersions/1"


@pytest.fixture
def signer(connection: KmsConnection, version: str) -> KmsSigner:
    """Give a signer with its public key pinned."""
    return KmsSigner(connection, version, public_key(connection, version, ORIGIN))


def test_anybody_verifies_what_kms_signed(signer: KmsSigner) -> None:
    """The note is the same kind as a key file's."""
    note = signer.sign(CHECKPOINT)
    assert open_checkpoint(note, signer.key).checkpoint == CHECKPOINT
    assert note == signer.sign(CHECKPOINT)


def test_it_signs_for_one_log_only(signer: KmsSigner, kms_server: KmsServer) -> None:
    """The port takes a checkpoint, and this one is another log's."""
    with pytest.raises(ValueError, match="another log"):
        signer.sign(Checkpoint("docledger.example/log/globex", 7, bytes(32)))
    stranger = VerifierKey("docledger.example/log/globex", bytes(32))
    with pytest.raises(ValueError, match="another log"):
        signer.endorse(KeyHistory(stranger.name).adding(stranger, size=0))
    assert kms_server.count("AsymmetricSign") == 0


@pytest.mark.parametrize(
    "fault", [Fault.FLIP, Fault.WRONG_CRC, Fault.NO_CRC, Fault.UNVERIFIED, Fault.WRONG_NAME]
)
def test_a_damaged_signature_is_asked_for_again(
    signer: KmsSigner, kms_server: KmsServer, fault: Fault
) -> None:
    """A checkpoint is kept for ever: it must not carry a signature that nobody can verify."""
    kms_server.fail("AsymmetricSign", fault)
    note = signer.sign(CHECKPOINT)
    assert open_checkpoint(note, signer.key)
    assert kms_server.count("AsymmetricSign") == 2


def test_a_signature_by_another_key_goes_no_further(
    signer: KmsSigner, kms_server: KmsServer
) -> None:
    """It is whole and its checksum fits; only the pinned public key tells."""
    kms_server.fail("AsymmetricSign", Fault.OTHER_KEY)
    with pytest.raises(SignatureError, match="another key"):
        signer.sign(CHECKPOINT)


@pytest.mark.parametrize(
    "fault",
    [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE, Fault.HANG, Fault.FLIP],
)
def test_a_kms_that_does_not_sign_is_transient(
    signer: KmsSigner, hasty: KmsConnection, kms_server: KmsServer, fault: Fault | grpc.StatusCode
) -> None:
    """Entries wait for their checkpoint; nothing else is wrong."""
    kms_server.fail_always("AsymmetricSign", fault)
    with pytest.raises(TransientError):
        KmsSigner(hasty, signer.version, signer.key).sign(CHECKPOINT)


def test_a_disabled_key_is_transient(
    signer: KmsSigner, kms_server: KmsServer, version: str
) -> None:
    """The operator enables it, or closes it in the key history."""
    kms_server.set_state(version, STATE.DISABLED)
    with pytest.raises(TransientError, match="FAILED_PRECONDITION"):
        signer.sign(CHECKPOINT)


@pytest.mark.parametrize("fault", [Fault.FLIP, Fault.WRONG_CRC, Fault.WRONG_NAME])
def test_a_damaged_public_key_is_not_pinned(
    connection: KmsConnection, kms_server: KmsServer, version: str, fault: Fault
) -> None:
    """A wrong pin would refuse every signature from then on."""
    whole = public_key(connection, version, ORIGIN)
    kms_server.fail("GetPublicKey", fault)
    assert public_key(connection, version, ORIGIN) == whole


def test_a_symmetric_key_signs_nothing(connection: KmsConnection, kms_server: KmsServer) -> None:
    """A setting that names the KEK's ring for signers is told before anything is signed."""
    kek = f"{kms_server.create_kek()}/cryptoKeyVersions/1"
    with pytest.raises(TransientError, match="FAILED_PRECONDITION"):
        public_key(connection, kek, ORIGIN)
    with pytest.raises(TransientError, match="EC_SIGN_ED25519"):
        KmsSigner(connection, kek, VerifierKey(ORIGIN, bytes(32))).sign(CHECKPOINT)


def test_a_key_that_is_no_pem_is_refused(
    connection: KmsConnection, kms_server: KmsServer, version: str
) -> None:
    """KMS refusing the name altogether reads the same way."""
    kms_server.fail_always("GetPublicKey", grpc.StatusCode.INVALID_ARGUMENT)
    with pytest.raises(MalformedError, match="no public key"):
        public_key(connection, version, ORIGIN)


def test_a_new_version_is_another_key(connection: KmsConnection, version: str) -> None:
    """Rotation makes a version; the older one stays."""
    made = new_version(connection, version.partition("/cryptoKeyVersions/")[0])
    assert made != version
    assert public_key(connection, made, ORIGIN) != public_key(connection, version, ORIGIN)
