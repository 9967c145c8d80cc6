"""Programs of Debian packages: there, or the test says which package is missing."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def program(name: str, *, package: str) -> str:
    """Return the path of a program; skip the test without it, or fail it where CI is set."""
    path = shutil.which(name)
    if path is None:
        missing(package)
    return path


def folder(path: Path, *, package: str) -> Path:
    """Return a folder that a package brings; skip the test without it, or fail it in CI."""
    if not path.is_dir():
        missing(package)
    return path


def missing(package: str) -> NoReturn:
    """Skip the running test because of a package that is not installed, or fail it in CI."""
    told = f"Debian's {package} is missing: 'make outside' as root installs it"
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)
