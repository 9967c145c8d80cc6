"""Whose calls are recorded, as Google joins what a policy says; and that Terraform says so."""

import re
from typing import Any, Final

import pytest

from deploy.doctor.lines import Status
from deploy.doctor.logs import AUDITED, KINDS, RECORDS, SINKS, recorded
from deploy.doctor.reading import UnseenError
from tests.docs.named import ROOT

MODULES: Final = ROOT / "infra" / "terraform" / "modules"
QUIET: Final = "user:quiet@example.com"


def of(service: str, *kinds: str, spared: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what a policy says of a service."""
    logs = [
        {"logType": kind} | ({"exemptedMembers": [*spared]} if spared else {}) for kind in kinds
    ]
    return {"service": service, "auditLogConfigs": logs}


def test_what_is_said_of_all_services_holds_of_each() -> None:
    """Google joins it with what is said of one: more is recorded than Terraform asked for."""
    lines = list(recorded({"auditConfigs": [of("allServices", *KINDS)]}))
    assert len(lines) == len(AUDITED)
    assert {line.status for line in lines} == {Status.OK}


def test_who_is_spared_everywhere_is_spared_of_each() -> None:
    """One line for all services would keep a reader out of every record."""
    each = [of(f"{api}.googleapis.com", *KINDS) for api in AUDITED]
    lines = list(
        recorded({"auditConfigs": [*each, of("allServices", "DATA_READ", spared=(QUIET,))]})
    )
    assert {line.status for line in lines} == {Status.DIFFERS}
    assert {line.found for line in lines} == {f"ADMIN_READ, DATA_READ but of {QUIET}, DATA_WRITE"}


def test_without_a_word_of_it_nothing_is_recorded() -> None:
    """A new project's policy has no such part at all."""
    assert {(line.status, line.found) for line in recorded({})} == {(Status.DIFFERS, "nothing")}


@pytest.mark.parametrize(
    "garbage",
    [1, [1], [{"auditLogConfigs": [{}]}], [{"service": "a", "auditLogConfigs": 1}]],
    ids=str,
)
def test_what_is_no_policy_is_not_seen(garbage: Any) -> None:
    """Whatever an API says: no traceback, no success."""
    with pytest.raises(UnseenError):
        list(recorded({"auditConfigs": garbage}))


def test_terraform_makes_what_is_looked_for() -> None:
    """A sink of another name, or an API more, would be a finding in every project."""
    facts = (MODULES / "docledger" / "facts.tf").read_text(encoding="utf-8")
    audit = (MODULES / "audit" / "main.tf").read_text(encoding="utf-8")
    inside = re.search(r"audited = toset\(\[(.*?)\]\)", facts, re.DOTALL)
    assert inside
    assert tuple(re.findall(r'"([a-z]+)"', inside[1])) == AUDITED
    assert tuple(re.findall(r'log_type = "(\w+)"', audit)) == KINDS
    logs = re.search(r"for log in \[(.*?)\]", audit)
    assert logs
    assert re.findall(r'"(\w+)"', logs[1]) == re.findall(r'googleapis\.com/(\w+)"', RECORDS)
    sink = r'"google_logging_project_sink" "\w+" \{.*?\bname += "(.*?)"'
    names = re.findall(sink, audit, re.DOTALL)
    # Of the log buckets, `audit` alone has a sink of its own.
    assert {name.replace("${each.key}", "audit") for name in names} == SINKS - {"_Required"}
