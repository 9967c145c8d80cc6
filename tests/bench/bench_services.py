"""Cold start and memory at rest of each deployable, as Cloud Run would see them.

``python -m tests.bench.bench_services`` prints them. A cold start is the time from starting the
process to its first ``/ready`` that says so, its stores asked; the fastest of a few, as the machine
is shared. The register and the journal have their tables, as in production. Memory is PSS (what
processes share is counted once) of the arbiter, the worker and whatever else it has started.
"""

import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from deploy.cloudrun.deployables import NAMES
from deploy.local.ports import unused_port
from deploy.local.pubsub_site import APIS, OBJECTS, UPLOADS, command_of
from deploy.local.storage_emulator import StorageEmulator

ROOT: Final = Path(__file__).resolve().parents[2]
RUNS: Final = 3
START_S: Final = 60.0
POLL_S: Final = 0.01
MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a deployable.

    Attributes:
        seconds: until it was ready.
        cpu_s: processor seconds that it took, all of its processes.
        memory_mb: at rest.
    """

    seconds: float
    cpu_s: float
    memory_mb: float


def measure(folder: Path) -> dict[str, Start]:
    """Return the fastest start of each deployable."""
    data = folder / "data"
    data.mkdir(parents=True)
    with StorageEmulator(None, log=folder / "storage.log") as storage:
        for bucket in (OBJECTS, UPLOADS):
            storage.create_bucket(bucket)
        surroundings = _surroundings(data, storage.url)
        found: dict[str, Start] = {}
        for name in (*NAMES, *APIS):
            _start(name, surroundings, folder)  # makes the tables, and Python's compiled files
            starts = [_start(name, surroundings, folder) for _ in range(RUNS)]
            found[name] = min(starts, key=lambda start: start.seconds)
    return found


def bare() -> float:
    """Return the seconds until a bare functions-framework application could answer."""
    begun = time.monotonic()
    code = "import functions_framework, gunicorn.app.base"
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.monotonic() - begun


def _start(name: str, surroundings: Mapping[str, str], folder: Path) -> Start:
    port = unused_port()
    environment = {**surroundings, "FUNCTION_TARGET": name, "PORT": str(port)}
    with (folder / f"{name}.log").open("ab") as log:
        begun = time.monotonic()
        process = subprocess.Popen(
            command_of(name), cwd=ROOT, env={**os.environ, **environment}, stderr=log, stdout=log
        )
        try:
            _wait_until_ready(port, process)
            seconds = time.monotonic() - begun
            whole = psutil.Process(process.pid)
            family = [whole, *whole.children(recursive=True)]
            times = [one.cpu_times() for one in family]
            cpu_s = sum(one.user + one.system for one in times)
            memory = sum(one.memory_full_info().pss for one in family) / MB
        finally:
            process.terminate()
            process.wait()
    return Start(seconds, cpu_s, memory)


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_S)
        try:
            connection.request("GET", "/ready")
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(POLL_S)
    raise RuntimeError("a deployable did not get ready")


def _surroundings(data: Path, storage: str) -> dict[str, str]:
    return {
        "DOCLEDGER_PROJECT": "bench-project",
        "DOCLEDGER_OBJECTS_BUCKET": OBJECTS,
        "DOCLEDGER_DATA_DIR": str(data),
        "DOCLEDGER_ENTRANCE_BUCKETS": f"{UPLOADS}=default",
        "DOCLEDGER_TRACES": "none",
        "DOCLEDGER_INGEST_API_CALLERS": "anybody=default",
        "DOCLEDGER_LEDGER_API_READERS": "anybody=default",
        "DOCLEDGER_UNSAFE_NO_PUSH_AUTH": "true",
        "DOCLEDGER_UNSAFE_NO_API_AUTH": "true",
        "PUBSUB_EMULATOR_HOST": "127.0.0.1:1",  # asked when there is something to publish
        "STORAGE_EMULATOR_HOST": storage,
    }


def main() -> None:
    """Print each deployable's start."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("DOCLEDGER_BENCH_DIR")) as folder:
        found = measure(Path(folder) / "services")
    print(f"{'deployable':12} {'cold start s':>12} {'CPU-s':>6} {'at rest MB':>11}")
    for name, start in found.items():
        print(f"{name:12} {start.seconds:12.2f} {start.cpu_s:6.2f} {start.memory_mb:11.0f}")
    print(f"importing functions-framework and gunicorn alone: {bare():.2f} s")


if __name__ == "__main__":
    main()
