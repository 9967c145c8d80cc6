"""The sequencer dies or sleeps at each of its steps, another takes over: no fork, gap or double.

PostgreSQL is real throughout. Most trials run in this process; in some, the first sequencer is a
process that gets a real SIGKILL or SIGSTOP.
"""

import multiprocessing
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest

from services.ledger.adapters.grants import SEQUENCER, WORKER
from services.ledger.adapters.public_files import MemoryFiles
from services.ledger.sequencer import LEASE_S
from shared.clock import FakeClock
from tests.services.ledger.failing_over import (
    Log,
    Moments,
    book,
    check,
    end_idle_transactions,
    finish,
    opened,
    sequence_until,
)
from tests.services.ledger.postgres_journals import LOGINS, JournalDatabase, JournalTemplate
from tests.services.ledger.publishing import CrashError
from tests.waiting import PATIENCE_S, wait_until

MOMENTS: Final = 57
"""Of one step over a log that exists; a test counts them, so that a new one is not left out."""

NAMES: Final = "abcdef"

PROCESSES: Final = multiprocessing.get_context("forkserver")
"""Each process is forked from one that has imported everything and has no threads."""

PROCESSES.set_forkserver_preload(["tests.services.ledger.failing_over"])


class Failover:
    """One database in which every trial has a tenant of its own.

    Args:
        database: where the journal is.
        folder: where events are told, and the logs of those who are processes.
    """

    def __init__(self, database: JournalDatabase, folder: Path) -> None:
        self.clock = FakeClock()
        self.folder = folder
        self.url = database.url(LOGINS[SEQUENCER])
        self.worker = database.journal(LOGINS[WORKER])
        self.first, self.second = opened(self.url), opened(self.url)
        self._reader = database.journal()
        self._admin = database.url("postgres")

    def close(self) -> None:
        """Give the connections back."""
        self.first.close()
        self.second.close()

    def begun(self, files: MemoryFiles | None = None) -> Log:
        """Return a log of three entries; two more wait."""
        log = Log(f"t{secrets.token_hex(6)}", self.folder, files)
        book(self.worker, log.tenant, *"abc")
        self.goes_on(log)
        self.clock.sleep(LEASE_S + 1)
        book(self.worker, log.tenant, *"de")
        return log

    def goes_on(self, log: Log) -> None:
        """Let another one take the lease, when it has ended, and do all there is."""
        self.clock.sleep(LEASE_S + 1)
        finish(log.sequencer(self.second, f"another {secrets.token_hex(4)}", self.clock))

    def taken_over(self, log: Log, *, moment: str, overslept: bool) -> None:
        """Let a successor do what the first one left, and an entry that came meanwhile."""
        if moment.startswith("in "):
            end_idle_transactions(self._admin)
        book(self.worker, log.tenant, "f")
        self.goes_on(log)
        if overslept:
            self.clock.sleep(LEASE_S + 1)

    def check(self, log: Log) -> None:
        """Let whoever has the lease finish; then everything must agree."""
        self.goes_on(log)
        self.clock.sleep(LEASE_S + 1)
        check(self._reader, log, NAMES)

    def killed(self, at: int) -> None:
        """Kill the first one at a moment; the next one goes on."""
        log = self.begun(MemoryFiles())

        def die(_moment: str) -> None:
            raise CrashError

        with pytest.raises(CrashError):
            log.sequencer(self.first, "first", self.clock, Moments(die, at)).step()
        self.taken_over(log, moment="", overslept=False)
        self.check(log)

    def paused(self, at: int, *, overslept: bool) -> None:
        """Pause the first one at a moment; it wakes where it slept, when another went on."""
        log = self.begun(MemoryFiles())

        def sleep(moment: str) -> None:
            self.taken_over(log, moment=moment, overslept=overslept)

        finish(log.sequencer(self.first, "first", self.clock, Moments(sleep, at)))
        self.check(log)

    def process_met(self, at: int | str, signal_: signal.Signals) -> None:
        """Have the first one be a process, which gets a real signal; the next one goes on."""
        log = self.begun()
        args = (self.url, log.tenant, self.folder, self.clock.now(), at, signal_)
        first = PROCESSES.Process(target=sequence_until, args=args)
        first.start()
        assert first.pid is not None
        watched = psutil.Process(first.pid)
        if signal_ == signal.SIGSTOP:
            stopped = {psutil.STATUS_STOPPED}
            wait_until(lambda: watched.status() in stopped, what="the sequencer stops")
            self.taken_over(log, moment=log.moment.read_text(), overslept=False)
            watched.send_signal(signal.SIGCONT)
            first.join(PATIENCE_S)
            assert first.exitcode == 0
        else:
            first.join(PATIENCE_S)
            assert first.exitcode == -signal_
            self.taken_over(log, moment="", overslept=False)
        first.close()
        self.check(log)


@pytest.fixture(scope="module")
def failover(
    journal_template: JournalTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Failover]:
    """Give the database of this module's trials."""
    with journal_template.copied() as database:
        trials = Failover(database, tmp_path_factory.mktemp("logs"))
        yield trials
        trials.close()


def test_the_moments_are_all_there_are(failover: Failover) -> None:
    """A step that gained an effect must gain trials; every port that it writes to is among them."""
    log = failover.begun(MemoryFiles())
    moments = Moments()
    log.sequencer(failover.first, "only", failover.clock, moments).step()
    failover.clock.sleep(LEASE_S)
    assert len(moments.seen) == MOMENTS
    assert {one.removeprefix("in ") for one in moments.seen if one.startswith("in ")} == {
        "journal.claim",
        "journal.assign",
        "intents.claim",
        "intents.keep_note",
        "journal.record_checkpoint",
        "journal.mark_published",
    }
    outside = {"signer.sign", "files.create_all", "files.replace_larger", "publisher.publish"}
    assert outside <= {one.removeprefix("before ") for one in moments.seen}


@pytest.mark.parametrize("at", range(0, MOMENTS, 2))
def test_killed_at_a_moment_the_next_one_goes_on(failover: Failover, at: int) -> None:
    """Nothing that the first one did is undone, forked or done twice."""
    failover.killed(at)


@pytest.mark.parametrize("at", range(1, MOMENTS, 2))
def test_paused_at_a_moment_it_comes_back_too_late(failover: Failover, at: int) -> None:
    """It believes that it has the lease: it harms nothing and alarms nobody.

    At every second of them even the successor's lease has ended by then.
    """
    failover.paused(at, overslept=at % 4 == 1)


@pytest.mark.integration
@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "paused"])
@pytest.mark.parametrize(
    "at", ["in journal.assign", "after intents.claim", "after files.create_all"]
)
def test_a_process_that_gets_a_signal_is_followed_by_the_next(
    failover: Failover, at: str, signal_: signal.Signals
) -> None:
    """What the trials in one process say is so of real ones, files synced to a real disk."""
    failover.process_met(at, signal_)


@pytest.mark.soak
@pytest.mark.parametrize("at", range(MOMENTS))
def test_a_process_that_gets_a_signal_at_any_moment(failover: Failover, at: int) -> None:
    """Each moment, both signals: 114 processes."""
    failover.process_met(at, signal.SIGKILL)
    failover.process_met(at, signal.SIGSTOP)


@pytest.mark.soak
@pytest.mark.parametrize("at", range(MOMENTS))
def test_killed_or_paused_at_every_moment_the_next_one_goes_on(failover: Failover, at: int) -> None:
    """Each moment in each way, three times over: 513 trials."""
    for _round in range(3):
        failover.killed(at)
        failover.paused(at, overslept=False)
        failover.paused(at, overslept=True)
