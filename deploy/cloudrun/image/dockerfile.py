"""Reads the part of the Dockerfile language that our one Dockerfile is written in, and no more.

Source: the Dockerfile reference of Docker. What is not known is refused: a line that only an engine
understood would let the tree and the image drift apart.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.errors import UserError

_KNOWN: Final = frozenset({"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "RUN", "USER", "WORKDIR"})
_VARIABLE: Final = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_DIGEST: Final = re.compile(r"[a-z0-9][a-z0-9._/:-]*@sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction.

    Attributes:
        word: in capitals.
        rest: what follows, lines joined, variables as they stand.
        line: where it begins, counted from 1.
    """

    word: str
    rest: str
    line: int


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands between two FROM lines.

    Attributes:
        name: after AS.
        base: a stage above, or an image with its digest.
        steps: in order.
    """

    name: str
    base: str
    steps: tuple[Step, ...]


def read_dockerfile(text: str, arguments: Mapping[str, str]) -> dict[str, Stage]:
    """Return the stages by name, in order; the last is what is built when none is named.

    Args:
        text: of the Dockerfile.
        arguments: build arguments; they win over the defaults before the first FROM.

    Raises:
        UserError: an instruction that is not known, a base without digest, or a stage without name.
    """
    outside: dict[str, str] = {}
    found: dict[str, list[Step]] = {}
    bases: dict[str, str] = {}
    name: str | None = None
    for step in _steps(text):
        if step.word == "FROM":
            base, said, name = (*step.rest.split(), "", "")[:3]
            base = expanded(base, outside)
            if said.upper() != "AS" or not name or name in bases:
                raise UserError(f"line {step.line}: give the stage a name of its own, FROM … AS …")
            if base not in bases and not _DIGEST.fullmatch(base):
                raise UserError(f"line {step.line}: pin the base by digest, NAME@sha256:…")
            bases[name], found[name] = base, []
        elif step.word not in _KNOWN:
            raise UserError(f"line {step.line}: {step.word} is not read here: do without it")
        elif name is None:
            if step.word != "ARG":
                raise UserError(f"line {step.line}: {step.word} before the first FROM")
            key, _, default = step.rest.partition("=")
            outside[key] = arguments.get(key, default)
        else:
            found[name].append(step)
    if not found:
        raise UserError("a Dockerfile without FROM")
    return {name: Stage(name, bases[name], tuple(steps)) for name, steps in found.items()}


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with every ``${NAME}`` in it replaced.

    Raises:
        UserError: a variable that nothing declares.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise UserError(f"{match[0]} is not set: declare it, or give it as a build argument")
        return variables[match[1]]

    return _VARIABLE.sub(value, text)


def words(step: Step) -> list[str]:
    """Return the words of a CMD or ENTRYPOINT.

    Raises:
        UserError: it is not written as a list; then a shell would be process 1 and keep SIGTERM.
    """
    try:
        listed = json.loads(step.rest)
    except json.JSONDecodeError:
        listed = None
    if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed):
        raise UserError(f'line {step.line}: write {step.word} as a list, ["…", "…"]')
    return listed


def _steps(text: str) -> Iterator[Step]:
    """Yield instructions; comments are left out, continued lines joined."""
    begun, at = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        at = at if begun else number
        begun += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        word, _, rest = begun.partition(" ")
        yield Step(word, rest.strip(), at)
        begun = ""
    if begun:
        raise UserError(f"line {at}: the last instruction does not end")
