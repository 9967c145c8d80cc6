"""The rules of our Terraform, each with a block that breaks it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.infra import terraform_policies as policies
from tests.infra.terraform.configuration import Block, blocks_of, modules, unquoted
from tests.infra.terraform_policies import RULES, Rule

SERVICE: Final = 'resource "google_cloud_run_v2_service" "x" {\ntemplate {\n%s\n}\n}'
IMAGE: Final = "containers {\nimage = %s\n}"
SUBSCRIPTION: Final = 'resource "google_pubsub_subscription" "x" {\n%s\n}'
STAYS: Final = 'expiration_policy {\nttl = ""\n}\n'
SIGNED: Final = 'push_config {\noidc_token {\nservice_account_email = "x"\n}\n}\n'
LETTERS: Final = 'dead_letter_policy {\ndead_letter_topic = "x"\n}\n'

BROKEN: Final[dict[str, tuple[Rule, str]]] = {
    "editor of the project": (
        policies.no_primitive_role,
        'resource "google_project_iam_member" "x" { role = "roles/editor" }',
    ),
    "administrator of a bucket": (
        policies.no_primitive_role,
        'resource "google_storage_bucket_iam_member" "x" { role = "roles/storage.objectAdmin" }',
    ),
    "a role of Google's on the project": (
        policies.nothing_on_the_project,
        'resource "google_project_iam_member" "x" { role = "roles/pubsub.publisher" }',
    ),
    "a role on the organization": (
        policies.nothing_on_the_project,
        'resource "google_organization_iam_member" "x" { role = "roles/pubsub.publisher" }',
    ),
    "an authoritative grant": (
        policies.nothing_on_the_project,
        'resource "google_storage_bucket_iam_binding" "x" { members = [] }',
    ),
    "everybody": (
        policies.no_public_access,
        'resource "google_cloud_run_v2_service_iam_member" "x" { member = "allUsers" }',
    ),
    "everybody with an account": (
        policies.no_public_access,
        'locals { members = ["allAuthenticatedUsers"] }',
    ),
    "a bucket that can be made public": (
        policies.no_public_access,
        'resource "google_storage_bucket" "x" { uniform_bucket_level_access = true }',
    ),
    "a bucket with lists of objects' own": (
        policies.no_public_access,
        'resource "google_storage_bucket" "x" { public_access_prevention = "enforced" }',
    ),
    "an image by its tag": (
        policies.no_unpinned_image,
        SERVICE % (IMAGE % '"images.example/ocr:latest"'),
    ),
    "an image that nobody asks for its digest": (
        policies.no_unpinned_image,
        f'variable "image" {{}}\n{SERVICE % (IMAGE % "var.image")}',
    ),
    "a topic without a key": (
        policies.everything_has_its_key,
        'resource "google_pubsub_topic" "x" { name = "x" }',
    ),
    "a bucket without a key": (
        policies.everything_has_its_key,
        'resource "google_storage_bucket" "x" { name = "x" }',
    ),
    "a service without a key": (
        policies.everything_has_its_key,
        SERVICE % 'service_account = "x"',
    ),
    "a secret without a key": (
        policies.everything_has_its_key,
        'resource "google_secret_manager_secret" "x" { secret_id = "x" }',
    ),
    "a database without a key": (
        policies.everything_has_its_key,
        'resource "google_sql_database_instance" "x" { encryption_key_name = null }',
    ),
    "a subscription without dead letters": (
        policies.letters_are_kept,
        SUBSCRIPTION % (STAYS + SIGNED),
    ),
    "a subscription that vanishes": (
        policies.letters_are_kept,
        SUBSCRIPTION % (SIGNED + LETTERS),
    ),
    "a push without a token": (
        policies.letters_are_kept,
        SUBSCRIPTION % (STAYS + LETTERS),
    ),
}


@pytest.fixture(scope="module")
def ours() -> list[list[Block]]:
    """Every module, its blocks together: a variable is asked where it is used."""
    return [one.blocks for one in modules()]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_our_terraform_keeps_the_rule(rule: Rule, ours: list[list[Block]]) -> None:
    """What a security team would look for by hand is looked for in every change."""
    assert [problem for blocks in ours for problem in rule(blocks)] == []


@pytest.mark.parametrize("broken", BROKEN)
def test_a_block_that_breaks_the_rule_is_caught(broken: str) -> None:
    """A rule that nothing breaks says nothing."""
    rule, text = BROKEN[broken]
    assert list(rule(list(blocks_of(text, "broken.tf"))))


def _less(value: Any, dropped: re.Pattern[str]) -> Any:
    """Return a copy of a body without some arguments and blocks."""
    if isinstance(value, list):
        return [_less(one, dropped) for one in value]
    if not isinstance(value, Mapping):
        return value
    kept = {name: one for name, one in value.items() if not dropped.fullmatch(unquoted(name))}
    return {name: _less(one, dropped) for name, one in kept.items()}


def test_removing_a_key_from_any_block_is_noticed(ours: list[list[Block]]) -> None:
    """One bucket that somebody adds without its key is one that nobody can shred."""
    keyed = 0
    for block in (one for blocks in ours for one in blocks if one.kind == "resource"):
        less = replace(block, body=_less(block.body, policies.KEY))
        if less.body != block.body and not block.labels[0].endswith("_iam_member"):
            keyed += 1
            assert list(policies.everything_has_its_key([less])), block
    assert keyed > 5


def test_removing_where_dead_letters_go_is_noticed(ours: list[list[Block]]) -> None:
    """What nobody can take is kept, and somebody hears of it."""
    for name in ("dead_letter_policy", "expiration_policy", "oidc_token"):
        found = [
            one for blocks in ours for one in blocks if "google_pubsub_subscription" in one.labels
        ]
        for block in found:
            less = replace(block, body=_less(block.body, re.compile(name)))
            assert list(policies.letters_are_kept([less])), name
        assert found


def test_the_rules_look_at_something(ours: list[list[Block]]) -> None:
    """Rules over no blocks at all would hold, too."""
    kinds = {block.labels[0] for blocks in ours for block in blocks if block.kind == "resource"}
    assert kinds >= {
        "google_storage_bucket",
        "google_pubsub_topic",
        "google_pubsub_subscription",
        "google_cloud_run_v2_service",
        "google_project_iam_member",
        "google_sql_database_instance",
        "google_secret_manager_secret",
    }
