"""What a build of ours must be; each rule returns what is wrong, in words."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import yaml
from google.cloud.devtools import cloudbuild_v1
from google.protobuf import json_format

Build = dict[str, Any]

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "cloudbuild"

BUILT_IN: Final = frozenset(
    {"BUILD_ID", "COMMIT_SHA", "LOCATION", "PROJECT_ID", "PROJECT_NUMBER", "SHORT_SHA", "TAG_NAME"}
)
"""Substitutions of Cloud Build's own, those that we may want."""

_USED: Final = re.compile(r"\$\{?([A-Z_][A-Z0-9_]*)\}?")
_PINNED: Final = re.compile(r"[a-z0-9./:_-]+@sha256:([0-9a-f]{64})")
_VERSION: Final = re.compile(r"projects/[^/]+/secrets/[^/]+/versions/[0-9]+")
_CHECKS: Final = re.compile(
    r"^set -euo pipefail\n(?:.*\n)*(?:PATH=\S+ )?bash \.ci/run\Z", re.MULTILINE
)
_LEAST_LETTERS: Final = 10  # a real digest of 64 has nearly all 16


def build_of(name: str) -> Build:
    """Return a build's file."""
    loaded: Build = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return loaded


def proto(build: Build) -> list[str]:
    """Check against Cloud Build's own proto: a misspelt field, a wrong type."""
    return _parsed(build, cloudbuild_v1.Build.pb()())


def trigger_proto(trigger: Build) -> list[str]:
    """Check a trigger likewise."""
    return _parsed(trigger, cloudbuild_v1.BuildTrigger.pb()())


def _parsed(document: Build, message: Any) -> list[str]:
    try:
        json_format.ParseDict(document, message)
    except json_format.ParseError as error:
        return [str(error)]
    return []


def graph(build: Build) -> list[str]:
    """Check the order of steps: names, what they wait for, that each can begin."""
    names = [step.get("id", "") for step in build["steps"]]
    wrong = [f"step {at} has no id" for at, name in enumerate(names) if not name]
    wrong += [f"two steps are called {name}" for name in set(names) if names.count(name) > 1]
    waits = _waits(build)
    for name, others in waits.items():
        wrong += [f"{name} waits for {other}, which is no step" for other in others - set(names)]
    begun: set[str] = set()
    while ready := {name for name, others in waits.items() if others <= begun} - begun:
        begun |= ready
    return wrong + [f"{name} never begins" for name in names if name not in begun]


def _waits(build: Build) -> dict[str, set[str]]:
    """Return what each step waits for; without a word, for all before it."""
    waits: dict[str, set[str]] = {}
    for step in build["steps"]:
        said = step.get("waitFor")
        waits[step.get("id", "")] = set(waits) if said is None else set(said) - {"-"}
    return waits


def substitutions(build: Build) -> list[str]:
    """Check that what is used is declared, and what is declared used."""
    declared = set(build.get("substitutions", {}))
    stated = {key: value for key, value in build.items() if key != "substitutions"}
    used = {name for text in _texts(stated) for name in _USED.findall(text)}
    wrong = [f"{name} is used and not declared" for name in sorted(used - declared - BUILT_IN)]
    if build.get("options", {}).get("automapSubstitutions"):
        scripts = [step["script"] for step in build["steps"] if "script" in step]
        named = {path for script in scripts for path in re.findall(r"cloudbuild/\S+\.sh", script)}
        texts = [*scripts, *((ROOT / path).read_text(encoding="utf-8") for path in named)]
        used |= {name for text in texts for name in re.findall(r"\b_[A-Z][A-Z0-9_]*", text)}
    return wrong + [f"{name} is declared and not used" for name in sorted(declared - used)]


def _texts(value: object, key: str = "") -> Iterator[str]:
    """Yield every text that Cloud Build substitutes in: all but scripts."""
    if key == "script":
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def pinned(build: Build) -> list[str]:
    """Check that each step's image is named by a digest, and that nobody made the digest up."""
    wrong = []
    for step in build["steps"]:
        found = _PINNED.fullmatch(step["name"])
        if found is None or len(set(found[1])) < _LEAST_LETTERS:
            wrong.append(f"{step['id']} runs {step['name']}: name its digest")
    return wrong


