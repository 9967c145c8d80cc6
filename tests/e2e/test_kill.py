"""Kill -9 of everything at random moments, then the same command: nothing lost, nothing twice."""

import itertools
import random
import time
from pathlib import Path

import pytest

from examples.fixed import fixed_examples
from examples.generate import save_examples
from tests.e2e.commands import Ended, Started, docledger
from tests.e2e.settled import Settled, settled
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.integration

KILLS_A_FOLDER = 10


def _run(folder: Path) -> tuple[str, ...]:
    return ("run", str(folder), "--format", "json")


def _undisturbed(data: Path, folder: Path) -> tuple[Settled, float]:
    """Run once in peace; return what came of it, and how long it took."""
    begun = time.monotonic()
    ended = docledger(data, *_run(folder), within_s=PATIENCE_S * 10)
    assert ended.code == 0, ended.stderr
    return settled(data), time.monotonic() - begun


def _killed_or_ended(started: Started, after_s: float) -> Ended | None:
    """Kill everything ``after_s`` seconds from now; return the ending if it was there before."""
    try:
        return started.wait(after_s)
    except TimeoutError:
        started.kill_tree()
        return None


def _suffer(
    data: Path, folder: Path, moments: random.Random, *, most: int, length: float
) -> tuple[int, float]:
    """Run and be killed at random moments, until a run is through or it was enough.

    Returns:
        The kills, and how long a run takes by now: the machine may have less else to do.
    """
    for kills in range(most):
        begun = time.monotonic()
        with Started(data, *_run(folder)) as started:
            ended = _killed_or_ended(started, moments.uniform(0, length))
        if ended is not None:
            assert ended.code == 0, ended.stderr
            whole = kills == 0  # else part of the work was done before
            return kills, min(length, time.monotonic() - begun) if whole else length
    return most, length


def _check(data: Path, folder: Path, expected: Settled) -> None:
    """The same command once more completes what the killed ones began, as if nothing was."""
    ended = docledger(data, *_run(folder), within_s=PATIENCE_S * 10)
    assert ended.code == 0, ended.stderr
    found = settled(data)
    assert found.documents.keys() == expected.documents.keys()
    for key, document in expected.documents.items():
        assert found.documents[key][2] == document[2], "another reading of the same bytes"
    # Of a pair of the same invoice, the one that comes second is held.
    assert found.counted() == expected.counted()
    assert found.in_flight == 0
    assert found.balanced
    assert found.unsealed == 0
    assert found.leaves == expected.leaves
    for command in ("audit", "verify"):
        told = docledger(data, command)
        assert told.code == 0, (command, told.stdout, told.stderr)


def _kill(tmp_path: Path, folder: Path, *, kills: int, seed: str) -> None:
    expected, length = _undisturbed(tmp_path / "undisturbed", folder)
    moments = random.Random(seed)
    done = 0
    for number in itertools.count():
        data = tmp_path / f"killed-{number}"
        most = min(KILLS_A_FOLDER, kills - done)
        kills_here, length = _suffer(data, folder, moments, most=most, length=length)
        done += kills_here
        _check(data, folder, expected)
        if done == kills:
            return


@pytest.mark.timeout(900)
def test_twenty_kills_lose_nothing_and_post_nothing_twice(tmp_path: Path, folder: Path) -> None:
    """The promise of the house, with real processes: the machine may die at any moment."""
    _kill(tmp_path, folder, kills=20, seed="twenty kills")


@pytest.mark.timeout(900)
def test_kills_lose_nothing_on_postgresql(
    tmp_path: Path, folder: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server goes on when all its clients die: what they had begun is undone, and then done."""
    expected, length = _undisturbed(tmp_path / "undisturbed", folder)
    for owner in ("REGISTER", "LEDGER"):
        monkeypatch.setenv(f"DOCLEDGER_{owner}_DATABASE", postgres)
    data = tmp_path / "killed"
    migrated = docledger(data, "database", "migrate")
    assert migrated.code == 0, migrated.stderr
    moments = random.Random("postgresql")
    assert _suffer(data, folder, moments, most=3, length=length / 2)[0]
    _check(data, folder, expected)
    assert not list(data.glob("*register.sqlite")) + list(data.glob("ledger.sqlite"))


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_two_hundred_kills_of_all_examples(tmp_path: Path) -> None:
    """Pictures take long: here the kills meet OCR, sandboxes and page ranges too."""
    save_examples(tmp_path / "in", fixed_examples())
    _kill(tmp_path, tmp_path / "in", kills=200, seed="two hundred kills")
