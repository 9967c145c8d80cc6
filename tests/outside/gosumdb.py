"""golang.org/x/mod's sumdb, built once from Debian's packages: ``verify.go``."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.outside import debian
from tests.waiting import PATIENCE_S

SOURCE: Final = Path(__file__).with_name("verify.go")

GOPATH: Final = Path("/usr/share/gocode")


@dataclass(frozen=True, slots=True)
class GoVerifier:
    """Somebody else's verifier.

    Attributes:
        program: the built program.
    """

    program: Path

    def __call__(self, key: object, log: Path, files: Sequence[Path] = ()) -> dict[str, int]:
        """Return what it counted.

        Raises:
            RefusedError: it found something wrong.
        """
        ran = subprocess.run(
            [self.program, str(key), log, *files],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        if ran.returncode:
            raise RefusedError(ran.stderr.strip())
        counted: dict[str, int] = json.loads(ran.stdout)
        return counted


class RefusedError(Exception):
    """The verifier does not accept what it was given."""


@pytest.fixture(scope="session")
def go_verifier(tmp_path_factory: pytest.TempPathFactory) -> GoVerifier:
    """Build it: GOPATH mode, nothing is downloaded."""
    go = debian.program("go", package="golang-go")
    debian.folder(GOPATH / "src/golang.org/x/mod/sumdb", package="golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("go")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GOCACHE": str(folder / "cache"),
        "GOPATH": str(GOPATH),
        "GO111MODULE": "off",
        "GOPROXY": "off",
        "CGO_ENABLED": "0",
    }
    subprocess.run(
        [go, "build", "-o", folder / "verify", SOURCE],
        env=environment,
        check=True,
        timeout=PATIENCE_S * 3,
    )
    return GoVerifier(folder / "verify")
