"""Turns under a quota."""

import pytest

from services.ocr.pace import Pace
from shared.clock import FakeClock
from shared.errors import TransientError


def test_turns_come_at_an_even_pace() -> None:
    """A burst would be refused by whoever counts within a second."""
    clock = FakeClock()
    pace = Pace(600, clock=clock)
    taken = []
    for _ in range(21):
        pace.turn(10)
        taken.append(clock.monotonic())
    assert taken == pytest.approx([number / 10 for number in range(21)])


def test_a_rest_saves_nothing_up() -> None:
    """After it the pace is what it was."""
    clock = FakeClock()
    pace = Pace(60, clock=clock)
    pace.turn(1)
    clock.sleep(100)
    pace.turn(0)
    pace.turn(1)
    assert clock.monotonic() == pytest.approx(101)


def test_who_would_wait_too_long_uses_up_no_turn() -> None:
    """The bus waits better than a push does, and the turn is somebody else's."""
    clock = FakeClock()
    pace = Pace(60, clock=clock)
    pace.turn(0)
    for _ in range(3):
        with pytest.raises(TransientError, match="quota"):
            pace.turn(0.5)
    pace.turn(1)
    assert clock.monotonic() == pytest.approx(1)
