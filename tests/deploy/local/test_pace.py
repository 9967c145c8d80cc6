"""How fast it goes: rates, the way a queue is going, and when it will be empty."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.pace import Pace, Progress, Trend, progress_of
from services.ingest.registered import Counts, StageFlow

CASES: list[tuple[int, int, int, Trend, float | None]] = [
    (0, 0, 0, Trend.EMPTY, None),
    (0, 900, 900, Trend.EMPTY, None),
    (30, 0, 0, Trend.STILL, None),
    (30, 50, 50, Trend.STEADY, None),
    (30, 51, 50, Trend.GROWING, None),
    (30, 0, 50, Trend.DRAINING, 180.0),
    (30, 40, 50, Trend.DRAINING, 900.0),
    (10**9, 0, 1, Trend.DRAINING, 3e11),
]


@pytest.mark.parametrize(("waiting", "entered", "left", "trend", "seconds"), CASES)
def test_a_queue_goes_one_way(
    waiting: int, entered: int, left: int, trend: Trend, seconds: float | None
) -> None:
    """Nothing is said of when a queue is empty that does not come to it."""
    pace = Pace(StageFlow("ocr", waiting=waiting, entered=entered, left=left))
    assert (pace.trend, pace.time_to_drain_s) == (trend, seconds)


counts = st.integers(0, 10**12)


@given(counts, counts, counts)
def test_every_stage_can_be_told(waiting: int, entered: int, left: int) -> None:
    """No figures are too large, too small or too even for a line of JSON."""
    pace = Pace(StageFlow("ledger", waiting=waiting, entered=entered, left=left))
    row = json.loads(json.dumps(pace.as_json(), allow_nan=False))
    assert (row["time_to_drain_s"] is None) == (row["trend"] != "draining")
    assert row["time_to_drain_s"] is None or row["time_to_drain_s"] >= 0


def test_rates_are_a_minute() -> None:
    """The window is five of them."""
    pace = Pace(StageFlow("ocr", entered=300, left=30))
    assert (pace.arrival, pace.drain) == (60.0, 6.0)


def test_whoever_has_an_outcome_is_done() -> None:
    """Refused and duplicate submissions are; a document in flight keeps one from it."""
    counts = Counts(submissions=10, made=7, duplicates=2, refused=1, documents=7, in_flight=3)
    assert progress_of(counts) == Progress(7, 10)
    assert progress_of(Counts(in_flight=1)) == Progress(0, 0)


@pytest.mark.parametrize(
    ("done", "of", "percent"), [(0, 0, 100), (0, 3, 0), (1, 3, 33), (999, 1000, 99), (3, 3, 100)]
)
def test_all_is_done_when_the_last_is(done: int, of: int, percent: int) -> None:
    """Ninety-nine and a half percent are not all."""
    assert Progress(done, of).percent == percent
