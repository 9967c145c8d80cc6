"""One process dies, or all are told to end: real processes, real signals."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.house import House
from deploy.local.site import Site
from examples.generate import save_examples
from examples.stream import invoice_stream
from examples.truth import Example
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.span_files import read_spans
from shared.telemetry.spans import SpanAttribute
from tests.e2e.commands import Ended, Started, alive, docledger
from tests.e2e.settled import settled
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

SHORTER_THAN_A_LEASE_S = 55.0
"""Within it must come what does not wait for a lease to end; the rest takes as long as it takes."""


@pytest.fixture
def house(data: Path) -> Iterator[House]:
    """The data folder seen from outside while others work on it."""
    site = Site(data)
    site.create()
    house = House(site)
    yield house
    house.close()


def _leased(house: House, worker: str) -> int:
    return sum(
        row.leased for row in house.bus.backlog() if row.subscription.split(".")[0] in worker
    )


def _stop_with_work_in_hand(started: Started, house: House, worker: str) -> psutil.Process:
    """Stop the only process of a role at a moment when it holds deliveries; return it.

    Args:
        started: the run.
        house: its data folder.
        worker: whose deliveries; of several, named in one line, anybody's.
    """
    role = "keep" if worker == "register" else "work"
    wait_until(lambda: bool(started.children(role)), what=f"{role} runs")
    [one] = started.children(role)

    def caught() -> bool:
        one.suspend()  # before anybody looks: what it has in hand it may be done with in a moment
        has_work = _leased(house, worker) > 0
        if not has_work:
            one.resume()
        return has_work

    wait_until(caught, what=f"{worker} has work in hand")
    return one


def _complete(data: Path, ended: Ended, few: list[Example]) -> None:
    """Everything has its end, and the books agree."""
    assert ended.code == 0, ended.stderr
    told = {Path(line["source"]).name: line["status"] for line in ended.lines}
    assert {one.name: told[one.name] for one in few} == {one.name: one.status for one in few}
    found = settled(data)
    assert found.balanced
    assert found.in_flight == 0
    assert docledger(data, "audit").code == 0
    assert docledger(data, "verify").code == 0


@pytest.mark.parametrize("stage", ["ingest", "ocr"])
def test_work_of_a_killed_worker_goes_on_before_its_leases_end(
    data: Path, folder: Path, few: list[Example], house: House, stage: str
) -> None:
    """A worker's death costs its document a restart, not the minutes of a lease."""
    with Started(data, "run", folder, "--workers", "1", "--format", "json") as started:
        victim = _stop_with_work_in_hand(started, house, stage)
        victim.kill()
        wait_until(
            lambda: _leased(house, stage) == 0,
            what="its leases are released",
            within_s=SHORTER_THAN_A_LEASE_S,
        )
        ended = started.wait()
    _complete(data, ended, few)
    outcomes = {span.says(SpanAttribute.OUTCOME) for span in read_spans(Site(data).spans)}
    assert DeliveryOutcome.DONE in outcomes
    assert DeliveryOutcome.CONTENDED not in outcomes, "its document waited for the dead"


def test_a_killed_keeper_is_replaced(
    data: Path, folder: Path, few: list[Example], house: House
) -> None:
    """Nothing is sealed without the keeper: another takes the lock and what it held."""
    with Started(data, "run", folder, "--workers", "1", "--format", "json") as started:
        wait_until(lambda: bool(started.children("keep")), what="the keeper runs")
        [keeper] = started.children("keep")
        wait_until(lambda: house.register.counts(house.clock.now()).made > 1, what="work began")
        keeper.kill()
        waiting = house.ledger.journal.tenants_waiting
        wait_until(lambda: bool(waiting()) or started.ended, what="an entry is to be sealed")
        wait_until(lambda: not waiting(), what="another seals it", within_s=SHORTER_THAN_A_LEASE_S)
        ended = started.wait()
    _complete(data, ended, few)


def test_children_end_by_themselves_when_their_supervisor_is_killed(
    data: Path, folder: Path, few: list[Example], house: House
) -> None:
    """Orphans that worked on would fight the next run for the same documents."""
    with Started(data, "run", folder, "--format", "json") as started:
        wait_until(lambda: house.register.counts(house.clock.now()).made > 0, what="work began")
        family = started.tree()
        psutil.Process(started.pid).kill()
        wait_until(lambda: not any(map(alive, family)), what="the orphans have ended")
    assert len(family) > 2
    _complete_again(data, folder, few)


def test_children_end_though_their_supervisor_died_before_they_looked(
    data: Path, folder: Path
) -> None:
    """A child takes a second to start; its parent can be gone by then."""
    with Started(data, "run", folder) as started:
        wait_until(lambda: len(started.children("work")) == 2, what="workers are started")
        family = started.tree()
        psutil.Process(started.pid).kill()
        wait_until(lambda: not any(map(alive, family)), what="the orphans have ended")


def test_a_document_in_work_when_everything_was_killed_is_not_blamed(
    data: Path, tmp_path: Path, few: list[Example], house: House
) -> None:
    """Four power cuts in its reading are no reason to call it one that kills workers."""
    [pages] = [one for one in few if one.name == "invoice-many-pages.pdf"]
    path = tmp_path / pages.name
    path.write_bytes(pages.content)
    for _ in range(4):
        with Started(data, "run", path, "--workers", "1") as started:
            _stop_with_work_in_hand(started, house, "ocr")
    ended = docledger(data, "run", path, "--format", "json")
    assert [line["status"] for line in ended.lines] == ["posted"], ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_drains_and_goes_on_later(
    data: Path, folder: Path, few: list[Example], house: House, number: signal.Signals
) -> None:
    """Told to end, it finishes what it has in hand, says how to go on, and leaves no process."""
    many = list(invoice_stream(seed=7, count=80))  # more than a worker takes in hand
    save_examples(folder, many)
    with Started(data, "run", folder, "--workers", "1") as started:
        worker = _stop_with_work_in_hand(started, house, "ingest, ocr, summarize or ledger")
        family = started.tree()
        started.signal(number)
        worker.resume()
        ended = started.wait()
        wait_until(lambda: not any(map(alive, family)), what="no process is left")
    assert ended.code == 130
    assert ended.stderr.splitlines()[-1].startswith(b"docledger: interrupted")
    assert b"Traceback" not in ended.stderr
    assert sum(row.leased for row in house.bus.backlog()) == 0
    _complete_again(data, folder, [*few, *many])


def _complete_again(data: Path, folder: Path, few: list[Example]) -> None:
    """The same command again: every document has the end that it would have had."""
    ended = docledger(data, "run", folder, "--format", "json")
    assert ended.code == 0, ended.stderr
    found = settled(data)
    assert found.balanced
    assert found.in_flight == 0
    attached = [part for one in few for part in one.attachments]
    known = [one for one in (*few, *attached) if one.status != "refused"]
    message = 1  # the e-mail's own text
    assert len(found.documents) == len(known) + message
    assert found.leaves == sum(one.status in {"posted", "held"} for one in known) + message
    assert docledger(data, "audit").code == 0
    assert docledger(data, "verify").code == 0
