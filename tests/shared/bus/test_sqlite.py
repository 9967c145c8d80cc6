"""What only the SQLite bus promises: durability, several processes, an audit's questions."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.bus.sqlite import SqliteBus
from shared.bus.topology import Topology, load_topology
from shared.clock import FakeClock
from shared.errors import TransientError, UserError
from shared.events.envelope import Event

MakeEvent = Callable[[int], Event]

SUMMARIZE = "summarize.document-read"
REGISTER = "register.document-read"

WORKER = """
import sys
from pathlib import Path
sys.path[:0] = [{conftest!r}]
from conftest import make
from shared.bus.sqlite import SqliteBus
from shared.bus.topology import load_topology

bus = SqliteBus(Path(sys.argv[1]), load_topology())
first, mode = int(sys.argv[2]), sys.argv[3]
print("ready", flush=True)
if mode == "publish":
    for batch in range(10_000_000):
        bus.publish([make(first + 3 * batch + part) for part in range(3)])
        print(batch, flush=True)
while deliveries := bus.pull("summarize.document-read", most=1, lease_s=600):
    print(deliveries[0].message.attributes["ce-subject"], flush=True)
    bus.acknowledge(deliveries)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Say where the bus lies."""
    return tmp_path / "bus.sqlite"


@pytest.fixture
def behind(sqlite_bus: SqliteBus, path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection behind the bus's back."""
    assert sqlite_bus
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture
def start(path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start real workers on the bus's file; none outlives its test."""
    started: list[subprocess.Popen[str]] = []

    def starter(first: int, mode: str) -> subprocess.Popen[str]:
        code = WORKER.format(conftest=str(Path(__file__).parent))
        command = [sys.executable, "-c", code, str(path), str(first), mode]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield starter
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    """Read so many lines of what a worker says."""
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


@pytest.mark.integration
def test_what_was_published_survives_kill_9(
    path: Path, topology: Topology, event: MakeEvent, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """A batch that was confirmed is there, and no batch is there by halves."""
    process = start(0, "publish")
    lines(process, 40)
    process.send_signal(signal.SIGKILL)
    confirmed = 40 + len(process.communicate()[0].splitlines())
    assert process.returncode == -signal.SIGKILL
    bus = SqliteBus(path, topology)
    pulled = bus.pull(SUMMARIZE, most=1_000_000, lease_s=60)
    ids = [delivery.message.attributes["ce-id"] for delivery in pulled]
    assert len(ids) in {3 * confirmed, 3 * confirmed + 3}
    assert ids[:3] == [event(number).id for number in range(3)]
    assert bus.missing_deliveries() == []
    bus.close()


@pytest.mark.integration
def test_what_was_leased_comes_back_after_kill_9(
    path: Path, topology: Topology, event: MakeEvent, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """What the dead worker held is handed out again; what it settled is not."""
    bus = SqliteBus(path, topology)
    bus.publish([event(number) for number in range(3000)])
    process = start(0, "pull")
    lines(process, 20)
    process.send_signal(signal.SIGKILL)
    seen = 20 + len(process.communicate()[0].splitlines())
    leased = bus.release_leases()
    left = bus.pull(SUMMARIZE, most=10_000, lease_s=60)
    assert leased in {0, 1}
    assert len(left) in {3000 - seen - 1, 3000 - seen, 3000 - seen + 1}
    assert sum(delivery.attempt == 2 for delivery in left) == leased
    bus.close()


@pytest.mark.integration
def test_what_one_dead_process_held_comes_back_and_nothing_else(
    path: Path, topology: Topology, event: MakeEvent, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """One worker's death is no reason to take from the living what they have in hand."""
    bus = SqliteBus(path, topology)
    bus.publish([event(number) for number in range(3000)])
    [mine] = bus.pull(SUMMARIZE, most=1, lease_s=60)
    process = start(0, "pull")
    lines(process, 20)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    leased = next(row.leased for row in bus.backlog() if row.subscription == SUMMARIZE)
    assert bus.release_leases(process.pid) == leased - 1
    assert bus.release_leases(process.pid) == 0
    bus.acknowledge([mine])
    assert not any(row.leased for row in bus.backlog())
    bus.close()


@pytest.mark.integration
def test_processes_share_the_work_without_doubling_it(
    path: Path, topology: Topology, event: MakeEvent, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """Each message has one holder at a time, whoever asks."""
    bus = SqliteBus(path, topology)
    bus.publish([event(number) for number in range(200)])
    workers = [start(0, "pull") for _ in range(2)]
    pulled = [line for worker in workers for line in worker.communicate()[0].splitlines()]
    assert sorted(pulled) == [event(number).subject for number in range(200)]
    bus.close()


def test_threads_share_one_bus(sqlite_bus: SqliteBus, event: MakeEvent) -> None:
    """The local supervisor pulls from several threads."""
    sqlite_bus.publish([event(number) for number in range(60)])

    def drain(_worker: int) -> list[str]:
        seen: list[str] = []
        while deliveries := sqlite_bus.pull(SUMMARIZE, most=3, lease_s=60):
            seen += [delivery.message.attributes["ce-subject"] for delivery in deliveries]
            sqlite_bus.acknowledge(deliveries)
        return seen

    with ThreadPoolExecutor(4) as pool:
        seen = [subject for part in pool.map(drain, range(4)) for subject in part]
    assert sorted(seen) == [event(number).subject for number in range(60)]


def test_what_is_published_or_settled_reaches_the_disk(
    sqlite_bus: SqliteBus, event: MakeEvent
) -> None:
    """A power cut takes nothing that was confirmed; leases alone do not wait for the disk."""
    said: list[str] = []
    sqlite_bus._connection.set_trace_callback(said.append)

    def synced(work: Callable[[], object]) -> bool:
        said.clear()
        work()
        assert "COMMIT" in said
        assert sqlite_bus._rows("PRAGMA synchronous", ()) == [(2,)]
        return not any("synchronous" in one for one in said[: said.index("COMMIT")])

    assert sqlite_bus._rows("PRAGMA journal_mode", ()) == [("wal",)]
    assert synced(lambda: sqlite_bus.publish([event(1), event(2)]))
    assert not synced(lambda: sqlite_bus.pull(REGISTER, most=2, lease_s=60))
    held = sqlite_bus.pull(SUMMARIZE, most=2, lease_s=60)
    assert not synced(lambda: sqlite_bus.extend(held[0], lease_s=60))
    assert synced(lambda: sqlite_bus.acknowledge(held[:1]))
    assert synced(lambda: sqlite_bus.retry(held[1], delay_s=1))
    assert synced(sqlite_bus.release_leases)


def test_a_lease_that_failed_leaves_the_bus_synced(
    sqlite_bus: SqliteBus, behind: sqlite3.Connection, event: MakeEvent
) -> None:
    """What is published next must reach the disk, whatever happened before."""
    sqlite_bus.publish([event(1)])
    behind.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransientError):
        sqlite_bus.pull(SUMMARIZE, most=1, lease_s=60)
    behind.execute("ROLLBACK")
    assert sqlite_bus._rows("PRAGMA synchronous", ()) == [(2,)]


def test_a_lease_that_a_power_cut_took_is_as_if_never_given(
    sqlite_bus: SqliteBus, path: Path, tmp_path: Path, topology: Topology, clock: FakeClock,
    event: MakeEvent,
) -> None:  # fmt: skip
    """Nobody who held it is left; the message is there, and goes out at once."""
    sqlite_bus.publish([event(1)])
    after = tmp_path / "after the cut"
    after.mkdir()
    for part in ("", "-wal"):  # what the disk has when publishing returned
        shutil.copyfile(f"{path}{part}", after / f"{path.name}{part}")
    assert len(sqlite_bus.pull(SUMMARIZE, most=9, lease_s=60)) == 1
    again = SqliteBus(after / path.name, topology, clock=clock)
    [delivery] = again.pull(SUMMARIZE, most=9, lease_s=60)
    assert delivery.attempt == 1
    again.acknowledge([delivery])
    assert again.missing_deliveries() == []
    again.close()


def test_the_bus_is_as_it_was_after_reopening(
    sqlite_bus: SqliteBus, path: Path, topology: Topology, clock: FakeClock, event: MakeEvent
) -> None:
    """Leases, delays and attempts are on disk, not in a process."""
    sqlite_bus.publish([event(1), event(2)])
    held, given_back = sqlite_bus.pull(SUMMARIZE, most=2, lease_s=60)
    sqlite_bus.retry(given_back, delay_s=30)
    before = sqlite_bus.backlog()
    again = SqliteBus(path, topology, clock=clock)
    assert again.backlog() == before
    assert again.pull(SUMMARIZE, most=2, lease_s=60) == []
    again.acknowledge([held])
    clock.sleep(60)
    assert [delivery.attempt for delivery in again.pull(SUMMARIZE, most=2, lease_s=60)] == [2]
    again.close()


def test_a_locked_file_is_transient_and_publishes_nothing(
    sqlite_bus: SqliteBus, behind: sqlite3.Connection, event: MakeEvent
) -> None:
    """Another process's long transaction is no reason to quarantine a document."""
    behind.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransientError, match="SQLITE_BUSY"):
        sqlite_bus.publish([event(1)])
    behind.execute("ROLLBACK")
    sqlite_bus.publish([event(2)])
    assert len(sqlite_bus.pull(SUMMARIZE, most=9, lease_s=60)) == 1


def test_a_full_disk_is_transient_and_publishes_nothing(
    sqlite_bus: SqliteBus, event: MakeEvent
) -> None:
    """All or none, also when the disk fills in the middle of a batch; then work goes on."""
    [[pages]] = sqlite_bus._rows("PRAGMA page_count", ())
    sqlite_bus._rows(f"PRAGMA max_page_count = {pages}", ())
    batch = [event(number) for number in range(200)]
    with pytest.raises(TransientError, match="SQLITE_FULL"):
        sqlite_bus.publish(batch)
    assert not any(sqlite_bus.has_published(one.id) for one in batch)
    sqlite_bus._rows(f"PRAGMA max_page_count = {pages + 1000}", ())
    sqlite_bus.publish(batch)
    assert len(sqlite_bus.pull(SUMMARIZE, most=999, lease_s=60)) == 200


def test_a_damaged_file_is_transient(path: Path, topology: Topology) -> None:
    """Documents wait until the file is restored; none is blamed."""
    path.write_bytes(b"this is no database, but long enough to be taken for a header" * 20)
    with pytest.raises(TransientError, match="SQLITE_NOTADB"):
        SqliteBus(path, topology)


def test_a_folder_that_cannot_be_made_is_transient(tmp_path: Path, topology: Topology) -> None:
    """A volume that is not mounted yet may come."""
    (tmp_path / "file").write_text("")
    with pytest.raises(TransientError):
        SqliteBus(tmp_path / "file" / "bus.sqlite", topology)


@pytest.mark.parametrize(
    ("version", "whose"), [(2, "an older version of docledger"), (99, "a newer version")]
)
def test_a_file_of_another_version_is_refused(
    sqlite_bus: SqliteBus,
    behind: sqlite3.Connection,
    path: Path,
    topology: Topology,
    version: int,
    whose: str,
) -> None:
    """Nobody guesses at another format; who has such a file reads in one line what to do."""
    assert sqlite_bus
    behind.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(UserError, match=f"^bus.sqlite was made by {whose}.*--data-dir$") as refused:
        SqliteBus(path, topology)
    assert "\n" not in str(refused.value)


def test_the_bus_stores_references_only(sqlite_bus: SqliteBus, event: MakeEvent) -> None:
    """The file is not encrypted: it must hold nothing that needs to be."""
    sqlite_bus.publish([event(1)])
    [[attributes, body]] = sqlite_bus._rows("SELECT attributes, body FROM events", ())
    assert set(os.fsdecode(body)) <= set(os.fsdecode(event(1).data.model_dump_json()))
    assert event(1).id in attributes


def test_an_idle_poll_writes_nothing(sqlite_bus: SqliteBus, behind: sqlite3.Connection) -> None:
    """Thirty idle subscriptions poll all day, and wait for nobody's transaction."""
    behind.execute("BEGIN IMMEDIATE")
    assert sqlite_bus.pull(SUMMARIZE, most=9, lease_s=60) == []
    behind.execute("ROLLBACK")


def test_the_default_clock_is_the_machines(path: Path, event: MakeEvent) -> None:
    """Production needs no argument."""
    bus = SqliteBus(path, load_topology())
    bus.publish([event(1)])
    assert len(bus.pull(SUMMARIZE, most=9, lease_s=60)) == 1
    bus.close()


def test_extended_leases_are_settled_beside_others(
    sqlite_bus: SqliteBus, behind: sqlite3.Connection, clock: FakeClock, event: MakeEvent
) -> None:
    """A receipt stays good when its message moved: to a later end of its lease, or an earlier."""
    sqlite_bus.publish([event(number) for number in range(4)])
    longer, shorter, as_it_was, lost = sqlite_bus.pull(SUMMARIZE, most=4, lease_s=60)
    sqlite_bus.extend(longer, lease_s=600)
    sqlite_bus.extend(shorter, lease_s=30)
    sqlite_bus.retry(lost, delay_s=300)
    sqlite_bus.acknowledge([longer, shorter, as_it_was, lost])
    assert behind.execute("SELECT seq FROM settled").fetchall() == [(1,), (2,), (3,)]
    clock.sleep(600)
    assert [again.attempt for again in sqlite_bus.pull(SUMMARIZE, most=4, lease_s=60)] == [2]
