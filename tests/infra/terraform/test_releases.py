"""Releases and Terraform change the same services in turn, and neither undoes the other's work."""

from typing import Any, Final

from tests.infra.terraform.planned import DIGEST
from tests.infra.terraform.remade import planned_again, put

NAME: Final = "docledger-eraser"
REVISION: Final = f"{NAME}-r0123456-6a5b4c3d"
RELEASED: Final = "images.example/ingest@sha256:" + "b" * 64

SERVICE: Final[dict[str, Any]] = {
    "name": NAME,
    "account": "a",
    "environment": {"DOCLEDGER_ERASURE_BACKUP_DAYS": "0"},
    "public": False,
    "api": False,
    "always_on": False,
    "database": False,
    "cpu": "1",
    "memory": "1Gi",
    "least": 0,
    "most": 2,
    "concurrency": 4,
    "timeout_s": 600,
}
VARIABLES: Final[dict[str, Any]] = {
    "project": "acme-docs",
    "region": "europe-west3",
    "name": "eraser",
    "service": SERVICE,
    "image": "images.example/ingest" + DIGEST,
    "proxy_image": "images.example/proxy" + DIGEST,
    "kms_key": "k",
    "network": "n",
    "subnet": "s",
    "database": "d",
    "grants": {},
    "after": [],
}


def released(service: dict[str, Any]) -> None:
    """Change a service as ``cloudbuild/release.sh deploy`` and ``traffic`` do."""
    put(service, REVISION, "template", 0, "revision")
    put(service, RELEASED, "template", 0, "containers", 0, "image")
    put(service, REVISION, "traffic", 0, "revision")


def test_a_change_after_a_release_is_a_revision_of_its_own() -> None:
    """Under the release's name Cloud Run would refuse it: that name is taken, by other settings."""
    policy = {"DOCLEDGER_ERASURE_POLICY": "{keep_days: {letter: 730}}"}
    service = {**SERVICE, "environment": {**SERVICE["environment"], **policy}}
    again = planned_again("deployable", VARIABLES, released, service=service)
    assert again["actions"] == ["update"]
    (before,), (after,) = (again[when]["template"] for when in ("before", "after"))
    assert (before["revision"], after["revision"]) == (REVISION, None)
    assert after["containers"][0]["image"] == RELEASED
    assert again["after"]["traffic"] == again["before"]["traffic"]
    told = {one["name"]: one["value"] for one in after["containers"][0]["env"]}
    assert told == service["environment"]


def test_what_nobody_changed_is_left_alone() -> None:
    """Else the test above would pass for a plan that changes everything, always."""
    again = planned_again("deployable", VARIABLES, lambda _service: None)
    assert again["actions"] == ["no-op"]
