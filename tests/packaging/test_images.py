"""Every image with what its lock really installs, and every deployable started from it."""

import re
import subprocess
from pathlib import Path

import pytest

from deploy.cloudrun.image.tree import Builder, Image
from tests.packaging.images import DEPLOYABLES, serving

pytestmark = [
    pytest.mark.soak,
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.timeout(1_800),
]


BASE = {"c", "dl", "gcc_s", "m", "pthread", "resolv", "rt", "stdc++", "z"}
"""Libraries that Debian's smallest image has; the tree has this machine's, which are more."""


def libraries(image: Image) -> set[str]:
    """Return the libraries that an image's packages take from its base."""
    files = [path for path in image.folder.rglob("*.so*") if path.is_file()]
    told = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout
    found = re.findall(r"^\s*lib([\w+-]+)\.so\S* => (\S+)", told, flags=re.MULTILINE)
    return {name for name, place in found if not place.startswith(str(image.folder))}


@pytest.mark.parametrize("service", sorted(set(DEPLOYABLES.values())))
def test_every_deployable_starts_from_its_image(service: str, tmp_path: Path) -> None:
    """The RUN lines as they stand: the lock alone, by hash, as wheels, and nothing beside it."""
    image = Builder(tmp_path / "image", {"EXTRA": service}).build()
    for name, owner in DEPLOYABLES.items():
        if owner == service:
            with serving(image, name, tmp_path) as process:
                pass
            assert process.returncode == 0, name
    assert {"c"} <= libraries(image) <= BASE


def test_operators_image_migrates(tmp_path: Path) -> None:
    """A release runs this first: a command that did nothing and ended well would be the worst."""
    image = Builder(tmp_path / "image", {"EXTRA": "cli"}).build("operator")
    argv, environ, folder = image.started_as()
    settings = {**environ, "DOCLEDGER_DATA_DIR": str(tmp_path / "data")}
    for words, told in (
        (["database", "migrate", "--format", "json"], '"database": "journal"'),
        (["database", "show"], "register"),
        (["smoke", "--help"], "--submit"),
    ):
        ran = subprocess.run(
            [*argv, *words], env=settings, cwd=folder, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        assert told in ran.stdout
    # As a job does, whose proxy is told to end; here there is none.
    job = [*argv[:-1], "deploy.cloudrun.command", "database", "show"]
    ran = subprocess.run(job, env=settings, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "register" in ran.stdout
