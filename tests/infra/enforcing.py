"""Local servers before the emulators that keep each deployable to its grants.

A deployable says who it is by where it asks: its Cloud Storage is below a path of its own, its
Pub/Sub, Cloud KMS and Secret Manager on a port of its own. ``docledger up`` gives every deployable
the same addresses; Python itself (``sitecustomize``) puts these in their place as a deployable
starts. No code of ours knows.

A write that names another key than its bucket's, or none, is refused as well.

Stricter than Google where Google may be either: who may not list is told 403 of what is not there,
and who may not delete is told 403 of a name that is taken.
"""

import json
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from http.client import FORBIDDEN, NOT_FOUND, PRECONDITION_FAILED, HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self
from urllib.parse import urlsplit

from deploy.iam.matrix import Grant, Matrix
from tests.e2e.proxies import Answer, TroubledStore, _Request
from tests.infra.calls_of_storage import StorageCall, storage_call
from tests.infra.enforcing_rpc import SERVERS, Asked, Gates

FOLDER: Final = "ENFORCED"
STORAGE: Final = "STORAGE_EMULATOR_HOST"
LOGS: Final = "docledger-logs"
WRAPPED: Final = "docledger-keys"
BUCKETS: Final = {
    "docledger-objects": "objects",
    "docledger-uploads": "uploads",
    LOGS: "log",
    WRAPPED: "wrapped",
}
"""What ``up`` calls the buckets of infra/iam.yaml, or is told."""

ORIGIN: Final = "origin.json"
"""Where the servers are that these stand before."""

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
    told = {(STORAGE, *SERVERS)}
    asked.write_text(json.dumps({{one: os.environ.get(one, "") for one in told}}))
    asked.replace(folder / "{ORIGIN}")
    os.environ.update(json.loads((folder / "addresses.json").read_text())[target])
"""


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
        buckets: by a bucket's name, its entry in infra/iam.yaml.
        keys: by an entry of infra/iam.yaml, the key that every write to that bucket must name.
        settings: what each deployable is told besides, over what ``up`` tells it.
    """

    def __init__(
        self,
        folder: Path,
        matrix: Matrix,
        identities: Sequence[str],
        buckets: Mapping[str, str] = BUCKETS,
        keys: Mapping[str, str] = MappingProxyType({}),
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._folder = folder
        self._matrix = matrix
        self._lock = threading.Lock()
        self.allowed: set[Asked] = set()
        """What was asked and granted."""
        self.denied: set[Asked] = set()
        """What was not."""
        self._identities = identities
        self._origin: dict[str, str] | None = None
        self.keyless: set[Asked] = set()
        """What would have been written without its key."""
        self.buckets = buckets
        self._keys = keys
        self._settings = settings
        self._running = ExitStack()
        start = folder / "start"
        start.mkdir(parents=True, exist_ok=True)
        (start / "sitecustomize.py").write_text(_START)
        self.environment = {
            FOLDER: str(folder),
            "PYTHONPATH": f"{start}{os.pathsep}{_ROOT}",
        }
        """Of ``up``."""

    def __enter__(self) -> Self:
        self.storage = self._running.enter_context(_Gate(self))
        self._gates = self._running.enter_context(
            Gates(self._matrix.stated, self.admits, self.origin, self._identities)
        )
        told = {name: {**self.addresses(name), **self._settings} for name in self._identities}
        (self._folder / "addresses.json").write_text(json.dumps(told))
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def addresses(self, identity: str) -> dict[str, str]:
        """Return where an identity finds Google's services, as environment variables."""
        gate = f"127.0.0.1:{self._gates.ports[identity]}"
        return {STORAGE: f"{self.storage.url}{_WHO}{identity}", **dict.fromkeys(SERVERS, gate)}

    def origin(self) -> Mapping[str, str] | None:
        """Return where the emulators are; None before a deployable has told."""
        if self._origin is None:
            told = self._folder / ORIGIN
            self._origin = json.loads(told.read_text()) if told.exists() else None
        return self._origin

    def stand_before(self, origin: Mapping[str, str]) -> None:
        """Say where the servers are, by variable; a cluster's deployables say so themselves."""
        self._origin = dict(origin)

    def forget(self) -> None:
        """Forget what was asked until now."""
        with self._lock:
            self.allowed.clear()
            self.denied.clear()
            self.keyless.clear()

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

    def keyed(self, asked: Asked, call: StorageCall) -> bool:
        """Tell whether a call that writes names its bucket's key, and note where it does not."""
        wanted = self._keys.get(asked.resource.removeprefix("bucket/"), call.key)
        if call.method != "storage.objects.insert" or call.key == wanted:
            return True
        with self._lock:
            self.keyless.add(asked)
        return False


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
        bucket = f"bucket/{self._enforcement.buckets[call.bucket]}"
        asked = Asked(identity, call.method, call.permissions, bucket, call.name)
        if not self._enforcement.admits(asked) or not self._enforcement.keyed(asked, call):
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
