"""``docledger up``: what is dropped into the inbox folder ends as entries."""

import signal
import time
from pathlib import Path
from typing import Final

import psutil
import pytest

from deploy.cli.up import LOOK_S
from deploy.local.house import House
from examples.canaries import canary_invoice, make_canaries
from examples.truth import Example
from tests.e2e.commands import Started, alive, docledger
from tests.e2e.settled import opened, settled
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

GROWS_IN: Final = 20
GROWS_EVERY_S: Final = LOOK_S / 10
"""Far shorter than what lies between two looks, that a busy machine does not make it long."""


def _ended(house: House) -> int:
    return sum(document.status is not None for document in house.register.documents())


def test_files_dropped_in_end_as_entries(data: Path, few: list[Example]) -> None:
    """A person drops files into a folder and never looks at a terminal; one file grows slowly.

    SIGTERM, as a service manager sends it, drains: exit 0, no process left, nothing in hand.
    """
    inbox = data / "inbox"
    inbox.mkdir(parents=True)
    quick = [one for one in few if one.name in {"contract.pdf", "xml-ubl-invoice.xml"}]
    slow = next(one for one in few if one.name == "invoice-de-label-left.pdf")
    with opened(data) as house, Started(data, "up", "--workers", "1") as started:
        for one in quick:
            (inbox / one.name).write_bytes(one.content)
        growing = inbox / slow.name
        part = len(slow.content) // GROWS_IN + 1
        for at in range(0, len(slow.content), part):
            with growing.open("ab") as file:
                file.write(slow.content[at : at + part])
            more = time.monotonic() + GROWS_EVERY_S
            wait_until(lambda: time.monotonic() > more, what="it grows")  # noqa: B023 - at once
        wait_until(lambda: _ended(house) == 3, what="all three have their end")
        family = started.tree()
        started.signal(signal.SIGTERM)
        ended = started.wait()
        wait_until(lambda: not any(map(alive, family)), what="no process is left")
        assert sum(row.leased for row in house.bus.backlog()) == 0
    assert ended.code == 0, ended.stderr
    assert b"Traceback" not in ended.stderr
    found = settled(data)
    assert [end[0] for end in found.documents.values()] == ["posted"] * 3
    assert sorted(path.name for path in (inbox / ".taken").iterdir()) == sorted(
        one.name for one in (*quick, slow)
    )
    assert docledger(data, "audit").code == 0
    assert docledger(data, "verify").code == 0


def test_what_was_in_hand_at_the_signal_is_neither_lost_nor_done_twice(
    data: Path, few: list[Example]
) -> None:
    """Stopped at once after the drop, and started again: each file is one document, one entry."""
    inbox = data / "inbox"
    inbox.mkdir(parents=True)
    chosen = [one for one in few if one.status == "posted"]
    for one in chosen:
        (inbox / one.name).write_bytes(one.content)
    with opened(data) as house:
        with Started(data, "up") as started:
            wait_until(lambda: bool(house.register.documents()), what="work began")
            started.signal(signal.SIGINT)
            assert started.wait().code == 0
        with Started(data, "up") as started:
            wait_until(lambda: _ended(house) == len(chosen), what="all have their end")
            started.signal(signal.SIGTERM)
            assert started.wait().code == 0
    found = settled(data)
    assert [end[0] for end in found.documents.values()] == ["posted"] * len(chosen)
    assert found.leaves == len(chosen)
    assert docledger(data, "audit").code == 0


def test_two_at_once_on_one_folder_are_refused(data: Path) -> None:
    """Two supervisors would take each other's workers for dead."""
    with Started(data, "up", "--workers", "1") as started:
        wait_until(lambda: bool(started.children("work")), what="it has the folder")
        second = docledger(data, "up")
        assert second.code == 2
        assert b"already runs" in second.stderr
        assert psutil.Process(started.pid).is_running()


def test_the_log_of_a_service_names_nobody(data: Path) -> None:
    """What ``up`` says goes to a service's journal; a file's name is a person's as often as not."""
    person = make_canaries(31)
    paper = canary_invoice(person, form="text", seed=31)
    inbox = data / "inbox"
    inbox.mkdir(parents=True)
    (inbox / paper.name).write_bytes(paper.content)
    with opened(data) as house, Started(data, "up", "--workers", "1") as started:
        wait_until(lambda: _ended(house) == 1, what="it has its end")
        started.signal(signal.SIGTERM)
        ended = started.wait()
    assert ended.code == 0
    for needle in person.needles():
        assert needle not in ended.stderr + ended.stdout
