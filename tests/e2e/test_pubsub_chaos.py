"""Everything that separate processes, an emulator and a store can do to a document at once."""

import contextlib
import time
from collections.abc import Callable, Iterable
from itertools import chain, islice
from pathlib import Path

import psutil
import pytest

from examples.fixed import fixed_examples
from examples.stream import invoice_stream
from examples.truth import Example
from shared.bus.pubsub_admin import apply, diff
from shared.bus.topology import load_topology
from shared.errors import TransientError
from tests.e2e.cluster import Cluster, cluster
from tests.e2e.commands import docledger
from tests.e2e.endings import (
    STAGE_S,
    all_ended_as,
    short_clocks,
    submissions,
    traces_are_whole,
    wait_sweeping,
)
from tests.e2e.proxies import Doubler, TroubledStore
from tests.e2e.reaper import WAYS, Reaper
from tests.e2e.sabotage import STORAGE, Sabotage
from tests.e2e.settled import Settled, opened, settled
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.timeout(900),
]

FEW, MANY = 4, 10
"""Kills of each worker: while everybody waits for the tests, and in the soak."""

DEPLOYABLES = ("entrance", "ingest", "register", "ocr", "summarize", "ledger", "sequencer")

UNDER_WAY = 12
"""Documents at once: as many as keep every worker busy."""

MOST = 400
"""Invoices, if it takes that many until each worker was caught at work so often."""

FORGOTTEN = 12
"""Files that are uploaded as the emulator dies."""

TROUBLE = 0.8
"""The share of its requests that the store refuses, or carries out and does not answer, while the
emulator dies and until the documents that it forgot are late."""


def _in_peace(data: Path, folder: Path) -> tuple[Settled, int]:
    """Return what comes of files where nothing happens, and of how many submissions."""
    ended = docledger(data, "run", folder, "--format", "json", within_s=PATIENCE_S * 3)
    assert ended.code == 0, ended.stderr
    with opened(data) as house:
        return settled(data), submissions(house)


@pytest.fixture
def patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks of seconds."""
    short_clocks(tmp_path, monkeypatch)


def _endpoints(url_of: Callable[[str], str]) -> dict[str, str]:
    """Return where to push to, by worker."""
    return {its.worker: url_of(its.worker) for its in load_topology().subscriptions.values()}


def _is_set_up(up: Cluster) -> bool:
    try:
        endpoints = _endpoints(up.backing.url)
        return not diff(load_topology(), project=up.backing.project, endpoints=endpoints)
    except TransientError:
        return False


def _double(up: Cluster, doubler: Doubler) -> None:
    """Have every push go through the doubler, once the command has set the emulator up."""
    up.backing.enter()
    wait_until(lambda: _is_set_up(up), what="the emulator knows the topology")
    apply(load_topology(), project=up.backing.project, endpoints=_endpoints(doubler.url_of))


class _Sender:
    """Uploads, and keeps what was uploaded in a folder."""

    def __init__(self, up: Cluster, folder: Path, examples: Iterable[Example]) -> None:
        self._up = up
        self._folder = folder
        self._examples = iter(examples)
        self._sent = 0
        folder.mkdir()

    def send(self, most: int = 1) -> None:
        """Upload the next ones."""
        for example in islice(self._examples, most):
            self._up.upload({example.name: example.content})
            (self._folder / example.name).write_bytes(example.content)
            self._sent += 1

    def send_until(self, enough: Callable[[], bool]) -> None:
        """Upload, never more than a few ahead of the workers."""
        register, clock = self._up.house.register, self._up.house.clock

        def room() -> bool:
            counts = register.counts(clock.now())
            return enough() or self._sent - (counts.submissions - counts.in_flight) < UNDER_WAY

        while not enough():
            self.send()
            wait_until(room, what="documents end")
            assert self._sent < MOST, "the kills do not come"


def _emulator(up: Cluster) -> list[psutil.Process]:
    found = []
    for one in up.started.tree():
        with contextlib.suppress(psutil.NoSuchProcess):  # others are still ending
            if "cloud-pubsub-emulator" in " ".join(one.cmdline()):
                found.append(one)
    return found


def _restart_emulator(up: Cluster, doubler: Doubler) -> None:
    """Kill the emulator: it forgets topics, subscriptions and every message."""
    before = _emulator(up)
    assert before
    for one in before:
        one.kill()
    wait_until(lambda: bool(set(_emulator(up)) - set(before)), what="the emulator is back")
    _double(up, doubler)


def _chaos(
    folder: Path, examples: Iterable[Example], *, kills: int, seed: str, strictly: bool
) -> None:
    """Do everything to the workers that there is, and look at the books."""
    sabotage: Sabotage
    reaper: Reaper
    with TroubledStore(lambda: sabotage.storage, seed=seed) as store:
        sabotage = Sabotage(folder / "sabotage", {STORAGE: store.url})
        with cluster(folder / "data", more=sabotage.environment) as up:
            told: Callable[[str], None] = lambda name: reaper.told(name)  # noqa: E731, PLW0108 - it comes later
            with Doubler(up.backing.services, told, strictly=strictly) as doubler:
                wanted = dict.fromkeys(DEPLOYABLES, kills)
                reaper = Reaper(up, wanted, in_hand=doubler.in_hand, seed=seed)
                sender = _Sender(up, folder / "in", examples)
                with reaper:
                    _double(up, doubler)
                    sender.send_until(lambda: reaper.done)
                store.trouble = TROUBLE
                sender.send(FORGOTTEN)
                _restart_emulator(up, doubler)
                late = time.monotonic() + STAGE_S
                expected, count = _in_peace(folder / "in-peace", folder / "in")
                wait_until(lambda: time.monotonic() > late, what="stages are over")
                store.trouble = 0.0
                wait_sweeping(up, count)
                assert doubler.settle(PATIENCE_S)
            assert set(reaper.ways) == set(WAYS)
            assert set(doubler.doubled) == set(DEPLOYABLES) - {"sequencer"}
            assert all(store.done[kind] for kind in TroubledStore.KINDS)
            all_ended_as(expected, up)
            traces_are_whole(up, killed=DEPLOYABLES)


@pytest.mark.usefixtures("patience")
def test_chaos_loses_nothing_and_doubles_nothing(tmp_path: Path, few: list[Example]) -> None:
    """Kills, a bus that forgets, a store that refuses, pushes that come twice: the same books."""
    examples = chain(few, invoice_stream(7, MOST))
    _chaos(tmp_path, examples, kills=FEW, seed="chaos", strictly=False)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("seed", ["one", "two", "three", "four", "five"])
def test_chaos_among_all_examples(tmp_path: Path, seed: str) -> None:
    """Pictures take long: here the kills meet OCR, sandboxes and page ranges too."""
    examples = chain(fixed_examples(), invoice_stream(7, MOST))
    _chaos(tmp_path, examples, kills=MANY, seed=seed, strictly=True)
