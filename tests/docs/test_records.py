"""What the threat model says of audit records: who calls is recorded, and records stay."""

import re
from typing import Final

import yaml

from tests.docs.named import ROOT

FOLDER: Final = ROOT / "infra" / "terraform" / "modules"
UNRECORDED: Final = {"cloudtrace", "monitoring", "logging", "resourcemanager"}
"""Calls that carry nobody's data: figures, spans, a build's log, a look at a policy."""


def recorded(text: str) -> set[str]:
    """Return the APIs whose calls are recorded."""
    inside = re.search(r"audited = toset\(\[(.*?)\]\)", text, re.DOTALL)
    return set(re.findall(r'"([a-z]+)"', inside[1])) if inside else set()


def called() -> set[str]:
    """Return the APIs that the table of grants gives somebody."""
    iam = yaml.safe_load((ROOT / "infra" / "iam.yaml").read_text(encoding="utf-8"))
    roles = [role["permissions"] for role in iam["roles"].values()] + [*iam["predefined"].values()]
    return {permission.split(".")[0] for role in roles for permission in role} - UNRECORDED


def test_every_api_that_is_called_is_recorded() -> None:
    """An operator who reads a key's use, or a document, must not be able to deny it."""
    text = (FOLDER / "docledger" / "facts.tf").read_text(encoding="utf-8")
    assert called() - recorded(text) == set()
    assert called() - recorded(text.replace('"cloudkms", ', "", 2)) == {"cloudkms"}
    kinds = (FOLDER / "audit" / "main.tf").read_text(encoding="utf-8")
    assert re.findall(r'log_type = "(\w+)"', kinds) == ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]


def test_records_cannot_be_taken_back() -> None:
    """Production locks what it kept, and nobody but Cloud Logging writes there."""
    iam = yaml.safe_load((ROOT / "infra" / "iam.yaml").read_text(encoding="utf-8"))
    audit = (FOLDER / "audit" / "main.tf").read_text(encoding="utf-8")
    whole = (FOLDER / "docledger" / "main.tf").read_text(encoding="utf-8")
    default = re.search(
        r'variable "protected" \{.*?default += (\w+)',
        (FOLDER / "docledger" / "variables.tf").read_text(encoding="utf-8"),
        re.DOTALL,
    )
    production = ROOT / "infra" / "terraform" / "environments" / "prod" / "main.tf"
    writers = {
        who
        for who, lines in iam["grants"].items()
        for line in lines
        if line.get("at") == "bucket/audit" and line["role"] != "inspectBuckets"
    }
    assert writers == {"agent/logging"}
    assert iam["buckets"]["audit"]["retention_days"] >= 365
    assert re.search(r"\blocked += var\.lock\b", audit)
    assert re.search(r"\block += var\.protected\b", whole)
    assert re.search(r"\block_audit += var\.protected\b", whole)
    assert default
    assert default[1] == "true"
    assert "protected" not in production.read_text(encoding="utf-8")
