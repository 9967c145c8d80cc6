"""A local server that speaks google.cloud.kms.v1: keys, versions, signatures, and every mishap.

It is stricter than Cloud KMS: a request without a CRC32C, an Ed25519 request with a digest, or a
symmetric one without additional data stands in ``wrong``, which each test ends by reading.
"""

import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

import google_crc32c
import grpc
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.cloud import kms_v1 as kms

RING: Final = "projects/docledger-test/locations/europe-west3/keyRings/docledger"
KEK: Final = f"{RING}/cryptoKeys/kek"

_SERVICE: Final = "google.cloud.kms.v1.KeyManagementService"
_VERSION: Final = re.compile(r"(projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+)"
                             r"/cryptoKeyVersions/([1-9][0-9]*)\Z")  # fmt: skip
_State = kms.CryptoKeyVersion.CryptoKeyVersionState
_Algorithm = kms.CryptoKeyVersion.CryptoKeyVersionAlgorithm
_Purpose = kms.CryptoKey.CryptoKeyPurpose

_MOST_DELAY_S: Final = 30.0


class Fault(Enum):
    """What goes wrong with one answer."""

    FLIP = auto()  # a byte of the payload, after its checksum was made
    WRONG_CRC = auto()
    NO_CRC = auto()
    UNVERIFIED = auto()  # the request's checksum was not seen
    WRONG_NAME = auto()  # another key's answer
    OTHER_KEY = auto()  # a signature or plaintext that is whole, and another key's
    HANG = auto()  # no answer for as long as the caller waits


@dataclass
class _Version:
    secret: bytes
    state: Any = _State.ENABLED


@dataclass
class _Key:
    purpose: Any
    versions: dict[int, _Version] = field(default_factory=dict)
    primary: int = 1

    @property
    def algorithm(self) -> Any:
        signs = self.purpose == _Purpose.ASYMMETRIC_SIGN
        return _Algorithm.EC_SIGN_ED25519 if signs else _Algorithm.GOOGLE_SYMMETRIC_ENCRYPTION


