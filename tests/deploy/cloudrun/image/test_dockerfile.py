"""The Dockerfile is read strictly: what only an engine understands lets image and tree drift."""

import pytest

from deploy.cloudrun.image.dockerfile import expanded, read_dockerfile, words
from deploy.cloudrun.image.tree import DOCKERFILE
from shared.errors import UserError

DIGEST = "sha256:" + "0" * 64
BASE = f"FROM base@{DIGEST} AS one\n"


def test_stages_are_read_with_lines_joined_and_comments_left_out() -> None:
    """A line that goes on over three is one instruction, and is told where it begins."""
    text = "FROM ${BASE} AS one\n# why\nRUN a \\\n    && b\nFROM one AS two\n"
    stages = read_dockerfile(f"ARG BASE=base@{DIGEST}\n{text}", {})
    assert list(stages) == ["one", "two"]
    assert stages["one"].base == f"base@{DIGEST}"
    assert stages["two"].base == "one"
    (step,) = stages["one"].steps
    assert (step.word, step.rest.split(), step.line) == ("RUN", ["a", "&&", "b"], 4)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("FROM python:3.11-slim AS one\n", "pin the base by digest"),
        (f"FROM base@{DIGEST[:-1]} AS one\n", "pin the base by digest"),
        ("ARG BASE=python:3.11-slim\nFROM ${BASE} AS one\n", "pin the base by digest"),
        (f"FROM base@{DIGEST}\n", "a name of its own"),
        (f"{BASE}FROM one AS one\n", "a name of its own"),
        (f"{BASE}ADD there here\n", "ADD is not read here"),
        (f"{BASE}ONBUILD RUN a\n", "ONBUILD is not read here"),
        ("RUN a\n", "before the first FROM"),
        (f"{BASE}RUN a \\\n", "does not end"),
        ("", "without FROM"),
    ],
)
def test_line_that_would_drift_is_refused(text: str, told: str) -> None:
    """Each is one that an engine would take."""
    with pytest.raises(UserError, match=told):
        read_dockerfile(text, {})


def test_base_given_as_argument_must_have_its_digest_too() -> None:
    """Who builds with another base must not slip a tag in."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    with pytest.raises(UserError, match="pin the base by digest"):
        read_dockerfile(text, {"BASE": "python:3.11-slim"})
    assert read_dockerfile(text, {"BASE": f"mirror/python@{DIGEST}"})


def test_command_in_a_shell_is_refused() -> None:
    """A shell as process 1 would keep SIGTERM to itself."""
    stages = read_dockerfile(f'{BASE}CMD python -m x\nCMD ["a", 1]\nCMD ["a", "b"]\n', {})
    shell, number, listed = stages["one"].steps
    for wrong in (shell, number):
        with pytest.raises(UserError, match="as a list"):
            words(wrong)
    assert words(listed) == ["a", "b"]


def test_variable_that_nothing_declares_is_refused() -> None:
    """An engine makes nothing of it, and copies another folder than was meant."""
    assert expanded("services/${EXTRA}/", {"EXTRA": "ocr"}) == "services/ocr/"
    with pytest.raises(UserError, match="EXTRA"):
        expanded("services/${EXTRA}/", {})
