"""The deployment guide can be typed as it stands."""

import subprocess
from typing import Final

import pytest

from tests.docs.named import ROOT, codes
from tests.docs.tables import number, rows

GUIDES: Final = ("deployment", "operations", "secrets", "keys")


def read(name: str) -> str:
    """Return a document's text."""
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def complaints(text: str) -> str:
    """Return what bash says of a document's blocks, which it reads and does not run."""
    blocks = [code.text for code in codes(text) if "\n" in code.text and not code.language]
    script = "\n".join(blocks)
    done = subprocess.run(
        ["bash", "-n"], input=script, capture_output=True, text=True, check=False, timeout=20
    )
    return done.stderr


@pytest.mark.parametrize("name", GUIDES)
def test_what_is_to_be_typed_is_sound_shell(name: str) -> None:
    """A quote that is missing in a guide costs an hour of somebody's night."""
    assert complaints(read(name)) == ""


def test_unsound_shell_is_found() -> None:
    """A quote taken out of the guide itself."""
    assert complaints(read("deployment").replace("  echo '}'; }", "  echo '};"))


def test_the_steps_take_less_than_an_hour() -> None:
    """What the first sentences promise is what the table adds up to."""
    steps = list(rows(read("deployment"), "step"))
    assert len(steps) == 10
    assert sum(number(step["minutes"]) for step in steps) < 60
