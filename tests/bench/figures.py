"""What the bench measures: each figure with its target and its limit."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from shared.tlog.reader import DirectoryReader
from shared.tlog.signer import Ed25519Signer
from shared.tlog.verify import verify_log
from tests.bench import (
    bench_bus,
    bench_journal,
    bench_log,
    bench_logging,
    bench_memory,
    bench_ocr,
    bench_pipeline,
    bench_push,
    bench_services,
    bench_verify,
)
from tests.bench.figure import Absent, Figure, Place

ROOT: Final = Path(__file__).resolve().parents[2]
HELP_RUNS: Final = 7
RECEIPTS: Final = 8
LEAVES: Final = 50_000
ENTRIES: Final = 40_000
SEALED: Final = 5_000
BATCH: Final = 1_000


def pipeline(place: Place) -> list[Figure]:
    """Born-digital one-page PDFs, durable and sealed."""
    speed = bench_pipeline.measure(place.folder)
    limit = bench_pipeline.parsing_limit(place.folder / "documents")
    disk = bench_pipeline.synced_files(place.folder / "synced")
    notes = (*speed.lines(), f"this disk: {disk:,.0f} synced files/s one by one")
    return [
        Figure(
            *("pipeline, one-page PDFs", speed.rate, "documents/s", 60, "more"),
            limit=limit,
            limit_name="parsing alone, 2 processes",
            notes=notes,
        )
    ]


def help_text(place: Place) -> list[Figure]:
    """``docledger --help``, warm: the best of several, as the machine is shared."""
    del place
    ours, cpu = _seconds([str(Path(sys.executable).with_name("docledger")), "--help"])
    bare, bare_cpu = _seconds([sys.executable, "-c", "import typer, rich"])
    return [
        Figure(
            *("docledger --help", ours, "s", 0.3, "less"),
            limit=bare,
            limit_name="importing Typer and Rich",
            notes=(f"CPU-s {cpu:.2f}, importing alone {bare_cpu:.2f}",),
        )
    ]


def memory(place: Place) -> list[Figure]:
    """All processes together while OCR runs on two workers."""
    peak, what = bench_memory.measure(place.folder, place.data)
    return [Figure("peak memory, OCR on 2 workers", peak, "MB", 1_600, "less", notes=(what,))]


def ocr(place: Place) -> list[Figure]:
    """CPU-seconds a scanned receipt."""
    folder = place.data / "sroie-dev"
    if not (folder / "img").is_dir():
        raise Absent(f"{folder}: scanned receipts, for CPU-seconds a receipt")
    found = {reader: _read_receipts(reader, folder) for reader in bench_ocr.READERS}
    ours, theirs = found["docledger"], found["rapidocr"]
    note = (
        f"{ours['receipts']:.0f} receipts; words found {ours['word_recall']:.1%} and right "
        f"{ours['word_precision']:.1%} (RapidOCR {theirs['word_recall']:.1%} and "
        f"{theirs['word_precision']:.1%}); one reader's memory {ours['peak_rss_mb']:.0f} MB "
        f"(RapidOCR {theirs['peak_rss_mb']:.0f} MB)"
    )
    return [
        Figure(
            *("a scanned receipt", ours["cpu_s_per_receipt"], "CPU-s", None, "less"),
            limit=theirs["cpu_s_per_receipt"],
            limit_name="RapidOCR's defaults",
            notes=(note,),
        )
    ]


def bus(place: Place) -> list[Figure]:
    """The embedded bus: publish, pull and acknowledge."""
    figures = []
    for name, batch, count, target in (
        ("bus, one by one", 1, bench_bus.ONE_BY_ONE, 1_200),
        ("bus, batched", bench_bus.BATCH, bench_bus.BATCHED, 15_000),
    ):
        limit = bench_bus.bare(place.folder / f"bare-{batch}", batch, count)
        ours = bench_bus.through_the_bus(place.folder / f"bus-{batch}", batch, count)
        note = (
            f"an event {ours.costs}, in three transactions, two of them synced; "
            f"a row of bare SQLite {limit.costs}, in one, synced"
        )
        figures.append(
            Figure(
                *(name, ours.rate, "events/s", target, "more"),
                limit=limit.rate,
                limit_name="bare SQLite inserts",
                notes=(note,),
            )
        )
    return figures


def journal(place: Place) -> list[Figure]:
    """Entries into the journal and under a checkpoint, in batches and one by one."""
    figures = []
    for kind, measure in bench_journal.KINDS.items():
        found = measure(place.folder, ENTRIES, SEALED)
        figures.append(
            Figure(
                *(
                    f"sealed on {kind}, by {SEALED:,}",
                    found.sealed.rate,
                    "entries/s",
                    10_000,
                    "more",
                ),
                limit=found.bare.rate,
                limit_name="bare inserts of the same rows",
                notes=found.lines(),
            )
        )
    return figures


def log(place: Place) -> list[Figure]:
    """The published log: appending in batches, verifying all of it."""
    dice = random.Random(7)
    leaves = [dice.randbytes(bench_log.LEAF_BYTES) for _ in range(LEAVES)]
    limit = bench_log.measured(LEAVES, lambda: bench_log.bare_sha256(leaves))[0]
    append = bench_log.measured(LEAVES, lambda: bench_log.append(place.folder, leaves, BATCH))[0]
    signer = Ed25519Signer.open_or_create(place.folder / "key.pem", bench_log.ORIGIN)
    reader = DirectoryReader(place.folder / "log")
    verify = bench_log.measured(LEAVES, lambda: verify_log(reader, signer.key))[0]
    return [
        Figure(
            *(name, value, unit, target, "more"),
            limit=limit,
            limit_name="bare SHA-256, leaf and node",
        )
        for name, value, unit, target in (
            ("log append, batches of 1,000", append, "entries/s", 10_000),
            ("log verify", verify, "leaves/s", 200_000),
        )
    ]


def log_line(place: Place) -> list[Figure]:
    """One log line without free text."""
    del place
    with Path(os.devnull).open("w", encoding="ascii") as nowhere:

        def sink(line: str) -> None:
            nowhere.write(line + "\n")

        costs = bench_logging.lines(sink)
    return [
        Figure(
            *("a log line", costs["a line"], "CPU-µs", 15, "less"),
            limit=costs["json.dumps"],
            limit_name="bare json.dumps",
        )
    ]


def services(place: Place) -> list[Figure]:
    """Cold start and memory at rest of each deployable."""
    started = bench_services.measure(place.folder / "services")
    bare = bench_services.bare()
    figures = []
    for name, start in started.items():
        figures.append(
            Figure(
                *(f"cold start of {name}", start.seconds, "s", 1.5, "less"),
                limit=bare,
                limit_name="importing functions-framework",
                notes=(f"CPU-s {start.cpu_s:.2f}",),
            )
        )
        figures.append(Figure(f"{name} at rest", start.memory_mb, "MB", 150, "less"))
    return figures


def push(place: Place) -> list[Figure]:
    """Events through the whole edge by HTTP push, a no-op handler on memory stores."""
    del place
    speeds = bench_push.measure_all()
    edge, bare = speeds["edge"], speeds["framework_bare"]
    whole, silent = bench_push.telemetry_us()
    notes = tuple(
        f"{bench_push.HOSTS[host]}: CPU-µs {one.cpu_us:.0f}, by the clock {one.rate:,.0f}/s, "
        f"ready in {one.ready_s:.2f} s, {one.server_mb:.0f} MB and arbiter {one.arbiter_mb:.0f} MB"
        for host, one in speeds.items()
    )
    share = 100 * edge.per_core / bare.per_core
    telemetry = 100 * (1 - silent / whole)
    told = f"CPU-µs an event {whole:.0f}, without telemetry in the same process {silent:.0f}"
    return [
        Figure(
            *("push, one core", edge.per_core, "events/s", 1_000, "more"),
            limit=bare.per_core,
            limit_name="the same host, bare",
            notes=notes,
        ),
        Figure("push, share of the bare host", share, "%", 40, "more"),
        Figure("push, telemetry's share", telemetry, "%", 15, "less", notes=(told,)),
    ]


def api(place: Place) -> list[Figure]:
    """The auditor API at 100,000 entries under 50 readers: lists, filters, proofs, tiles."""
    command = [sys.executable, "-m", "tests.bench.bench_api", str(place.folder)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    told = json.loads(answer.stdout)
    slow = ", ".join(f"{kind} {ms:.0f}" for kind, ms in list(told["slowest"].items())[:4])
    pace = f"p50 {told['p50_ms']:.0f} ms, {told['per_s']:.0f} requests/s, {told['refused']} refused"
    cpu = f"CPU-ms a request {told['cpu_ms']:.1f}, of /health {told['bare_cpu_ms']:.1f}"
    return [
        Figure(
            *("auditor API p99, 50 readers", told["p99_ms"], "ms", 500, "less"),
            limit=told["bare_p99_ms"],
            limit_name="/health, the same readers",
            notes=(pace, cpu, f"slowest p99 in ms: {slow}"),
        )
    ]


FIGURES: Final[tuple[Callable[[Place], list[Figure]], ...]] = (
    help_text,
    bus,
    journal,
    log,
    bench_verify.verifier,
    log_line,
    push,
    pipeline,
    memory,
    ocr,
    services,
    api,
)


def _seconds(command: list[str]) -> tuple[float, float]:
    """Return the best seconds of several runs, by the clock and by CPU."""
    wall, cpu = float("inf"), float("inf")
    for _ in range(HELP_RUNS):
        begun, before = time.perf_counter(), os.times()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        wall = min(wall, time.perf_counter() - begun)
        user = after.children_user - before.children_user
        cpu = min(cpu, user + after.children_system - before.children_system)
    return wall, cpu


def _read_receipts(reader: str, folder: Path) -> dict[str, float]:
    answer = subprocess.run(
        [sys.executable, bench_ocr.__file__, "--one", reader, str(folder), str(RECEIPTS)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found
