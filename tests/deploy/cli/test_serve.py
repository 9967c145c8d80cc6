"""Serving the auditor's page on a laptop: one address, one token, nobody else."""

import socket
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.cli.serve import OneToken, addresses, serve
from shared.errors import UserError
from shared.tlog.key_history import Closing, KeyHistory
from shared.tlog.signer import Ed25519Signer
from shared.worker.authentication import UnauthenticatedError


def test_only_the_token_lets_in() -> None:
    """Any page of any site can send requests to this machine; it does not know the token."""
    door = OneToken("secret")
    assert door.account({"authorization": "Bearer secret"}) == "anybody"
    for header in (
        "",
        "secret",
        "Bearer",
        "Bearer ",
        "Bearer secre",
        "Bearer secrets",
        "Basic secret",
        "Bearer \u00e9",
    ):
        with pytest.raises(UnauthenticatedError):
            door.account({"authorization": header})
    with pytest.raises(UnauthenticatedError):
        door.account({})


def signer(number: int) -> Ed25519Signer:
    """Return one of a log's keys."""
    private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    return Ed25519Signer("docledger.example/log/acme", private)


def test_address_holds_what_the_page_needs_where_no_server_sees_it(tmp_path: Path) -> None:
    """What stands behind the # is sent to nobody, not even in a referrer."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "acme.vkey").write_text(f"{signer(1).key}\n")
    (found,) = addresses(tmp_path, 8080, "secret")
    parts = urlsplit(found)
    assert (parts.netloc, parts.path, parts.query) == ("127.0.0.1:8080", "/", "")
    assert parse_qs(parts.fragment) == {
        "tenant": ["acme"], "token": ["secret"], "vkey": [str(signer(1).key)],
    }  # fmt: skip


def test_address_holds_every_key_but_a_stolen_one(tmp_path: Path) -> None:
    """After a rotation both keys are needed; a thief's checkpoints must not pass."""
    first, second = signer(1), signer(2)
    history = KeyHistory(first.key.name)
    said = history.adding(first.key, size=0)
    history = history.with_record(said, [first.endorse(said)])
    said = history.adding(second.key, size=5)
    history = history.with_record(said, [first.endorse(said), second.endorse(said)])
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "acme.vkey").write_text(f"{first.key}\n")
    keys = tmp_path / "log" / "acme.keys"
    keys.write_text(history.text)
    (found,) = addresses(tmp_path, 8080, "secret")
    assert parse_qs(urlsplit(found).fragment)["vkey"] == [f"{first.key}\n{second.key}"]
    said = history.closing(first.key, size=7, why=Closing.COMPROMISED)
    keys.write_text(history.with_record(said, [second.endorse(said)]).text)
    (found,) = addresses(tmp_path, 8080, "secret")
    assert parse_qs(urlsplit(found).fragment)["vkey"] == [str(second.key)]
    keys.write_text(history.text[:-9])
    with pytest.raises(UserError, match="keys of acme"):
        addresses(tmp_path, 8080, "secret")


def test_folder_without_a_log_opens_the_page_alone(tmp_path: Path) -> None:
    """Before the first entry there is nothing to choose."""
    assert addresses(tmp_path, 8080, "secret") == ["http://127.0.0.1:8080/#token=secret"]


def test_mistakes_are_told(tmp_path: Path) -> None:
    """A folder that is not there, and a port that somebody has."""
    with pytest.raises(UserError, match="no data folder"):
        serve(tmp_path / "none", port=8080)


@pytest.mark.enable_socket
def test_port_that_somebody_has_is_told(tmp_path: Path) -> None:
    """The web server's own word for it is a traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="--port"):
            serve(tmp_path, port=taken.getsockname()[1])
