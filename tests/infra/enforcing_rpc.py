"""Gates before what speaks gRPC: a port an identity, for gRPC does not tell what it was called."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Self

import grpc
from google.cloud import kms_v1 as kms
from google.pubsub_v1.types import PublishRequest

PUBSUB: Final = "PUBSUB_EMULATOR_HOST"
KMS: Final = "DOCLEDGER_UNSAFE_KMS_EMULATOR"

_KEYS: Final = "/google.cloud.kms.v1.KeyManagementService"
_USE: Final = "cloudkms.cryptoKeyVersions"


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
        resource: as in ``Grant``, of a request.
        permission: that it is checked for.
        server: the variable that leads to it.
    """

    resource: Callable[[bytes], str]
    permission: str
    server: str


def _key(request: Any, field: str = "name") -> Callable[[bytes], str]:
    """Return what tells a request's key: each log's is one of the ring of signers."""

    def told(data: bytes) -> str:
        whole = str(getattr(request.pb().FromString(data), field))
        name = whole.partition("/cryptoKeys/")[2].partition("/")[0]
        return "ring/signers" if name.startswith("log-") else f"key/{name}"

    return told


def _topic(data: bytes) -> str:
    return f"topic/{PublishRequest.pb().FromString(data).topic.rpartition('/')[2]}"


RPCS: Final[Mapping[str, _Rpc]] = {
    "/google.pubsub.v1.Publisher/Publish": _Rpc(_topic, "pubsub.topics.publish", PUBSUB),
    f"{_KEYS}/Encrypt": _Rpc(_key(kms.EncryptRequest), f"{_USE}.useToEncrypt", KMS),
    f"{_KEYS}/Decrypt": _Rpc(_key(kms.DecryptRequest), f"{_USE}.useToDecrypt", KMS),
    f"{_KEYS}/AsymmetricSign": _Rpc(_key(kms.AsymmetricSignRequest), f"{_USE}.useToSign", KMS),
    f"{_KEYS}/GetPublicKey": _Rpc(_key(kms.GetPublicKeyRequest), f"{_USE}.viewPublicKey", KMS),
    f"{_KEYS}/ListCryptoKeyVersions": _Rpc(
        _key(kms.ListCryptoKeyVersionsRequest, "parent"), f"{_USE}.list", KMS
    ),
}
"""Everything that a deployable may call at all."""


class Gates:
    """The servers; a context manager.

    Args:
        admits: tells whether a call may pass.
        origin: by variable, where the servers are that these stand before.
        identities: who there are.
    """

    def __init__(
        self,
        admits: Callable[[Asked], bool],
        origin: Callable[[], Mapping[str, str] | None],
        identities: Sequence[str],
    ) -> None:
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
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "no deployable calls this")
            raise AssertionError  # aborting raises
        name = method.removeprefix("/").replace("/", ".")
        if not self._admits(Asked(identity, name, (rpc.permission,), rpc.resource(request))):
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
