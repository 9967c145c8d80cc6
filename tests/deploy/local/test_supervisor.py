"""The supervisor: what dies is started again, ever more slowly, and what is told to end, ends."""

import itertools
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.site import Site
from deploy.local.supervisor import (
    LIVED_WELL_S,
    MOST_RESTARTS,
    PAUSE_MOST_S,
    Program,
    Supervisor,
    pause_s,
    programs_of,
)
from shared.clock import FakeClock, SystemClock
from shared.errors import TransientError
from tests.waiting import wait_until

LIVES = "import signal; signal.pause()"
DIES = "raise SystemExit(3)"
IS_DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print(flush=True); signal.pause(); signal.pause()"
)


class Nursery(Supervisor):
    """A supervisor whose processes run other code.

    Args:
        site: where their logs would lie.
        clock: moves when told to.
    """

    def __init__(self, site: Site, *, clock: FakeClock) -> None:
        self.dead: list[int] = []
        self.deaf_to_deaths = False
        self.code: Callable[[str], str] = lambda _role: LIVES
        self.born: list[tuple[str, subprocess.Popen[bytes]]] = []
        programs = programs_of(site, workers=1)
        super().__init__(programs, logs=site.logs, clock=clock, on_death=self._died)

    def _died(self, pid: int) -> None:
        if self.deaf_to_deaths:
            raise TransientError("no bus")
        self.dead.append(pid)

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        role = program.name.partition("-")[0]
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", self.code(role)], stdout=subprocess.PIPE
        )
        self.born.append((role, process))
        return process

    def last(self) -> subprocess.Popen[bytes]:
        return self.born[-1][1]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def nursery(tmp_path: Path, clock: FakeClock) -> Iterator[Nursery]:
    site = Site(tmp_path / "data")
    site.create()
    nursery = Nursery(site, clock=clock)
    yield nursery
    for _role, process in nursery.born:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def killed(process: subprocess.Popen[bytes]) -> int:
    """Kill a process and wait for its end; return its id."""
    process.kill()
    process.wait()
    return process.pid


def test_one_keeper_and_the_workers_are_started(nursery: Nursery) -> None:
    """One process seals the log; the others take documents."""
    nursery.start()
    assert [role for role, _ in nursery.born] == ["keep", "work"]
    nursery.tend()
    assert (nursery.restarts, len(nursery.born)) == (0, 2)


def test_what_was_killed_is_started_again_at_once(nursery: Nursery) -> None:
    """The bus is told first, so that what the dead one held is handed out again."""
    nursery.start()
    pid = killed(nursery.last())
    nursery.tend()
    assert (nursery.restarts, nursery.dead) == (1, [pid])
    assert nursery.last().poll() is None


def test_nothing_is_started_until_the_bus_knows_of_the_death(nursery: Nursery) -> None:
    """Else the new one would wait for leases that the dead one holds."""
    nursery.start()
    killed(nursery.last())
    nursery.deaf_to_deaths = True
    nursery.tend()
    assert (nursery.restarts, len(nursery.born)) == (0, 2)
    nursery.deaf_to_deaths = False
    nursery.tend()
    assert nursery.restarts == 1


def test_the_pause_before_a_restart_grows(nursery: Nursery, clock: FakeClock) -> None:
    """What dies of how it is started must not take the machine from the others."""
    nursery.start()
    begin = clock.monotonic()
    starts: list[float] = []
    while len(starts) < 5:
        killed(nursery.last())
        before = nursery.restarts
        while nursery.restarts == before:
            nursery.tend()
            clock.sleep(0.05)
        starts.append(clock.monotonic() - begin)
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 4 * gaps[0]
    assert len(nursery.dead) == 5


def test_what_dies_again_and_again_ends_the_run_with_its_log(
    nursery: Nursery, clock: FakeClock
) -> None:
    """One line that says where to read on; not a restart for ever."""
    nursery.code = lambda role: DIES if role == "keep" else LIVES
    nursery.start()
    told = ""
    for _ in range(10 * MOST_RESTARTS):
        for _role, process in nursery.born:
            if process is not nursery.born[1][1]:
                process.wait()
        try:
            nursery.tend()
        except TransientError as error:
            told = str(error)
            break
        clock.sleep(PAUSE_MOST_S)
    assert told.endswith("keep-0.ndjson")
    assert "\n" not in told
    assert nursery.restarts == MOST_RESTARTS


def test_a_long_life_makes_up_for_earlier_deaths(nursery: Nursery, clock: FakeClock) -> None:
    """Somebody who kills a worker each hour has not a worker that cannot start."""
    nursery.start()
    for _ in range(2 * MOST_RESTARTS):
        clock.sleep(LIVED_WELL_S)
        killed(nursery.last())
        nursery.tend()
    assert nursery.restarts == 2 * MOST_RESTARTS


def test_stop_ends_the_workers_first_and_the_keeper_last(nursery: Nursery) -> None:
    """What the workers tell at the end is still followed and sealed."""
    nursery.start()
    nursery.stop()
    assert [process.returncode for _role, process in nursery.born] == [-signal.SIGTERM] * 2
    nursery.stop()


def test_a_process_that_does_not_end_is_killed(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that hangs must not hang the command."""
    monkeypatch.setattr("deploy.local.supervisor.DRAIN_S", 0.0)
    nursery.code = lambda _role: IS_DEAF
    nursery.start()
    for _role, process in nursery.born:
        assert process.stdout is not None
        process.stdout.readline()  # it has shut its ears
    nursery.stop()
    assert {process.returncode for _role, process in nursery.born} == {-signal.SIGKILL}


@pytest.mark.parametrize(
    ("deaths", "seconds"), [(1, 0), (2, 0.1), (3, 0.2), (6, 1.6), (20, 5), (3000, 5)]
)
def test_pauses(deaths: int, seconds: float) -> None:
    """None, then doubled, then five seconds at most."""
    assert pause_s(deaths) == pytest.approx(seconds)


def test_the_real_processes_start_and_end(tmp_path: Path) -> None:
    """The command line that the supervisor writes is the one that the processes read."""
    site = Site(tmp_path / "data")
    site.create()
    supervisor = Supervisor(programs_of(site, workers=1), logs=site.logs, clock=SystemClock())
    supervisor.start()
    logs = [site.logs / "keep-0.ndjson", site.logs / "work-1.ndjson"]
    wait_until(
        lambda: all(log.exists() and b"worker.started" in log.read_bytes() for log in logs),
        what="both processes start",
    )
    supervisor.stop()
    assert supervisor.restarts == 0
    for log in logs:
        assert b"worker.stopped" in log.read_bytes()
