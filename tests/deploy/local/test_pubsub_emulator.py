"""The emulator: where it is looked for, that it comes up, comes up again and goes away whole."""

import os
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from deploy.local.pubsub_emulator import PubsubEmulator, start_pubsub_emulator
from shared.clock import FakeClock, SystemClock
from shared.errors import TransientError, UserError
from tests.waiting import wait_until

CLOCK = SystemClock()

SCRIPT = """#!{python}
import http.server, os, subprocess, sys
port = int(sys.argv[2].removeprefix("--port="))
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), child.pid, os.environ["JAVA_OPTS"], flush=True)
class Ok(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({status})
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", port), Ok).serve_forever()
"""


def executable(path: Path, text: str) -> None:
    """Write a script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


class Machine:
    """A machine with what a test puts on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "logs" / "emulator.log"
        self.environ = {"PATH": str(folder / "bin"), "DOCKER_HOST": f"unix://{folder}/docker.sock"}

    def with_java(self) -> "Machine":
        executable(self.folder / "bin" / "java", "#!/bin/sh\n")
        return self

    def with_gcloud(self, script: str | None = None) -> "Machine":
        sdk = self.folder / "sdk"
        executable(sdk / "bin" / "gcloud", "#!/bin/sh\n")
        (self.folder / "bin").mkdir(exist_ok=True)
        (self.folder / "bin" / "gcloud").symlink_to(sdk / "bin" / "gcloud")
        if script is not None:
            executable(sdk / "platform/pubsub-emulator/bin/cloud-pubsub-emulator", script)
        return self

    def start(self) -> PubsubEmulator:
        return start_pubsub_emulator(self.log, environ=self.environ)

    def started(self) -> list[tuple[int, int]]:
        """Return the processes of each start: the emulator, and its child."""
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return [(int(line[0]), int(line[1])) for line in lines if line[0].isdigit()]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Give a machine with nothing on it."""
    return Machine(tmp_path)


def script(status: int = 200) -> str:
    """Return what stands where the emulator would."""
    return SCRIPT.format(python=sys.executable, status=status)


def is_there(pid: int) -> bool:
    """Tell whether a process runs (one that ended and was not waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def gone(*pids: int) -> bool:
    """Tell whether processes are gone, soon: a signal to a group takes a moment."""
    with suppress(TimeoutError):
        wait_until(lambda: not any(map(is_there, pids)), what="the processes are gone")
    return not any(map(is_there, pids))


def test_a_machine_without_any_is_told_what_to_install(machine: Machine) -> None:
    """One line, before anything is started."""
    with pytest.raises(UserError, match=r"install .*pubsub-emulator and Java, or testcontainers"):
        machine.start()


def test_a_cloud_cli_without_the_component_counts_for_nothing(machine: Machine) -> None:
    """Most have the command; few have the emulator."""
    with pytest.raises(UserError, match="component pubsub-emulator"):
        machine.with_java().with_gcloud().start()


def test_missing_java_is_told(machine: Machine) -> None:
    """The component is there: to install it again would not help."""
    with pytest.raises(UserError, match="needs Java"):
        machine.with_gcloud(script()).start()


@pytest.mark.integration
@pytest.mark.enable_socket
def test_the_cloud_clis_emulator_is_started_and_ended_whole(machine: Machine) -> None:
    """Its script starts Java as a child: no process may stay behind."""
    machine.environ["JAVA_HOME"] = str(machine.folder / "jdk")
    executable(machine.folder / "jdk" / "bin" / "java", "#!/bin/sh\n")
    machine.environ["JAVA_OPTS"] = "-Dmine=1"
    with machine.with_gcloud(script()).start() as emulator:
        assert emulator.host.startswith("127.0.0.1:")
        assert emulator.alive()
        [(own, child)] = machine.started()
        assert is_there(child)
        assert "-Dmine=1 -XX:" in machine.log.read_text()
    assert gone(own, child)
    assert not emulator.alive()
    emulator.stop()  # twice is once


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_restart_is_a_new_process_on_the_same_port(machine: Machine) -> None:
    """What was told the address goes on; what was stored is lost, as in a crash."""
    with machine.with_java().with_gcloud(script()).start() as emulator:
        host = emulator.host
        emulator.restart()
        assert (emulator.host, emulator.alive()) == (host, True)
        [first, second] = machine.started()
        assert gone(*first)
        assert is_there(second[0])


@pytest.mark.integration
@pytest.mark.enable_socket
def test_one_that_died_is_not_alive_and_can_be_restarted(machine: Machine) -> None:
    """A supervisor asks, and brings it back."""
    with machine.with_java().with_gcloud(script()).start() as emulator:
        os.kill(machine.started()[0][0], signal.SIGKILL)
        assert gone(machine.started()[0][0])
        assert not emulator.alive()
        emulator.restart()
        assert emulator.alive()


@pytest.mark.integration
@pytest.mark.enable_socket
def test_one_that_ends_at_once_is_told(machine: Machine) -> None:
    """Its own words are in the log; we tried other ports, too."""
    with pytest.raises(TransientError, match="read its log"):
        machine.with_java().with_gcloud("#!/bin/sh\necho no heap\nexit 3\n").start()
    assert machine.log.read_text() == "no heap\n" * 3


@pytest.mark.integration
@pytest.mark.enable_socket
def test_one_that_never_answers_is_given_up_and_ended(machine: Machine) -> None:
    """A deadline, not a hang."""

    class Patient(FakeClock):
        """Waits until the process has told who it is; then hours pass."""

        def sleep(self, seconds: float) -> None:
            CLOCK.sleep(seconds)
            super().sleep(3600 if machine.log.read_text().strip() else 0)

    mute = script(status=500)
    emulator = machine.with_java().with_gcloud(mute)
    with pytest.raises(TransientError, match="does not answer"):
        start_pubsub_emulator(emulator.log, environ=emulator.environ, clock=Patient())
    assert gone(*[pid for pids in machine.started() for pid in pids])


@pytest.mark.integration
@pytest.mark.enable_socket
def test_one_that_will_not_end_is_killed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops the house must get the prompt back."""
    monkeypatch.setattr("deploy.local.pubsub_emulator.STOP_S", 0.2)
    deaf = script().replace("print(", "import signal; signal.signal(15, signal.SIG_IGN); print(", 1)
    with machine.with_java().with_gcloud(deaf).start():
        [pids] = machine.started()
    assert gone(*pids)


@pytest.mark.integration
@pytest.mark.enable_socket
def test_one_that_runs_is_used_and_left_alone(machine: Machine) -> None:
    """It is somebody else's: not ours to end, nor to empty."""
    with machine.with_java().with_gcloud(script()).start() as theirs:
        environ = {"PUBSUB_EMULATOR_HOST": theirs.host}
        with start_pubsub_emulator(machine.log, environ=environ) as emulator:
            emulator.start()  # it is
            assert emulator.alive()
            with pytest.raises(UserError, match="was not started here"):
                emulator.restart()
        assert theirs.alive()
        assert len(machine.started()) == 1


@pytest.mark.integration
@pytest.mark.enable_socket
def test_one_that_is_named_and_not_there_is_told(machine: Machine) -> None:
    """Nothing is started in its place: the clients would still talk to the name."""
    machine.with_java().with_gcloud(script())
    machine.environ["PUBSUB_EMULATOR_HOST"] = "127.0.0.1:9"
    with pytest.raises(UserError, match=r"answers on 127\.0\.0\.1:9: start it, or unset"):
        machine.start()
    assert not machine.log.exists()


class FakeContainer:
    """What testcontainers' class does: the emulator of ``script`` on the bound port."""

    made: ClassVar[list["FakeContainer"]] = []

    def __init__(self, *, port: int) -> None:
        self.inside = port
        self.status = "created"
        self.made.append(self)

    def with_bind_ports(self, inside: int, outside: tuple[str, int]) -> None:
        assert (inside, outside[0]) == (self.inside, "127.0.0.1")
        self.outside = outside[1]

    def start(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", self.outside))
        self.status = "exited"  # it listens, and says nothing: as one whose Java died

    def stop(self) -> None:
        self.socket.close()

    def get_wrapped_container(self) -> Any:
        return SimpleNamespace(reload=lambda: None, status=self.status, kill=lambda: None)


@pytest.fixture
def docker(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Give a machine where Docker answers and testcontainers is installed."""
    google = ModuleType("testcontainers.google")
    google.PubSubContainer = FakeContainer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "testcontainers", ModuleType("testcontainers"))
    monkeypatch.setitem(sys.modules, "testcontainers.google", google)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(machine.folder / "docker.sock"))
        server.listen()
        yield machine


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_container_is_used_where_docker_answers(docker: Machine) -> None:
    """Bound to this machine alone; one that ends at once is removed again."""
    FakeContainer.made.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deploy.local.pubsub_emulator._answers", lambda _host: False)
        with pytest.raises(TransientError, match="read its log"):
            docker.start()
        assert all(one.socket.fileno() == -1 for one in FakeContainer.made)
        patch.setattr("deploy.local.pubsub_emulator._answers", lambda _host: True)
        patch.setattr(FakeContainer, "status", "running", raising=False)
        with docker.start() as emulator:
            FakeContainer.made[-1].status = "running"
            assert emulator.alive()
            emulator.restart()
            assert FakeContainer.made[-1].outside == int(emulator.host.split(":")[1])


def test_docker_without_testcontainers_counts_for_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no dependency of ours."""
    monkeypatch.setitem(sys.modules, "testcontainers.google", None)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(machine.folder / "docker.sock"))
        server.listen()
        with pytest.raises(UserError, match="or testcontainers and Docker"):
            machine.start()


@pytest.mark.integration
@pytest.mark.enable_socket
def test_the_real_one_answers(pubsub_emulator: PubsubEmulator) -> None:
    """What every other test of Pub/Sub stands on."""
    assert pubsub_emulator.alive()
