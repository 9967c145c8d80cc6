"""Waiting without guessing: a condition is polled until it holds, or a test gives up."""

import time
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 120.0
"""How long anything may take on a machine that has much else to do, before a test gives up."""

_POLL_S: Final = 0.02


def wait_until(condition: Callable[[], bool], *, what: str, within_s: float = PATIENCE_S) -> None:
    """Poll ``condition`` until it holds.

    Raises:
        TimeoutError: it did not hold in time; says ``what`` did not happen.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {within_s:.0f} s")
        time.sleep(_POLL_S)
