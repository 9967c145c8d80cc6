"""The files themselves: form, parsers, and what must not stand in them."""

import re
import shutil
from pathlib import Path

import pytest
import tfparse

from tests.infra.terraform.configuration import TERRAFORM, modules, said
from tests.infra.terraform.planned import run


def test_files_are_formatted() -> None:
    """Whoever edits sees his own change, and no other."""
    done = run(TERRAFORM, "fmt", "-check", "-recursive", "-diff")
    assert (done.returncode, done.stdout) == (0, "")


def test_two_parsers_read_every_module(tmp_path: Path) -> None:
    """One parser gives nothing for what it cannot read, the other takes what is no Terraform."""
    # Without the tables beside it: tfparse would work out all that follows from them.
    root = tmp_path / "terraform"
    shutil.copytree(TERRAFORM, root)
    for one in modules():
        assert one.blocks, one.folder
        found = tfparse.load_from_path(str(root / one.folder.relative_to(TERRAFORM)))
        for kind in ("variable", "output"):
            assert len(found.get(kind, [])) >= len(one.of(kind)), one.folder


def test_versions_are_the_same_everywhere() -> None:
    """Two modules that want different providers cannot be applied together."""
    texts = {path.read_text(encoding="utf-8") for path in TERRAFORM.rglob("versions.tf")}
    assert len(texts) == 1
    have = {path.parent for path in TERRAFORM.rglob("versions.tf")}
    # Facts are worked out without any provider.
    assert {one.folder for one in modules()} - have == {TERRAFORM / "modules" / "facts"}


def test_variables_and_outputs_say_what_they_are() -> None:
    """A module is read by its variables."""
    for one in modules():
        for kind in ("variable", "output"):
            for block in one.of(kind).values():
                assert "description" in said(block.body), str(block)
        for block in one.of("variable").values():
            assert "type" in said(block.body), str(block)


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_an_environment_is_thin(environment: str) -> None:
    """What differs between environments is a few values, never how things are built."""
    (one,) = (one for one in modules() if one.folder.name == environment)
    assert not one.of("resource")
    assert not one.of("data")
    assert set(one.of("module")) == {"docledger"}


def test_no_module_comes_from_elsewhere() -> None:
    """Foreign code with our rights would be somebody else's to change."""
    for one in modules():
        for block in one.of("module").values():
            assert re.fullmatch(r'"\.\./[a-z./]+"', block.body["source"]), str(block)


def test_nothing_is_granted_authoritatively_or_by_hand() -> None:
    """Two ways to grant one role undo each other; and what iam.yaml does not say, nobody is."""
    for one in modules():
        for block in one.of("resource").values():
            kind = block.labels[0]
            assert not kind.endswith(("_iam_binding", "_iam_policy")), str(block)
            if kind.endswith("_iam_member"):
                assert re.fullmatch(r"\$\{var\.(\w+_)?grants\}", block.body["for_each"]), str(block)
                assert block.body["member"] == "${each.value.member}", str(block)


def test_no_service_account_has_a_key() -> None:
    """A key can be carried away."""
    for one in modules():
        assert not [name for name in one.of("resource") if "service_account_key" in name]
