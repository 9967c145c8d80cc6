"""The builds are what Cloud Build takes and what we demand; each rule is tried on a breach."""

import copy
import re
import string
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cloudbuild import rules
from tests.cloudbuild.rules import FOLDER, ROOT, RULES, Build, build_of
from tests.packaging.images import DEPLOYABLES

BUILDS = ("ci.yaml", "release.yaml", "rollback.yaml")
TRIGGERS = sorted(path.name for path in (FOLDER / "triggers").glob("*.yaml"))
FAKE = "name@sha256:" + "0" * 64
SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_build_keeps_the_rules(rule: Callable[[Build], list[str]], name: str) -> None:
    """What Cloud Build refuses it refuses at the first release, which is the worst moment."""
    assert rule(build_of(name)) == []


def step(build: Build, name: str) -> dict[str, Any]:
    """Return a step by its id."""
    found: dict[str, Any] = next(one for one in build["steps"] if one["id"] == name)
    return found


BREACHES: dict[str, tuple[str, Callable[[Build], object], Callable[[Build], list[str]], str]] = {
    "a misspelt field": (
        "ci.yaml",
        lambda b: step(b, "check").update(waitfor=["emulator"]),
        rules.proto,
        "waitfor",
    ),
    "a value of another type": (
        "ci.yaml",
        lambda b: b["options"].update(machineType="HUGE"),
        rules.proto,
        "machineType",
    ),
    "a step that is not there": (
        "release.yaml",
        lambda b: step(b, "deploy").update(waitFor=["migrat"]),
        rules.graph,
        "deploy waits for migrat, which is no step",
    ),
    "a circle": (
        "release.yaml",
        lambda b: step(b, "migrate").update(waitFor=["check-5"]),
        rules.graph,
        "check-5 never begins",
    ),
    "two of one name": (
        "release.yaml",
        lambda b: step(b, "check-5").update(id="check-50"),
        rules.graph,
        "two steps are called check-50",
    ),
    "no name": ("ci.yaml", lambda b: step(b, "ocr").pop("id"), rules.graph, "has no id"),
    "used, not declared": (
        "ci.yaml",
        lambda b: b["substitutions"].clear(),
        rules.substitutions,
        "_REPOSITORY is used and not declared",
    ),
    "a misspelt one of Cloud Build's": (
        "ci.yaml",
        lambda b: b["images"].append("$_REPOSITORY/x:$COMIT_SHA"),
        rules.substitutions,
        "COMIT_SHA is used and not declared",
    ),
    "declared, not used": (
        "release.yaml",
        lambda b: b["substitutions"].update(_CANARY="5"),
        rules.substitutions,
        "_CANARY is declared and not used",
    ),
    "declared, and never mapped": (
        "release.yaml",
        lambda b: b["options"].pop("automapSubstitutions"),
        rules.substitutions,
        "_SMOKES is declared and not used",
    ),
    "a tag": (
        "ci.yaml",
        lambda b: step(b, "check").update(name="python:3.11-bookworm"),
        rules.pinned,
        "name its digest",
    ),
    "a digest that somebody made up": (
        "ci.yaml",
        lambda b: step(b, "check").update(name=FAKE),
        rules.pinned,
        "name its digest",
    ),
    "the newest secret": (
        "ci.yaml",
        lambda b: secret(b, "projects/$PROJECT_ID/secrets/token/versions/latest"),
        rules.secrets,
        "name a version by its number",
    ),
    "a secret that no step asks for": (
        "ci.yaml",
        lambda b: b.update(availableSecrets={"secretManager": [{"versionName": "", "env": "A"}]}),
        rules.secrets,
        "A is declared and not used",
    ),
    "a secret that nothing declares": (
        "ci.yaml",
        lambda b: step(b, "check").update(secretEnv=["TOKEN"]),
        rules.secrets,
        "TOKEN is used and not declared",
    ),
    "a secret in the file": (
        "ci.yaml",
        lambda b: b.update(availableSecrets={"inline": [{"envMap": {"TOKEN": "AA=="}}]}),
        rules.secrets,
        "a secret lies in the build",
    ),
    "a step without end": (
        "release.yaml",
        lambda b: step(b, "migrate").pop("timeout"),
        rules.timeouts,
        "migrate has no timeout",
    ),
    "a build without end": (
        "release.yaml",
        lambda b: b.pop("timeout"),
        rules.timeouts,
        "the build has no timeout",
    ),
    "a build that ends before its steps": (
        "release.yaml",
        lambda b: b.update(timeout="600s"),
        rules.timeouts,
        "the build ends after 600s",
    ),
    "the default account": (
        "release.yaml",
        lambda b: b.pop("serviceAccount"),
        rules.identity,
        "it runs as ''",
    ),
    "a worker's account": (
        "release.yaml",
        lambda b: b.update(serviceAccount=b["serviceAccount"].replace("deployer", "ledger")),
        rules.identity,
        "docledger-ledger",
    ),
    "logs in a bucket": (
        "ci.yaml",
        lambda b: (b["options"].update(logging="LEGACY"), b.update(logsBucket="gs://logs")),
        rules.logs,
        "logsBucket",
    ),
    "a value that a shell reads": (
        "release.yaml",
        lambda b: step(b, "migrate").update(entrypoint="bash", args=["-c", "echo $_REGION"]),
        rules.shells,
        "has a shell read substitutions",
    ),
    "pushed, not built": (
        "ci.yaml",
        lambda b: b["images"].append("$_REPOSITORY/other:built-$COMMIT_SHA"),
        rules.images,
        "is pushed and not built",
    ),
    "traffic before what it had was tried": (
        "release.yaml",
        lambda b: step(b, "traffic-100").update(waitFor=["smoke-50"]),
        rules.in_turn,
        "traffic-100 does not wait for check-50",
    ),
    "pushed without a check": (
        "ci.yaml",
        lambda b: step(b, "check").update(script="#!/usr/bin/env bash\ntrue\n"),
        rules.checked,
        "no step runs .ci/run",
    ),
    "a check that is not the last word": (
        "ci.yaml",
        lambda b: step(b, "check").update(script=step(b, "check")["script"].rstrip() + " || true"),
        rules.checked,
        "no step runs .ci/run",
    ),
    "a check that may fail": (
        "ci.yaml",
        lambda b: step(b, "check").update(allowFailure=True),
        rules.checked,
        "check may fail",
    ),
    "built, not pushed": (
        "ci.yaml",
        lambda b: b["images"].pop(),
        rules.images,
        "is built and not pushed",
    ),
}


