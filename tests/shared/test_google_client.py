"""What the adapters of Google's clients share."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from google.api_core.exceptions import PermissionDenied, RetryError, ServiceUnavailable

from shared.google_client import OpenedOnce, code_of


class Made:
    """Counts how often a client was made and closed."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = 0

    def client(self) -> SimpleNamespace:
        self.made += 1
        return SimpleNamespace(transport=self)

    def close(self) -> None:
        self.closed += 1


def test_a_client_is_made_by_the_first_call_and_once() -> None:
    """Each one is a channel with threads of its own."""
    made = Made()
    opened = OpenedOnce(made.client)
    assert made.made == 0
    with ThreadPoolExecutor(4) as pool:
        clients = [*pool.map(lambda _: opened.get(), range(8))]
    assert len({id(one) for one in clients}) == made.made == 1


def test_what_was_closed_opens_again() -> None:
    """A process that forks, or drains and goes on, asks once more."""
    made = Made()
    opened = OpenedOnce(made.client)
    opened.close()
    opened.get()
    opened.close()
    opened.close()
    assert (made.made, made.closed) == (1, 1)
    opened.get()
    assert made.made == 2


def test_an_error_is_told_by_its_code_alone() -> None:
    """What a server says may hold names."""
    outage: Any = ServiceUnavailable
    refused: Any = PermissionDenied
    given_up: Any = RetryError
    said = "Jane Canary"
    assert code_of(outage(said)) == code_of(given_up(said, outage(said))) == "UNAVAILABLE"
    assert code_of(refused(said)) == "PERMISSION_DENIED"
    assert code_of(ValueError(said)) == "ValueError"
