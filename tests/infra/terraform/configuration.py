"""Our Terraform as python-hcl2 reads it: modules of blocks, and what is said in them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import hcl2

TERRAFORM: Final = Path(__file__).resolve().parents[3] / "infra" / "terraform"

Body = Mapping[str, Any]

_BLOCK: Final = "__is_block__"
_HIDDEN: Final = frozenset({_BLOCK, "__comments__", "__inline_comments__"})


@dataclass(frozen=True, slots=True)
class Block:
    """One block at the top of a file.

    Attributes:
        kind: ``resource``, ``data``, ``variable``, …
        labels: what follows it, unquoted.
        body: arguments and nested blocks, as python-hcl2 tells them.
        where: the file, for messages.
    """

    kind: str
    labels: tuple[str, ...]
    body: Body
    where: str

    def __str__(self) -> str:
        return f"{self.where}: {' '.join((self.kind, *self.labels))}"


@dataclass(frozen=True)
class Module:
    """A folder of files.

    Attributes:
        folder: where it is.
        blocks: of all its files.
    """

    folder: Path
    blocks: list[Block] = field(default_factory=list)

    def of(self, kind: str) -> dict[str, Block]:
        """Return the blocks of a kind by their labels, joined by dots."""
        return {".".join(block.labels): block for block in self.blocks if block.kind == kind}

    @property
    def local(self) -> frozenset[str]:
        """Names of local values."""
        return frozenset(
            name for block in self.blocks if block.kind == "locals" for name in said(block.body)
        )


@cache
def module(folder: Path) -> Module:
    """Read every file of a folder."""
    read = Module(folder)
    for path in sorted(folder.glob("*.tf")):
        where = f"{folder.name}/{path.name}"
        read.blocks.extend(blocks_of(path.read_text(encoding="utf-8"), where))
    return read


def modules(root: Path = TERRAFORM) -> list[Module]:
    """Return every module below a folder, environments among them."""
    return [module(folder) for folder in sorted({path.parent for path in root.rglob("*.tf")})]


def blocks_of(text: str, where: str) -> Iterator[Block]:
    """Parse one file."""
    for kind, found in hcl2.loads(text).items():
        if kind in _HIDDEN:
            continue
        for one in found:
            yield from _labelled(kind, (), one, where)


def said(body: Body) -> dict[str, Any]:
    """Return what is in a block, without what the parser notes beside it."""
    return {name: value for name, value in body.items() if name not in _HIDDEN}


def nested(value: object) -> list[Body] | None:
    """Return the nested blocks that a value is; None where it is an argument."""
    if isinstance(value, list) and value and all(_is_block(one) for one in value):
        return value
    return None


def dynamic(body: Body) -> Iterator[tuple[str, Body]]:
    """Return the dynamic blocks of a block: what they make, and the block that makes it."""
    for one in body.get("dynamic", ()):
        for name, inner in said(one).items():
            yield unquoted(name), inner


def expressions(value: object) -> Iterator[str]:
    """Return every expression in a body, templates' parts among them."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in _HIDDEN:
                yield from _templates(name)
                yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)
    elif isinstance(value, str):
        yield from _templates(value)


def unquoted(text: str) -> str:
    """Return a label without its quotes."""
    return text[1:-1] if text.startswith('"') else text


_WHOLE: Final = re.compile(r"\A\$\{(.*)\}\Z", re.DOTALL)


def _templates(text: str) -> Iterator[str]:
    whole = _WHOLE.match(text)
    if whole and not text.startswith('"'):
        yield whole[1]
        return
    start = 0
    while (start := text.find("${", start)) >= 0:
        depth, end = 1, start + 2
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        yield text[start + 2 : end - 1]
        start = end


def _is_block(value: object) -> bool:
    return isinstance(value, Mapping) and _BLOCK in value


def _labelled(kind: str, labels: tuple[str, ...], body: Body, where: str) -> Iterator[Block]:
    if _is_block(body) or kind == "locals":
        yield Block(kind, labels, body, where)
        return
    for label, inner in said(body).items():
        yield from _labelled(kind, (*labels, unquoted(label)), inner, where)
