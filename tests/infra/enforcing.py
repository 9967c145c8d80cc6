"""Local servers before the emulators that keep each deployable to its grants.

A deployable says who it is by where it asks: its Cloud Storage is below a path of its own, its
Pub/Sub on a port of its own. ``docledger up`` gives every deployable the same addresses; Python
itself (``sitecustomize``) puts these in their place as a deployable starts. No code of ours knows.

Stricter than Google where Google may be either: who may not list is told 403 of what is not there,
and who may not delete is told 403 of a name that is taken.
"""

import json
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import FORBIDDEN, NOT_FOUND, PRECONDITION_FAILED, HTTPException
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

import grpc
from google.pubsub_v1.types import PublishRequest

from deploy.iam.matrix import Grant, Matrix
from tests.e2e.proxies import Answer, TroubledStore, _Request
from tests.infra.calls_of_storage import StorageCall, storage_call

FOLDER: Final = "ENFORCED"
STORAGE: Final = "STORAGE_EMULATOR_HOST"
PUBSUB: Final = "PUBSUB_EMULATOR_HOST"
PUBLISH: Final = "/google.pubsub.v1.Publisher/Publish"
BUCKETS: Final = {"docledger-objects": "objects", "docledger-uploads": "uploads"}
"""What ``up`` calls the buckets of infra/iam.yaml."""

_ROOT: Final = Path(__file__).resolve().parents[2]
_WHO: Final = "/as/"
_DENIED: Final = b'{"error": {"code": 403, "message": "Permission denied"}}'
_DOWN: Final[Answer] = (503, [], b"")
_START: Final = f"""\
import json, os, pathlib
folder, target = os.environ.get("{FOLDER}"), os.environ.get("FUNCTION_TARGET")
if folder and target:
    folder = pathlib.Path(folder)
    asked = folder / f"origin.{{os.getpid()}}"
    asked.write_text(json.dumps({{one: os.environ[one] for one in ("{STORAGE}", "{PUBSUB}")}}))
    asked.replace(folder / "origin.json")
    os.environ.update(json.loads((folder / "addresses.json").read_text())[target])
"""


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


def grants_for(asked: Asked, matrix: Matrix) -> list[Grant]:
    """Return the grants by which a call passes."""
    return [
        grant
        for grant in matrix.grants
        if (grant.identity, grant.resource) == (asked.identity, asked.resource)
        and set(asked.permissions) & set(matrix.stated.permissions(grant.role))
    ]


class Enforcement:
    """The servers; a context manager. Made before ``up`` is, whose environment it gives.

    Args:
        folder: made if need be.
        matrix: who may do what.
        identities: who there are.
    """

    def __init__(self, folder: Path, matrix: Matrix, identities: Sequence[str]) -> None:
        self._folder = folder
        self._matrix = matrix
        self._lock = threading.Lock()
        self.allowed: set[Asked] = set()
        """What was asked and granted."""
        self.denied: set[Asked] = set()
        """What was not."""
        self._identities = identities
        self._running = ExitStack()
        start = folder / "start"
        start.mkdir(parents=True, exist_ok=True)
        (start / "sitecustomize.py").write_text(_START)
        self.environment = {FOLDER: str(folder), "PYTHONPATH": f"{start}{os.pathsep}{_ROOT}"}

    def __enter__(self) -> Self:
        self.storage = self._running.enter_context(_Gate(self))
        self._topics = self._running.enter_context(_Topics(self, self._identities))
        told = {name: self.addresses(name) for name in self._identities}
        (self._folder / "addresses.json").write_text(json.dumps(told))
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def addresses(self, identity: str) -> dict[str, str]:
        """Return where an identity finds Cloud Storage and Pub/Sub, as environment variables."""
        return {
            STORAGE: f"{self.storage.url}{_WHO}{identity}",
            PUBSUB: f"127.0.0.1:{self._topics.ports[identity]}",
        }

    def origin(self) -> Mapping[str, str] | None:
        """Return where the emulators are; None before a deployable has told."""
        told = self._folder / "origin.json"
        origin: dict[str, str] | None = json.loads(told.read_text()) if told.exists() else None
        return origin

    def may(self, identity: str, permission: str, resource: str, name: str = "") -> bool:
        """Tell whether an identity may do something."""
        return self._matrix.allows(identity, permission, resource, name)

    def admits(self, asked: Asked) -> bool:
        """Tell whether a call may pass, and note it."""
        granted = all(
            self.may(asked.identity, one, asked.resource, asked.name) for one in asked.permissions
        )
        with self._lock:
            (self.allowed if granted else self.denied).add(asked)
        return granted


