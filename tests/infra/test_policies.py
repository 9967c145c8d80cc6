"""The rules of the table of grants, each with a table that breaks it."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.iam.matrix import Matrix
from deploy.iam.stated import IAM_FILE, Stated
from shared.bus.topology import DEAD_SUFFIX, TOPOLOGY_FILE, load_topology
from tests.infra import policies
from tests.infra.policies import RULES, Rule

Raw = dict[str, Any]
Breaks = Callable[[Raw], None]

RAW: Final[Raw] = yaml.safe_load(IAM_FILE.read_text(encoding="utf-8"))
TOPOLOGY: Final = load_topology(TOPOLOGY_FILE)


def matrix_of(raw: Raw) -> Matrix:
    """Return the matrix of a table."""
    return Matrix(Stated.model_validate(raw), TOPOLOGY)


def _granted(identity: str, at: str, role: str, **more: object) -> Breaks:
    line = {"at": at, "role": role, "because": "of no good reason", **more}
    return lambda raw: raw["grants"].setdefault(identity, []).append(line)


def _predefined(role: str, *permissions: str) -> Breaks:
    return lambda raw: raw["predefined"].update({role: list(permissions)})


def _all(*breaks: Breaks) -> Breaks:
    def do(raw: Raw) -> None:
        for one in breaks:
            one(raw)

    return do


def _set(*path: str | int, to: object) -> Breaks:
    def do(raw: Raw) -> None:
        place: Any = raw
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return do


def _without(identity: str, at: str) -> Breaks:
    def do(raw: Raw) -> None:
        lines = raw["grants"][identity]
        raw["grants"][identity] = [line for line in lines if line.get("at") != at]

    return do


def _loses_agent(key: str) -> Breaks:
    return lambda raw: raw["keys"][key]["agents"].clear()


BROKEN: Final[dict[str, tuple[Rule, Breaks]]] = {
    "editor of a bucket": (
        policies.no_primitive_role,
        _all(
            _predefined("roles/editor", "storage.objects.get"),
            _granted("ocr", "bucket/objects", "roles/editor"),
        ),
    ),
    "administrator of a bucket": (
        policies.no_primitive_role,
        _all(
            _predefined("roles/storage.objectAdmin", "storage.objects.get"),
            _granted("ocr", "bucket/objects", "roles/storage.objectAdmin"),
        ),
    ),
    "a role of Google's on the project": (
        policies.nothing_on_the_project,
        _granted("ocr", "project", "roles/pubsub.publisher"),
    ),
    "objects of the whole project": (
        policies.nothing_on_the_project,
        _granted("ocr", "project", "readObjects"),
    ),
    "every server of the project": (
        policies.nothing_on_the_project,
        _granted("ocr", "project", "logIn"),
    ),
    "everybody an agent": (
        policies.no_public_access,
        _set("agents", "storage", to="allUsers"),
    ),
    "everybody an identity": (
        policies.no_public_access,
        _set("identities", "allAuthenticatedUsers", to={"kind": "external", "does": "whatever"}),
    ),
    "partners in a bucket": (
        policies.no_public_access,
        _granted("partners", "bucket/log", "listObjects"),
    ),
    "every object by a star": (
        policies.no_wildcard,
        _granted("ocr", "bucket/*", "listObjects"),
    ),
    "a bucket that is not there": (
        policies.no_wildcard,
        _granted("ocr", "bucket/attic", "listObjects"),
    ),
    "a key that nobody may use for us": (policies.everything_has_its_key, _loses_agent("books")),
    "an agent with a key too many": (
        policies.everything_has_its_key,
        _set("keys", "kek", "agents", to=["storage"]),
    ),
    "a condition that IAM refuses": (
        policies.conditions_fit,
        _granted(
            "ocr",
            "bucket/objects",
            "readObjects",
            under=[f"results/{one}/" for one in "abcdefghijklmnop"],
        ),
    ),
    "a listing bounded by a prefix": (
        policies.conditions_fit,
        _granted("ocr", "bucket/batches", "listObjects", under=["output/"]),
    ),
    "a prefix of nothing": (
        policies.conditions_fit,
        _granted("ocr", "bucket/objects", "readObjects", under=["attic/"]),
    ),
    "a listing bounded by an ending": (
        policies.conditions_fit,
        _granted("ocr", "bucket/batches", "listObjects", ending=[".json"]),
    ),
    "an account of a long name": (
        policies.accounts_have_names,
        _set("identities", "the-one-who-looks-after-things", to={"kind": "watch", "does": "looks"}),
    ),
    "an identity without a deployable": (
        policies.one_identity_a_deployable,
        _set("identities", "spare", to={"kind": "runtime", "does": "nothing"}),
    ),
    "a worker that calls another": (
        policies.one_identity_a_deployable,
        _granted("ocr", "service/ledger", "roles/run.invoker"),
    ),
    "a job that nobody starts": (
        policies.jobs_are_started,
        _set("services", "register", "jobs", to=["levels"]),
    ),
    "a scheduler that may not call": (
        policies.jobs_are_started,
        _without("scheduler", "service/register"),
    ),
    "a token that its service cannot read": (
        policies.jobs_are_started,
        _without("ocr", "secret/internal-event-token"),
    ),
    "a worker that mints tokens": (
        policies.only_the_agent_mints,
        _granted("ocr", "account/ledger", "roles/iam.serviceAccountOpenIdTokenCreator"),
    ),
    "a worker that runs things": (
        policies.only_the_agent_mints,
        _granted("ocr", "account/ledger", "actAs"),
    ),
    "a tombstone that can go": (
        policies.erasure_is_final,
        _granted("eraser", "bucket/objects", "deleteObjects", under=["tombstones/"]),
    ),
    "a tenant's key that can go": (
        policies.erasure_is_final,
        _granted("eraser", "bucket/wrapped", "deleteObjects"),
    ),
    "a stage in another's results": (
        policies.each_stage_writes_its_own,
        _granted("summarize", "bucket/objects", "createObjects", under=["results/ocr/"]),
    ),
    "a tile that can go": (
        policies.the_log_only_grows,
        _granted("sequencer", "bucket/log", "deleteObjects"),
    ),
    "a second publisher": (
        policies.the_log_only_grows,
        _granted("ledger", "bucket/log", "createObjects"),
    ),
    "a checkpoint of another's": (
        policies.the_log_only_grows,
        _granted("ledger-api", "bucket/log", "deleteObjects", ending=["/checkpoint"]),
    ),
    "a worker that reads logs": (
        policies.the_log_only_grows,
        _granted("ledger", "bucket/log", "readObjects"),
    ),
    "a checkpoint that is kept": (
        policies.the_log_only_grows,
        _set("buckets", "log", "retention_days", to=365),
    ),
    "a sequencer that rewrites the keys' history": (
        policies.the_log_only_grows,
        _granted("sequencer", "bucket/log", "deleteObjects", ending=[".keys"]),
    ),
    "originals that a keeper may delete": (
        policies.erasure_is_final,
        _granted("keeper", "bucket/objects", "deleteObjects", under=["originals/"]),
    ),
    "a second signer": (
        policies.signing_is_the_sequencers,
        _granted("ledger", "ring/signers", "signCheckpoints"),
    ),
    "an operator that signs": (
        policies.signing_is_the_sequencers,
        _granted("operator", "ring/signers", "signCheckpoints"),
    ),
    "a job that runs as a deployable": (
        policies.commands_have_their_own_rights,
        _set("run_jobs", "operate", "identity", to="ledger"),
    ),
    "two jobs of one identity": (
        policies.commands_have_their_own_rights,
        _set("run_jobs", "operate", "identity", to="keeper"),
    ),
    "an account of commands without a job": (
        policies.commands_have_their_own_rights,
        _set("identities", "spare", to={"kind": "command", "does": "nothing"}),
    ),
    "erasing by whoever is on call": (
        policies.commands_have_their_own_rights,
        _granted("operators", "run_job/erase", "startJobs"),
    ),
    "a release that types commands": (
        policies.commands_have_their_own_rights,
        _granted("deployer", "run_job/operate", "startJobs"),
    ),
    "a worker that starts a command": (
        policies.commands_have_their_own_rights,
        _granted("ocr", "run_job/keys", "startJobs"),
    ),
    "an operator that opens documents": (
        policies.the_operator_opens_and_changes_nothing,
        _granted("operator", "bucket/wrapped", "readObjects", under=["keys/"]),
    ),
    "an operator that opens uploads": (
        policies.the_operator_opens_and_changes_nothing,
        _granted("operator", "bucket/wrapped", "readObjects", ending=[".inbox"]),
    ),
    "an operator that removes objects": (
        policies.the_operator_opens_and_changes_nothing,
        _granted("operator", "bucket/objects", "deleteObjects", under=["quarantine/"]),
    ),
    "an operator that marks tombstones": (
        policies.the_operator_opens_and_changes_nothing,
        _granted("operator", "bucket/objects", "createObjects", under=["tombstones/"]),
    ),
    "an operator that books": (
        policies.the_operator_opens_and_changes_nothing,
        _set("databases", "books", "roles", "docledger_ledger_worker", to=["ledger", "operator"]),
    ),
    "a second who renews the KEK": (
        policies.renewing_is_the_keepers,
        _granted("eraser", "key/kek", "renewKeys"),
    ),
    "a second who makes keys of logs": (
        policies.renewing_is_the_keepers,
        _granted("sequencer", "ring/signers", "makeVersions"),
    ),
    "keys of logs that can be destroyed": (
        policies.renewing_is_the_keepers,
        _granted("keeper", "ring/signers", "renewKeys"),
    ),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_table_keeps_the_rule(rule: Rule) -> None:
    """What a security team would look for by hand is looked for in every change."""
    assert list(rule(matrix_of(RAW))) == []


@pytest.mark.parametrize("broken", BROKEN)
def test_a_table_that_breaks_the_rule_is_caught(broken: str) -> None:
    """A rule that nothing breaks says nothing."""
    rule, breaks = BROKEN[broken]
    raw = deepcopy(RAW)
    breaks(raw)
    assert list(rule(matrix_of(raw)))


class _Once(yaml.SafeLoader):
    """Refuses a key that is there twice: YAML would take the last one and say nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        keys = [self.construct_object(key) for key, _ in node.value]
        assert len(set(keys)) == len(keys), [key for key in keys if keys.count(key) > 1]
        return super().construct_mapping(node, deep)


