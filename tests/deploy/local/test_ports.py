"""Ports that a server finds free again after a restart."""

import socket
from itertools import islice
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.ports import LOWEST, unused_port, unused_ports

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


def test_none_is_one_that_the_kernel_gives_away() -> None:
    """A connection of anybody's could take it while its server is down."""
    with socket.create_server(("127.0.0.1", 0)) as given:
        lowest_given = ports._ephemeral_low()
        assert given.getsockname()[1] >= lowest_given
    assert all(LOWEST <= port < lowest_given for port in islice(unused_ports(), 50))


def test_none_is_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's server there would be taken for ours."""
    taken = unused_port()
    with socket.create_server(("127.0.0.1", taken)):
        monkeypatch.setattr(ports, "LOWEST", taken)
        monkeypatch.setattr(ports, "_ephemeral_low", lambda: taken + 1_000)
        assert taken not in set(islice(unused_ports(), 900))


@pytest.mark.parametrize("said", ["", "all of them", "1024 60999"])
def test_a_range_that_says_nothing_useful_is_taken_for_the_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """A kernel that gives away nearly all leaves no better choice."""
    (tmp_path / "range").write_text(said)
    monkeypatch.setattr(ports, "_RANGE", tmp_path / "range")
    assert ports._ephemeral_low() == 32_768
