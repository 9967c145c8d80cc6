"""Born-digital invoices through the whole pipeline, durable and sealed: documents a second.

``python -m tests.bench.bench_pipeline [COUNT]`` prints the figures. Real processes on a fresh data
folder: two that take documents, one that keeps register and log, and this one at the door. Measured
from the first submission until the register knows the last entry as posted; start-up is told apart.

The limit is what two processes need to read and summarize the same documents, by the same code and
with neither sandbox nor store, bus, keys or log: what lies between is the price of all that.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from examples.stream import invoice_stream
from tests.bench.site_run import SiteRun, cpu_by_role, machine_seconds

DOCUMENTS: Final = 400
WARM_UP: Final = 32
WORKERS: Final = 2
SEED: Final = 20_260_101
ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Speed:
    """What one run took.

    Attributes:
        documents: how many were measured.
        started_s: from starting the processes until the warm-up documents were sealed.
        submitted_s: until the last one was in.
        seconds: from the first submission to the last entry in the register.
        ends: how many documents ended how, the warm-up included.
        cpu: CPU-seconds of each role over the measured time.
        idle: share of the machine that nobody used meanwhile.
        others: share of the machine that was somebody else's.
    """

    documents: int
    started_s: float
    submitted_s: float
    seconds: float
    ends: dict[str, int]
    idle: float
    others: float
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Documents a second."""
        return self.documents / self.seconds

    @property
    def alone(self) -> float:
        """Documents a second at the same CPU, had no other program run: an estimate."""
        return self.rate / (1 - self.others)

    @property
    def cpu_ms(self) -> float:
        """CPU-milliseconds a document, of all processes."""
        return 1000 * sum(self.cpu.values()) / self.documents

    def lines(self) -> list[str]:
        """Return the figures behind the rate, a line each."""
        each = {role: 1000 * spent / self.documents for role, spent in sorted(self.cpu.items())}
        roles = ", ".join(f"{role} {milliseconds:.1f}" for role, milliseconds in each.items())
        ends = ", ".join(f"{count} {end}" for end, count in sorted(self.ends.items()))
        took = f"{self.documents} documents in {self.seconds:.1f} s"
        others = f"idle {self.idle:.0%}, other programs {self.others:.0%}"
        return [
            f"{took}, the last in after {self.submitted_s:.1f} s; ends, warm-up too: {ends}",
            f"start-up, until {WARM_UP} more were sealed: {self.started_s:.1f} s",
            f"CPU-ms a document: {roles}; all {self.cpu_ms:.1f}",
            f"of the machine: {others}; by CPU, {self.alone:.0f} documents/s were it ours alone",
        ]


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
    run = SiteRun(root / "site", workers=WORKERS)
    begun = time.perf_counter()
    with run.started():
        run.submit(paths[:WARM_UP])
        run.wait_for(WARM_UP)
        started_s = time.perf_counter() - begun
        before, machine, begun = cpu_by_role(), machine_seconds(), time.perf_counter()
        run.submit(paths[WARM_UP:])
        submitted_s = time.perf_counter() - begun
        run.wait_for(WARM_UP + count)
        seconds = time.perf_counter() - begun
        after, machine_after = cpu_by_role(), machine_seconds()
    cpu = {role: after[role] - before.get(role, 0.0) for role in after}
    busy, idle = (late - early for late, early in zip(machine_after, machine, strict=True))
    return Speed(
        documents=count,
        started_s=started_s,
        submitted_s=submitted_s,
        seconds=seconds,
        ends=run.ends(),
        idle=idle / (busy + idle),
        others=max(0.0, busy - sum(cpu.values())) / (busy + idle),
        cpu=cpu,
    )


def parsing_limit(folder: Path) -> float:
    """Return how many of the documents in ``folder`` two bare processes parse a second."""
    begun = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.bench_pipeline", "--parse", str(folder), str(half)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for half in range(WORKERS)
    ]
    return sum(float(process.communicate()[0]) for process in begun)


def parse(folder: Path, half: int) -> float:
    """Read and summarize every other document; return how many a second, imports excluded."""
    from services.ocr.adapters.task import read_document  # noqa: PLC0415 - one process of two
    from services.summarize.rules import RulesSummarizer  # noqa: PLC0415 - likewise
    from shared.events.payloads import MediaType  # noqa: PLC0415 - likewise

    contents = [path.read_bytes() for path in sorted(folder.iterdir())[half::WORKERS]]
    summarize = RulesSummarizer().summarize
    summarize(read_document(contents[0], MediaType.PDF))
    begun = time.perf_counter()
    for content in contents:
        summarize(read_document(content, MediaType.PDF))
    return len(contents) / (time.perf_counter() - begun)


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


def main(count: int = DOCUMENTS) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("DOCLEDGER_BENCH_DIR")) as folder:
        root = Path(folder)
        synced = synced_files(root / "synced")
        speed = measure(root, count)
        limit = parsing_limit(root / "documents")
    print(f"pipeline {speed.rate:.1f} documents/s; parsing alone {limit:.1f}/s")
    for line in speed.lines():
        print(line)
    print(f"this disk: {synced:,.0f} synced files/s one by one")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--parse"]:
        print(parse(Path(sys.argv[2]), int(sys.argv[3])))
    else:
        main(*map(int, sys.argv[1:]))
