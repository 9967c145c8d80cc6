"""What our modules refuse before Google is asked."""

import re
from typing import Any, get_args

import pytest

from services.ingest.policy import Kind
from tests.infra.terraform.configuration import TERRAFORM, blocks_of
from tests.infra.terraform.planned import DIGEST, VARIABLES, refused

DATABASE: dict[str, Any] = {
    "project": "acme-docs",
    "region": "europe-west3",
    "name": "docledger",
    "network": "n",
    "peered_range": "r",
    "kms_key": "k",
    "users": {},
    "databases": ["docledger"],
    "tier": "db-custom-1-3840",
}
FACTS: dict[str, Any] = {
    **{name: VARIABLES[name] for name in ("project", "number", "origin")},
    "region": "europe-west3",
    "tenant": "default",
}
COMMAND: dict[str, Any] = {
    "project": "acme-docs",
    "region": "europe-west3",
    "name": "docledger-operate",
    "account": "a",
    "arguments": ["status"],
    "environment": {},
    "timeout_s": 3600,
    "image": "images.example/operator" + DIGEST,
    "proxy_image": "images.example/proxy" + DIGEST,
    "kms_key": "k",
    "network": "n",
    "subnet": "s",
    "database": "d",
    "grants": {},
    "after": [],
}


@pytest.mark.parametrize(
    ("module", "variables", "why"),
    [
        ("database", {**DATABASE, "backup_days": 30}, ""),
        ("database", {**DATABASE, "backup_days": 31}, "in no backup after 30 days"),
        ("command", COMMAND, ""),
        ("command", {**COMMAND, "image": "images.example/operator:latest"}, "by its digest"),
    ],
)
def test_a_module_refuses_what_breaks_a_promise(
    module: str, variables: dict[str, Any], why: str
) -> None:
    """Backups that outlive an erasure, and images that a tag may move, end at the plan."""
    told = refused(module, variables)
    assert (why in told) if why else not told


@pytest.mark.parametrize("module", ["deployable", "docledger", "command"])
def test_every_image_is_asked_for_its_digest(module: str) -> None:
    """One way in that takes a tag is enough."""
    text = (TERRAFORM / "modules" / module / "variables.tf").read_text(encoding="utf-8")
    for block in blocks_of(text, module):
        if re.search(r"image", block.labels[0]):
            (validation,) = block.body["validation"]
            assert "@sha256:[0-9a-f]{64}$" in str(validation["condition"]), str(block)


def test_a_slip_in_the_retention_policy_ends_at_the_plan() -> None:
    """A hold that is misspelt would be lost, and with it what must stay; each slip is told."""
    policy: dict[str, Any] = {
        "keep_days": {"leter": 10, "invoice": 0},
        "hold": {"document": ["d0" * 20], "documents": ["d0"]},
    }
    told = refused("facts", {**FACTS, "retention": policy})
    assert "hold = { tenants, documents }; nothing else" in told
    assert "whole days, 1 to 36500, by kind: " + ", ".join(kinds()) in told
    assert "40 hexadecimal digits" in told
    assert not refused("facts", FACTS)  # without one, everything is kept


def kinds() -> tuple[str, ...]:
    """Return what a policy has days for."""
    named, others = get_args(Kind)
    return (*named, *get_args(others))
