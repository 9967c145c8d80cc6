"""Who pays for a crash: what was begun before and never ended is repeated."""

import pytest

from shared.events.envelope import Event
from shared.worker.attempts import begun, is_repeated
from shared.worker.outcome import Outcome
from tests.shared.worker.conftest import Bench, summarized


@pytest.mark.parametrize(("starts", "repeated"), [(1, False), (2, True), (3, True)])
def test_work_that_was_begun_before_is_repeated(starts: int, *, repeated: bool) -> None:
    """A meter tells what is paid from what is paid again."""
    assert begun(lambda _event: is_repeated(), None, starts=starts) is repeated


def test_nothing_is_repeated_after_the_work_or_outside_of_it() -> None:
    """One document's crash must not mark the next one's cost."""

    def fails(_event: None) -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - any error will do
        begun(fails, None, starts=2)
    assert not is_repeated()


def test_the_edge_tells_a_handler_that_a_start_before_it_died(bench: Bench) -> None:
    """A worker that crashed between a paid call and its result leaves a lease behind."""
    told: list[bool] = []

    def handle(event: Event) -> Outcome:
        told.append(is_repeated())
        if len(told) == 1:
            raise SystemExit  # as a killed process: nothing after it is run
        return summarized(event)

    bench.handle = handle
    with pytest.raises(SystemExit):
        bench.deliver()
    bench.clock.sleep(61)
    assert bench.deliver(edge=bench.worker("w2")).acknowledge
    assert told == [False, True]
