"""Born-digital invoices through the whole pipeline, durable and sealed: documents a second.

``python -m tests.bench.bench_pipeline`` prints the figures. Real processes on a fresh data folder:
two that take documents, one that keeps register and log, and this one at the door. Measured from
the first submission until the register knows the last entry as posted; start-up is told apart.

The limit is the machine's own: what one process needs, without any store, to look into, read and
summarize the same documents (that is parsing), twice as fast for two cores. What lies between is
the price of sealing, syncing, sending and proving. The machine's synced files a second are told
too: a document cannot be durable without some.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.local.entrance import entrance_of
from deploy.local.house import House
from deploy.local.site import Site, running
from deploy.local.supervisor import Supervisor
from examples.stream import invoice_stream

DOCUMENTS: Final = 400
WARM_UP: Final = 16
WORKERS: Final = 2
SEED: Final = 20_260_101
LOOK_S: Final = 0.05
PATIENCE_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Speed:
    """What one run took.

    Attributes:
        documents: how many were measured.
        started_s: from starting the processes until the first documents were sealed.
        submitted_s: until the last one was in.
        seconds: from the first submission to the last entry in the register.
        ends: how many documents ended how, the warm-up included.
        cpu: CPU-seconds of each role over the measured time.
    """

    documents: int
    started_s: float
    submitted_s: float
    seconds: float
    ends: dict[str, int]
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Documents a second."""
        return self.documents / self.seconds


def written(folder: Path, count: int) -> list[Path]:
    """Write ``count`` one-page invoices and return their paths."""
    folder.mkdir(parents=True)
    paths = []
    for example in invoice_stream(SEED, count):
        path = folder / example.name
        path.write_bytes(example.content)
        paths.append(path)
    return paths


def measure(root: Path, count: int = DOCUMENTS) -> Speed:
    """Run ``count`` documents through fresh processes on a fresh data folder under ``root``."""
    paths = written(root / "documents", WARM_UP + count)
    site = Site(root / "site")
    site.create()
    house = House(site)
    with running(site):
        supervisor = Supervisor(
            site, workers=WORKERS, clock=house.clock, on_death=house.bus.release_leases
        )
        begun = time.perf_counter()
        supervisor.start()
        try:
            _submit(house, paths[:WARM_UP])
            _await(house, supervisor, WARM_UP)
            started_s = time.perf_counter() - begun
            before, begun = _cpu(), time.perf_counter()
            _submit(house, paths[WARM_UP:])
            submitted_s = time.perf_counter() - begun
            _await(house, supervisor, WARM_UP + count)
            seconds = time.perf_counter() - begun
            after = _cpu()
        finally:
            supervisor.stop()
    ends = Counter(
        document.status.value if document.status else "in flight"
        for document in house.register.documents()
    )
    cpu = {role: after[role] - before.get(role, 0.0) for role in after}
    return Speed(count, started_s, submitted_s, seconds, dict(ends), cpu)


def _submit(house: House, paths: list[Path]) -> None:
    for _ in entrance_of(house, "cli").submit_all(paths):
        pass


def _await(house: House, supervisor: Supervisor, documents: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        counts = house.register.counts(house.clock.now())
        if counts.documents - counts.in_flight >= documents:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{documents} documents are not done: {counts}")
        supervisor.tend()
        time.sleep(LOOK_S)


def _cpu() -> dict[str, float]:
    """Return CPU-seconds so far, by role."""
    spent: dict[str, float] = {}
    for role, process in _roles():
        times = process.cpu_times()
        spent[role] = spent.get(role, 0.0) + times.user + times.system
    return spent


def _roles() -> Iterator[tuple[str, psutil.Process]]:
    """Yield every process of the run with its role: door, work, keep, sandbox."""
    me = psutil.Process()
    yield "door", me
    for process in me.children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.NoSuchProcess:
            continue
        yield words[words.index("--role") + 1] if "--role" in words else "sandbox", process


def synced_files(folder: Path, count: int = 200) -> float:
    """Return how many files of a few KB can be written and synced a second, one by one."""
    folder.mkdir()
    begun = time.perf_counter()
    for number in range(count):
        with (folder / str(number)).open("wb") as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    return count / (time.perf_counter() - begun)


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS
    with tempfile.TemporaryDirectory(dir=os.environ.get("DOCLEDGER_BENCH_DIR")) as folder:
        root = Path(folder)
        synced = synced_files(root / "synced")
        speed = measure(root, count)
    each = {role: 1000 * spent / speed.documents for role, spent in sorted(speed.cpu.items())}
    print(
        f"pipeline, {speed.documents} one-page PDFs: {speed.rate:.1f} documents/s "
        f"({speed.seconds:.1f} s, all in after {speed.submitted_s:.1f} s, "
        f"start-up {speed.started_s:.1f} s); ends {speed.ends}"
    )
    told = ", ".join(f"{role} {ms:.1f}" for role, ms in each.items())
    print(f"CPU-ms a document: {told}; all {sum(each.values()):.1f}")
    print(f"this disk: {synced:,.0f} synced files/s one by one; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
