"""A command as a job: its exit code is the job's, and the proxy beside it is always told to end."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


class Proxy(HTTPServer):
    """What the Cloud SQL Auth Proxy does at its admin port, which is to note what it was told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Told)
        self.told: list[str] = []


class _Told(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Proxy)
        self.server.told.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Give a proxy that listens."""
    server = Proxy()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def told_to_end(proxy: Proxy) -> bool:
    """Tell whether the proxy was told, once; it may note that a moment after the job has ended."""
    wait_until(lambda: bool(proxy.told), what="the proxy is told")
    return proxy.told == ["/quitquitquit"]


def started(script: str, *arguments: str, port: int) -> subprocess.Popen[str]:
    """Start a job whose command is a script instead of docledger."""
    job = (
        "import sys; from deploy.cloudrun.command import run; "
        "script, port, *arguments = sys.argv[1:]; "
        "sys.exit(run(arguments, command=['/bin/sh', '-c', script], proxy_port=int(port)))"
    )
    return subprocess.Popen(
        [sys.executable, "-S", "-c", job, script, str(port), *arguments],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("code", [0, 3])
def test_a_jobs_exit_code_is_its_commands(proxy: Proxy, code: int) -> None:
    """A gate that asks the job must hear what the command said, whichever it was."""
    job = started(f"exit {code}", port=proxy.server_port)
    job.communicate()
    assert job.returncode == code
    assert told_to_end(proxy)


def test_arguments_arrive_as_they_were_typed(proxy: Proxy) -> None:
    """What a person types is never read by a shell."""
    job = started('printf "%s|" "$0" "$@"', "replay", "$(id); a b", "--yes", port=proxy.server_port)
    assert job.communicate()[0] == "replay|$(id); a b|--yes|"


def test_a_command_that_is_killed_leaves_no_proxy_behind(proxy: Proxy) -> None:
    """Out of memory is the day on which nobody looks: the job must end by itself."""
    job = started("kill -KILL $$", port=proxy.server_port)
    job.communicate()
    assert job.returncode == 128 + signal.SIGKILL
    assert told_to_end(proxy)


def test_a_command_that_cannot_begin_leaves_no_proxy_behind(proxy: Proxy) -> None:
    """A job that waited for its proxy until its time is over would look as if it worked."""
    job = "from deploy.cloudrun.command import run; run(['x' * 10**6], proxy_port={})"
    ended = subprocess.run(
        [sys.executable, "-S", "-c", job.format(proxy.server_port)],
        cwd=Path(__file__).parents[3],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "Argument list too long" in ended.stderr
    assert told_to_end(proxy)


def test_a_job_that_is_cancelled_ends_its_command_and_then_the_proxy(
    proxy: Proxy, tmp_path: Path
) -> None:
    """The command may still have to say something to the database."""
    there = tmp_path / "there"
    job = started(f"touch {there}; exec sleep 60", port=proxy.server_port)
    wait_until(there.exists, what="the command has begun")
    job.terminate()
    job.communicate()
    assert job.returncode == 128 + signal.SIGTERM
    assert told_to_end(proxy)


def test_a_proxy_that_is_gone_changes_nothing() -> None:
    """What the command did is done."""
    with socket.socket() as nobody:  # it has the port, and does not listen there
        nobody.bind(("127.0.0.1", 0))
        job = started("exit 4", port=nobody.getsockname()[1])
        told = job.communicate()[1]
    assert job.returncode == 4
    assert told == "the database's proxy was not told to end: ConnectionRefusedError\n"
