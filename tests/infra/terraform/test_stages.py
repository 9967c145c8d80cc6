"""A project is made in three applies: what each one makes."""

import pytest

from tests.infra.terraform.planned import VARIABLES, plan
from tests.infra.terraform.rules import RULES

RUNS = ("google_cloud_run_v2_service", "google_cloud_scheduler_job")
MIGRATES = ("google_cloud_run_v2_job",)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("left_out", "runs", "migrates"),
    [({"images", "token_versions"}, 0, 0), ({"token_versions"}, 0, 4), (set(), 15, 4)],
    ids=["first", "second", "third"],
)
def test_an_apply_makes_what_can_start(left_out: set[str], runs: int, migrates: int) -> None:
    """Images lie in the registry of the first; nothing starts without schemas and a token."""
    planned = plan(
        "staging", {name: value for name, value in VARIABLES.items() if name not in left_out}
    )
    assert len(list(planned.of(*RUNS))) == runs
    assert len(list(planned.of(*MIGRATES))) == migrates
    assert len(list(planned.of("google_storage_bucket", "google_sql_database_instance"))) == 7
    assert [problem for rule in RULES for problem in rule(planned)] == []
