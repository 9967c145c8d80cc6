"""Gates before what speaks gRPC: a port an identity, for gRPC does not tell what it was called."""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Self

import grpc
from google.cloud import kms_v1 as kms
from google.cloud.secretmanager_v1 import AccessSecretVersionRequest
from google.pubsub_v1.types import PublishRequest

from deploy.iam.stated import Stated
from shared.keys.settings import UnsafeKmsSettings
from shared.secrets.settings import UnsafeSecretsSettings

PUBSUB: Final = "PUBSUB_EMULATOR_HOST"
KMS: Final = UnsafeKmsSettings.variable("unsafe_kms_emulator")
SECRETS: Final = UnsafeSecretsSettings.variable("unsafe_secrets_emulator")
SERVERS: Final = (PUBSUB, KMS, SECRETS)
"""Variables that lead a deployable to what speaks gRPC."""

_KEY: Final = re.compile(r".+/keyRings/([^/]+)/cryptoKeys/([^/]+)(?:/cryptoKeyVersions/[0-9]+)?")
_SECRET: Final = re.compile(r"projects/[^/]+/secrets/([^/]+)/versions/[^/]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """One call, and what became of it.

    Attributes:
        identity: who asked.
        method: of Google's API.
        permissions: that it is checked for.
        resource: as in ``Grant``.
        name: of the object, or empty.
    """

    identity: str
    method: str
    permissions: tuple[str, ...]
    resource: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Rpc:
    """One method that deployables call.

    Attributes:
        resource: as in ``Grant``, of a request's name and what is stated.
        named: the name in a request.
        permission: that it is checked for.
        server: the variable that leads to it.
    """

    resource: Callable[[str, Stated], str]
    named: Callable[[bytes], str]
    permission: str
    server: str


def _key(name: str, stated: Stated) -> str:
    """Return a key of infra/iam.yaml, or else its ring, where each log has a key of its own."""
    ring, key = _parts(_KEY, name)
    rings = {one.name: entry for entry, one in stated.rings.items()}
    for entry, one in stated.keys.items():
        if (one.ring, one.name) == (rings.get(ring), key):
            return f"key/{entry}"
    return f"ring/{rings.get(ring)}"


def _secret(name: str, stated: Stated) -> str:
    (told,) = _parts(_SECRET, name)
    entries = {one.name: entry for entry, one in stated.secrets.items()}
    return f"secret/{entries.get(told)}"


def _topic(name: str, _: Stated) -> str:
    return f"topic/{name.rpartition('/')[2]}"


def _parts(pattern: re.Pattern[str], name: str) -> tuple[str, ...]:
    found = pattern.fullmatch(name)
    return found.groups() if found else ("",) * pattern.groups


def _named(request: Any, field: str = "name") -> Callable[[bytes], str]:
    return lambda data: str(getattr(request.pb().FromString(data), field))


def _kms(method: str, request: Any, permission: str, field: str = "name") -> dict[str, _Rpc]:
    rpc = _Rpc(_key, _named(request, field), f"cloudkms.{permission}", KMS)
    return {f"/google.cloud.kms.v1.KeyManagementService/{method}": rpc}


RPCS: Final[Mapping[str, _Rpc]] = {
    "/google.pubsub.v1.Publisher/Publish": _Rpc(
        _topic, _named(PublishRequest, "topic"), "pubsub.topics.publish", PUBSUB
    ),
    **_kms("Encrypt", kms.EncryptRequest, "cryptoKeyVersions.useToEncrypt"),
    **_kms("Decrypt", kms.DecryptRequest, "cryptoKeyVersions.useToDecrypt"),
    **_kms("AsymmetricSign", kms.AsymmetricSignRequest, "cryptoKeyVersions.useToSign"),
    **_kms("GetPublicKey", kms.GetPublicKeyRequest, "cryptoKeyVersions.viewPublicKey"),
    **_kms("GetCryptoKey", kms.GetCryptoKeyRequest, "cryptoKeys.get"),
    **_kms(
        "ListCryptoKeyVersions",
        kms.ListCryptoKeyVersionsRequest,
        "cryptoKeyVersions.list",
        "parent",
    ),
    **_kms(
        "CreateCryptoKeyVersion",
        kms.CreateCryptoKeyVersionRequest,
        "cryptoKeyVersions.create",
        "parent",
    ),
    **_kms(
        "UpdateCryptoKeyPrimaryVersion",
        kms.UpdateCryptoKeyPrimaryVersionRequest,
        "cryptoKeys.update",
    ),
    **_kms(
        "DestroyCryptoKeyVersion", kms.DestroyCryptoKeyVersionRequest, "cryptoKeyVersions.destroy"
    ),
    "/google.cloud.secretmanager.v1.SecretManagerService/AccessSecretVersion": _Rpc(
        _secret, _named(AccessSecretVersionRequest), "secretmanager.versions.access", SECRETS
    ),
}
"""Everything that somebody may call at all."""


class Gates:
    """The servers; a context manager.

    Args:
        stated: what names in requests stand for.
        admits: tells whether a call may pass.
        origin: by variable, where the servers are that these stand before.
        identities: who there are.
    """

    def __init__(
        self,
        stated: Stated,
        admits: Callable[[Asked], bool],
        origin: Callable[[], Mapping[str, str] | None],
        identities: Sequence[str],
    ) -> None:
        self._stated = stated
        self._admits = admits
        self._origin = origin
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(8)
        self._servers: list[grpc.Server] = []
        self.ports: dict[str, int] = {}
        for identity in identities:
            server = grpc.server(self._pool, handlers=[_Anything(self, identity)])
            self.ports[identity] = server.add_insecure_port("127.0.0.1:0")
            self._servers.append(server)

    def __enter__(self) -> Self:
        for server in self._servers:
            server.start()
        return self

    def __exit__(self, *_: object) -> None:
        for stopping in [server.stop(None) for server in self._servers]:
            stopping.wait()
        self._pool.shutdown()
        for channel in self._channels.values():
            channel.close()

    def answer(
        self, identity: str, method: str, request: bytes, context: grpc.ServicerContext
    ) -> bytes:
        """Pass a call on, or refuse it."""
        rpc = RPCS.get(method)
        if rpc is None:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "nobody calls this")
            raise AssertionError  # aborting raises
        name = method.removeprefix("/").replace("/", ".")
        resource = rpc.resource(rpc.named(request), self._stated)
        if not self._admits(Asked(identity, name, (rpc.permission,), resource)):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "User not authorized")
        try:
            channel = self._channel(rpc.server, context)
            answer: bytes = channel.unary_unary(method)(request, timeout=30)
        except grpc.RpcError as error:
            context.abort(error.code(), "the server's answer")
        return answer

    def _channel(self, server: str, context: grpc.ServicerContext) -> grpc.Channel:
        address = (self._origin() or {}).get(server)
        if not address:
            context.abort(grpc.StatusCode.UNAVAILABLE, "nobody has told where the server is")
            raise AssertionError  # aborting raises
        with self._lock:
            if address not in self._channels:
                self._channels[address] = grpc.insecure_channel(address)
            return self._channels[address]


class _Anything(grpc.GenericRpcHandler):  # type: ignore[misc]  # gRPC has no types
    """Hears every method as bytes."""

    def __init__(self, gates: Gates, identity: str) -> None:
        self._gates = gates
        self._identity = identity

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        method = handler_call_details.method
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._gates.answer(self._identity, method, request, context)
        )
