"""An API as a process, and a connection that sends exactly the given bytes."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from deploy.local.ports import unused_port
from tests.waiting import PATIENCE_S, wait_until

ROOT = Path(__file__).parents[3]
DEADLINE_S = PATIENCE_S


@contextmanager
def running(*arguments: str, **environ: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run an API until the end of the context; give it once it is healthy, with its port."""
    port = unused_port()
    process = subprocess.Popen(
        [sys.executable, *(argument.format(port=port) for argument in arguments)],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: process.poll() is not None or healthy(port), what="the API answers")
        assert process.poll() is None, process.communicate()[1]
        yield process, port
    finally:
        process.kill()
        process.communicate()


def healthy(port: int) -> bool:
    """Tell whether an API answers on a port."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.TransportError:
        return False


class Wire:
    """A connection that sends exactly the given bytes."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def status(self) -> int:
        """Return the status of the next answer, 0 where the server only hangs up."""
        try:
            answer = self._socket.recv(65_536)
        except ConnectionResetError:
            return 0
        found = re.match(rb"HTTP/1\.1 ([0-9]{3}) ", answer)
        return int(found[1]) if found else 0

    def close(self) -> None:
        self._socket.close()


def ask(port: int, data: bytes) -> int:
    """Send bytes on a new connection; return the status of the answer."""
    wire = Wire(port)
    try:
        with suppress(ConnectionResetError, BrokenPipeError):  # it may refuse before all is sent
            wire.send(data)
        return wire.status()
    finally:
        wire.close()
