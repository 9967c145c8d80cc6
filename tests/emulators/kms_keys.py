"""Keys and versions as Cloud KMS has them, in memory, for the server in ``kms.py``."""

import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import google_crc32c
import grpc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.cloud import kms_v1 as kms

_VERSION: Final = re.compile(
    r"(projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+)"
    r"/cryptoKeyVersions/([1-9][0-9]*)\Z"
)
_State = kms.CryptoKeyVersion.CryptoKeyVersionState
_Algorithm = kms.CryptoKeyVersion.CryptoKeyVersionAlgorithm
Purpose = kms.CryptoKey.CryptoKeyPurpose


@dataclass
class _Version:
    secret: bytes
    state: Any = _State.ENABLED
    made: datetime | None = None


@dataclass
class _Key:
    purpose: Any
    versions: dict[int, _Version] = field(default_factory=dict)
    primary: int = 1
    lags: int | None = None

    @property
    def algorithm(self) -> Any:
        signs = self.purpose == Purpose.ASYMMETRIC_SIGN
        return _Algorithm.EC_SIGN_ED25519 if signs else _Algorithm.GOOGLE_SYMMETRIC_ENCRYPTION


class KmsKeys:
    """Every key there is, and what can be asked of it.

    Attributes:
        wrong: what a caller did that a careful one does not.
    """

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self._keys: dict[str, _Key] = {}

    def create(self, name: str, purpose: Any) -> str:
        """Make a key with one version."""
        key = _Key(purpose)
        key.versions[1] = _Version(os.urandom(32))
        self._keys[name] = key
        return name

    def encrypt(self, asked: Any) -> Any:
        """Wrap under the primary version."""
        key = self._key(asked.name, Purpose.ENCRYPT_DECRYPT)
        self._checked(asked, "plaintext")
        self._checked(asked, "additional_authenticated_data")
        number = key.lags or key.primary
        version = self._usable(key, number)
        nonce = os.urandom(12)
        box = AESGCM(version.secret)
        closed = box.encrypt(nonce, asked.plaintext, asked.additional_authenticated_data)
        ciphertext = number.to_bytes(2, "big") + nonce + closed
        return kms.EncryptResponse(
            name=f"{asked.name}/cryptoKeyVersions/{number}",
            ciphertext=ciphertext,
            ciphertext_crc32c=crc(ciphertext),
            verified_plaintext_crc32c=asked.plaintext_crc32c is not None,
            verified_additional_authenticated_data_crc32c=(
                asked.additional_authenticated_data_crc32c is not None
            ),
        )

    def decrypt(self, asked: Any) -> Any:
        """Unwrap by whichever version wrapped."""
        key = self._key(asked.name, Purpose.ENCRYPT_DECRYPT)
        self._checked(asked, "ciphertext")
        self._checked(asked, "additional_authenticated_data")
        number = int.from_bytes(asked.ciphertext[:2], "big")
        if number not in key.versions:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "no such ciphertext")
        box = AESGCM(self._usable(key, number).secret)
        try:
            plaintext = box.decrypt(
                asked.ciphertext[2:14], asked.ciphertext[14:], asked.additional_authenticated_data
            )
        except InvalidTag:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "decryption failed") from None
        return kms.DecryptResponse(
            plaintext=plaintext,
            plaintext_crc32c=crc(plaintext),
            used_primary=number == key.primary,
        )

    def sign(self, asked: Any) -> Any:
        """Sign the message itself."""
        key, version = self.version(asked.name)
        if key.purpose != Purpose.ASYMMETRIC_SIGN:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "not a signing key")
        if asked.digest or not asked.data:
            self.wrong.append("AsymmetricSign: Ed25519 takes data, and no digest")
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "data, not digest")
        self._checked(asked, "data")
        _require_enabled(version)
        signature = Ed25519PrivateKey.from_private_bytes(version.secret).sign(asked.data)
        return kms.AsymmetricSignResponse(
            name=asked.name,
            signature=signature,
            signature_crc32c=crc(signature),
            verified_data_crc32c=asked.data_crc32c is not None,
        )

    def public(self, asked: Any) -> Any:
        """Tell a version's public key."""
        key, version = self.version(asked.name)
        if key.purpose != Purpose.ASYMMETRIC_SIGN:
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "no public key")
        _require_enabled(version)
        public = Ed25519PrivateKey.from_private_bytes(version.secret).public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return kms.PublicKey(
            name=asked.name, pem=pem.decode(), pem_crc32c=crc(pem), algorithm=key.algorithm
        )

    def get_key(self, asked: Any) -> Any:
        """Tell a key."""
        return self.told_key(asked.name)

    def told_key(self, name: str) -> Any:
        """Tell a key by its name."""
        key = self._key(name, None)
        told = kms.CryptoKey(name=name, purpose=key.purpose)
        if key.purpose == Purpose.ENCRYPT_DECRYPT:
            told.primary = self.told(f"{name}/cryptoKeyVersions/{key.primary}")
        return told

    def list_versions(self, asked: Any) -> Any:
        """Tell a key's versions."""
        key = self._key(asked.parent, None)
        numbers = sorted(key.versions)
        told = [self.told(f"{asked.parent}/cryptoKeyVersions/{number}") for number in numbers]
        return kms.ListCryptoKeyVersionsResponse(crypto_key_versions=told, total_size=len(told))

    def new_version(self, asked: Any) -> Any:
        """Make one."""
        key = self._key(asked.parent, None)
        number = max(key.versions) + 1
        key.versions[number] = _Version(os.urandom(32))
        return self.told(f"{asked.parent}/cryptoKeyVersions/{number}")

    def update(self, asked: Any) -> Any:
        """Enable or disable one."""
        if list(asked.update_mask.paths) != ["state"]:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "only the state")
        _, version = self.version(asked.crypto_key_version.name)
        version.state = asked.crypto_key_version.state
        return self.told(asked.crypto_key_version.name)

    def destroy(self, asked: Any) -> Any:
        """Schedule one's end."""
        _, version = self.version(asked.name)
        version.state = _State.DESTROY_SCHEDULED
        return self.told(asked.name)

    def set_primary(self, asked: Any) -> Any:
        """Let one wrap from now on."""
        key = self._key(asked.name, Purpose.ENCRYPT_DECRYPT)
        number = int(asked.crypto_key_version_id)
        self._usable(key, number)
        key.primary = number
        return self.told_key(asked.name)

    def lag(self, name: str, number: int | None) -> None:
        """Wrap by an earlier primary version, as KMS may for hours after it was replaced."""
        self._keys[name].lags = number

    def told(self, name: str) -> Any:
        """Tell a version."""
        key, version = self.version(name)
        return kms.CryptoKeyVersion(
            name=name, state=version.state, algorithm=key.algorithm, create_time=version.made
        )

    def _key(self, name: str, purpose: Any) -> _Key:
        key = self._keys.get(name)
        if key is None:
            raise Refused(grpc.StatusCode.NOT_FOUND, "no such key")
        if purpose is not None and key.purpose != purpose:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "another purpose")
        return key

    def version(self, name: str) -> tuple[_Key, _Version]:
        """Return a version and its key."""
        found = _VERSION.match(name)
        key = self._keys.get(found[1]) if found else None
        version = key.versions.get(int(found[2])) if found and key else None
        if key is None or version is None:
            raise Refused(grpc.StatusCode.NOT_FOUND, "no such version")
        return key, version

    def _usable(self, key: _Key, number: int) -> _Version:
        version = key.versions.get(number)
        if version is None:
            raise Refused(grpc.StatusCode.NOT_FOUND, "no such version")
        _require_enabled(version)
        return version

    def _checked(self, asked: Any, payload: str) -> None:
        """Compare a field with its checksum, which a careful caller sends."""
        data, said = getattr(asked, payload), getattr(asked, f"{payload}_crc32c")
        if not data or said is None:
            self.wrong.append(f"{type(asked).__name__}: no {payload}, or no CRC32C for it")
        elif said != crc(data):
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "the checksum does not fit")


class Refused(Exception):  # noqa: N818 - an answer of the server, not a failure of the test
    """What the server answers instead."""

    def __init__(self, code: grpc.StatusCode, said: str) -> None:
        super().__init__(said)
        self.code = code
        self.said = said


def _require_enabled(version: _Version) -> None:
    if version.state != _State.ENABLED:
        raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "the version is not enabled")


def crc(data: bytes) -> int:
    return int(google_crc32c.value(data))
