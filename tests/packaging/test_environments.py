"""Each deployable runs in an environment that holds its own lock and nothing else."""

import os
import re
import shutil
import subprocess
import venv
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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

FOREIGN = {
    "ingest": "onnxruntime",
    "ocr": "sqlalchemy",
    "summarize": "pypdfium2",
    "ledger": "pypdfium2",
}
"""By service, something that another one needs and it must do without."""

WORKER = """
import sys
from deploy.cloudrun.deployables import build
from shared.worker.web import Request

service = build(sys.argv[1])
assert service.respond(Request("GET", "/health", {}, b"")).status == 200
for receiver in service._receivers.values():
    if hasattr(receiver, "_do"):
        receiver._do.breaker._canary()  # a built-in document, through the worker's own sandbox
service.drain()
"""

API = """
import sys
from deploy.cloudrun.api import build

assert {route.path for route in build(sys.argv[1]).routes} >= {"/health", "/ready"}
"""

SERVICE = """
import importlib, pkgutil, sys

package = importlib.import_module(f"services.{sys.argv[1]}")
for found in pkgutil.walk_packages(package.__path__, f"services.{sys.argv[1]}."):
    if ".migrations." not in found.name:
        importlib.import_module(found.name)
"""


@pytest.fixture(scope="module", params=sorted(set(DEPLOYABLES.values())))
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """Give a service and the interpreter of an environment with its lock's packages alone."""
    service: str = request.param
    folder = tmp_path_factory.mktemp(service)
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    lock = (ROOT / "requirements" / f"{service}.lock").read_text(encoding="utf-8")
    for name in re.findall(r"^([a-z0-9][a-z0-9._-]*)==", lock, flags=re.MULTILINE):
        if name in INSTALLED:  # else it is for another platform
            _link(INSTALLED[name], site)
    return service, folder / "bin" / "python"


def _link(distribution: Distribution, site: Path) -> None:
    """Put what a distribution installed into another environment, file by file."""
    for file in distribution.files or ():
        if ".." in file.parts or file.suffix == ".pyc":
            continue
        link = site / file
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            # Not a symbolic link: the sandbox opens this environment's files and no others.
            there = Path(str(distribution.locate_file(file)))
            try:
                link.hardlink_to(there)
            except OSError:
                shutil.copyfile(there, link)  # on another file system


def _ran(python: Path, code: str, argument: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-W", "ignore", "-c", code, argument],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DOCLEDGER_PROJECT": "test-project",
            "DOCLEDGER_OBJECTS_BUCKET": "objects",
            "DOCLEDGER_DATA_DIR": str(data),
            "DOCLEDGER_ENTRANCE_BUCKETS": "uploads=default",
            "DOCLEDGER_TRACES": "none",
            "DOCLEDGER_UNSAFE_NO_PUSH_AUTH": "true",
            "DOCLEDGER_UNSAFE_NO_API_AUTH": "true",
            "PUBSUB_EMULATOR_HOST": "127.0.0.1:1",
            "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1",
        },
        cwd=data,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_module_of_a_service_is_there(environment: tuple[str, Path], tmp_path: Path) -> None:
    """A forgotten dependency breaks the image, not the laptop, which has everything."""
    service, python = environment
    ran = _ran(python, SERVICE, service, tmp_path)
    assert ran.returncode == 0, ran.stderr


def test_every_deployable_of_a_service_is_built_and_works(
    environment: tuple[str, Path], tmp_path: Path
) -> None:
    """It answers, and does its canary: what its sandbox loads is in the image as well."""
    service, python = environment
    for name, its in DEPLOYABLES.items():
        if its == service:
            code = API if name.endswith("-api") else WORKER
            ran = _ran(python, code, name, tmp_path)
            assert ran.returncode == 0, (name, ran.stderr)


def test_what_another_service_needs_is_not_there(
    environment: tuple[str, Path], tmp_path: Path
) -> None:
    """Else the other tests would prove nothing."""
    service, python = environment
    ran = _ran(python, f"import {FOREIGN[service]}", "", tmp_path)
    assert "ModuleNotFoundError" in ran.stderr
