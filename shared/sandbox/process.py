"""One child as its parent sees it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from shared.sandbox.frames import BrokenFrameError, Status, receive_reply, send_request
from shared.sandbox.port import JSON, Limits

START_S: Final = 60.0
"""How long a child may take to start on a machine that has other work."""

_EXIT_S: Final = 1.0
_READY_BYTES: Final = 4096
_MIB: Final = 1 << 20


class ChildDiedError(Exception):
    """The child ended without an answer.

    Attributes:
        from_outside: it was killed by a signal that neither a limit nor this pool sends.
    """

    def __init__(self, *, from_outside: bool) -> None:
        super().__init__()
        self.from_outside = from_outside


class ChildProcess:
    """A started child. Not safe for two threads at once.

    Args:
        limits: what it may use.
        root: the folder that our packages lie in.
        packages: which of them its tasks come from.
        folder: its working directory, empty.

    The kernel ends the child when the *thread* that made this object ends.
    """

    def __init__(
        self, limits: Limits, *, root: Path, packages: Sequence[str], folder: Path
    ) -> None:
        self._limits = limits
        self._killed = False
        self.tasks = 0
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [
                    *(sys.executable, "-P", "-B", "-m", "shared.sandbox.child"),
                    *(str(os.getpid()), str(root), ",".join(packages)),
                    json.dumps(asdict(limits)),
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env={
                    "PYTHONPATH": str(root),
                    "LANG": "C.UTF-8",
                    # Each further arena of glibc reserves 64 MiB of the address space.
                    "MALLOC_ARENA_MAX": "2",
                    # Memory that a page is drawn in is kept for the next one: given back and asked
                    # for again it costs 2 ms a page. As high as glibc itself would go in time.
                    "MALLOC_MMAP_THRESHOLD_": str(32 * _MIB),
                    "MALLOC_TRIM_THRESHOLD_": str(64 * _MIB),
                },
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._connection = ours

    def wait_until_ready(self) -> frozenset[str]:
        """Return the names of the protections that hold.

        Raises:
            BrokenFrameError: it ended or said something else.
            TimeoutError: it did not get ready in time.
        """
        status, payload = receive_reply(
            self._connection, most=_READY_BYTES, deadline=time.monotonic() + START_S
        )
        if status is not Status.READY:
            raise BrokenFrameError
        return frozenset(json.loads(payload))

    def call(
        self, task: str, content: bytes, parameters: Mapping[str, JSON]
    ) -> tuple[Status, bytes]:
        """Run one task.

        Raises:
            ChildDiedError: it ended, or sent what is no answer (and was ended).
            TimeoutError: no answer within the wall time; it is still running.
        """
        self.tasks += 1
        deadline = time.monotonic() + self._limits.wall_s
        try:
            self._connection.settimeout(self._limits.wall_s)
            send_request(self._connection, task, content, parameters)
            return receive_reply(
                self._connection, most=self._limits.output_mb * _MIB, deadline=deadline
            )
        except (BrokenFrameError, ConnectionError) as err:
            raise ChildDiedError(from_outside=self._ended_from_outside()) from err

    def _ended_from_outside(self) -> bool:
        try:
            code = self._process.wait(_EXIT_S)
        except subprocess.TimeoutExpired:  # it hung up but lives on
            return False
        return code == -signal.SIGKILL and not self._killed

    def kill(self) -> None:
        """End the child at once; another thread's ``call`` then raises."""
        self._killed = True
        self._process.kill()

    def close(self) -> None:
        """End the child and wait for it."""
        self.kill()
        self._process.wait()
        self._connection.close()
