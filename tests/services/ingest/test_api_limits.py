"""The partner API under too much, too slow, too many, and from strangers."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.services.ingest.partners import ACME, CANARY, GLOBEX, PDF, Api
from tests.shared.api.asking import HANGS, LEAVES, Asked, ask_while, badge


@pytest.fixture
def api() -> Api:
    """Give an API with its ordinary limits."""
    return Api()


def test_encoded_body_is_refused(api: Api) -> None:
    """Compressed bytes are another file: stored as they are they would never be read."""
    answer = api.post(PDF, headers=[("Content-Encoding", "gzip")])
    assert (answer.status, answer.code) == (415, "encoded")


def test_empty_body_is_refused(api: Api) -> None:
    """Nothing is no document, and the sender should know at once."""
    assert (api.post().status, api.post().code) == (400, "empty")


def test_declared_length_over_the_limit_is_refused_unread() -> None:
    """Forty gigabytes must not be received to be refused."""
    api = Api(most_bytes=1000)
    answer = api.post(HANGS, headers=[("Content-Length", "1001")])
    assert (answer.status, answer.code) == (413, "too_large")
    assert api.post(HANGS, headers=[("Content-Length", "9" * 5000)]).code == "too_large"
    assert answer.headers["connection"] == "close"


def test_body_without_a_length_ends_at_the_limit() -> None:
    """A chunked body says nothing beforehand: it is counted while it comes, and not kept."""
    api = Api(most_bytes=1000)
    answer = api.post(*[b"x" * 100] * 11, HANGS)
    assert (answer.status, answer.code) == (413, "too_large")
    assert not api.bus.events
    assert api.post(*[b"x" * 100] * 10).status == 202


def test_lie_about_the_length_ends_at_the_limit() -> None:
    """A small Content-Length before a large body must not get around the count."""
    api = Api(most_bytes=1000)
    answer = api.post(b"x" * 600, b"x" * 600, HANGS, headers=[("Content-Length", "10")])
    assert answer.code == "too_large"


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", " ", "\xb2", CANARY])
def test_unclear_length_is_refused(api: Api, length: str) -> None:
    """What a length means must not depend on who parses it."""
    assert api.post(PDF, headers=[("Content-Length", length)]).code == "malformed_request"


def test_slow_body_is_given_up() -> None:
    """A sender who never ends must not keep a place for ever."""
    api = Api(body_s=0.05)
    answer = api.post(b"x", HANGS)
    assert (answer.status, answer.code) == (408, "too_slow")
    assert api.post(PDF).status == 202


def test_caller_who_leaves_hands_nothing_in(api: Api) -> None:
    """Half a document must never become a document."""
    asked = Asked("POST", "/v1/documents", [badge(ACME)], [b"half", LEAVES])
    assert asyncio.run(asked.of(api.app)) is None
    assert not api.bus.events
    assert api.process.said[-1]["code"] == "gone"


def held(account: str = ACME, *, headers: Sequence[tuple[str, str]] = ()) -> Asked:
    """Return a request whose body never ends."""
    return Asked("POST", "/v1/documents", [badge(account), *headers], [b"x", HANGS])


def whole(account: str = ACME) -> Asked:
    """Return a request whose body is whole."""
    return Asked("POST", "/v1/documents", [badge(account)], [PDF])


def test_one_caller_cannot_take_every_place() -> None:
    """A partner whose program runs wild must not keep the others out."""
    api = Api(most_each=2)
    refused = ask_while(api.app, [held(), held()], whole())
    assert (refused.status, refused.code) == (429, "too_many_requests")
    assert refused.headers["retry-after"]
    assert ask_while(api.app, [held(), held()], whole(GLOBEX)).status == 202


def test_more_requests_than_places_are_refused() -> None:
    """Nothing waits inside: the caller is told to come back."""
    api = Api(most_at_once=2)
    refused = ask_while(api.app, [held(), held(GLOBEX)], whole(GLOBEX))
    assert (refused.status, refused.code) == (503, "busy")


def test_bodies_are_refused_before_memory_is_full() -> None:
    """Few large bodies take as much as many small ones: what counts is bytes."""
    api = Api(most_bytes=1000, held_bytes=1500)
    declared = ("Content-Length", "900")
    refused = ask_while(api.app, [held(headers=[declared])], held(GLOBEX, headers=[declared]))
    assert (refused.status, refused.code) == (503, "busy")
    assert api.post(b"x" * 1000).status == 202


def test_store_away_is_said_and_nothing_is_promised(api: Api) -> None:
    """A 202 for bytes that are nowhere would be a loss."""
    api.bus.away = True
    answer = api.post(PDF)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert answer.headers["retry-after"]
    api.bus.away = False
    assert api.post(PDF).status == 202


def test_unexpected_error_shows_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception quotes what it choked on; neither the caller nor the log may read it."""

    def explode(*_: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(api.objects, "create", explode)
    answer = api.post(PDF)
    assert (answer.status, answer.code) == (500, "internal")
    assert CANARY.encode() not in answer.body
    assert CANARY not in "".join(api.process.lines)
    assert api.process.said[0]["error"] == "RuntimeError"


@pytest.mark.parametrize("account", [None, "someone@else.example"])
@pytest.mark.parametrize("path", ["/v1/documents", "/v1/events"])
def test_stranger_hands_nothing_in(api: Api, account: str | None, path: str) -> None:
    """Who is not known is refused before a byte of the body is read."""
    answer = api.post(HANGS, account=account, path=path)
    assert answer.status == (401 if account is None else 403)
    assert not api.bus.events
