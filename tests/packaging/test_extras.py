"""An image carries only its own dependencies: a service imports what its extra names."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
SERVICES = ("ingest", "ocr", "summarize", "ledger")
OURS = {"shared", "services", "deploy", "examples", "tests"}
ONLY_SOME = {
    "services/ingest/adapters/uploads": "cloud",
    "services/ingest/api": "api",
    "services/ledger/api": "api",
    "services/ledger/page/": "api",
    "services/ocr/adapters/documentai": "documentai",
    "services/summarize/adapters/vertex": "vertex",
    "shared/api/": "api",
    "shared/bus/pubsub": "cloud",
    "shared/database/": "ledger",  # and ingest's: the same lines
    "shared/google_client": "cloud",
    "shared/keys/kms": "cloud",
    "shared/objects/gcs": "cloud",
    "shared/secrets/secret_manager": "cloud",
    "shared/telemetry/cloud_trace": "cloud",
    "shared/telemetry/gcp": "cloud",
    "shared/worker/jwks": "cloud",
    "shared/worker/oidc": "cloud",
}
"""What begins so may import what another extra brings: only images that carry it load it."""

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


def distributions(module: str) -> set[str]:
    """Return the distributions that bring a module (several share a namespace such as google)."""
    if module in PINNED_BY:
        return {PINNED_BY[module]}
    return {re.sub(r"[-_.]+", "-", name).lower() for name in brought()[module]}


@cache
def brought() -> Mapping[str, list[str]]:
    """Return what is installed here: distributions by top-level module."""
    return packages_distributions()


def strays_of(folder: Path, extras: set[str]) -> set[tuple[str, str]]:
    """Return files of a folder that import what none of their images' extras brings."""
    strays = set()
    for path, module in imported(folder):
        place = path.relative_to(ROOT).as_posix()
        more = {extra for start, extra in ONLY_SOME.items() if place.startswith(start)}
        asked = [PROJECT["optional-dependencies"][extra] for extra in extras | more]
        allowed = names([*PROJECT["dependencies"], *chain(*asked)])
        if not distributions(module) & allowed:
            strays.add((place, module))
    return strays


@pytest.mark.parametrize("service", SERVICES)
def test_service_imports_only_what_its_image_carries(service: str) -> None:
    """A worker that imports another's library works here and dies in its image."""
    assert strays_of(ROOT / "services" / service, {service}) == set()


def test_shared_imports_only_what_every_image_carries() -> None:
    """What workers stand on must not drag a vendor's client into every image."""
    assert strays_of(ROOT / "shared", set()) == set()


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
