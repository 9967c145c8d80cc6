"""The partner API on a real server: hostile bytes, and a real SIGTERM."""

import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.deploy.cloudrun.wire import DEADLINE_S, Wire, ask, healthy, running
from tests.services.ingest.partners import ACME
from tests.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

HEAD = f"POST /v1/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Badge {ACME}\r\n".encode()


@pytest.fixture
def host() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run the API."""
    with running("-m", "tests.deploy.cloudrun.partner_host", "{port}") as found:
        yield found


def test_sigterm_lets_an_upload_end(host: tuple[subprocess.Popen[str], int]) -> None:
    """A deployment must not break what a partner is just sending."""
    process, port = host
    wire = Wire(port)
    wire.send(HEAD + b"Content-Length: 10\r\nExpect: 100-continue\r\n\r\n")
    assert wire.status() == 100  # the application waits for the body
    wire.send(b"01234")
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: not healthy(port), what="the API stops listening")
    wire.send(b"56789")
    assert wire.status() == 202
    wire.close()
    assert process.wait(DEADLINE_S) == 0
    assert process.stdout is not None
    assert process.stdout.read() == "1 1\n"


def test_hostile_bytes_are_refused(host: tuple[subprocess.Popen[str], int]) -> None:
    """Two servers that read one request differently are a way past the first of them."""
    process, port = host
    both = b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x"
    attacks = {
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc": {400},
        HEAD + b"Content-Length: -1\r\n\r\n": {400},
        HEAD + b"Transfer-Encoding: gzip\r\n\r\nabc": {400, 501},
        HEAD + b"X-Folded: a\r\n\tb: c\r\nContent-Length : 3\r\n\r\nabc": {400},
        HEAD + b"Content-Length: 100001\r\n\r\n": {413},
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 7: {413, 0},
        HEAD + b"X-Long: " + b"x" * 70_000 + b"\r\n\r\n": {400, 431, 0},
        b"POST /v1/documents HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n": {401},
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n": {400, 0},
    }  # fmt: skip
    for attack, expected in attacks.items():
        assert ask(port, attack) in expected, attack[:200]
    assert ask(port, HEAD + both) in {400, 0, 422}
    assert healthy(port)
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0
    assert process.stdout is not None
    assert process.stdout.read() == "0 1\n"
