"""Events through the whole edge by HTTP push, beside the same host with nothing behind it.

``python -m tests.bench.bench_push [EVENTS]`` prints a table. Each host is a process of its own;
this one sends over several connections that stay open. What counts is the processor time of the
server, per event: 1 / that is what one core does in a second, whoever else uses the machine.
"""

import base64
import json
import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import jwt
import psutil
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from shared.events.codec import to_message
from shared.events.envelope import make_event
from shared.events.payloads import DocumentRead, Reference
from tests.bench.push_service import ACCOUNT, AUDIENCE, KEYS, SUBSCRIPTION

EVENTS: Final = 5_000
ROUNDS: Final = 5
PASSES: Final = 3
WARM_UP: Final = 200
BATCHES: Final = 25
BATCH: Final = 200
CONNECTIONS: Final = 8
START_S: Final = 60.0
ROOT: Final = Path(__file__).resolve().parents[2]
HOSTS: Final = {
    "edge": "functions-framework, gunicorn, edge",
    "framework_bare": "functions-framework, gunicorn, bare",
    "wsgi_edge": "gunicorn, edge",
    "wsgi_bare": "gunicorn, bare",
    "asgi_edge": "uvicorn with httptools, edge",
    "asgi_bare": "uvicorn with httptools, bare",
}


@dataclass(frozen=True, slots=True)
class Speed:
    """What one host did.

    Attributes:
        cpu_us: microseconds of the server's processor time for each event, in the best round: what
            else runs on the machine only ever adds to it.
        rate: events a second by the clock, in the best round.
        ready_s: from starting the process to its first good answer.
        server_mb: memory (PSS) of the process that serves, after the run.
        arbiter_mb: of the process that watches it; 0 where there is none.
    """

    cpu_us: float
    rate: float
    ready_s: float
    server_mb: float
    arbiter_mb: float

    @property
    def per_core(self) -> float:
        """Events a second of one core."""
        return 1_000_000 / self.cpu_us


