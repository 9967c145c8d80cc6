"""Where logs go, and whose calls are recorded, as Terraform's module ``audit`` has it. No I/O."""

from collections.abc import Iterator
from typing import Any, Final

from deploy.doctor.installed import Installed
from deploy.doctor.lines import Line, compared, told
from deploy.doctor.reading import Call, UnseenError
from deploy.doctor.subjects import LOGS, OFF, STORAGE, Hold, Must, Subject
from deploy.iam.stated import PROJECT

KINDS: Final = ("ADMIN_READ", "DATA_READ", "DATA_WRITE")
"""What is recorded of each API of ``AUDITED``; changes are recorded by themselves."""

AUDITED: Final = (
    "aiplatform",
    "artifactregistry",
    "cloudkms",
    "cloudsql",
    "documentai",
    "iam",
    "iamcredentials",
    "pubsub",
    "run",
    "secretmanager",
    "storage",
)
"""APIs through which somebody's data, keys or rights pass."""

RECORDS: Final = " OR ".join(
    f'log_id("cloudaudit.googleapis.com/{log}")'
    for log in ("activity", "data_access", "policy", "system_event")
)
"""The filter of audit records."""

DEFAULT: Final = "_Default"
SEARCHED: Final = "docledger-audit-searched"
ARCHIVED: Final = "docledger-audit-archived"
SINKS: Final = frozenset({DEFAULT, SEARCHED, ARCHIVED, "_Required"})
"""Every sink that may be there; nobody can change Google's own ``_Required``."""

_EVERY: Final = "allServices"
"""What is said of it holds of each API besides what is said of that one."""

_NOBODYS: Final = Must("nothing", lambda value: not value)


def sinks(its: Installed) -> Iterator[Subject]:
    """Yield each sink: what it takes, and that it leads to a bucket under a key of ours."""
    buckets = its.stated.log_buckets
    at = f"{LOGS}/projects/{its.project}/locations/{its.region}/buckets"
    writer = f"serviceAccount:{its.filled(its.stated.agents['logging'])}"
    for name, leads_to, takes, more in (
        (DEFAULT, f"{at}/{buckets['others'].name}", f"NOT ({RECORDS})", ()),
        (SEARCHED, f"{at}/{buckets['audit'].name}", RECORDS, ()),
        # Who may not write in the archive loses what it is to keep, and no one is told.
        (
            ARCHIVED,
            f"{STORAGE}/{its.bucket('audit')}",
            RECORDS,
            (Hold("writes as", "writerIdentity", writer),),
        ),
    ):
        holds = (
            Hold("leads to", "destination", leads_to),
            Hold("takes", "filter", takes),
            Hold("leaves out", "exclusions", _NOBODYS),
            Hold("disabled", "disabled", OFF),
            *more,
        )
        path = f"/v2/projects/{its.project}/sinks/{name}"
        yield Subject(f"sink/{name}", Call(LOGS, path), holds)


def recorded(policy: dict[str, Any]) -> Iterator[Line]:
    """Yield of each API which of its calls the project's policy has recorded, and whose are not.

    Raises:
        UnseenError: it is no policy.
    """
    said = _said(policy)
    for api in AUDITED:
        service = f"{api}.googleapis.com"
        found: dict[str, set[str]] = {}
        for of, kind, spared in said:
            if of in {service, _EVERY}:
                found.setdefault(kind, set()).update(spared)
        yield compared(
            PROJECT,
            f"records of {service}",
            told([*KINDS]),
            told([_whose(kind, found[kind]) for kind in sorted(found)]),
            same=found == {kind: set() for kind in KINDS},
        )


def _whose(kind: str, spared: set[str]) -> str:
    return f"{kind} but of {' and '.join(sorted(spared))}" if spared else kind


def _said(policy: dict[str, Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    try:
        return [
            (
                str(one["service"]),
                str(log["logType"]),
                tuple(str(member) for member in log.get("exemptedMembers") or ()),
            )
            for one in policy.get("auditConfigs") or ()
            for log in one.get("auditLogConfigs") or ()
        ]
    except (AttributeError, KeyError, TypeError) as err:
        raise UnseenError("an API answers something else than a policy") from err
