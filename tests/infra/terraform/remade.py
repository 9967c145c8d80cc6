"""What Terraform plans for what it made, when somebody else has changed that since."""

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.infra.terraform.planned import copied, run
from tests.infra.terraform.provider import running
from tests.infra.terraform.schema import Schema


def planned_again(
    module: str,
    variables: Mapping[str, Any],
    change: Callable[[dict[str, Any]], None],
    **then: Any,
) -> dict[str, Any]:
    """Apply a module, have somebody change its one resource, and plan it once more.

    Args:
        module: of ours; it makes one resource.
        variables: it is applied with.
        change: gets the resource's arguments as Terraform's state has them, and changes them.
        **then: variables that are different in the second plan.

    Returns:
        The resource's ``change``: ``actions``, ``before`` and ``after``.

    Raises:
        AssertionError: Terraform refuses; the message is its own.
    """
    with tempfile.TemporaryDirectory(prefix="tf-") as temporary:  # a socket's path must be short
        folder = copied(Path(temporary)) / "modules" / module
        with running(Schema.vendored(), Path(temporary)) as found:

            def terraform(*arguments: str) -> str:
                done = run(folder, *arguments, **found)
                assert done.returncode == 0, done.stderr
                return done.stdout

            _write(folder / "terraform.tfvars.json", variables)
            terraform("init", "-backend=false", "-input=false")
            terraform("apply", "-refresh=false", "-input=false", "-auto-approve")
            state = json.loads((folder / "terraform.tfstate").read_text(encoding="utf-8"))
            (resource,) = state["resources"]
            change(resource["instances"][0]["attributes"])
            _write(folder / "terraform.tfstate", state)
            _write(folder / "terraform.tfvars.json", {**variables, **then})
            terraform("plan", "-refresh=false", "-input=false", "-out=planned")
            (again,) = json.loads(terraform("show", "-json", "planned"))["resource_changes"]
    changed: dict[str, Any] = again["change"]
    return changed


def put(resource: dict[str, Any], text: str, *path: str | int) -> None:
    """Change a text in a resource's arguments, which in Terraform's state have their types beside.

    Args:
        resource: as ``planned_again`` gives it.
        text: that somebody else set.
        path: where, as "template", 0, "revision".
    """
    first, *within, last = path
    value, kind = resource[str(first)]["value"], resource[str(first)]["type"]
    for step in within:
        value, kind = value[step], kind[1][step]
    value[last], kind[1][last] = text, "string"


def _write(path: Path, data: object) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")
