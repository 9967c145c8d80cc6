"""A local server that speaks google.cloud.kms.v1: keys, versions, signatures, and every mishap.

It is stricter than Cloud KMS: a request without a CRC32C, an Ed25519 request with a digest, or a
symmetric one without additional data stands in ``wrong``, which each test ends by reading.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final

import grpc
import pytest
from google.cloud import kms_v1 as kms

from tests.emulators.kms_keys import KmsKeys, Purpose, Refused, crc

RING: Final = "projects/docledger-test/locations/europe-west3/keyRings/docledger"
KEK: Final = f"{RING}/cryptoKeys/kek"

_SERVICE: Final = "google.cloud.kms.v1.KeyManagementService"
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


class KmsServer:
    """One server on a free port of this machine.

    Attributes:
        address: ``host:port``.
        calls: method and resource of every call, in order.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self._keys = KmsKeys()
        self._faults: dict[str, deque[Fault | grpc.StatusCode]] = {}
        self._always: dict[str, Fault | grpc.StatusCode] = {}
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
        return self._keys.create(name, Purpose.ENCRYPT_DECRYPT)

    def create_signer(self, tenant: str, ring: str = RING) -> str:
        """Make a tenant's signing key with one version."""
        return self._keys.create(f"{ring}/cryptoKeys/log-{tenant}", Purpose.ASYMMETRIC_SIGN)

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
        self._keys.version(version)[1].state = state

    def set_made(self, version: str, at: datetime) -> None:
        """Say when a version was made; nothing is said of the others."""
        self._keys.version(version)[1].made = at

    def lag(self, key: str, number: int | None) -> None:
        """Let a key wrap by a version that is the primary no more, until told None."""
        self._keys.lag(key, number)

    def state(self, version: str) -> Any:
        """Return a version's state."""
        return self._keys.version(version)[1].state

    @property
    def wrong(self) -> list[str]:
        """What a caller did that a careful one does not."""
        return self._keys.wrong

    def _methods(self) -> dict[str, tuple[Any, Any, Callable[[Any], Any]]]:
        keys = self._keys
        return {
            "Encrypt": (kms.EncryptRequest, kms.EncryptResponse, keys.encrypt),
            "Decrypt": (kms.DecryptRequest, kms.DecryptResponse, keys.decrypt),
            "AsymmetricSign": (kms.AsymmetricSignRequest, kms.AsymmetricSignResponse, keys.sign),
            "GetPublicKey": (kms.GetPublicKeyRequest, kms.PublicKey, keys.public),
            "GetCryptoKey": (kms.GetCryptoKeyRequest, kms.CryptoKey, keys.get_key),
            "GetCryptoKeyVersion": (
                kms.GetCryptoKeyVersionRequest,
                kms.CryptoKeyVersion,
                lambda request: keys.told(request.name),
            ),
            "ListCryptoKeyVersions": (
                kms.ListCryptoKeyVersionsRequest,
                kms.ListCryptoKeyVersionsResponse,
                keys.list_versions,
            ),
            "CreateCryptoKeyVersion": (
                kms.CreateCryptoKeyVersionRequest,
                kms.CryptoKeyVersion,
                keys.new_version,
            ),
            "UpdateCryptoKeyVersion": (
                kms.UpdateCryptoKeyVersionRequest,
                kms.CryptoKeyVersion,
                keys.update,
            ),
            "DestroyCryptoKeyVersion": (
                kms.DestroyCryptoKeyVersionRequest,
                kms.CryptoKeyVersion,
                keys.destroy,
            ),
            "UpdateCryptoKeyPrimaryVersion": (
                kms.UpdateCryptoKeyPrimaryVersionRequest,
                kms.CryptoKey,
                keys.set_primary,
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
            except Refused as refusal:
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
            setattr(answer, f"{payload}_crc32c", crc(data if isinstance(data, bytes) else b"") ^ 1)
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
            setattr(answer, f"{payload}_crc32c", crc(other))


_PAYLOADS: Final = {
    kms.EncryptResponse: "ciphertext",
    kms.DecryptResponse: "plaintext",
    kms.AsymmetricSignResponse: "signature",
    kms.PublicKey: "pem",
}


@pytest.fixture
def kms_server() -> Iterator[KmsServer]:
    """Give a server with a KEK; the test fails where a request was not as it must be."""
    server = KmsServer()
    server.create_kek()
    yield server
    server.stop()
    assert server.wrong == []
