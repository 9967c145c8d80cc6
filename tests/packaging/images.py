"""Images as trees: made without a second installation, and their processes run from them."""

import re
import shutil
import subprocess
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import Distribution, distributions
from pathlib import Path

import httpx

from deploy.cloudrun.image.tree import Image, Run, shell
from deploy.local.ports import unused_port
from tests.waiting import PATIENCE_S, wait_until

INSTALLED: dict[str, Distribution] = {
    re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(): one for one in distributions()
}

DEPLOYABLES = {
    "entrance": "ingest",
    "ingest": "ingest",
    "register": "ingest",
    "ocr": "ocr",
    "summarize": "summarize",
    "ledger": "ledger",
    "sequencer": "ledger",
    "eraser": "ingest",
    "ingest-api": "ingest",
    "ledger-api": "ledger",
}
"""By deployable, the service whose lock its image installs."""


def linked(run: Run) -> None:
    """Do a RUN line; what it would install is taken from the environment that runs the tests."""
    if run.stage != "packages":
        shell(run)
        return
    folder = Path(run.environ["VENV"])
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    lock = (run.folder / "packages.lock").read_text(encoding="utf-8")
    for name in re.findall(r"^([a-z0-9][a-z0-9._-]*)==", lock, flags=re.MULTILINE):
        if name in INSTALLED:  # else it is for another platform
            _link(INSTALLED[name], site)


def _link(distribution: Distribution, site: Path) -> None:
    """Put what a distribution installed into another environment, file by file."""
    for file in distribution.files or ():
        there = Path(str(distribution.locate_file(file)))
        if ".." in file.parts or not there.exists():  # a script, or what was not compiled
            continue
        link = site / file
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            # Not a symbolic link: the sandbox opens this environment's files and no others.
            try:
                link.hardlink_to(there)
            except OSError:
                shutil.copyfile(there, link)  # on another file system


def surroundings(data: Path) -> dict[str, str]:
    """Return what a deployable reads: nothing answers at the addresses."""
    return {
        "DOCLEDGER_PROJECT": "test-project",
        "DOCLEDGER_OBJECTS_BUCKET": "objects",
        "DOCLEDGER_DATA_DIR": str(data),
        "DOCLEDGER_ENTRANCE_BUCKETS": "uploads=default",
        "DOCLEDGER_TRACES": "none",
        "DOCLEDGER_UNSAFE_NO_PUSH_AUTH": "true",
        "DOCLEDGER_UNSAFE_NO_API_AUTH": "true",
        "PUBSUB_EMULATOR_HOST": "127.0.0.1:1",
        "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1",
    }


def ran(image: Image, data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the image's Python, with the image's environment and files, to its end."""
    argv, environ, folder = image.started_as("python", *arguments)
    return subprocess.run(
        argv,
        env={**environ, **surroundings(data)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 3,
        check=False,
    )


@contextmanager
def serving(image: Image, name: str, data: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a deployable as its container does, until it answers; SIGTERM at the end."""
    port = unused_port()
    command = ("python", "-m", "deploy.cloudrun.api", name) if name.endswith("-api") else ()
    argv, environ, folder = image.started_as(*command)
    told: Mapping[str, str] = {**surroundings(data), "FUNCTION_TARGET": name, "PORT": str(port)}
    process = subprocess.Popen(
        argv,
        env={**environ, **told},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: process.poll() is not None or _healthy(port), what=f"{name} answers")
        assert process.poll() is None, process.communicate()[1]
        yield process
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.communicate()


def _healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.TransportError:
        return False
