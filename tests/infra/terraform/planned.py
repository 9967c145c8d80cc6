"""Terraform's own plan of an environment, made offline; what it says of each resource."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import pytest

from tests.infra.terraform.configuration import TERRAFORM
from tests.infra.terraform.provider import running
from tests.infra.terraform.schema import Schema
from tests.waiting import PATIENCE_S

PROJECT: Final = "acme-docs"
NUMBER: Final = "123456789012"
DIGEST: Final = "@sha256:" + "a" * 64

VARIABLES: Final[Mapping[str, Any]] = {
    "project": PROJECT,
    "number": NUMBER,
    "origin": "acme.example/log",
    "images": {
        name: f"images.example/{name}{DIGEST}"
        for name in ("ingest", "ocr", "summarize", "ledger", "operator", "proxy")
    },
    "token_versions": ["3", "4"],
    "billing_account": "000000-000000-000000",
    "external": {
        "partners": ["group:partners@acme.example"],
        "auditors": [],
        "operators": ["group:on-call@acme.example"],
        "custodians": ["group:custodians@acme.example", "user:privacy@acme.example"],
    },
    "callers": {"partner@acme.example": "acme"},
    "readers": {"auditor@acme.example": ["*"]},
    "retention": {
        "keep_days": {"letter": 730, "invoice": 3650, "unread": 90},
        "tenants": {"acme": {"keep_days": {"letter": 365}}},
        "hold": {"tenants": ["globex"], "documents": ["d0" * 20]},
    },
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a plan.

    Attributes:
        address: where it is in the configuration.
        type: of the provider.
        key: of ``for_each``; empty without.
        values: what is known of it.
        unknown: by argument, whether only Google will know it.
    """

    address: str
    type: str
    key: str
    values: Mapping[str, Any]
    unknown: Mapping[str, Any]


class Plan:
    """What Terraform would do in an empty project.

    Args:
        resources: all of them.
        outputs: by name, what is known of each.
    """

    def __init__(self, resources: list[Resource], outputs: Mapping[str, Any]) -> None:
        self.resources = resources
        self.outputs = outputs

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """Read what ``terraform show -json`` says."""
        found = [
            Resource(
                one["address"],
                one["type"],
                str(one.get("index", "")),
                one["change"]["after"],
                one["change"]["after_unknown"],
            )
            for one in told["resource_changes"]
        ]
        outputs = {name: one["after"] for name, one in told["output_changes"].items()}
        return cls(found, outputs)

    def of(self, *types: str) -> Iterator[Resource]:
        """Return the resources of some types."""
        return (one for one in self.resources if one.type in types)


def terraform() -> str:
    """Return the path of Terraform; skip the test without it."""
    path = shutil.which("terraform")
    if path is None:
        pytest.skip("terraform is missing: install Terraform 1.9 or newer to have plans checked")
    return path


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Terraform in a folder, without a home, a registry or a colour."""
    alone = {
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": os.devnull,
        "TF_IN_AUTOMATION": "1",
        "GOGC": "400",  # it ends before its memory needs to be collected: a quarter less time
    }
    return subprocess.run(
        [terraform(), f"-chdir={folder}", *arguments, "-no-color"],
        env={**os.environ, **alone, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S * 3,
    )


def copied(to: Path) -> Path:
    """Copy what Terraform reads, so that nothing is left in the checkout; return its folder."""
    shutil.copytree(TERRAFORM.parent, to / "infra", ignore=shutil.ignore_patterns(".terraform*"))
    return to / "infra" / "terraform"


def plan(environment: str, variables: Mapping[str, Any] = VARIABLES) -> Plan:
    """Plan an environment in an empty project.

    Raises:
        AssertionError: Terraform refuses; the message is its own.
    """
    with tempfile.TemporaryDirectory(prefix="tf-") as temporary:  # a socket's path must be short
        folder = copied(Path(temporary)) / "environments" / environment
        (folder / "backend.tf").unlink()  # the state's bucket is nowhere
        (folder / "terraform.tfvars.json").write_text(json.dumps(variables), encoding="utf-8")
        return Plan.read(json.loads(_planned(folder, Path(temporary))))


def refused(module: str, variables: Mapping[str, Any]) -> str:
    """Plan one module by itself; returns why Terraform refuses, empty where it does not."""
    with tempfile.TemporaryDirectory(prefix="tf-") as temporary:
        folder = copied(Path(temporary)) / "modules" / module
        (folder / "terraform.tfvars.json").write_text(json.dumps(variables), encoding="utf-8")
        try:
            _planned(folder, Path(temporary))
        except AssertionError as refusal:
            return " ".join(str(refusal).replace("│", " ").split())
    return ""


def _planned(folder: Path, temporary: Path) -> str:
    with running(Schema.vendored(), temporary) as found:
        for arguments in (
            ("init", "-backend=false", "-input=false"),
            ("plan", "-refresh=false", "-input=false", "-out=planned"),
            ("show", "-json", "planned"),
        ):
            done = run(folder, *arguments, **found)
            if done.returncode:
                raise AssertionError(done.stderr)
    return done.stdout
