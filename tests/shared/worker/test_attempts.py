"""Who pays for a crash: what was begun before and never ended is repeated."""

import pytest

from shared.worker.attempts import begun, is_repeated


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
