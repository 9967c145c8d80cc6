"""What the documents name: files, tests, commands, targets, variables; and what is not there."""

import functools
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer

from deploy.cli.main import app
from deploy.cli.settings import OF_THE_COMMAND
from shared.settings import NOT_SETTINGS, PREFIX, Settings

ROOT: Final = Path(__file__).resolve().parents[2]

DOCUMENTS: Final = tuple(
    sorted(
        path
        for places in (
            "*.md",
            "docs/**/*.md",
            "services/*/*.md",
            "infra/**/*.md",
            "cloudbuild/*.md",
        )
        for path in ROOT.glob(places)
    )
)

_ROOMS: Final = "services|shared|deploy|infra|cloudbuild|docs|tests|requirements|\\.ci"
_YOURS: Final = ".tfvars"
"""A file that its reader writes, and that is nowhere here."""

_FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_PATH: Final = re.compile(
    rf"(?<![\w./$-])((?:{_ROOMS})/[\w./*-]*(?:\{{[\w,]+\}}[\w./*-]*)?)(?:::(\w+))?"
)
_COMMAND: Final = re.compile(r"(?:^|[;&|(] *|bin/)docledger +([^\n;&`#]*)", re.MULTILINE)
_ALTERNATIVES: Final = re.compile(r"[a-z]+(?:\|[a-z]+)+")
_MAKE: Final = re.compile(r"(?:^|[;&|(] *)make +([a-z][a-z0-9-]*)", re.MULTILINE)
_VARIABLE: Final = re.compile(r"\bDOCLEDGER_[A-Z_]*[A-Z_]")
_TERRAFORM: Final = re.compile(r"-var[= ]'?(\w+)=|\bvar\.(\w+)")
_OUTPUT: Final = re.compile(r"jq -r '?\.(\w+)")
_ASSIGNED: Final = re.compile(r"^(?: {3})?(\w+) *=", re.MULTILINE)  # a list indents by three
_STATED: Final = re.compile(r'^(variable|output) "(\w+)"', re.MULTILINE)
_TARGET: Final = re.compile(r"^([a-z][a-z0-9-]*):", re.MULTILINE)
_TEST: Final = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)
_OPTION: Final = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


@dataclass(frozen=True, slots=True)
class Code:
    """What stands between back quotes.

    Attributes:
        language: of a block; empty for a span.
        text: itself, with lines that go on joined.
    """

    language: str
    text: str


def codes(text: str) -> Iterator[Code]:
    """Yield a document's blocks and spans of code."""
    for language, block in _FENCE.findall(text):
        yield Code(language, block.replace("\\\n", " "))
    for span in _SPAN.findall(_FENCE.sub("", text)):
        yield Code("", span)


def missing(text: str, place: Path) -> list[str]:
    """Return a line for whatever a document names that is not there.

    Args:
        text: of the document.
        place: the folder from which its links lead.
    """
    found = [*_links(text, place), *_variables(text)]
    for code in codes(text):
        found += [*_paths(code.text), *_commands(code.text), *_targets(code.text)]
        found += _terraform(code)
    return found


def _links(text: str, place: Path) -> Iterator[str]:
    for link in _LINK.findall(_FENCE.sub("", text)):
        if "://" not in link and not (place / link.partition("#")[0]).exists():
            yield f"link {link}"


def _paths(text: str) -> Iterator[str]:
    for path, test in _PATH.findall(text):
        if not any(_places(path.rstrip("."))):
            yield f"path {path}"
        elif test and test not in tests_of(path):
            yield f"test {path}::{test}"


def _places(path: str) -> Iterator[Path]:
    """Yield what a path names; ``{a,b}`` names several, which must all be there."""
    if "{" in path:
        before, _, rest = path.partition("{")
        inside, _, after = rest.partition("}")
        every = [list(ROOT.glob(before + one + after)) for one in inside.split(",")]
        yield from (one for some in every for one in some if all(every))
    elif "*" in path:
        yield from ROOT.glob(path)
    elif (ROOT / path).exists() or path.endswith(_YOURS):
        yield ROOT / path


