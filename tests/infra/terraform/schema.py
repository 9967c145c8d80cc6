"""The provider's real schema, and a checker of our blocks against it.

``google-provider-schema.json`` is cut from an extract of the Google provider 6.50.0: of each
resource every argument and nested block, and whether it is required. ``python -m
tests.infra.terraform.cut_schema`` cuts it again.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from tests.infra.terraform.configuration import Block, Body, dynamic, nested, said

VENDORED: Final = Path(__file__).with_name("google-provider-schema.json")

META: Final = frozenset({"count", "depends_on", "for_each", "lifecycle", "provider"})
"""What Terraform itself understands in every resource."""

HOLES: Final[Mapping[tuple[str, ...], str]] = {
    ("google_cloud_run_v2_service", "template", "containers", "depends_on"): "optional",
    ("google_cloud_run_v2_job", "template", "template", "containers", "depends_on"): "optional",
}
"""Arguments that the provider has and the extract lost: Terraform's own words, which its source
renames."""


@dataclass(frozen=True)
class Schema:
    """Names and nesting of what a provider has.

    Attributes:
        resources: by type, by argument ``required``, ``optional``, or a nested block.
        data: of data sources.
        provider: arguments of the provider's own block that we use; the extract has none of them.
    """

    resources: Mapping[str, Mapping[str, Any]]
    data: Mapping[str, Mapping[str, Any]]
    provider: tuple[str, ...] = (
        "billing_project",
        "default_labels",
        "project",
        "region",
        "user_project_override",
    )

    @classmethod
    def vendored(cls) -> Self:
        """Read the part that is in use."""
        told = json.loads(VENDORED.read_text(encoding="utf-8"))
        for path, status in HOLES.items():
            body = told["resources"][path[0]]
            for step in path[1:-1]:
                body = body[step]["block"]
            body.setdefault(path[-1], status)
        return cls(told["resources"], told["data"])

    def problems(self, block: Block) -> Iterator[str]:
        """Return what the provider would refuse in a resource or data source."""
        table = self.resources if block.kind == "resource" else self.data
        schema = table.get(block.labels[0])
        if schema is None:
            yield f"{block}: the provider has no {block.kind} {block.labels[0]}"
            return
        arguments = {name: value for name, value in said(block.body).items() if name not in META}
        yield from _in_block(str(block), arguments, _made(block.body), schema)


def _in_block(
    where: str, arguments: Body, made: list[tuple[str, Body]], schema: Mapping[str, Any]
) -> Iterator[str]:
    plain = {name: value for name, value in arguments.items() if name != "dynamic"}
    for name, value in plain.items():
        yield from _argument(where, name, nested(value), schema.get(name))
    for name, content in made:
        yield from _argument(where, name, [content], schema.get(name))
    found = plain.keys() | {name for name, _ in made}
    for name, expected in schema.items():
        required = expected == "required" if isinstance(expected, str) else expected["required"]
        if required and name not in found:
            yield f"{where}: {name} is missing"


def _argument(
    where: str,
    name: str,
    blocks: list[Body] | None,
    expected: Any,
) -> Iterator[str]:
    """Return what is wrong with an argument, or with the blocks of a name."""
    if expected is None:
        yield f"{where}: unknown {'argument' if blocks is None else 'block'} {name}"
    elif blocks is None and not isinstance(expected, str):
        yield f"{where}: {name} is a block, not an argument"
    elif blocks is not None and isinstance(expected, str):
        yield f"{where}: {name} is an argument, not a block"
    elif blocks is not None:
        for one in blocks:
            yield from _in_block(f"{where} {name}", said(one), _made(one), expected["block"])


def _made(body: Body) -> list[tuple[str, Body]]:
    """Return what dynamic blocks make."""
    return [(name, content) for name, by in dynamic(body) for content in by.get("content", ())]
