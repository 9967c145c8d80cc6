"""References between our modules."""

from pathlib import Path

import pytest

from tests.infra.terraform.configuration import module, modules
from tests.infra.terraform.references import dangling

INNER = """
variable "needed" {
  type = string
}

variable "spare" {
  default = null
}

output "told" {
  value = var.needed == var.spare
}
"""

OUTER = """
variable "name" {}

locals {
  long = "x-${var.name}"
}

module "inner" {
  source = "../inner"

  needed = local.long
}

data "google_project" "it" {
  project_id = module.inner.told
}

resource "google_pubsub_topic" "this" {
  name   = data.google_project.it.id
  labels = { for key, one in { a = "var.text" } : key => one }
}

output "topic" {
  value = google_pubsub_topic.this.id
}
"""


def test_every_reference_of_ours_leads_somewhere() -> None:
    """A name that is wrong is found here, not in the middle of a rollout."""
    assert [problem for one in modules() for problem in dangling(one)] == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("var.name", "var.nmae", "no variable nmae"),
        ("local.long", "local.lnog", "no local value lnog"),
        ("module.inner.told", "module.iner.told", "no module iner"),
        ("module.inner.told", "module.inner.tolled", "module inner has no output tolled"),
        ("data.google_project.it", "data.google_project.us", "no data source data.google_proj"),
        ("google_pubsub_topic.this.id", "google_pubsub_topic.that.id", "no resource google_pub"),
        ("needed = local.long", "", "needed is missing"),
        ("needed = local.long", "needed = local.long\n  more = 1", "its module takes no more"),
        ('"../inner"', '"../outside"', "there is no"),
        ('variable "name" {}', 'variable "name" {}\nvariable "more" {}', "nothing uses it"),
    ],
)
def test_a_reference_that_leads_nowhere_is_found(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    """Each way to refer to what is not there, tried."""
    assert old in OUTER
    for name, text in (
        ("inner", INNER),
        ("outer", OUTER),
        ("broken", OUTER.replace(old, new, 1)),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.tf").write_text(text, encoding="utf-8")
    assert list(dangling(module(tmp_path / "outer"))) == []
    assert any(problem in found for found in dangling(module(tmp_path / "broken")))
