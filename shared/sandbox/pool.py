"""A pool of persistent children that parse foreign bytes."""

import contextlib
import queue
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from shared.errors import PermanentError, TransientError
from shared.sandbox.frames import BrokenFrameError, Status
from shared.sandbox.port import JSON, Limits, SandboxError
from shared.sandbox.process import ChildDiedError, ChildProcess
from shared.telemetry.reasons import QuarantineReason

_ROOT: Final = Path(__file__).resolve().parents[2]
_NAME_LENGTH: Final = 60


class Sandbox:
    """Runs tasks in at most ``size`` children, each started when first needed and kept warm.

    What a child may not do is in ``shared.sandbox.confine``. Safe for threads; ``run`` waits for a
    free child. A child that died, ran out of something or did its number of tasks is replaced.

    Args:
        limits: of each child.
        size: how many children there are at most.
        packages: the folders beside ``shared`` that tasks come from.
    """

    def __init__(
        self, limits: Limits, size: int = 1, *, packages: Sequence[str] = ("shared", "services")
    ) -> None:
        self._limits = limits
        self._packages = tuple(packages)
        # Last in, first out: the warm ones are used, the others need not exist.
        self._size = size
        self._slots: queue.LifoQueue[ChildProcess | None] = queue.LifoQueue()
        for _ in range(size):
            self._slots.put(None)
        self._children: set[ChildProcess] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._held: frozenset[str] = frozenset()
        self._folder = tempfile.TemporaryDirectory(prefix="docledger-sandbox-")
        # A child dies with the thread that started it, so all are started by one that stays.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-starter")

    def run(self, task: str, content: bytes, parameters: Mapping[str, JSON]) -> bytes:
        """Return what ``task`` returned; see ``shared.sandbox.port.TaskRunner.run``."""
        try:
            return self._run(task, content, parameters)
        except ChildDiedError as err:
            if err.from_outside:
                # An operator or the kernel's memory killer: not yet the document's fault.
                with contextlib.suppress(ChildDiedError):
                    return self._run(task, content, parameters)
            raise PermanentError(QuarantineReason.RESOURCE_EXHAUSTED) from err

    def protections(self) -> frozenset[str]:
        """Return what holds on this machine, by the names in ``shared.sandbox.confine``."""
        if not self._held:
            self._give_back(self._take())
        return self._held

    def close(self) -> None:
        """End every child at once; a task that runs raises ``TransientError``."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for child in self._children:
                child.kill()
        for child_or_none in [self._slots.get() for _ in range(self._size)]:
            self._retire(child_or_none)
            self._slots.put(None)  # who waits for a child wakes up and is told
        self._starter.shutdown()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, task: str, content: bytes, parameters: Mapping[str, JSON]) -> bytes:
        child = self._take()
        healthy = False
        try:
            status, payload = child.call(task, content, parameters)
            healthy = _is_sound(status, payload)
        except TimeoutError as err:
            raise PermanentError(QuarantineReason.RESOURCE_EXHAUSTED) from err
        except ChildDiedError as err:
            if self._closed:
                raise TransientError("the sandbox was closed") from err
            raise
        finally:
            self._give_back(child, healthy=healthy)
        return _result(task, status, payload)

    def _take(self) -> ChildProcess:
        child = self._slots.get()
        if self._closed:
            self._slots.put(child)
            raise TransientError("the sandbox is closed")
        if child is not None:
            return child
        try:
            return self._start()
        except BaseException:
            self._slots.put(None)
            raise

    def _start(self) -> ChildProcess:
        try:
            child = self._starter.submit(
                ChildProcess,
                self._limits,
                root=_ROOT,
                packages=self._packages,
                folder=Path(self._folder.name),
            ).result()
        except (OSError, RuntimeError) as err:
            raise TransientError("a sandbox child cannot be started") from err
        with self._lock:
            self._children.add(child)
            if self._closed:
                child.kill()
        try:
            self._held = child.wait_until_ready()
        except TimeoutError as err:
            self._retire(child)
            raise TransientError("a sandbox child did not start in time") from err
        except (BrokenFrameError, ValueError) as err:
            self._retire(child)
            if self._closed:
                raise TransientError("the sandbox was closed") from err
            raise SandboxError("a sandbox child ended before it was ready") from err
        return child

    def _give_back(self, child: ChildProcess, *, healthy: bool = True) -> None:
        if healthy and not self._closed and child.tasks < self._limits.tasks:
            self._slots.put(child)
            return
        self._retire(child)
        self._slots.put(None)

    def _retire(self, child: ChildProcess | None) -> None:
        if child is None:
            return
        child.close()
        with self._lock:
            self._children.discard(child)


def _is_sound(status: Status, payload: bytes) -> bool:
    """Whether the child that answered so may take another document."""
    if status is Status.PERMANENT:
        return payload.decode(errors="replace") in set(QuarantineReason)
    return status is Status.DONE or (status is Status.FAILED and _is_type_name(payload))


def _is_type_name(payload: bytes) -> bool:
    return len(payload) <= _NAME_LENGTH and payload.isascii() and payload.decode().isidentifier()


def _result(task: str, status: Status, payload: bytes) -> bytes:
    """Return a task's result or raise what it means. The payload is a stranger's word."""
    if status is Status.DONE:
        return payload
    if status is Status.EXHAUSTED:
        raise PermanentError(QuarantineReason.RESOURCE_EXHAUSTED)
    if status is Status.PERMANENT and _is_sound(status, payload):
        raise PermanentError(QuarantineReason(payload.decode()))
    name = payload.decode() if _is_type_name(payload) else "an error without a name"
    raise SandboxError(f"{task} raised {name}")