class Sender:
    """Makes pushes that are all different, each with the token of the subscription."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = {**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "kid": "bench"}
        self.keys = json.dumps({"keys": [public]})
        now = int(time.time())
        claims = {"iss": "https://accounts.google.com", "aud": AUDIENCE, "email": ACCOUNT}
        times = {"iat": now, "exp": now + 3_600, "email_verified": True}
        self._token = jwt.encode({**claims, **times}, key, "RS256", headers={"kid": "bench"})

    def requests(self, first: int, count: int) -> list[bytes]:
        """Return whole HTTP requests, as Cloud Run's front end would send them."""
        return [self._request(number) for number in range(first, first + count)]

    def _request(self, number: int) -> bytes:
        document = f"{number:040x}"
        reference = Reference(
            name=f"results/ocr/{document}/0", generation=1, digest="ab" * 32, size=900
        )
        event = make_event(
            DocumentRead(document_id=document, original=reference, result=reference, pages=1),
            tenant_key=b"k" * 32,
            tenant="bench",
            source="ocr",
            subject=document,
            jobid=document,
            traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
            time=datetime.now(UTC),
        )
        message = to_message(event)
        published = "2026-01-31T12:00:00.123Z"
        told = {
            "attributes": message.attributes,
            "data": base64.b64encode(message.body).decode(),
            "messageId": str(number),
            "message_id": str(number),
            "publishTime": published,
            "publish_time": published,
        }
        name = f"projects/bench/subscriptions/{SUBSCRIPTION}"
        body = json.dumps({"message": told, "subscription": name, "deliveryAttempt": 1}).encode()
        head = (
            f"POST /push/{SUBSCRIPTION} HTTP/1.1\r\nhost: summarize.example\r\n"
            f"authorization: Bearer {self._token}\r\ncontent-type: application/json\r\n"
            f"user-agent: APIs-Google\r\naccept: */*\r\naccept-encoding: gzip, deflate\r\n"
            f"forwarded: for=127.0.0.1;proto=https\r\nx-forwarded-proto: https\r\n"
            f"traceparent: 00-{'1a' * 16}-{'2b' * 8}-01\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def measure(host: str, events: int = EVENTS) -> Speed:
    """Start one of ``HOSTS``, send it ``events`` events, and end it."""
    sender = Sender()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    begun = time.perf_counter()
    server = _started(host, port, sender)
    try:
        _wait_until_it_answers(port, sender.requests(0, 1)[0])
        ready_s = time.perf_counter() - begun
        _send(port, sender.requests(1, WARM_UP))
        process = psutil.Process(server.pid)
        family = [process, *process.children(recursive=True)]
        count = events // ROUNDS
        walls, cpus = [], []
        for first in range(1 + WARM_UP, 1 + WARM_UP + count * ROUNDS, count):
            requests = sender.requests(first, count)
            before, begun = sum(map(_cpu_s, family)), time.perf_counter()
            _send(port, requests)
            walls.append(time.perf_counter() - begun)
            cpus.append(sum(map(_cpu_s, family)) - before)
        memory = [one.memory_full_info().pss / 1e6 for one in family]
    finally:
        server.terminate()
        server.wait(30)
    return Speed(
        cpu_us=min(cpus) / count * 1e6,
        rate=count / min(walls),
        ready_s=ready_s,
        server_mb=memory[-1],
        arbiter_mb=memory[0] if len(memory) > 1 else 0.0,
    )


def measure_all(events: int = EVENTS) -> dict[str, Speed]:
    """Measure every host, several times by turns, and keep the best of each."""
    best: dict[str, Speed] = {}
    for _ in range(PASSES):
        for host in HOSTS:
            speed = measure(host, events)
            if host not in best or speed.cpu_us < best[host].cpu_us:
                best[host] = speed
    return best


def telemetry_us(batches: int = BATCHES) -> tuple[float, float]:
    """Return the processor microseconds of an event, whole and without telemetry.

    One process serves both, a batch with and a batch without by turns.
    """
    sender = Sender()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = _started("edge", port, sender)
    try:
        _wait_until_it_answers(port, sender.requests(0, 1)[0])
        _send(port, sender.requests(1, WARM_UP))
        (worker,) = psutil.Process(server.pid).children()
        costs: tuple[list[float], list[float]] = ([], [])
        for number in range(2 * batches):
            requests = sender.requests(1 + WARM_UP + number * BATCH, BATCH)
            before = _cpu_s(worker)
            _send(port, requests)
            costs[number % 2].append(_cpu_s(worker) - before)
            worker.send_signal(signal.SIGUSR2)
    finally:
        server.terminate()
        server.wait(30)
    # The lower quartile: what else runs on the machine only ever adds.
    whole, silent = (statistics.quantiles(cost, n=4)[0] / BATCH * 1e6 for cost in costs)
    return whole, silent


def _started(host: str, port: int, sender: Sender) -> subprocess.Popen[bytes]:
    environ = {
        **os.environ,
        "PORT": str(port),
        "FUNCTION_TARGET": "summarize",
        "BENCH_HOST": host,
        KEYS: sender.keys,
    }
    return subprocess.Popen(_command(host, port), cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)


def _command(kind: str, port: int) -> list[str]:
    if kind.startswith("asgi"):
        app = f"tests.bench.push_hosts:{kind}"
        options = ["--http", "httptools", "--loop", "asyncio", "--log-level", "error"]
        return [sys.executable, "-m", "uvicorn", app, "--port", str(port), *options]
    return [sys.executable, "-m", "gunicorn", "-c", "python:tests.bench.push_hosts"]


def _cpu_s(process: psutil.Process) -> float:
    """Return a process's processor seconds; Linux has them to the nanosecond, by thread."""
    tasks = Path(f"/proc/{process.pid}/task")
    if tasks.is_dir():
        return sum(int((one / "schedstat").read_text().split()[0]) for one in tasks.iterdir()) / 1e9
    times = process.cpu_times()
    return float(times.user + times.system)


def _wait_until_it_answers(port: int, request: bytes) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            _send(port, [request])
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _send(port: int, requests: list[bytes]) -> None:
    """Send each request over the next connection that is free; every answer must be 204."""
    waiting = iter(requests)
    open_now = min(CONNECTIONS, len(requests))
    with selectors.DefaultSelector() as selector:
        for _ in range(open_now):
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ)
            connection.sendall(next(waiting))
        while open_now:
            for key, _ in selector.select(30):
                connection = key.fileobj  # type: ignore[assignment]
                answer = connection.recv(65_536)
                if not answer.startswith(b"HTTP/1.1 204"):
                    raise OSError(f"the server said {answer[:40]!r}")
                request = next(waiting, None)
                if request is None:
                    selector.unregister(connection)
                    connection.close()
                    open_now -= 1
                else:
                    connection.sendall(request)


def main(events: int = EVENTS) -> None:
    """Print what each host does."""
    speeds = measure_all(events)
    head = ("host", "CPU-us", "per core", "by clock", "ready s", "server MB", "arbiter MB")
    print("{:38} {:>8} {:>10} {:>10} {:>8} {:>10} {:>10}".format(*head))
    for host, speed in speeds.items():
        print(
            f"{HOSTS[host]:38} {speed.cpu_us:8.0f} {speed.per_core:10,.0f} {speed.rate:10,.0f} "
            f"{speed.ready_s:8.2f} {speed.server_mb:10.0f} {speed.arbiter_mb:10.0f}"
        )
    share = speeds["edge"].per_core / speeds["framework_bare"].per_core
    print(f"of the bare host: {share:.0%}")
    whole, silent = telemetry_us()
    print(f"telemetry: {1 - silent / whole:.0%} of {whole:.0f} CPU-us, by turns in one process")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
