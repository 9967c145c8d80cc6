"""The bytes between a pool and its children: lengths first, never pickled, never trusted."""

import json
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from shared.sandbox.port import JSON

_REQUEST: Final = struct.Struct("!IIQ")  # lengths of task, parameters, content
_REPLY: Final = struct.Struct("!BQ")  # status, length of payload
_CHUNK: Final = 1 << 20


class Status(IntEnum):
    """How a task ended in the child."""

    READY = 0  # the child is confined and waits; payload: which protections hold
    DONE = 1  # payload: what the function returned
    PERMANENT = 2  # payload: a code of QuarantineReason
    EXHAUSTED = 3  # out of memory; no payload; the child ends
    FAILED = 4  # any other error; payload: the name of its type


class BrokenFrameError(Exception):
    """The other side hung up or sent what is no frame."""


@dataclass(frozen=True, slots=True)
class Request:
    """One task on its way into the child."""

    task: str
    parameters: dict[str, Any]
    content: bytes = field(repr=False)


def send_request(
    connection: socket.socket, task: str, content: bytes, parameters: Mapping[str, JSON]
) -> None:
    """Send one task; the connection's own timeout applies to each part."""
    name, options = task.encode(), json.dumps(parameters).encode()
    connection.sendall(_REQUEST.pack(len(name), len(options), len(content)) + name + options)
    connection.sendall(content)


def receive_request(connection: socket.socket) -> Request | None:
    """Return the next task, or None when the pool hung up."""
    try:
        name, options, content = _REQUEST.unpack(_receive(connection, _REQUEST.size))
    except BrokenFrameError:
        return None
    return Request(
        task=_receive(connection, name).decode(),
        parameters=json.loads(_receive(connection, options)),
        content=_receive(connection, content),
    )


def send_reply(connection: socket.socket, status: Status, payload: bytes = b"") -> None:
    """Send how a task ended."""
    connection.sendall(_REPLY.pack(status, len(payload)))
    if payload:
        connection.sendall(payload)


def receive_reply(connection: socket.socket, *, most: int, deadline: float) -> tuple[Status, bytes]:
    """Return how a task ended.

    Args:
        connection: to the child.
        most: bytes of payload that are accepted.
        deadline: by ``time.monotonic()``.

    Raises:
        BrokenFrameError: the child hung up, or what it sent is no reply of at most ``most`` bytes.
        TimeoutError: the deadline passed.
    """
    status, length = _REPLY.unpack(_receive(connection, _REPLY.size, deadline))
    if status not in Status.__members__.values() or length > most:
        raise BrokenFrameError
    return Status(status), _receive(connection, length, deadline)


def _receive(connection: socket.socket, size: int, deadline: float | None = None) -> bytes:
    """Read exactly ``size`` bytes; memory grows with what arrives, not with what is announced."""
    parts = []
    while size:
        if deadline is not None:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            part = connection.recv(min(size, _CHUNK))
        except ConnectionError as err:
            raise BrokenFrameError from err
        if not part:
            raise BrokenFrameError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
