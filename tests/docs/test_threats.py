"""Every arrow has its threats, every threat a control and an attack."""

import re
from collections.abc import Iterable
from typing import Any, Final

import pytest
import yaml

from deploy.iam.stated import IAM_FILE
from shared.bus.topology import TOPOLOGY_FILE, load_topology
from tests.docs.named import ROOT
from tests.docs.tables import Row, plain, rows

TEXT: Final = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
LETTERS: Final = "STRIDE"
_CITED: Final = re.compile(r"`tests/[\w/]+\.py(::test_\w+)?`")


def expected() -> set[str]:
    """Return every arrow that the topology and the table of grants draw."""
    iam: Any = yaml.safe_load(IAM_FILE.read_text(encoding="utf-8"))
    services = iam["services"].items()
    return {
        *load_topology(TOPOLOGY_FILE).subscriptions,
        *(f"bucket/{name}" for name in iam["buckets"]),
        *(f"database/{name}" for name in iam["databases"]),
        *(f"service/{name}" for name, its in services if "public" in its),
        *(f"job/{name}.{job}" for name, its in services for job in its.get("jobs", ())),
        *(f"google/{name}" for name in ("kms", "documentai", "vertexai", "secrets")),
        *(f"run_job/{name}" for name in iam["run_jobs"] if name != "migrate"),
        "release",  # and what it migrates
    }


def problems(arrows: Iterable[Row], threats: Iterable[Row], wanted: set[str]) -> list[str]:
    """Return what the tables leave out."""
    arrows, threats = list(arrows), list(threats)
    ids = {row["id"] for row in threats}
    used = {id_ for row in arrows for letter in LETTERS for id_ in row[letter].split()}
    drawn = {plain(row["arrow"]) for row in arrows}
    found = [f"no arrow {name}" for name in sorted(wanted - drawn)]
    found += [f"an arrow of nothing: {name}" for name in sorted(drawn - wanted)]
    found += [
        f"{plain(row['arrow'])}: no {letter}"
        for row in arrows
        for letter in LETTERS
        if not row[letter] or any(id_[0] != letter for id_ in row[letter].split())
    ]
    found += [f"no threat {id_}" for id_ in sorted(used - ids)]
    found += [f"a threat of no arrow: {id_}" for id_ in sorted(ids - used)]
    found += [
        f"{row['id']}: nothing attacks it" for row in threats if not _CITED.search(row["attack"])
    ]
    return found + [f"{row['id']}: no code" for row in threats if "`" not in row["code"]]


def test_every_arrow_has_its_threats_and_every_threat_its_attack() -> None:
    """A subscription that is added tomorrow must be thought through tomorrow."""
    assert problems(rows(TEXT, "arrow"), rows(TEXT, "id"), expected()) == []


@pytest.mark.parametrize(
    ("line", "changed", "told"),
    [
        ("| `register.entry-held` ", None, "no arrow register.entry-held"),
        ("| `release` ", "| `nothing` ", "an arrow of nothing: nothing"),
        ("| S3 | T13 |", "| S3 | |", "bucket/audit: no T"),
        ("| S3 | T13 |", "| S3 | S3 |", "bucket/audit: no T"),
        ("| S3 | T15 |", "| S3 | T99 |", "no threat T99"),
        (
            "| `tests/cloudbuild/test_release.py::test_what_fails",
            "| `fails",
            "D16: nothing attacks",
        ),
        ("| `services/ingest/policy.py` |", "| |", "T14: no code"),
    ],
)
def test_what_is_left_out_is_found(line: str, changed: str | None, told: str) -> None:
    """Taking a row, a threat, a control or an attack away is noticed."""
    assert line in TEXT
    text = (
        "\n".join(one for one in TEXT.splitlines() if line not in one)
        if changed is None
        else TEXT.replace(line, changed)
    )
    found = problems(rows(text, "arrow"), rows(text, "id"), expected())
    assert any(one.startswith(told) for one in found)
