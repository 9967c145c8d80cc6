"""A local server that speaks google.cloud.secretmanager.v1: versions, their states, every mishap.

It is stricter than Secret Manager: a version that is asked for by an alias stands in ``wrong``,
which each test ends by reading. As there, answers name the project by its number.
"""

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from typing import Any, Final

import google_crc32c
import grpc
import pytest
from google.cloud import secretmanager_v1 as api

PROJECT: Final = "projects/docledger-test"
TOKEN: Final = f"{PROJECT}/secrets/internal-event-token"

_NUMBERED: Final = "projects/123456789012"
_SERVICE: Final = "google.cloud.secretmanager.v1.SecretManagerService"
_NAME: Final = re.compile(r"(projects/[^/]+)/secrets/([^/]+)/versions/([^/]+)\Z")
_MOST_DELAY_S: Final = 30.0
State = api.SecretVersion.State


class Fault(Enum):
    """What goes wrong with one answer."""

    FLIP = auto()  # a bit of the payload, after its checksum was made
    WRONG_CRC = auto()
    NO_CRC = auto()
    WRONG_NAME = auto()  # another version's answer
    HANG = auto()  # no answer for as long as the caller waits


@dataclass
class _Version:
    data: Callable[[], bytes]
    state: Any = State.ENABLED


_MISSING: Final = _Version(bytes)


@dataclass
class _Secret:
    versions: dict[int, _Version] = field(default_factory=dict)


class SecretServer:
    """One server on a free port of this machine.

    Attributes:
        address: ``host:port``.
        calls: method and resource of every call, in order.
        wrong: what a caller did that a careful one does not.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self._secrets: dict[str, _Secret] = {}
        self._faults: deque[Fault | grpc.StatusCode] = deque()
        self._always: Fault | grpc.StatusCode | None = None
        self._lock = threading.RLock()
        self._release = threading.Event()
        self._pool = ThreadPoolExecutor(4)
        self._server = grpc.server(self._pool)
        access = grpc.unary_unary_rpc_method_handler(
            self._access,
            request_deserializer=api.AccessSecretVersionRequest.deserialize,
            response_serializer=api.AccessSecretVersionResponse.serialize,
        )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(_SERVICE, {"AccessSecretVersion": access}),)
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        """End it, and whoever still waits."""
        self._release.set()
        self._server.stop(None).wait()
        self._pool.shutdown()

    def add(self, data: bytes | Callable[[], bytes], secret: str = TOKEN) -> str:
        """Add a version; return its name.

        Args:
            data: the payload, or what gives it once it is asked for.
            secret: its name.
        """
        versions = self._secrets.setdefault(secret, _Secret()).versions
        number = len(versions) + 1
        versions[number] = _Version(data if callable(data) else partial(bytes, data))
        return f"{secret}/versions/{number}"

    def set_state(self, version: str, state: Any) -> None:
        """Enable, disable or destroy a version, as an operator would."""
        secret, _, number = version.rpartition("/versions/")
        self._secrets[secret].versions[int(number)].state = state

    def fail(self, *faults: Fault | grpc.StatusCode) -> None:
        """Let the next calls go wrong, each in its way."""
        self._faults.extend(faults)

    def fail_always(self, fault: Fault | grpc.StatusCode | None) -> None:
        """Let every call go wrong, until told None."""
        self._always = fault

    def _access(self, asked: Any, context: grpc.ServicerContext) -> Any:
        with self._lock:
            self.calls.append(("AccessSecretVersion", asked.name))
            fault = self._faults.popleft() if self._faults else self._always
        if isinstance(fault, grpc.StatusCode):
            context.abort(fault, "told to refuse; the payload is not shown")
        if fault is Fault.HANG:
            self._hang(context)
        found = _NAME.match(asked.name)
        if found is None or not found[3].isdecimal():
            self.wrong.append(f"not pinned: {asked.name}")
        project, secret, number = found.groups() if found else ("", "", "0")
        kept = self._secrets.get(f"{project}/secrets/{secret}", _Secret())
        version = kept.versions.get(int(number) if number.isdecimal() else 0, _MISSING)
        if version is _MISSING:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such version")
        if version.state != State.ENABLED:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the version is not enabled")
        data = version.data()
        checksum: int | None = int(google_crc32c.value(data))
        if fault is Fault.FLIP:
            data = data[:-1] + bytes([data[-1] ^ 1])
        if fault is Fault.WRONG_CRC:
            checksum = int(google_crc32c.value(data)) ^ 1
        elif fault is Fault.NO_CRC:
            checksum = None
        told = "9999" if fault is Fault.WRONG_NAME else number
        return api.AccessSecretVersionResponse(
            name=f"{_NUMBERED}/secrets/{secret}/versions/{told}",
            payload=api.SecretPayload(data=data, data_crc32c=checksum),
        )

    def _hang(self, context: grpc.ServicerContext) -> None:
        ends = time.monotonic() + _MOST_DELAY_S
        while context.is_active() and time.monotonic() < ends:
            if self._release.wait(0.01):
                return


@pytest.fixture
def secret_server() -> Iterator[SecretServer]:
    """Give a server; the test fails where a request was not as it must be."""
    server = SecretServer()
    yield server
    server.stop()
    assert server.wrong == []
