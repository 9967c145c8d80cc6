"""The keys that tokens are checked with: rotation, outage, and a server that misbehaves."""

import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from shared.clock import FakeClock
from shared.errors import TransientError, UserError
from shared.worker.jwks import FRESH_S, PAUSE_S, STALE_S, KeySet, UnknownKeyError
from shared.worker.jwks_fetch import MOST_BYTES, HttpFetch
from tests.shared.worker.tokens import KEY_ID, KeyServer, jwk, private_key
from tests.waiting import PATIENCE_S

PUBLIC = private_key().public_key()


class Ring:
    """A key set on a server and a clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.server = KeyServer()
        self.keys = KeySet(self.server, clock=self.clock)


@pytest.fixture
def ring() -> Ring:
    """Give a key set that was not asked yet."""
    return Ring()


def test_keys_are_fetched_once_and_used_for_an_hour(ring: Ring) -> None:
    """A fetch for every push would be slow, and Google would refuse us."""
    for _ in range(100):
        assert ring.keys.key(KEY_ID) == PUBLIC
    assert ring.server.asked == 1
    ring.clock.sleep(FRESH_S)
    ring.keys.key(KEY_ID)
    assert ring.server.asked == 2


def test_a_new_key_is_found_by_asking_again(ring: Ring) -> None:
    """Google rotates its keys; tokens of the new one must not wait for the hour to end."""
    ring.keys.key(KEY_ID)
    ring.server.keys.append(jwk("key-2"))
    ring.clock.sleep(PAUSE_S)
    assert ring.keys.key("key-2") == private_key("key-2").public_key()


def test_invented_key_ids_do_not_hammer_the_server(ring: Ring) -> None:
    """An attacker chooses the key id of every request."""
    ring.keys.key(KEY_ID)
    for number in range(1_000):
        ring.clock.sleep(0.1)
        with pytest.raises(UnknownKeyError):
            ring.keys.key(f"invented-{number}")
        assert ring.keys.key(KEY_ID) == PUBLIC
    assert ring.server.asked <= 1 + 100 / PAUSE_S + 1


def test_a_key_that_was_withdrawn_is_not_used_any_more(ring: Ring) -> None:
    """Keys are withdrawn because they were stolen."""
    ring.keys.key(KEY_ID)
    ring.server.keys = [jwk("key-2")]
    ring.clock.sleep(FRESH_S)
    with pytest.raises(UnknownKeyError):
        ring.keys.key(KEY_ID)


def test_keys_outlive_their_server_for_a_day_and_no_longer(ring: Ring) -> None:
    """An outage of the key server must not stop the pipeline; a permanent one must."""
    ring.keys.key(KEY_ID)
    ring.server.away = True
    for _ in range(23):
        ring.clock.sleep(FRESH_S)
        assert ring.keys.key(KEY_ID) == PUBLIC
    ring.keys.ready()
    ring.clock.sleep(STALE_S - 23 * FRESH_S)
    with pytest.raises(TransientError):
        ring.keys.key(KEY_ID)
    with pytest.raises(TransientError):
        ring.keys.ready()
    ring.server.away = False
    ring.clock.sleep(PAUSE_S)
    assert ring.keys.key(KEY_ID) == PUBLIC


def test_an_unknown_key_is_undecided_while_the_server_is_away(ring: Ring) -> None:
    """It may be the new key: a genuine push must be told to come again, not that it is forged."""
    ring.keys.key(KEY_ID)
    ring.server.away = True
    ring.clock.sleep(PAUSE_S)
    with pytest.raises(TransientError):
        ring.keys.key("key-2")
    with pytest.raises(TransientError):
        ring.keys.key("key-3")
    assert ring.server.asked == 2


def test_a_server_that_is_away_is_asked_now_and_then(ring: Ring) -> None:
    """While nothing works, retries must not make it worse."""
    ring.server.away = True
    for _ in range(100):
        with pytest.raises(TransientError):
            ring.keys.key(KEY_ID)
    assert ring.server.asked == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [1, null, "x", []]}',
        b"[" * 100_000,
        json.dumps({"keys": [jwk(kty="oct")]}).encode(),
        json.dumps({"keys": [jwk(use="enc")]}).encode(),
        json.dumps({"keys": [jwk(alg="HS256")]}).encode(),
        json.dumps({"keys": [jwk(n="!!")]}).encode(),
        json.dumps({"keys": [jwk(n=5)]}).encode(),
        json.dumps({"keys": [jwk(kid=7)]}).encode(),
        json.dumps({"keys": [jwk("weak", bits=1024)]}).encode(),
        json.dumps({"keys": [jwk(e="AA")]}).encode(),
    ],
    ids=range(16),
)
def test_an_answer_without_usable_keys_does_not_replace_good_ones(ring: Ring, body: bytes) -> None:
    """A broken proxy in between answers 200 with anything; weak and foreign keys count as none."""
    ring.keys.key(KEY_ID)
    ring.server.body = body
    ring.clock.sleep(FRESH_S)
    assert ring.keys.key(KEY_ID) == PUBLIC
    assert ring.server.asked == 2


def test_nobody_waits_for_a_fetch_who_can_go_on(ring: Ring) -> None:
    """A key server that hangs must not hold the threads of the worker."""
    ring.keys.key(KEY_ID)
    ring.clock.sleep(FRESH_S)
    assert ring.keys._fetching.acquire(blocking=False)  # somebody is fetching
    assert ring.keys.key(KEY_ID) == PUBLIC
    with pytest.raises(TransientError):
        ring.keys.key("invented")
    ring.keys._fetching.release()


@contextmanager
def serving(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Run a server on this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/certs"
        server.shutdown()


def _sent(status: int, body: bytes) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("location", "http://127.0.0.1:1/elsewhere")
        request.end_headers()
        request.wfile.write(body)

    return answer


@pytest.mark.integration
@pytest.mark.enable_socket
def test_keys_come_over_http() -> None:
    """The real thing, once: a server on a socket."""
    with serving(_sent(200, json.dumps({"keys": [jwk()]}).encode())) as url:
        fetch = HttpFetch(url, most_s=PATIENCE_S)
        assert KeySet(fetch, clock=FakeClock()).key(KEY_ID) == PUBLIC


@pytest.mark.integration
@pytest.mark.enable_socket
@pytest.mark.parametrize("status", [302, 404, 500])
def test_another_status_is_an_outage_and_nobody_is_followed_elsewhere(status: int) -> None:
    """A redirection could lead inside the network."""
    with serving(_sent(status, b"{}")) as url, pytest.raises(TransientError):
        HttpFetch(url)()


@pytest.mark.integration
@pytest.mark.enable_socket
def test_an_answer_that_does_not_end_is_cut_off() -> None:
    """Memory is bounded whatever the server sends."""
    with (
        serving(_sent(200, b"x" * (MOST_BYTES + 1))) as url,
        pytest.raises(TransientError, match="too long"),
    ):
        HttpFetch(url, most_s=PATIENCE_S)()


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_server_that_drips_is_cut_off() -> None:
    """Each byte in time, and the whole never: the deadline is of the whole.

    A busy machine may not even send the first one in time.
    """

    def drip(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        gone = threading.Event()
        while not gone.wait(0.02):
            try:
                request.wfile.write(b" ")
            except OSError:
                return

    with serving(drip) as url, pytest.raises(TransientError, match=r"slow|not answer"):
        HttpFetch(url, most_s=0.2)()


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_server_that_hangs_or_is_not_there_is_an_outage() -> None:
    """Neither silence nor a closed port may escape as a foreign exception."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(TransientError):
            HttpFetch(url, most_s=0.1)()
    with pytest.raises(TransientError):
        HttpFetch(url, most_s=0.5)()


@pytest.mark.parametrize("url", ["http://keys.example/", "ftp://127.0.0.1/", "keys", "https://"])
def test_keys_come_from_an_address_that_proves_itself(url: str) -> None:
    """Keys over plain HTTP are anybody's keys."""
    with pytest.raises(UserError):
        HttpFetch(url)