def secret(build: Build, version: str) -> None:
    """Declare a secret and use it."""
    build["availableSecrets"] = {"secretManager": [{"versionName": version, "env": "TOKEN"}]}
    step(build, "check")["secretEnv"] = ["TOKEN"]


@pytest.mark.parametrize("what", BREACHES)
def test_breach_is_found(what: str) -> None:
    """A rule that finds nothing when it is broken holds nothing."""
    name, breach, rule, told = BREACHES[what]
    build = copy.deepcopy(build_of(name))
    breach(build)
    assert any(told in one for one in rule(build)), rule(build)


def test_secret_by_its_version_is_taken() -> None:
    """The rule must leave a right way."""
    build = build_of("ci.yaml")
    secret(build, "projects/$PROJECT_ID/secrets/token/versions/3")
    assert rules.secrets(build) == []
    assert rules.proto(build) == []


def test_scripts_are_sound_shell(tmp_path: Path) -> None:
    """A missing quote is found at the desk, not in a release."""
    files = [FOLDER / "release.sh"]
    for name in BUILDS:
        for one in build_of(name)["steps"]:
            if "script" in one:
                file = tmp_path / f"{name}-{one['id']}.sh"
                text = one["script"]
                file.write_text(text if text.startswith("#!") else f"#!/bin/bash\n{text}\n")
                files.append(file)
    ran = subprocess.run(
        [SCRIPTS / "shellcheck", "--norc", *files], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    broken = tmp_path / "broken.sh"
    broken.write_text("#!/bin/bash\nrm -r $1\n")
    assert (
        subprocess.run(
            [SCRIPTS / "shellcheck", broken], capture_output=True, check=False
        ).returncode
        == 1
    )


def test_dockerfile_satisfies_hadolint(tmp_path: Path) -> None:
    """Its judgement and ours may differ; nothing is ignored."""
    dockerfile = ROOT / "deploy" / "cloudrun" / "Dockerfile"
    ran = subprocess.run(
        [SCRIPTS / "hadolint", "--no-color", dockerfile],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert "ignore" not in dockerfile.read_text(encoding="utf-8")
    broken = tmp_path / "Dockerfile"
    broken.write_text("FROM python:latest\nRUN pip install flask\n")
    assert (
        subprocess.run([SCRIPTS / "hadolint", broken], capture_output=True, check=False).returncode
        == 1
    )


def test_every_image_that_is_deployed_is_built_and_every_deployable_is_deployed() -> None:
    """A new deployable that no release knows would stay at its first image for ever."""
    lines = [line.split() for line in (FOLDER / "services.txt").read_text().splitlines()]
    stated = yaml.safe_load((ROOT / "infra" / "iam.yaml").read_text(encoding="utf-8"))
    services = {its["name"]: name for name, its in stated["services"].items()}
    assert {service: container for service, container, _ in lines} == services
    assert {container: image for _, container, image in lines} == DEPLOYABLES
    pushed = {re.sub(r".*/(.*):.*", r"\1", one) for one in build_of("ci.yaml")["images"]}
    assert pushed == {image for *_, image in lines} | {"operator"}


def trigger_of(name: str) -> Build:
    """Return a trigger as it is imported."""
    text = (FOLDER / "triggers" / name).read_text(encoding="utf-8")
    filled = string.Template(text.replace('$"', '$$"')).substitute(
        PROJECT="docledger-test",
        REGION="europe-west4",
        CONNECTION="host",
        REPOSITORY="a/b/c",
        SUBMIT="https://in.example",
        AUDITOR="https://out.example",
        KEY="smoke+0a0b0c0d+AQ==",
    )
    loaded: Build = yaml.safe_load(filled)
    return loaded


@pytest.mark.parametrize("name", TRIGGERS)
def test_trigger_starts_a_build_with_what_that_asks_for(name: str) -> None:
    """A substitution that is missing or misspelt is found here, not by a release."""
    trigger = trigger_of(name)
    assert rules.trigger_proto(trigger) == []
    file = trigger.get("filename") or trigger["gitFileSource"]["path"]
    build = build_of(Path(file).name)
    assert trigger["serviceAccount"] == build["serviceAccount"].replace(
        "$PROJECT_ID", "docledger-test"
    )
    given, declared = set(trigger["substitutions"]), build["substitutions"]
    assert given <= set(declared)
    assert {key for key, value in declared.items() if not value} - given <= {"_TO"}


def test_production_waits_for_an_approval_and_takes_only_what_staging_passed() -> None:
    """What goes to customers was tried, and a person said yes."""
    staging, production = (trigger_of(f"release-{one}.yaml") for one in ("staging", "production"))
    assert production["approvalConfig"] == {"approvalRequired": True}
    assert production["repositoryEventConfig"] == staging["repositoryEventConfig"]
    assert production["substitutions"]["_ACCEPTS"] == staging["substitutions"]["_PASSES_AS"]
    assert staging["substitutions"]["_ACCEPTS"] == "built"