@functools.cache
def tests_of(path: str) -> frozenset[str]:
    """Return the names of a file's tests."""
    return frozenset(_TEST.findall((ROOT / path).read_text(encoding="utf-8")))


def _commands(text: str) -> Iterator[str]:
    for line in _COMMAND.findall(text):
        words = re.split(r" \| | > ", line)[0].split()
        for alternative in _each(words):
            problem = _problem(alternative)
            if problem:
                yield f"docledger {' '.join(alternative)}: {problem}"


def _each(words: list[str]) -> Iterator[list[str]]:
    """Yield the commands that ``keys show|rotate`` stands for."""
    for index, word in enumerate(words[:4]):
        if _ALTERNATIVES.fullmatch(word):
            for one in word.split("|"):
                yield [*words[:index], one, *words[index + 1 :]]
            return
    yield words


def _problem(words: list[str]) -> str | None:
    command = _root()
    known = set(_options(command))
    taken = 0
    while taken < len(words):
        word = words[taken]
        if word == "--data-dir":
            taken += 2
        elif word in getattr(command, "commands", {}):
            command = command.commands[word]
            known |= set(_options(command))
            taken += 1
        else:
            break
    rest = words[taken:]
    if hasattr(command, "commands") and rest and re.fullmatch(r"[a-z-]+", rest[0]):
        return f"there is no command {rest[0]}"
    for option in _OPTION.findall(" ".join(rest)):
        if option not in known | {"--help"}:
            return f"there is no option {option}"
    return None


@functools.cache
def _root() -> Any:
    return typer.main.get_command(app)


def _options(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if parameter.param_type_name == "option":
            yield from (*parameter.opts, *parameter.secondary_opts)


def _targets(text: str) -> Iterator[str]:
    known = _TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
    yield from (f"make {target}" for target in _MAKE.findall(text) if target not in known)


def _variables(text: str) -> Iterator[str]:
    for name in sorted(set(_VARIABLE.findall(text))):
        beginning = name.endswith("_")
        if name not in variables() and not (
            beginning and any(one.startswith(name) for one in variables())
        ):
            yield f"variable {name}"


@functools.cache
def variables() -> frozenset[str]:
    """Return every variable of ours that some process reads."""
    places = [
        *ROOT.glob("shared/**/*.py"),
        *ROOT.glob("services/*/*settings.py"),
        *ROOT.glob("deploy/*/*settings.py"),
    ]
    for path in sorted(places):
        if "(Settings)" in path.read_text(encoding="utf-8"):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    own = [one for one in Settings.__subclasses__() if not one.__module__.startswith("tests")]
    names = {name for one in own for name in one.variables() if name.startswith(PREFIX)}
    return frozenset(names | OF_THE_COMMAND | NOT_SETTINGS)


def _terraform(code: Code) -> Iterator[str]:
    names = {one or other for one, other in _TERRAFORM.findall(code.text)}
    if code.language == "hcl":
        names |= set(_ASSIGNED.findall(code.text))
    yield from (f"Terraform variable {name}" for name in names - stated("variable"))
    outputs = set(_OUTPUT.findall(code.text)) if "-json docledger" in code.text else set()
    yield from (f"Terraform output {name}" for name in outputs - stated("output"))


@functools.cache
def stated(kind: str) -> frozenset[str]:
    """Return Terraform's variables that every environment takes, or the outputs of the whole."""
    folder = ROOT / "infra" / "terraform"
    files = (
        sorted(folder.glob("environments/*/variables.tf"))
        if kind == "variable"
        else [folder / "modules" / "docledger" / "outputs.tf"]
    )
    each = [
        {name for what, name in _STATED.findall(file.read_text(encoding="utf-8")) if what == kind}
        for file in files
    ]
    return frozenset(set.intersection(*each))
