"""What a build may not see."""

from pathlib import PurePosixPath

import pytest

from deploy.cloudrun.image.ignored import read_ignored
from deploy.cloudrun.image.tree import ROOT


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        (".git/config", True),
        (".venv/bin/python", True),
        ("demo-data/ledger/keys/kek", True),
        ("tests/conftest.py", True),
        ("infra/terraform/main.tf", True),
        ("infra/topology.yaml", False),
        ("shared/errors.py", False),
        ("shared/__pycache__/errors.pyc", True),
        ("services/ocr/README.md", True),
        ("deploy/cloudrun/image/tree.py", True),
        ("deploy/cloudrun/host.py", False),
        ("requirements/ocr.lock", False),
    ],
)
def test_builds_see_code_and_locks_alone(path: str, left_out: bool) -> None:  # noqa: FBT001 - a column
    """Keys of a data folder beside the code must not end up in a layer."""
    ignored = read_ignored((ROOT / ".dockerignore").read_text(encoding="utf-8"))
    assert ignored(PurePosixPath(path)) is left_out


def test_last_line_that_matches_decides() -> None:
    """As an engine does it; a star does not reach over a slash."""
    ignored = read_ignored("*\n# why\n\n!a\na/b/\n**/c.txt\n!a/b/c.txt\nd*e\n")
    assert not ignored(PurePosixPath("a/x"))
    assert ignored(PurePosixPath("a/b/x"))
    assert ignored(PurePosixPath("a/x/c.txt"))
    assert not ignored(PurePosixPath("a/b/c.txt"))
