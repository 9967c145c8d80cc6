"""Each deployable runs from its image's files and its own lock, and from nothing else."""

from pathlib import Path

import pytest

from deploy.cloudrun.image.tree import Builder, Image
from tests.packaging.images import DEPLOYABLES, linked, ran, serving

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
assert package.__file__.startswith(sys.argv[2]), package.__file__
for found in pkgutil.walk_packages(package.__path__, f"services.{sys.argv[1]}."):
    if ".migrations." not in found.name:
        importlib.import_module(found.name)
"""


@pytest.fixture(scope="module", params=sorted(set(DEPLOYABLES.values())))
def image(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Image]:
    """Give a service and its image."""
    service: str = request.param
    folder = tmp_path_factory.mktemp("images") / service
    return service, Builder(folder, {"EXTRA": service}, run=linked).build()


def test_every_module_of_a_service_is_there(image: tuple[str, Image], tmp_path: Path) -> None:
    """A forgotten dependency or folder breaks the image, not the laptop, which has everything."""
    service, its = image
    done = ran(its, tmp_path, "-W", "ignore", "-c", SERVICE, service, str(its.folder))
    assert done.returncode == 0, done.stderr


def test_every_deployable_of_a_service_is_built_and_works(
    image: tuple[str, Image], tmp_path: Path
) -> None:
    """It answers, and does its canary: what its sandbox loads is in the image as well."""
    service, its = image
    for name, owner in DEPLOYABLES.items():
        if owner == service:
            code = API if name.endswith("-api") else WORKER
            done = ran(its, tmp_path, "-W", "ignore", "-c", code, name)
            assert done.returncode == 0, (name, done.stderr)


def test_what_another_service_needs_is_not_there(image: tuple[str, Image], tmp_path: Path) -> None:
    """Else the other tests would prove nothing."""
    service, its = image
    done = ran(its, tmp_path, "-c", f"import {FOREIGN[service]}")
    assert "ModuleNotFoundError" in done.stderr
    others = {path.name for path in (its.place("/app") / "services").iterdir()}
    assert others == {"__init__.py", "__pycache__", service}
    assert not list(its.place("/app").glob("**/tests"))


@pytest.mark.integration
@pytest.mark.enable_socket
@pytest.mark.parametrize("image", ["summarize"], indirect=True)
def test_container_starts_writes_nothing_and_ends_when_told(
    image: tuple[str, Image], tmp_path: Path
) -> None:
    """Its command as it stands: an image's files are read-only, and SIGTERM ends it in order."""
    service, its = image
    before = sorted(its.folder.rglob("*"))
    with serving(its, service, tmp_path) as process:
        pass
    assert process.returncode == 0
    assert sorted(its.folder.rglob("*")) == before
