"""Rights come before what needs them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infra.terraform.configuration import TERRAFORM, Module, module
from tests.infra.terraform.ordering import WAITS, Wait, hasty

MODULES = {path.name: module(path) for path in sorted((TERRAFORM / "modules").iterdir())}


def test_whatever_needs_a_right_waits_for_it() -> None:
    """A topic under a key that Pub/Sub may not use yet is refused, half-way through a rollout."""
    assert list(hasty(MODULES)) == []


@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: f"{wait.module}-{wait.label}")
def test_one_depends_on_less_is_found(tmp_path: Path, wait: Wait) -> None:
    """Each wait, taken away: nothing else would notice before a first rollout."""
    name = wait.label.replace(".", '" "')

    def taken_away(text: str) -> str:
        head, begin, rest = text.partition(f'{wait.kind} "{name}" {{')
        body, end, tail = rest.partition("\n}\n")
        return head + begin + re.sub(r"\n\s*depends_on\s*=\s*\[[^\]]*\]\Z", "", body) + end + tail

    modules = {**MODULES, wait.module: _edited(tmp_path, wait.module, taken_away)}
    assert any(f"does not wait for {wait.awaited}" in found for found in hasty(modules))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "module.kms.keys.events",
            '"projects/p/locations/r/keyRings/k/cryptoKeys/c"',
            "kms_key is",
        ),
        ("keys    = module.kms.keys", "keys = module.facts.keys", "keys is not known"),
        ("= module.services.project", "= var.project", "does not wait for the project's APIs"),
    ],
)
def test_a_short_cut_past_a_wait_is_found(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """The same name by another way is there too early."""
    modules = {
        **MODULES,
        "docledger": _edited(tmp_path, "docledger", lambda text: text.replace(old, new, 1)),
    }
    assert any(problem in found for found in hasty(modules))


def _edited(folder: Path, name: str, edit: Callable[[str], str]) -> Module:
    """Return a module of ours with one edit in it."""
    edits = 0
    for path in (TERRAFORM / "modules" / name).glob("*.tf"):
        text = path.read_text(encoding="utf-8")
        edits += edit(text) != text
        (folder / path.name).write_text(edit(text), encoding="utf-8")
    assert edits == 1
    return module(folder)
