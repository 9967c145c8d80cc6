"""The generated matrix: what is committed is what the tables say."""

from pathlib import Path

import pytest

from deploy.iam.drawing import FOLDER, PAGE, page, write
from deploy.iam.matrix import load_matrix


def test_the_committed_matrix_is_fresh() -> None:
    """A security team signs what stands there; run ``make docs`` when this fails."""
    assert (FOLDER / PAGE).read_text(encoding="utf-8") == page(load_matrix())


def test_every_grant_is_on_the_page() -> None:
    """Nothing is granted that nobody reads of."""
    matrix = load_matrix()
    drawn = page(matrix)
    for grant in matrix.grants:
        assert f"`{grant.resource}`" in drawn or grant.by_rule, grant
        assert f"`{grant.role}`" in drawn or grant.role == "roles/run.invoker", grant


def test_writing_is_the_projects_matrix_whatever_a_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial's topology must not get into the docs."""
    monkeypatch.setenv("DOCLEDGER_TOPOLOGY", str(tmp_path / "other.yaml"))
    write(tmp_path)
    assert (tmp_path / PAGE).read_text(encoding="utf-8") == page(load_matrix())
