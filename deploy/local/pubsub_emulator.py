"""The official Pub/Sub emulator: found or started, told whether it lives, ended.

Looked for in this order: one that runs already (``PUBSUB_EMULATOR_HOST``; not ours to end), the
Google Cloud CLI's component (needs Java), testcontainers where it is installed and Docker runs.
It keeps everything in memory: who starts it anew finds it empty.
"""

import contextlib
import http.client
import importlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from deploy.local.ports import unused_port
from shared.clock import Clock, SystemClock
from shared.errors import TransientError, UserError

HOST_VARIABLE: Final = "PUBSUB_EMULATOR_HOST"
"""Google's clients read it, too: ``host:port`` of an emulator."""

START_S: Final = 60.0
STOP_S: Final = 5.0
POLL_S: Final = 0.05

_COMPONENT: Final = Path("platform") / "pubsub-emulator" / "bin" / "cloud-pubsub-emulator"
_JAVA_OPTIONS: Final = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx1g"
"""It starts in a third of the time so, and leaves the cores to the workers."""

_CONTAINER_PORT: Final = 8432
_TRIES: Final = 3  # another process may take the free port before the emulator does


class _Running(Protocol):
    """An emulator that we started."""

    def alive(self) -> bool:
        """Tell whether its process is there."""
        ...

    def stop(self, *, gently: bool) -> None:
        """End it, and everything that it started."""
        ...


class _Way(Protocol):
    """A way to start an emulator."""

    def start(self, port: int) -> _Running:
        """Start one on a port of 127.0.0.1; it need not answer yet."""
        ...


class PubsubEmulator:
    """An emulator that answers.

    Attributes:
        host: where, ``127.0.0.1:PORT``: what ``PUBSUB_EMULATOR_HOST`` wants.
    """

    def __init__(self, host: str, *, way: _Way | None, clock: Clock) -> None:
        self.host = host
        self._way = way
        self._clock = clock
        self._running: _Running | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def alive(self) -> bool:
        """Tell whether it answers."""
        if self._way is not None and (self._running is None or not self._running.alive()):
            return False
        return _answers(self.host)

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            TransientError: it ended at once, or did not answer in time.
        """
        if self._way is None:
            return
        self._running = self._way.start(int(self.host.rpartition(":")[2]))
        deadline = self._clock.monotonic() + START_S
        while not _answers(self.host):
            if not self._running.alive():
                self.stop()
                raise TransientError("the Pub/Sub emulator ended as it started: read its log")
            if self._clock.monotonic() > deadline:
                self.stop()
                raise TransientError(f"the Pub/Sub emulator does not answer on {self.host}")
            self._clock.sleep(POLL_S)

    def restart(self) -> None:
        """Kill it and start it again on the same port, empty: as if it had crashed.

        Raises:
            UserError: it was not started here.
            TransientError: it does not come up again.
        """
        if self._way is None:
            raise UserError(f"the emulator on {self.host} was not started here: restart it there")
        self._end(gently=False)
        self.start()

    def stop(self) -> None:
        """End it with everything that it started; one that ran before is left alone."""
        self._end(gently=True)

    def _end(self, *, gently: bool) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.stop(gently=gently)


def start_pubsub_emulator(
    log: Path, *, environ: Mapping[str, str] | None = None, clock: Clock | None = None
) -> PubsubEmulator:
    """Return an emulator that answers: the one that runs, or a new one on a free port.

    Args:
        log: where a new one writes; created, or written on.
        environ: what to read instead of the process's environment.
        clock: to wait with.

    Raises:
        UserError: there is none; the line says what to install.
        TransientError: it does not come up.
    """
    environ = os.environ if environ is None else environ
    clock = clock or SystemClock()
    running = environ.get(HOST_VARIABLE)
    if running:
        if not _answers(running):
            raise UserError(
                f"no Pub/Sub emulator answers on {running}: start it, or unset {HOST_VARIABLE}"
            )
        return PubsubEmulator(running, way=None, clock=clock)
    way = _way(log, environ)
    for _ in range(_TRIES - 1):
        with contextlib.suppress(TransientError):
            return _started(way, clock)
    return _started(way, clock)


def _started(way: _Way, clock: Clock) -> PubsubEmulator:
    emulator = PubsubEmulator(f"127.0.0.1:{unused_port()}", way=way, clock=clock)
    emulator.start()
    return emulator


def _way(log: Path, environ: Mapping[str, str]) -> _Way:
    path = environ.get("PATH")
    script, java = _component(path), _java(path, environ)
    if script is not None and java:
        return _CloudCli(script, log, environ)
    container = _containers(environ)
    if container is not None:
        return _Containers(container)
    if script is not None:
        raise UserError("the Pub/Sub emulator needs Java: install a runtime of 11 or newer")
    raise UserError(
        "no Pub/Sub emulator: install the Google Cloud CLI's component pubsub-emulator and Java, "
        f"or testcontainers and Docker, or set {HOST_VARIABLE}"
    )


def _component(path: str | None) -> Path | None:
    """Return the emulator's script beside the ``gcloud`` on the path."""
    gcloud = shutil.which("gcloud", path=path)
    if gcloud is None:
        return None
    script = Path(gcloud).resolve().parents[1] / _COMPONENT
    return script if script.is_file() else None


