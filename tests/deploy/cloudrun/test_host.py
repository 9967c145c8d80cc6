"""A worker under gunicorn and functions-framework: real processes, real sockets, real signals."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import pytest_socket

from deploy.local.ports import unused_port
from shared.worker.authentication import UNSAFE_VARIABLE
from shared.worker.push import MOST_BYTES
from tests.deploy.cloudrun.hosted import SUBSCRIPTION
from tests.e2e.commands import alive
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

ROOT = Path(__file__).parents[3]
SECRET = "canary-5b1f"
PUSH = f"/push/{SUBSCRIPTION}"


def pushed(what: str) -> bytes:
    """Return the push of a message that tells the hosted worker what to do."""
    message = {
        "data": base64.b64encode(json.dumps(what).encode()).decode(),
        "messageId": "1",
        "publishTime": "2026-01-01T00:00:00Z",
    }
    return json.dumps(
        {"message": message, "subscription": f"projects/p/subscriptions/{SUBSCRIPTION}"}
    ).encode()


class Host:
    """One gunicorn with one worker."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.port = unused_port()
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "gunicorn",
                    "-c",
                    "python:tests.deploy.cloudrun.hosted_conf",
                ],
                cwd=ROOT,
                env={
                    **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                    **{k: v for k, v in os.environ.items() if k.startswith("COV")},
                    "PORT": str(self.port),
                    "FUNCTION_TARGET": "summarize",
                    "HOSTED": "tests.deploy.cloudrun.hosted",
                    "FOLDER": str(folder),
                    "DOCLEDGER_PUSH_CONCURRENCY": "2",
                    UNSAFE_VARIABLE: "true",
                    **environ,
                },
                stdout=log,
                stderr=log,
            )

    def workers(self) -> list[psutil.Process]:
        """Return what the arbiter has forked."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def push(self, what: str) -> int:
        """Push a message and return the status."""
        return self.ask(PUSH, "POST", pushed(what))[0]

    def raw(self, sent: bytes) -> bytes:
        """Send bytes, and return what comes until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
            connection.sendall(sent)
            received = b""
            while part := connection.recv(65_536):
                received += part
            return received

    def end(self) -> None:
        """Leave nothing behind."""
        left = self.workers() if self.process.poll() is None else []
        self.process.kill()
        self.process.wait()
        for process in left:
            process.kill() if process.is_running() else None
        psutil.wait_procs(left, PATIENCE_S)

    def has(self, name: str) -> bool:
        """Tell whether the worker has left this mark."""
        return (self.folder / name).exists()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """Start hosts that end with the test."""
    hosts: list[Host] = []

    def begin(**environ: str) -> Host:
        hosts.append(Host(tmp_path, **environ))
        wait_until(lambda: _answers(hosts[-1]), what="the host is ready")
        return hosts[-1]

    yield begin
    for host in hosts:
        host.end()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Start one host for the tests that leave it as it was."""
    pytest_socket.enable_socket()  # this scope begins before a test's own mark counts
    one = Host(tmp_path_factory.mktemp("host"), SHOW_AUTHORIZATION="1")
    wait_until(lambda: _answers(one), what="the host is ready")
    yield one
    one.end()


def _answers(host: Host) -> bool:
    assert host.process.poll() is None, host.log.read_text()
    try:
        return host.ask("/ready")[0] == 200
    except OSError:
        return False


def test_requests_come_through_the_host_as_they_are(host: Host) -> None:
    """Paths, bodies and refusals are the service's; nothing that came in is ever sent back."""
    assert host.push("nothing") == 204
    assert host.ask("/health") == (200, b'{"code":"ok"}')
    assert host.ask("/metrics")[0] == 200
    for method, path, body, status in (
        ("GET", PUSH, None, 405),
        ("GET", f"/{SECRET}", None, 404),
        ("GET", f"//{SECRET}//x", None, 404),
        ("GET", f"/robots.txt?{SECRET}", None, 404),
        ("BREW", f"/{SECRET}", None, 404),
        ("POST", PUSH, SECRET.encode(), 400),
        ("POST", PUSH, b"\xff" * 100, 400),
        ("POST", PUSH, SECRET.encode() * (MOST_BYTES // 8), 413),
        ("POST", f"/{SECRET}", SECRET.encode() * (MOST_BYTES // 8), 404),
    ):
        answer = host.ask(path, method, body)
        assert answer[0] == status, path
        assert SECRET.encode() not in answer[1]


def test_hostile_bytes_get_no_echo_in_the_answer_nor_in_the_log(
    host: Host,
) -> None:
    """What is no HTTP request must not be quoted, and must not take the worker down."""
    secret = SECRET.encode()
    chunked = b"POST " + PUSH.encode() + b" HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"
    attacks = {
        "no request": secret + b"\r\n\r\n",
        "a path of its own": b"GET /" + secret * 1_000 + b" HTTP/1.1\r\n\r\n",
        "a header that is none": b"GET / HTTP/1.1\r\n" + secret + b"\r\n\r\n",
        "a name that is none": b"GET / HTTP/1.1\r\n" + secret + b" x: 1\r\n\r\n",
        "a header without end": b"GET / HTTP/1.1\r\nx: " + secret * 10_000 + b"\r\n\r\n",
        "headers without end": b"GET / HTTP/1.1\r\n" + b"x: canary-5b1f\r\n" * 100 + b"\r\n",
        "two lengths": b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "a length and chunks": chunked + b"content-length: 4\r\n\r\n0\r\n\r\n",
        "a chunk that is none": chunked + b"connection: close\r\n\r\n" + secret + b"\r\n",
        "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    }
    for name, attack in attacks.items():
        answer = host.raw(attack)
        assert b" 204 " not in answer.partition(b"\r\n")[0], name
        assert b" 2" not in answer.partition(b"\r\n")[0][8:11], name
        assert secret not in answer, name
    assert host.push("nothing") == 204
    assert SECRET not in host.log.read_text()


def test_a_body_in_chunks_counts_as_any_other(host: Host) -> None:
    """Without a length, memory is bounded all the same."""
    head = (
        f"POST {PUSH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        "transfer-encoding: chunked\r\n\r\n"
    ).encode()
    body = pushed("nothing")
    small = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    assert host.raw(head + small).startswith(b"HTTP/1.1 204")
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    answer = host.raw(head + chunk * 20 + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")


def test_several_authorization_headers_arrive_as_one_that_no_token_matches(
    host: Host,
) -> None:
    """The authenticator must see that there were two, not the first or the last."""
    host.raw(
        f"POST {PUSH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer a.b.c\r\n"
        "Authorization: Bearer d.e.f\r\ncontent-length: 0\r\n\r\n".encode()
    )
    assert (host.folder / "authorization").read_text() == "Bearer a.b.c,Bearer d.e.f"


def test_a_flood_is_refused_while_probes_are_answered(start: Callable[..., Host]) -> None:
    """Two deliveries are in hand; of 200 more each is told at once to come later."""
    host = start()
    with ThreadPoolExecutor(40) as clients:
        held = [clients.submit(host.push, f"wait {number}") for number in range(2)]
        for number in range(2):  # before others come: they would take its place
            wait_until((host.folder / f"begun-wait {number}").exists, what="both are in hand")
        before = host.workers()[0].memory_info().rss
        refused = list(clients.map(host.push, ["nothing"] * 200))
        assert set(refused) == {429}
        assert host.ask("/health")[0] == 200
        assert host.workers()[0].memory_info().rss < before + 32 * 2**20
        (host.folder / "go").touch()
        assert [one.result() for one in held] == [204, 204]


def test_sigterm_finishes_what_is_in_hand_and_tells_the_others_to_go_elsewhere(
    start: Callable[..., Host],
) -> None:
    """A deployment loses no work: Cloud Run sends SIGTERM and waits ten seconds."""
    host = start(DRAIN_S="60")
    with ThreadPoolExecutor(1) as client:
        held = client.submit(host.push, "wait")
        wait_until(lambda: host.has("begun-wait"), what="a delivery is in hand")
        host.process.send_signal(signal.SIGTERM)
        wait_until(lambda: host.ask("/ready")[0] == 503, what="it drains")
        assert host.push("nothing") == 503
        assert not host.has("closed")
        (host.folder / "go").touch()
        assert held.result() == 204
    assert host.process.wait(PATIENCE_S) == 0
    assert host.has("closed")
    assert host.has("flushed")


def test_sigterm_gives_back_what_is_stuck(start: Callable[..., Host]) -> None:
    """Its sandbox is ended, and the push is answered 503 before the process is gone."""
    host = start(DRAIN_S="2")
    with ThreadPoolExecutor(1) as client:
        held = client.submit(host.push, "stuck")
        wait_until(lambda: host.has("begun-stuck"), what="a delivery is in hand")
        host.process.send_signal(signal.SIGTERM)
        assert held.result() == 503
    assert host.process.wait(PATIENCE_S) == 0
    assert host.has("flushed")


def test_sigterm_ends_the_process_whatever_still_runs_in_it(start: Callable[..., Host]) -> None:
    """A thread that nobody can end must not make the platform kill us before telemetry is out."""
    host = start(DRAIN_S="0.5")
    (worker,) = host.workers()
    with ThreadPoolExecutor(1) as client:
        held = client.submit(host.push, "hopeless")
        wait_until(lambda: host.has("begun-hopeless"), what="a delivery is in hand")
        host.process.send_signal(signal.SIGTERM)
        assert isinstance(held.exception(), OSError | http.client.HTTPException)
    assert host.process.wait(PATIENCE_S) == 0
    assert host.has("flushed")
    wait_until(lambda: not alive(worker), what="its process has ended")


def test_a_worker_does_not_outlive_its_arbiter(start: Callable[..., Host]) -> None:
    """After kill -9 of the arbiter nothing may keep the port, or the documents."""
    host = start(DRAIN_S="0.5")
    (worker,) = host.workers()
    host.process.kill()
    host.process.wait()
    wait_until(lambda: not alive(worker), what="the worker has ended")
    assert host.has("flushed")


def test_a_misconfigured_worker_does_not_start(tmp_path: Path) -> None:
    """The deployment must fail, with one line that says what to do."""
    host = Host(tmp_path, REFUSE="1")
    try:
        assert host.process.wait(PATIENCE_S) != 0
        told = host.log.read_text()
        assert "DOCLEDGER_OBJECTS_BUCKET is not set: set it" in told
        assert "Traceback" not in told
    finally:
        host.end()
