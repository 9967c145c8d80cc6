"""Whether what our Terraform refers to is there: variables, locals, resources, modules, outputs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.infra.terraform.configuration import (
    Block,
    Module,
    expressions,
    module,
    said,
    unquoted,
)

META: Final = frozenset({"count", "depends_on", "for_each", "providers", "source", "version"})
"""What Terraform itself understands in every call of a module."""

_REFERENCE: Final = re.compile(
    r"(?<![\w.])(?P<root>var|local|module|data|google_[a-z0-9_]+)\.(?P<name>[A-Za-z_][\w-]*)"
    r"(?P<index>\[[^\]]*\])?(?:\.(?P<part>[A-Za-z_][\w-]*))?"
)


def dangling(of: Module) -> Iterator[str]:
    """Return what a module refers to and does not have, and the variables that it does not use."""
    used: set[str] = set()
    for block in of.blocks:
        for text in expressions(said(block.body)):
            for match in _REFERENCE.finditer(_code(text)):
                problem = _problem(of, match)
                if problem:
                    yield f"{block}: {problem}"
                if match["root"] == "var" and block.kind != "variable":
                    used.add(match["name"])
    for name, block in of.of("variable").items():
        if name not in used:
            yield f"{block}: nothing uses it"
    for block in of.of("module").values():
        yield from _call(block, of)


def called(block: Block, of: Module) -> Module:
    """Return the module that a call names."""
    return module((of.folder / unquoted(block.body["source"])).resolve())


def _code(text: str) -> str:
    """Return an expression without the literal text of its strings; templates in them stay."""
    out: list[str] = []
    depths = [0]  # of braces, in each stretch of code; a string in between counts as -1
    at = 0
    while at < len(text):
        in_string = depths[-1] < 0
        if text[at] == '"':
            depths.pop() if in_string else depths.append(-1)
        elif in_string and text[at] == "\\":
            at += 1
        elif in_string and text.startswith("${", at):
            depths.append(0)
            at += 1
        elif not in_string:
            depths[-1] += {"{": 1, "}": -1}.get(text[at], 0)
            if depths[-1] < 0 and len(depths) > 1:
                depths.pop()  # the template ends
            out.append(text[at])
        if out and in_string:
            out.append(" ")
        at += 1
    return "".join(out)


def _problem(of: Module, match: re.Match[str]) -> str | None:
    root, name, part = match["root"], match["name"], match["part"]
    if root == "module":
        return _of_module(of, name, part)
    known, told = {
        "var": (name in of.of("variable"), f"no variable {name}"),
        "local": (name in of.local, f"no local value {name}"),
        "data": (f"{name}.{part}" in of.of("data"), f"no data source {match[0]}"),
    }.get(root, (f"{root}.{name}" in of.of("resource"), f"no resource {root}.{name}"))
    return None if known else told


def _of_module(of: Module, name: str, part: str | None) -> str | None:
    call = of.of("module").get(name)
    if call is None:
        return f"no module {name}"
    if part is not None and part not in called(call, of).of("output"):
        return f"module {name} has no output {part}"
    return None


def _call(block: Block, of: Module) -> Iterator[str]:
    """Return what is wrong with the arguments of a call."""
    folder = of.folder / unquoted(block.body["source"])
    if not Path(folder).is_dir():
        yield f"{block}: there is no {block.body['source']}"
        return
    variables = called(block, of).of("variable")
    given = said(block.body).keys() - META
    for name in sorted(given - variables.keys()):
        yield f"{block}: its module takes no {name}"
    for name, variable in variables.items():
        if "default" not in variable.body and name not in given:
            yield f"{block}: {name} is missing"