def _java(path: str | None, environ: Mapping[str, str]) -> bool:
    home = environ.get("JAVA_HOME")
    return shutil.which("java", path=path) is not None or (
        bool(home) and (Path(str(home)) / "bin" / "java").is_file()
    )


class _CloudCli:
    """The Google Cloud CLI's component."""

    def __init__(self, script: Path, log: Path, environ: Mapping[str, str]) -> None:
        self._script = script
        self._log = log
        self._environ = environ

    def start(self, port: int) -> _Running:
        # Where the kernel offers it, the emulator ends with whoever started it, however that ended.
        tether = shutil.which("setpriv")
        command = [*((tether, "--pdeathsig", "TERM") if tether else ()), str(self._script)]
        options = f"{self._environ.get('JAVA_OPTS', '')} {_JAVA_OPTIONS}".strip()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the Cloud CLI's own script
                [*command, "--host=127.0.0.1", f"--port={port}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self._environ, "JAVA_OPTS": options},
                start_new_session=True,  # an interrupt at the terminal is ours to handle
            )
        return _Group(process)


class _Group:
    """A process and all of its children."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self, *, gently: bool) -> None:
        self._signal(signal.SIGTERM if gently else signal.SIGKILL)
        try:
            self._process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _containers(environ: Mapping[str, str]) -> Any | None:  # noqa: ANN401 - not a dependency
    """Return testcontainers' class for the emulator where it is installed and Docker answers."""
    docker = environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not docker.startswith("unix://") or not _listens(docker.removeprefix("unix://")):
        return None
    try:
        return importlib.import_module("testcontainers.google").PubSubContainer
    except ImportError:
        return None


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as docker:
        docker.settimeout(STOP_S)
        return docker.connect_ex(path) == 0


class _Containers:
    """The same emulator in a container, on a port of this machine."""

    def __init__(self, kind: Any) -> None:  # noqa: ANN401 - testcontainers is no dependency
        self._kind = kind

    def start(self, port: int) -> _Running:
        container = self._kind(port=_CONTAINER_PORT)
        container.with_bind_ports(_CONTAINER_PORT, ("127.0.0.1", port))
        container.start()
        return _Container(container)


class _Container:
    def __init__(self, container: Any) -> None:  # noqa: ANN401 - testcontainers is no dependency
        self._container = container

    def alive(self) -> bool:
        docker = self._container.get_wrapped_container()
        docker.reload()
        return bool(docker.status in {"created", "running"})

    def stop(self, *, gently: bool) -> None:
        if not gently:
            self._container.get_wrapped_container().kill()
        self._container.stop()


def _answers(host: str) -> bool:
    """Ask as a browser would: the emulator says ``Ok`` to that."""
    connection = http.client.HTTPConnection(host, timeout=STOP_S)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
