"""Work that may kill its process takes nobody along."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.events.envelope import Event
from shared.telemetry.reasons import QuarantineReason
from shared.worker.isolation import Isolation
from shared.worker.outcome import Outcome
from shared.worker.settlement import ContendedError
from tests.shared.worker.conftest import DOCUMENT, Bench, CrashError, read_event, summarized
from tests.waiting import PATIENCE_S, wait_until

KILLER = "f" * 40
MOST_DEATHS = 3


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Give threads of one process."""
    with ThreadPoolExecutor() as pool:
        yield pool


def refuses(isolation: Isolation) -> bool:
    """Tell whether nothing more is let in."""
    try:
        with isolation.joined():
            return False
    except ContendedError:
        return True


def test_it_waits_until_the_others_have_left(threads: ThreadPoolExecutor) -> None:
    """What is in hand is finished first, and meanwhile nothing new begins: its turn comes."""
    isolation = Isolation(within_s=PATIENCE_S)
    leave, done = threading.Event(), threading.Event()

    def other() -> None:
        with isolation.joined():
            leave.wait(PATIENCE_S)

    def suspect() -> bool:
        with isolation.joined() as isolate:
            isolate()
            assert leave.is_set()
            done.wait(PATIENCE_S)
            return refuses(isolation)

    first = threads.submit(other)
    wait_until(lambda: isolation._in_hand == 1, what="another is at work")
    alone = threads.submit(suspect)
    wait_until(lambda: refuses(isolation), what="nothing more is let in")
    assert not alone.done()
    leave.set()
    first.result(PATIENCE_S)
    done.set()
    assert alone.result(PATIENCE_S)
    assert not refuses(isolation)


def test_of_two_that_must_be_alone_one_comes_back() -> None:
    """Each would wait for the other to leave."""
    isolation = Isolation(within_s=0)
    with isolation.joined() as one:
        with isolation.joined() as another, pytest.raises(ContendedError):
            one()
        with pytest.raises(ContendedError):
            another()
    assert not refuses(isolation)


def test_others_that_stay_are_not_waited_for_for_ever() -> None:
    """It goes back to the queue, and whoever comes next is let in again."""
    isolation = Isolation(within_s=0)
    with isolation.joined():
        with pytest.raises(ContendedError), isolation.joined() as isolate:
            isolate()
        assert not refuses(isolation)


@pytest.mark.parametrize("killer_first", [False, True])
def test_a_document_beside_a_killer_is_not_blamed(bench: Bench, *, killer_first: bool) -> None:
    """They meet again and again: the one dies of its own doing, the other is done."""
    kills, other = read_event(document_id=KILLER), read_event()
    bench.keyring.create_document_key(KILLER)
    order = (kills, other) if killer_first else (other, kills)
    met: dict[str, str] = {}

    def work(event: Event) -> Outcome:
        if event is not order[1]:  # the second comes while the first is in hand
            met[order[1].subject] = bench.deliver(order[1], edge=process).code
        if event.subject == KILLER:
            raise CrashError
        return summarized(event)

    bench.handle = lambda event: work(next(one for one in order if one.id == event.id))
    deaths = 0
    for number in range(MOST_DEATHS + 2):
        process = bench.worker(f"w{number}")
        try:
            met[order[0].subject] = bench.deliver(order[0], edge=process).code
            met[order[1].subject] = bench.deliver(order[1], edge=process).code
        except CrashError:
            deaths += 1
            bench.clock.sleep(61)
    assert deaths == MOST_DEATHS
    assert met[DOCUMENT] in {"done", "repeated"}
    ((_, record),) = bench.quarantine.list()
    assert (record.document_id, record.reason) == (KILLER, QuarantineReason.KILLS_WORKERS)


def test_what_waited_to_be_alone_was_not_begun(bench: Bench) -> None:
    """Its start would count against it when another kills the process in which it waits."""
    bench.handle = lambda _event: (_ for _ in ()).throw(CrashError)
    with pytest.raises(CrashError):
        bench.deliver()
    bench.clock.sleep(61)
    bench.handle = summarized
    with bench.edge._do.isolation.joined():
        for _ in range(MOST_DEATHS + 1):
            settlement = bench.deliver()
            assert (settlement.code, settlement.begun) == ("contended", False)
    assert bench.handled == 1
    assert bench.deliver().code == "done"
