"""A log's key in Cloud KMS (EC_SIGN_ED25519): it signs checkpoints and key statements, no bytes.

The public key is pinned when the key is first used, and every signature is checked against it
before anybody else sees it: a key that was exchanged, or a signature that was damaged, stops here.
"""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.cloud.kms_v1 import (
    AsymmetricSignRequest,
    AsymmetricSignResponse,
    CryptoKeyVersion,
    ListCryptoKeyVersionsRequest,
    PublicKey,
)

from shared.errors import TransientError
from shared.google_client import crc32c
from shared.keys.kms_connection import KmsConnection, RefusedInputError
from shared.tlog.checkpoint import Checkpoint
from shared.tlog.errors import MalformedError, SignatureError
from shared.tlog.key_history import KeyStatement
from shared.tlog.note import Note, Signature, VerifierKey

_ED25519: Final = CryptoKeyVersion.CryptoKeyVersionAlgorithm.EC_SIGN_ED25519


class KmsSigner:
    """``LogKey`` on one crypto key version; it signs for no other log.

    Needs ``cryptoKeyVersions.useToSign`` on it.

    Args:
        connection: to Cloud KMS.
        version: ``projects/…/cryptoKeys/…/cryptoKeyVersions/<n>``.
        key: the public key that it is known to have, under the log's origin.
    """

    def __init__(self, connection: KmsConnection, version: str, key: VerifierKey) -> None:
        self._connection = connection
        self.version: Final = version
        self._key = key

    def __repr__(self) -> str:
        return f"KmsSigner({self._key.key_id.hex()})"

    @property
    def key(self) -> VerifierKey:
        """Return the pinned public key; its name is the log's origin."""
        return self._key

    def sign(self, checkpoint: Checkpoint) -> str:
        """Return the signed note of ``checkpoint``.

        Raises:
            ValueError: the checkpoint is of another log.
            SignatureError: KMS signs with another key than the pinned one.
            TransientError: KMS is unavailable, or refuses us.
        """
        if checkpoint.origin != self._key.name:
            raise ValueError("this key signs for another log")
        return str(Note(checkpoint.text, (self._signature(checkpoint.text),)))

    def endorse(self, statement: KeyStatement) -> Signature:
        """Return our signature on a record of the key history; raises as ``sign``."""
        if statement.origin != self._key.name:
            raise ValueError("this key signs for another log")
        return self._signature(statement.text)

    def _signature(self, text: str) -> Signature:
        data = text.encode()
        # Ed25519 takes the message itself (``data``); a digest would be another scheme.
        request = AsymmetricSignRequest(name=self.version, data=data, data_crc32c=crc32c(data))

        def intact(answer: AsymmetricSignResponse) -> bool:
            return (
                answer.name == self.version
                and answer.verified_data_crc32c
                and answer.signature_crc32c == crc32c(answer.signature)
            )

        try:
            answer = self._connection.ask(
                lambda client, timeout: client.asymmetric_sign(
                    request=request, retry=None, timeout=timeout
                ),
                intact=intact,
            )
        except RefusedInputError as err:
            raise TransientError("Cloud KMS refuses to sign: is the key EC_SIGN_ED25519?") from err
        if not self._key.verifies(answer.signature, data):
            raise SignatureError("Cloud KMS signs with another key than the one that is known")
        return Signature(self._key.name, self._key.key_id, answer.signature)


def public_key(connection: KmsConnection, version: str, origin: str) -> VerifierKey:
    """Return the public key of a crypto key version, to be pinned under the log's origin.

    Raises:
        MalformedError: it is no Ed25519 signing key.
        TransientError: KMS is unavailable, or refuses us.
    """

    def intact(answer: PublicKey) -> bool:
        return answer.name == version and answer.pem_crc32c == crc32c(answer.pem.encode())

    try:
        answer = connection.ask(
            lambda client, timeout: client.get_public_key(
                name=version, retry=None, timeout=timeout
            ),
            intact=intact,
        )
        key = load_pem_public_key(answer.pem.encode())
    except (RefusedInputError, ValueError, UnsupportedAlgorithm):
        raise MalformedError("the log's key in Cloud KMS has no public key") from None
    if answer.algorithm != _ED25519 or not isinstance(key, Ed25519PublicKey):
        raise MalformedError("the log's key in Cloud KMS is not of algorithm EC_SIGN_ED25519")
    return VerifierKey(origin, key.public_bytes_raw())


def version_of(connection: KmsConnection, crypto_key: str, key: VerifierKey) -> str | None:
    """Return the enabled version of a signing key that has this public key; None if none has.

    Needs ``cryptoKeyVersions.list`` and ``viewPublicKey`` on it.

    Raises:
        MalformedError: a version is no Ed25519 signing key.
        TransientError: KMS is unavailable, or refuses us.
    """
    request = ListCryptoKeyVersionsRequest(parent=crypto_key, filter="state=ENABLED")
    versions = connection.ask(
        lambda client, timeout: [
            version.name
            for version in client.list_crypto_key_versions(
                request=request, retry=None, timeout=timeout
            )
            if version.state == CryptoKeyVersion.CryptoKeyVersionState.ENABLED
        ]
    )
    for version in reversed(versions):  # the newest is the likeliest
        if public_key(connection, version, key.name) == key:
            return version
    return None


def new_version(connection: KmsConnection, crypto_key: str) -> str:
    """Make a version of a signing key; return its name once it can sign.

    Raises:
        TransientError: KMS is unavailable, refuses us, or is still making the key.
    """
    made = connection.ask(
        lambda client, timeout: client.create_crypto_key_version(
            parent=crypto_key,
            crypto_key_version=CryptoKeyVersion(),
            retry=None,
            timeout=timeout,
        )
    )
    return made.name