class KmsServer:
    """One server on a free port of this machine.

    Attributes:
        address: ``host:port``.
        calls: method and resource of every call, in order.
        wrong: what a caller did that a careful one does not.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self._faults: dict[str, deque[Fault | grpc.StatusCode]] = {}
        self._always: dict[str, Fault | grpc.StatusCode] = {}
        self._keys: dict[str, _Key] = {}
        self._lock = threading.RLock()
        self._release = threading.Event()
        self._pool = ThreadPoolExecutor(8)
        self._server = grpc.server(self._pool)
        handlers = {name: self._handler(name, *spec) for name, spec in self._methods().items()}
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(_SERVICE, handlers),)
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        """End it, and whoever still waits."""
        self._release.set()
        self._server.stop(None).wait()
        self._pool.shutdown()

    def create_kek(self, name: str = KEK) -> str:
        """Make a symmetric key with one version."""
        return self._create(name, _Purpose.ENCRYPT_DECRYPT)

    def create_signer(self, tenant: str) -> str:
        """Make a tenant's signing key with one version."""
        return self._create(f"{RING}/cryptoKeys/log-{tenant}", _Purpose.ASYMMETRIC_SIGN)

    def fail(self, method: str, *faults: Fault | grpc.StatusCode) -> None:
        """Let the next calls of a method go wrong, each in its way."""
        self._faults.setdefault(method, deque()).extend(faults)

    def fail_always(self, method: str, fault: Fault | grpc.StatusCode | None) -> None:
        """Let every call of a method go wrong, until told None."""
        if fault is None:
            self._always.pop(method, None)
        else:
            self._always[method] = fault

    def count(self, method: str) -> int:
        """Return how often a method was called."""
        return sum(called == method for called, _ in self.calls)

    def set_state(self, version: str, state: Any) -> None:
        """Enable, disable or destroy a version, as an operator would."""
        self._version(version)[1].state = state

    def state(self, version: str) -> Any:
        """Return a version's state."""
        return self._version(version)[1].state

    def _create(self, name: str, purpose: Any) -> str:
        key = _Key(purpose)
        key.versions[1] = _Version(os.urandom(32))
        self._keys[name] = key
        return name

    def _methods(self) -> dict[str, tuple[Any, Any, Callable[[Any], Any]]]:
        return {
            "Encrypt": (kms.EncryptRequest, kms.EncryptResponse, self._encrypt),
            "Decrypt": (kms.DecryptRequest, kms.DecryptResponse, self._decrypt),
            "AsymmetricSign": (kms.AsymmetricSignRequest, kms.AsymmetricSignResponse, self._sign),
            "GetPublicKey": (kms.GetPublicKeyRequest, kms.PublicKey, self._public),
            "GetCryptoKey": (kms.GetCryptoKeyRequest, kms.CryptoKey, self._get_key),
            "GetCryptoKeyVersion": (
                kms.GetCryptoKeyVersionRequest,
                kms.CryptoKeyVersion,
                lambda request: self._told(request.name),
            ),
            "ListCryptoKeyVersions": (
                kms.ListCryptoKeyVersionsRequest,
                kms.ListCryptoKeyVersionsResponse,
                self._list,
            ),
            "CreateCryptoKeyVersion": (
                kms.CreateCryptoKeyVersionRequest,
                kms.CryptoKeyVersion,
                self._new_version,
            ),
            "UpdateCryptoKeyVersion": (
                kms.UpdateCryptoKeyVersionRequest,
                kms.CryptoKeyVersion,
                self._update,
            ),
            "DestroyCryptoKeyVersion": (
                kms.DestroyCryptoKeyVersionRequest,
                kms.CryptoKeyVersion,
                self._destroy,
            ),
            "UpdateCryptoKeyPrimaryVersion": (
                kms.UpdateCryptoKeyPrimaryVersionRequest,
                kms.CryptoKey,
                self._set_primary,
            ),
        }

    def _handler(self, method: str, request: Any, response: Any, work: Callable[[Any], Any]) -> Any:
        def answer(asked: Any, context: grpc.ServicerContext) -> Any:
            resource = getattr(asked, "name", "") or getattr(asked, "parent", "")
            with self._lock:
                self.calls.append((method, resource))
                waiting = self._faults.get(method)
                fault = waiting.popleft() if waiting else self._always.get(method)
            if isinstance(fault, grpc.StatusCode):
                context.abort(fault, "told to refuse")
            if fault is Fault.HANG:
                self._hang(context)
            try:
                with self._lock:
                    given = work(asked)
            except _Refused as refusal:
                context.abort(refusal.code, refusal.said)
            self._spoil(given, fault)
            return given

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=request.deserialize,
            response_serializer=response.serialize,
        )

    def _hang(self, context: grpc.ServicerContext) -> None:
        ends = time.monotonic() + _MOST_DELAY_S
        while context.is_active() and time.monotonic() < ends:
            if self._release.wait(0.01):
                return

    def _spoil(self, answer: Any, fault: Fault | None) -> None:
        payload = _PAYLOADS.get(type(answer))
        if payload is None or fault is None:
            return
        data = getattr(answer, payload)
        if fault is Fault.FLIP:
            flipped = data[:-2] + type(data)([data[-2] ^ 1]) + data[-1:] if isinstance(
                data, bytes
            ) else data.replace("A", "B")  # fmt: skip
            setattr(answer, payload, flipped)
        elif fault is Fault.WRONG_CRC:
            setattr(answer, f"{payload}_crc32c", _crc(data if isinstance(data, bytes) else b"") ^ 1)
        elif fault is Fault.NO_CRC:
            setattr(answer, f"{payload}_crc32c", None)
        elif fault is Fault.WRONG_NAME and hasattr(answer, "name"):
            answer.name = f"{RING}/cryptoKeys/another/cryptoKeyVersions/1"
        elif fault is Fault.UNVERIFIED:
            for name in type(answer).meta.fields:
                if name.startswith("verified_"):
                    setattr(answer, name, False)
        elif fault is Fault.OTHER_KEY:
            other = os.urandom(len(data))
            setattr(answer, payload, other)
            setattr(answer, f"{payload}_crc32c", _crc(other))

    def _encrypt(self, asked: Any) -> Any:
        key = self._key(asked.name, _Purpose.ENCRYPT_DECRYPT)
        self._checked(asked, "plaintext")
        self._checked(asked, "additional_authenticated_data")
        number = key.primary
        version = self._usable(key, number)
        nonce = os.urandom(12)
        box = AESGCM(version.secret)
        closed = box.encrypt(nonce, asked.plaintext, asked.additional_authenticated_data)
        ciphertext = number.to_bytes(2, "big") + nonce + closed
        return kms.EncryptResponse(
            name=f"{asked.name}/cryptoKeyVersions/{number}",
            ciphertext=ciphertext,
            ciphertext_crc32c=_crc(ciphertext),
            verified_plaintext_crc32c=asked.plaintext_crc32c is not None,
            verified_additional_authenticated_data_crc32c=(
                asked.additional_authenticated_data_crc32c is not None
            ),
        )

    def _decrypt(self, asked: Any) -> Any:
        key = self._key(asked.name, _Purpose.ENCRYPT_DECRYPT)
        self._checked(asked, "ciphertext")
        self._checked(asked, "additional_authenticated_data")
        number = int.from_bytes(asked.ciphertext[:2], "big")
        if number not in key.versions:
            raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, "no such ciphertext")
        box = AESGCM(self._usable(key, number).secret)
        try:
            plaintext = box.decrypt(
                asked.ciphertext[2:14], asked.ciphertext[14:], asked.additional_authenticated_data
            )
        except InvalidTag:
            raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, "decryption failed") from None
        return kms.DecryptResponse(
            plaintext=plaintext,
            plaintext_crc32c=_crc(plaintext),
            used_primary=number == key.primary,
        )

    def _sign(self, asked: Any) -> Any:
        key, version = self._version(asked.name)
        if key.purpose != _Purpose.ASYMMETRIC_SIGN:
            raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, "not a signing key")
        if asked.digest or not asked.data:
            self.wrong.append("AsymmetricSign: Ed25519 takes data, and no digest")
            raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, "data, not digest")
        self._checked(asked, "data")
        _require_enabled(version)
        signature = Ed25519PrivateKey.from_private_bytes(version.secret).sign(asked.data)
        return kms.AsymmetricSignResponse(
            name=asked.name,
            signature=signature,
            signature_crc32c=_crc(signature),
            verified_data_crc32c=asked.data_crc32c is not None,
        )

    def _public(self, asked: Any) -> Any:
        key, version = self._version(asked.name)
        if key.purpose != _Purpose.ASYMMETRIC_SIGN:
            raise _Refused(grpc.StatusCode.FAILED_PRECONDITION, "no public key")
        _require_enabled(version)
        public = Ed25519PrivateKey.from_private_bytes(version.secret).public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return kms.PublicKey(
            name=asked.name, pem=pem.decode(), pem_crc32c=_crc(pem), algorithm=key.algorithm
        )

    def _get_key(self, asked: Any) -> Any:
        return self._told_key(asked.name)

    def _told_key(self, name: str) -> Any:
        key = self._key(name, None)
        told = kms.CryptoKey(name=name, purpose=key.purpose)
        if key.purpose == _Purpose.ENCRYPT_DECRYPT:
            told.primary = self._told(f"{name}/cryptoKeyVersions/{key.primary}")
        return told

    def _list(self, asked: Any) -> Any:
        key = self._key(asked.parent, None)
        numbers = sorted(key.versions)
        told = [self._told(f"{asked.parent}/cryptoKeyVersions/{number}") for number in numbers]
        return kms.ListCryptoKeyVersionsResponse(crypto_key_versions=told, total_size=len(told))

    def _new_version(self, asked: Any) -> Any:
        key = self._key(asked.parent, None)
        number = max(key.versions) + 1
        key.versions[number] = _Version(os.urandom(32))
        return self._told(f"{asked.parent}/cryptoKeyVersions/{number}")

    def _update(self, asked: Any) -> Any:
        if list(asked.update_mask.paths) != ["state"]:
            raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, "only the state")
        _, version = self._version(asked.crypto_key_version.name)
        version.state = asked.crypto_key_version.state
        return self._told(asked.crypto_key_version.name)

    def _destroy(self, asked: Any) -> Any:
        _, version = self._version(asked.name)
        version.state = _State.DESTROY_SCHEDULED
        return self._told(asked.name)

    def _set_primary(self, asked: Any) -> Any:
        key = self._key(asked.name, _Purpose.ENCRYPT_DECRYPT)
        number = int(asked.crypto_key_version_id)
        self._usable(key, number)
        key.primary = number
        return self._told_key(asked.name)

    def _told(self, name: str) -> Any:
        key, version = self._version(name)
        return kms.CryptoKeyVersion(name=name, state=version.state, algorithm=key.algorithm)

    def _key(self, name: str, purpose: Any) -> _Key:
        key = self._keys.get(name)
        if key is None:
            raise _Refused(grpc.StatusCode.NOT_FOUND, "no such key")
        if purpose is not None and key.purpose != purpose:
            raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, "another purpose")
        return key

    def _version(self, name: str) -> tuple[_Key, _Version]:
        found = _VERSION.match(name)
        key = self._keys.get(found[1]) if found else None
        version = key.versions.get(int(found[2])) if found and key else None
        if key is None or version is None:
            raise _Refused(grpc.StatusCode.NOT_FOUND, "no such version")
        return key, version

    def _usable(self, key: _Key, number: int) -> _Version:
        version = key.versions.get(number)
        if version is None:
            raise _Refused(grpc.StatusCode.NOT_FOUND, "no such version")
        _require_enabled(version)
        return version

    def _checked(self, asked: Any, payload: str) -> None:
        """Compare a field with its checksum, which a careful caller sends."""
        data, said = getattr(asked, payload), getattr(asked, f"{payload}_crc32c")
        if not data or said is None:
            self.wrong.append(f"{type(asked).__name__}: no {payload}, or no CRC32C for it")
        elif said != _crc(data):
            raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, "the checksum does not fit")


class _Refused(Exception):  # noqa: N818 - an answer of the server, not a failure of the test
    def __init__(self, code: grpc.StatusCode, said: str) -> None:
        super().__init__(said)
        self.code = code
        self.said = said


_PAYLOADS: Final = {
    kms.EncryptResponse: "ciphertext",
    kms.DecryptResponse: "plaintext",
    kms.AsymmetricSignResponse: "signature",
    kms.PublicKey: "pem",
}


def _require_enabled(version: _Version) -> None:
    if version.state != _State.ENABLED:
        raise _Refused(grpc.StatusCode.FAILED_PRECONDITION, "the version is not enabled")


def _crc(data: bytes) -> int:
    return int(google_crc32c.value(data))


@pytest.fixture
def kms_server() -> Iterator[KmsServer]:
    """Give a server with a KEK; the test fails where a request was not as it must be."""
    server = KmsServer()
    server.create_kek()
    yield server
    server.stop()
    assert server.wrong == []