@pytest.mark.parametrize("path", sorted(IAM_FILE.parent.glob("*.yaml")), ids=lambda path: path.name)
def test_nothing_is_said_twice(path: Path) -> None:
    """Whoever reads the first of two would read what does not hold."""
    assert yaml.load(path.read_text(encoding="utf-8"), _Once)


def test_everybody_who_has_an_account_uses_it() -> None:
    """What nobody runs as is an account to be taken over, and nobody would miss it."""
    stated = matrix_of(RAW).stated
    root = IAM_FILE.parents[1]
    builds = [*root.glob("cloudbuild/*.yaml"), *root.glob("cloudbuild/triggers/*.yaml")]
    told = "".join(path.read_text(encoding="utf-8") for path in builds)
    used = {*stated.services, *(job.identity for job in stated.run_jobs.values()), "scheduler"}
    used |= {name for name in stated.identities if f"docledger-{name}@" in told}
    used |= {"doctor"}  # a person's or a gate's `docledger doctor`
    ours = {name for name, one in stated.identities.items() if one.kind != "external"}
    assert ours == used


@pytest.mark.parametrize("key", [name for name, its in RAW["keys"].items() if its["agents"]])
def test_removing_a_key_or_who_uses_it_is_noticed(key: str) -> None:
    """Without either, what lies under it is not encrypted by us, or cannot be written."""
    for agent in RAW["keys"][key]["agents"]:
        raw = deepcopy(RAW)
        raw["keys"][key]["agents"].remove(agent)
        assert list(policies.everything_has_its_key(matrix_of(raw))), agent
    raw = deepcopy(RAW)
    del raw["keys"][key]
    if key == "events":
        assert list(policies.everything_has_its_key(matrix_of(raw)))
    else:
        with pytest.raises(ValueError, match=f"{key} is no key"):
            matrix_of(raw)


WHOLE: Final = matrix_of(RAW)


def _less(name: str) -> Matrix:
    """Return the matrix without what is granted on, or to, one name."""
    less = WHOLE
    for grant in WHOLE.grants:
        if name in {grant.resource, grant.identity}:
            less = less.without(grant)
    return less


@pytest.mark.parametrize("subscription", TOPOLOGY.subscriptions)
def test_removing_a_dead_letters_consumer_is_noticed(subscription: str) -> None:
    """Its invoker, the right to mint for it, its topic, or taking letters off the source."""
    dead = subscription + DEAD_SUFFIX
    for missing in (f"push/{dead}", f"account/push/{dead}", f"topic/{dead}"):
        assert list(policies.letters_are_taken(_less(missing))), missing
    assert list(policies.letters_are_taken(_less(f"subscription/{subscription}")))
