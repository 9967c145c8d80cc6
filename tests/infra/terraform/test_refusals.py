"""What our modules refuse before Google is asked."""

import re
from typing import Any

import pytest

from tests.infra.terraform.configuration import TERRAFORM, blocks_of
from tests.infra.terraform.planned import DIGEST, refused

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
MIGRATION: dict[str, Any] = {
    "project": "acme-docs",
    "region": "europe-west3",
    "name": "docledger-migrate",
    "account": "a",
    "urls": {},
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
        ("database", {**DATABASE, "backup_days": 31}, "An erasure names this day"),
        ("migration", MIGRATION, ""),
        ("migration", {**MIGRATION, "image": "images.example/operator:latest"}, "by its digest"),
    ],
)
def test_a_module_refuses_what_breaks_a_promise(
    module: str, variables: dict[str, Any], why: str
) -> None:
    """Backups that outlive an erasure, and images that a tag may move, end at the plan."""
    told = refused(module, variables)
    assert (why in told) if why else not told


@pytest.mark.parametrize("module", ["deployable", "docledger", "migration"])
def test_every_image_is_asked_for_its_digest(module: str) -> None:
    """One way in that takes a tag is enough."""
    text = (TERRAFORM / "modules" / module / "variables.tf").read_text(encoding="utf-8")
    for block in blocks_of(text, module):
        if re.search(r"image", block.labels[0]):
            (validation,) = block.body["validation"]
            assert "@sha256:[0-9a-f]{64}$" in str(validation["condition"]), str(block)