def secrets(build: Build) -> list[str]:
    """Check that secrets are taken by version, from Secret Manager, and used."""
    available = build.get("availableSecrets", {})
    wrong = ["a secret lies in the build: put it into Secret Manager"] * (
        "inline" in available or "secrets" in build
    )
    declared = {one["env"]: one["versionName"] for one in available.get("secretManager", [])}
    wrong += [
        f"{env} is {version}: name a version by its number"
        for env, version in declared.items()
        if not _VERSION.fullmatch(version.replace("$PROJECT_ID", "project"))
    ]
    used = {env for step in build["steps"] for env in step.get("secretEnv", [])}
    wrong += [f"{env} is used and not declared" for env in sorted(used - set(declared))]
    return wrong + [f"{env} is declared and not used" for env in sorted(set(declared) - used)]


def timeouts(build: Build) -> list[str]:
    """Check that each step ends, and that the build outlasts its longest way through them."""
    wrong = [f"{step['id']} has no timeout" for step in build["steps"] if "timeout" not in step]
    if "timeout" not in build:
        return [*wrong, "the build has no timeout"]
    own = {step["id"]: _seconds(step.get("timeout", "0s")) for step in build["steps"]}
    ends: dict[str, int] = {}
    for name, others in _waits(build).items():
        ends[name] = own[name] + max((ends.get(other, 0) for other in others), default=0)
    if _seconds(build["timeout"]) < max(ends.values()):
        wrong.append(
            f"the build ends after {build['timeout']}, its steps take {max(ends.values())}s"
        )
    return wrong


def _seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def identity(build: Build) -> list[str]:
    """Check that it runs as an account that infra/iam.yaml has for releases, not as the default."""
    stated = yaml.safe_load((ROOT / "infra" / "iam.yaml").read_text(encoding="utf-8"))
    account = stated["names"]["account"]
    wanted = {
        account.format(name=name, project="$PROJECT_ID")
        for name, its in stated["identities"].items()
        if its["kind"] == "release"
    }
    said = build.get("serviceAccount", "").removeprefix("projects/$PROJECT_ID/serviceAccounts/")
    return [] if said in wanted else [f"it runs as '{said}': name one of {sorted(wanted)}"]


def logs(build: Build) -> list[str]:
    """Check that logs go to Cloud Logging alone: Cloud Build's own bucket has no key of ours."""
    said = build.get("options", {}).get("logging")
    wrong = [] if said == "CLOUD_LOGGING_ONLY" else [f"logging is {said}: CLOUD_LOGGING_ONLY"]
    return wrong + ["logsBucket would take them, too"] * ("logsBucket" in build)


def shells(build: Build) -> list[str]:
    """Check that no substitution is pasted into what a shell reads: it could be a command."""
    wrong = []
    for step in build["steps"]:
        words = [step.get("entrypoint", ""), *step.get("args", [])]
        if {"-c", "-ec"} & set(words) and any("$" in word for word in words):
            wrong.append(f"{step['id']} has a shell read substitutions: use script")
    return wrong


def images(build: Build) -> list[str]:
    """Check that what is pushed is what a step built, and that nothing else is built."""
    built = set()
    for step in build["steps"]:
        args = step.get("args", [])
        built |= {after for word, after in pairwise(args) if word == "--tag"}
    pushed = set(build.get("images", []))
    wrong = [f"{one} is pushed and not built" for one in sorted(pushed - built)]
    return wrong + [f"{one} is built and not pushed" for one in sorted(built - pushed)]


def checked(build: Build) -> list[str]:
    """Check that nothing is pushed of a commit that ``make check`` did not pass.

    Images are pushed when every step has ended well: one must run it, last, and may not fail.
    """
    if not build.get("images"):
        return []
    every = [step for step in build["steps"] if _CHECKS.search(step.get("script", "").rstrip("\n"))]
    wrong = [] if every else ["no step runs .ci/run as its last word"]
    return wrong + [
        f"{step['id']} may fail" for step in every if {"allowFailure", "allowExitCodes"} & {*step}
    ]


def in_turn(build: Build) -> list[str]:
    """Check that what changes a project does one thing after the other, each tried first."""
    if build.get("images"):
        return []
    return [
        f"{step['id']} does not wait for {before['id']} alone"
        for before, step in pairwise(build["steps"])
        if step.get("waitFor") != [before["id"]]
    ]


RULES: Final = (
    proto,
    graph,
    substitutions,
    pinned,
    secrets,
    timeouts,
    identity,
    logs,
    shells,
    images,
    checked,
    in_turn,
)
