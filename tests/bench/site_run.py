"""A real site for benches: its processes, what goes in, what they spend."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from deploy.local.entrance import entrance_of
from deploy.local.house import House
from deploy.local.site import Site, running
from deploy.local.supervisor import supervisor_of

LOOK_S: Final = 0.05
PATIENCE_S: Final = 600.0
MEGABYTE: Final = 1_000_000


class SiteRun:
    """Processes of one site at work: workers, the keeper, their sandboxes, and us at the door.

    Args:
        folder: the data folder, made new.
        workers: processes that take documents.
    """

    def __init__(self, folder: Path, *, workers: int) -> None:
        site = Site(folder)
        site.create()
        self.house = House(site)
        self._supervisor = supervisor_of(self.house, workers=workers)
        self.peak_mb = 0.0
        """Most memory of all processes together that a look found (PSS), if looks were asked."""

    @contextmanager
    def started(self) -> Iterator[None]:
        """Have the processes for the time of a block."""
        with running(self.house.site):
            self._supervisor.start()
            try:
                yield
            finally:
                self._supervisor.stop()

    def submit(self, paths: Sequence[Path]) -> None:
        """Hand files in."""
        for _ in entrance_of(self.house, "cli").submit_all(paths):
            self._supervisor.tend()

    def wait_for(self, documents: int, *, weigh: bool = False) -> None:
        """Wait until so many documents have come to their end.

        Args:
            documents: since the data folder was made.
            weigh: whether to look at the memory meanwhile.

        Raises:
            TimeoutError: they have not.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            counts = self.house.register.counts(self.house.clock.now())
            if counts.documents - counts.in_flight >= documents:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{documents} documents are not done: {counts}")
            self._supervisor.tend()
            if weigh:
                self.peak_mb = max(self.peak_mb, _memory_mb())
            time.sleep(LOOK_S)

    def ends(self) -> dict[str, int]:
        """Return how many documents ended how."""
        return dict(
            Counter(
                document.status.value if document.status else "in flight"
                for document in self.house.register.documents()
            )
        )


def cpu_by_role() -> dict[str, float]:
    """Return CPU-seconds so far: door (this process), work, keep, sandbox."""
    spent: dict[str, float] = {}
    for role, process in _roles():
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent[role] = spent.get(role, 0.0) + times.user + times.system
            if role == "work":  # its sandboxes that were replaced meanwhile
                ended = times.children_user + times.children_system
                spent["sandbox"] = spent.get("sandbox", 0.0) + ended
    return spent


def machine_seconds() -> tuple[float, float]:
    """Return how many CPU-seconds the whole machine was busy and idle so far."""
    times = psutil.cpu_times()
    idle = times.idle + times.iowait
    return sum(times) - times.guest - times.guest_nice - idle, idle


def _memory_mb() -> float:
    total = 0
    for _, process in _roles():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            total += process.memory_full_info().pss
    return total / MEGABYTE


def _roles() -> Iterator[tuple[str, psutil.Process]]:
    me = psutil.Process()
    yield "door", me
    for process in me.children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.NoSuchProcess:
            continue
        yield words[words.index("--role") + 1] if "--role" in words else "sandbox", process
