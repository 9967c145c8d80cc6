"""Leases: who is at it, and how often it was begun."""

import pytest

from shared.clock import FakeClock
from shared.errors import PermanentError, TransientError
from shared.objects.memory import MemoryObjects
from shared.worker.leases import LeaseHeldError, Leases


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def objects(clock: FakeClock) -> MemoryObjects:
    return MemoryObjects(clock)


def leases(objects: MemoryObjects, clock: FakeClock, holder: str = "w1") -> Leases:
    """Return the leases as one worker sees them."""
    return Leases(objects, "ocr", clock=clock, holder=holder, lease_s=60)


def test_held_lease_is_a_transient_matter(objects: MemoryObjects, clock: FakeClock) -> None:
    """Who comes second goes back to the queue."""
    leases(objects, clock).acquire("d/1", "e1")
    with pytest.raises(LeaseHeldError) as caught:
        leases(objects, clock, "w2").acquire("d/1", "e1")
    assert isinstance(caught.value, TransientError)


def test_lease_that_ended_is_taken_over(objects: MemoryObjects, clock: FakeClock) -> None:
    """A worker that died does not block a document for longer than its lease."""
    leases(objects, clock).acquire("d/1", "e1")
    clock.sleep(61)
    assert leases(objects, clock, "w2").acquire("d/1", "e1").state.starts == 2


def test_abandoned_lease_is_taken_over_at_once(objects: MemoryObjects, clock: FakeClock) -> None:
    """A supervisor that knows the holder dead does not wait."""
    leases(objects, clock).acquire("d/1", "e1")
    knowing = Leases(
        objects, "ocr", clock=clock, holder="w2", lease_s=60, abandoned=lambda who: who == "w1"
    )
    assert knowing.acquire("d/1", "e1").state.starts == 2


def test_death_of_everything_is_not_held_against_the_work(
    objects: MemoryObjects, clock: FakeClock
) -> None:
    """Twenty power cuts while it is read do not make a document one that kills workers."""
    for run in range(20):
        mine = Leases(
            objects,
            "ocr",
            clock=clock,
            holder=f"run-{run}",
            lease_s=60,
            abandoned=lambda _who: True,
            excused=lambda who: who.startswith("run-"),
        )
        assert mine.acquire("d/1", "e1").state.starts == 1


def test_death_of_everything_does_not_excuse_earlier_deaths(
    objects: MemoryObjects, clock: FakeClock
) -> None:
    """What a document did to single workers stays counted over a power cut."""

    def knowing(holder: str) -> Leases:
        return Leases(
            objects,
            "ocr",
            clock=clock,
            holder=holder,
            lease_s=60,
            abandoned=lambda _who: True,
            excused=lambda who: who == "w3",
        )

    for holder in ("w1", "w2", "w3", "w4"):
        knowing(holder).acquire("d/1", "e1")
    with pytest.raises(PermanentError):
        knowing("w5").acquire("d/1", "e1")


def test_given_back_start_is_not_held_against_the_document(
    objects: MemoryObjects, clock: FakeClock
) -> None:
    """An outage at start after start must not look like a document that kills."""
    mine = leases(objects, clock)
    for _ in range(10):
        mine.give_back(mine.acquire("d/1", "e1"), failed=False)
    assert mine.acquire("d/1", "e1").state.starts == 1


def test_failures_survive_from_one_worker_to_the_next(
    objects: MemoryObjects, clock: FakeClock
) -> None:
    """Unknown errors are counted for the work, whoever does it."""
    mine, other = leases(objects, clock), leases(objects, clock, "w2")
    mine.give_back(mine.acquire("d/1", "e1"), failed=True)
    assert other.acquire("d/1", "e1").failures == 1


def test_replay_starts_counting_afresh(objects: MemoryObjects, clock: FakeClock) -> None:
    """After a fix a document has its three starts again."""
    mine = leases(objects, clock)
    for _ in range(3):
        mine.acquire("d/1", "e1")
        clock.sleep(61)
    with pytest.raises(PermanentError):
        mine.acquire("d/1", "e1")
    assert mine.acquire("d/1", "e2").state.starts == 1


def test_lost_lease_is_not_finished_over_the_new_holder(
    objects: MemoryObjects, clock: FakeClock
) -> None:
    """A slow worker that ends late must not free the work of who took over."""
    slow = leases(objects, clock)
    lost = slow.acquire("d/1", "e1")
    clock.sleep(61)
    leases(objects, clock, "w2").acquire("d/1", "e1")
    slow.finish(lost)
    with pytest.raises(LeaseHeldError):
        slow.acquire("d/1", "e1")


def test_lost_lease_is_not_given_back_over_the_new_holder(
    objects: MemoryObjects, clock: FakeClock
) -> None:
    """A slow worker that comes back late must not disturb who took over."""
    slow = leases(objects, clock)
    lost = slow.acquire("d/1", "e1")
    clock.sleep(61)
    leases(objects, clock, "w2").acquire("d/1", "e1")
    slow.give_back(lost, failed=True)
    with pytest.raises(LeaseHeldError):
        slow.acquire("d/1", "e1")


def test_a_lease_that_was_given_back_names_the_attempt_before(
    objects: MemoryObjects, clock: FakeClock
) -> None:
    """A retry may come to another process, hours later: what stays in the store tells it."""
    mine = leases(objects, clock)
    first = mine.acquire("d/1", "e1", span="first")
    assert first.attempt_before == ""
    mine.give_back(first, failed=False)
    second = mine.acquire("d/1", "e1", span="second")
    assert (second.attempt_before, second.state.starts) == ("first", 1)
    mine.finish(second)
    assert mine.acquire("d/1", "e1", span="third").attempt_before == ""


def test_the_attempt_of_a_worker_that_died_is_named(
    objects: MemoryObjects, clock: FakeClock
) -> None:
    """Its span was never told; that there was one is worth knowing."""
    leases(objects, clock).acquire("d/1", "e1", span="first")
    clock.sleep(61)
    taken_over = leases(objects, clock, "w2").acquire("d/1", "e1", span="second")
    assert taken_over.attempt_before == "first"


def test_a_replay_begins_without_an_attempt_before(
    objects: MemoryObjects, clock: FakeClock
) -> None:
    """It follows what gave up, and its quarantine record says what that was."""
    mine = leases(objects, clock)
    mine.give_back(mine.acquire("d/1", "e1", span="first"), failed=True)
    assert mine.acquire("d/1", "e2", span="second").attempt_before == ""


def test_a_lease_from_before_attempts_were_named_is_read(
    objects: MemoryObjects, clock: FakeClock
) -> None:
    """A new version of a worker takes over what the old one left."""
    state = b'{"event_id":"e1","holder":"","expires":0.0,"starts":0,"failures":1}'
    objects.create("leases/ocr/d/1", state)
    taken = leases(objects, clock).acquire("d/1", "e1")
    assert (taken.failures, taken.attempt_before) == (1, "")
