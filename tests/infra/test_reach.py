"""How far each identity reaches, with a table that lets it reach further.

A right that is written into the table and into the calls alike is one that somebody meant, and
``test_grants_equal_calls`` lets it pass: these do not.
"""

from copy import deepcopy
from typing import Final

import pytest

from deploy.iam.matrix import load_matrix
from tests.infra import reach
from tests.infra.policies import Rule
from tests.infra.reach import RULES
from tests.infra.test_policies import RAW, matrix_of

GRANTED: Final[dict[str, tuple[Rule, str, dict[str, object]]]] = {
    "a build that reads documents": (
        reach.who_only_releases_or_looks_touches_nothing,
        "builder",
        {"at": "bucket/objects", "role": "readObjects", "under": ["originals/"]},
    ),
    "a doctor that signs": (
        reach.who_only_releases_or_looks_touches_nothing,
        "doctor",
        {"at": "ring/signers", "role": "signCheckpoints"},
    ),
    "a deployer that speaks for workers": (
        reach.who_only_releases_or_looks_touches_nothing,
        "deployer",
        {"at": "topic/docledger.document.read.v1", "role": "roles/pubsub.publisher"},
    ),
    "an auditor who hands documents in": (
        reach.strangers_only_call_what_is_theirs,
        "auditors",
        {"at": "service/ingest-api", "role": "roles/run.invoker"},
    ),
    "a partner who releases": (
        reach.strangers_only_call_what_is_theirs,
        "partners",
        {"at": "service/ingest-api", "role": "releaseServices"},
    ),
    "a stranger who erases": (
        reach.strangers_only_call_what_is_theirs,
        "partners",
        {"at": "service/eraser", "role": "roles/run.invoker"},
    ),
    "an operator who starts a job of the scheduler's": (
        reach.workers_are_called_by_their_callers,
        "operator",
        {"at": "service/eraser", "role": "roles/run.invoker"},
    ),
    "an API that opens documents": (
        reach.documents_are_opened_by_few,
        "ledger-api",
        {"at": "bucket/wrapped", "role": "readObjects", "under": ["keys/"]},
    ),
    "a worker that reads what people dropped": (
        reach.documents_are_opened_by_few,
        "summarize",
        {"at": "bucket/uploads", "role": "readObjects"},
    ),
    "pages read by another": (
        reach.documents_are_opened_by_few,
        "ledger",
        {"at": "bucket/batches", "role": "readObjects", "under": ["output/"]},
    ),
    "a tombstone from the door": (
        reach.documents_are_buried_by_the_eraser,
        "entrance",
        {"at": "bucket/objects", "role": "createObjects", "under": ["tombstones/"]},
    ),
    "a worker that replaces its own image": (
        reach.what_runs_is_decided_by_releases,
        "ocr",
        {"at": "repository/images", "role": "pushImages"},
    ),
    "a custodian's job changed by its own": (
        reach.what_runs_is_decided_by_releases,
        "keeper",
        {"at": "run_job/keys", "role": "updateJobs"},
    ),
    "posted, says who reads": (
        reach.ends_are_told_by_who_brought_them_about,
        "ocr",
        {"at": "topic/docledger.entry.posted.v1", "role": "roles/pubsub.publisher"},
    ),
    "a login for who parses foreign files": (
        reach.books_are_written_by_their_own,
        "ocr",
        {"at": "project", "role": "logIn", "bounded": True},
    ),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_table_keeps_every_rule(rule: Rule) -> None:
    """What is applied is what is written in infra/iam.yaml."""
    assert list(rule(load_matrix())) == []


@pytest.mark.parametrize("what", GRANTED)
def test_who_reaches_further_is_found(what: str) -> None:
    """A rule that nothing breaks holds nothing."""
    rule, identity, line = GRANTED[what]
    raw = deepcopy(RAW)
    raw["grants"].setdefault(identity, []).append({**line, "because": "somebody meant it"})
    assert list(rule(matrix_of(raw))) != []


@pytest.mark.parametrize("role", reach.MEMBERS)
@pytest.mark.parametrize("identity", ["doctor", "ocr", "partners"])
def test_a_stranger_in_a_role_of_the_database_is_found(role: str, identity: str) -> None:
    """Terraform prints who is a member of what, and a person types it in."""
    raw = deepcopy(RAW)
    raw["databases"]["books"]["roles"][role].append(identity)
    assert list(reach.books_are_written_by_their_own(matrix_of(raw))) != []


def test_every_rule_is_broken_by_something() -> None:
    """One that is not would be believed and hold nothing."""
    assert {rule for rule, _, _ in GRANTED.values()} == set(RULES)