class _Gate(TroubledStore):
    """Before Cloud Storage."""

    def __init__(self, enforcement: Enforcement) -> None:
        self._enforcement = enforcement
        super().__init__(lambda: None, seed="")

    def _ask(self, request: _Request) -> Answer:
        identity, _, rest = request.path.removeprefix(_WHO).partition("/")
        path, origin = f"/{rest}", self._enforcement.origin()
        call = storage_call(request.method, path, request.body)
        if call is None or not request.path.startswith(_WHO):
            return FORBIDDEN, [], _DENIED
        bucket = f"bucket/{BUCKETS[call.bucket]}"
        asked = Asked(identity, call.method, call.permissions, bucket, call.name)
        if not self._enforcement.admits(asked):
            return FORBIDDEN, [], _DENIED
        if origin is None:
            return _DOWN
        try:
            answer = request.passed_over(urlsplit(origin[STORAGE]).netloc, path)
        except (OSError, HTTPException):
            return _DOWN
        return (FORBIDDEN, [], _DENIED) if self._hides(asked, call, answer[0]) else answer

    def _hides(self, asked: Asked, call: StorageCall, status: int) -> bool:
        """Tell whether what the store answered is more than this caller may know."""
        may = self._enforcement.may
        if status == NOT_FOUND and call.name:
            return not may(asked.identity, "storage.objects.list", asked.resource)
        if status == PRECONDITION_FAILED and call.method == "storage.objects.insert":
            return not may(asked.identity, "storage.objects.delete", asked.resource, call.name)
        return False


class _Topics:
    """Before Pub/Sub: one server an identity, for gRPC does not tell what it was called."""

    def __init__(self, enforcement: Enforcement, identities: Sequence[str]) -> None:
        self._enforcement = enforcement
        self._channel: grpc.Channel | None = None
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
        if self._channel is not None:
            self._channel.close()

    def answer(
        self, identity: str, method: str, request: bytes, context: grpc.ServicerContext
    ) -> bytes:
        """Pass a call on, or refuse it; of Pub/Sub, deployables only publish."""
        topic = PublishRequest.pb().FromString(request).topic if method == PUBLISH else ""
        resource = f"topic/{topic.rpartition('/')[2]}"
        name = method.removeprefix("/").replace("/", ".")
        asked = Asked(identity, name, ("pubsub.topics.publish",), resource)
        if not topic or not self._enforcement.admits(asked):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "User not authorized")
        try:
            answer: bytes = self._emulator(context).unary_unary(method)(request, timeout=30)
        except grpc.RpcError as error:
            context.abort(error.code(), "the emulator's answer")
        return answer

    def _emulator(self, context: grpc.ServicerContext) -> grpc.Channel:
        origin = self._enforcement.origin()
        if origin is None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "nobody has told where the emulator is")
            raise AssertionError  # aborting raises
        with self._lock:
            if self._channel is None:
                self._channel = grpc.insecure_channel(origin[PUBSUB])
            return self._channel


class _Anything(grpc.GenericRpcHandler):  # type: ignore[misc]  # gRPC has no types
    """Hears every method as bytes."""

    def __init__(self, topics: _Topics, identity: str) -> None:
        self._topics = topics
        self._identity = identity

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        method = handler_call_details.method
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._topics.answer(self._identity, method, request, context)
        )
