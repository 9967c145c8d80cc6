"""What a sandboxed task might do, for good or ill. Runs in children, by name."""

import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.errors import PermanentError
from shared.telemetry.reasons import QuarantineReason

_kept: list[bytes] = []


def echo(content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Return the content."""
    return content


def say_parameters(_content: bytes, parameters: dict[str, Any]) -> bytes:
    """Return the parameters."""
    return json.dumps(parameters).encode()


def process_id(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Return which child this is."""
    return str(os.getpid()).encode()


def surroundings(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Return what the child was given."""
    return json.dumps(
        {
            "environment": dict(os.environ),
            "descriptors": [number for number in range(64) if _is_open(number)],
            "arguments": sys.argv,
        }
    ).encode()


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def encrypted(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Give a reason."""
    raise PermanentError(QuarantineReason.ENCRYPTED)


def fail_with_content(content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Fail as parsers do: with content in the message."""
    raise ValueError(content.decode())


def fail_with_a_named_type(content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Fail with an error whose type is named by the content."""
    raise type(content.decode(), (Exception,), {})


def eat_memory(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Fill the memory from Python."""
    while True:
        _kept.append(bytes(1 << 24))


def eat_memory_natively(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Fill the memory as a C library would, and give up as one."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while libc.malloc(ctypes.c_size_t(1 << 24)):
        pass
    os.abort()


def spin(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Use the processor for ever."""
    while True:
        pass


def wait_forever(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Use nothing, for ever."""
    threading.Event().wait()
    return b""


def die(_content: bytes, parameters: dict[str, Any]) -> bytes:
    """End by a signal."""
    signal.raise_signal(signal.Signals(parameters["signal"]))
    return b""


def hang_up(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Close the line to the pool and stay."""
    os.closerange(3, 64)
    threading.Event().wait()
    return b""


def too_much(_content: bytes, parameters: dict[str, Any]) -> bytes:
    """Return as many bytes as asked."""
    return bytes(parameters["size"])


def threads(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Return one byte from each of four threads."""
    done: list[bytes] = []
    workers = [threading.Thread(target=done.append, args=(b"x",)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return b"".join(done)


def spend(_content: bytes, parameters: dict[str, Any]) -> bytes:
    """Use as much processor time as asked."""
    end = time.process_time() + parameters["seconds"]
    while time.process_time() < end:
        pass
    return b"done"


def _refused(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as err:
        return type(err).__name__
    return "allowed"


def attack(_content: bytes, parameters: dict[str, Any]) -> bytes:
    """Try in Python what a child must not do; return what happened to each attempt."""
    secret, parent = Path(parameters["secret"]), parameters["parent"]
    attempts: dict[str, Callable[[], object]] = {
        "socket": socket.socket,
        "subprocess": lambda: subprocess.run(["/bin/true"], check=False),
        "fork": os.fork,
        "signal": lambda: os.kill(parent, 0),
        "write": lambda: secret.with_suffix(".new").write_bytes(b"x"),
        "read": secret.read_bytes,
        "list": lambda: list(secret.parent.iterdir()),
        "environment": Path(f"/proc/{parent}/environ").read_bytes,
    }
    return json.dumps({name: _refused(attempt) for name, attempt in attempts.items()}).encode()


def native_attack(_content: bytes, parameters: dict[str, Any]) -> bytes:
    """The same past Python, as an exploited parser would; return each call's answer."""
    libc = ctypes.CDLL(None, use_errno=True)
    path = str(parameters["secret"]).encode()
    number = {"x86_64": 41, "aarch64": 198}[os.uname().machine]
    return json.dumps(
        {
            "socket": libc.syscall(number, 2, 1, 0),
            "fork": libc.fork(),
            "exec": libc.execl(b"/bin/true", b"true", None),
            "signal": libc.kill(parameters["parent"], 0),
            "read": libc.open(path, os.O_RDONLY),
            "write": libc.open(path, os.O_WRONLY),
        }
    ).encode()


def interfaces(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Return the kernel's list of network interfaces."""
    return Path("/proc/self/net/dev").read_bytes()


def raise_memory_error(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Run out of memory at once."""
    raise MemoryError


def _forge(frame: bytes) -> bytes:
    """Write to the pool behind the child's back, as code that took it over could."""
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, frame)
        except OSError:
            continue
    threading.Event().wait()
    return b""


def wrong_status(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Forge an answer of no known kind."""
    return _forge(struct.pack("!BQ", 77, 0))


def endless_answer(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Forge an answer that announces far too much."""
    return _forge(struct.pack("!BQ", 1, 1 << 62))


def unknown_reason(_content: bytes, _parameters: dict[str, Any]) -> bytes:
    """Forge a reason outside the closed set."""
    return _forge(struct.pack("!BQ", 2, 4) + b"paid")
