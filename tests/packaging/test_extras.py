"""An image carries only its own dependencies: a service imports what its extra names."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
SERVICES = ("ingest", "ocr", "summarize", "ledger")
OURS = {"shared", "services", "deploy", "examples", "tests"}
PINNED_BY = {"pydantic_core": "pydantic", "opentelemetry": "opentelemetry-sdk"}


def names(requirements: list[str]) -> set[str]:
    """Return the distribution names of requirements, normalised as PEP 503 says."""
    found = (re.match(r"[A-Za-z0-9._-]+", one) for one in requirements)
    return {re.sub(r"[-_.]+", "-", one[0]).lower() for one in found if one}


def imported(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield every foreign top-level module that a folder's files import."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                modules = [node.module]
            for module in modules:
                top = module.split(".")[0]
                if top not in OURS and top not in sys.stdlib_module_names:
                    yield path, top


def distribution(module: str) -> str:
    """Return the distribution that brings a module."""
    if module in PINNED_BY:
        return PINNED_BY[module]
    return re.sub(r"[-_.]+", "-", packages_distributions()[module][0]).lower()


@pytest.mark.parametrize("service", SERVICES)
def test_service_imports_only_what_its_image_carries(service: str) -> None:
    """A worker that imports another's library works here and dies in its image."""
    allowed = names(PROJECT["dependencies"]) | names(PROJECT["optional-dependencies"][service])
    strays = {
        (str(path.relative_to(ROOT)), module)
        for path, module in imported(ROOT / "services" / service)
        if distribution(module) not in allowed
    }
    assert strays == set()


def test_shared_imports_only_what_every_image_carries() -> None:
    """What workers stand on must not drag a vendor's client into every image."""
    allowed = names(PROJECT["dependencies"])
    strays = {
        (str(path.relative_to(ROOT)), module)
        for path, module in imported(ROOT / "shared")
        if distribution(module) not in allowed
    }
    assert strays == set()


@pytest.mark.parametrize(
    "lock", sorted((ROOT / "requirements").glob("*.lock")), ids=lambda p: p.stem
)
def test_lock_pins_hashes_and_names_no_host(lock: Path) -> None:
    """A lock says exactly what is installed, and not where from."""
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    pinned = re.findall(r"^([a-z0-9][a-z0-9._-]*)==[^\s;\\]+", text, flags=re.MULTILINE)
    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)


@pytest.mark.parametrize("extra", [*SERVICES, "cli", "dev"])
def test_lock_holds_what_its_extra_asks_for(extra: str) -> None:
    """A lock that was not resolved after a new dependency breaks the image, not the laptop."""
    text = (ROOT / "requirements" / f"{extra}.lock").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, flags=re.MULTILINE))
    wanted = names(PROJECT["dependencies"]) | names(PROJECT["optional-dependencies"][extra])
    assert wanted - {"docledger"} <= pinned
