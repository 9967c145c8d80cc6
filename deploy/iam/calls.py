"""``infra/calls.yaml``: what an adapter method needs, and who uses which method where."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from deploy.iam.matrix import LIST, OBJECTS, Grant, Matrix
from deploy.iam.stated import Permissions
from shared.errors import UserError

CALLS_FILE: Final = Path(__file__).resolve().parents[2] / "infra" / "calls.yaml"

EVERY: Final = "every "
"""Begins a resource that stands for each of its kind."""

_EXCEPT: Final = "!"
_ENDING: Final = "*"

Places = Annotated[tuple[str, ...], Field(strict=False)]


class Method(BaseModel):
    """One adapter method, or what somebody else's program does.

    Attributes:
        module: of ours, or the program.
        calls: by method of Google's API, the permissions that it is checked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    module: Annotated[str, Field(alias="in")]
    calls: dict[str, Permissions]


class Calls(BaseModel):
    """The file.

    Attributes:
        methods: by name.
        uses: by identity and resource, the methods, each with prefixes of objects.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    methods: dict[str, Method]
    uses: dict[str, dict[str, dict[str, Places]]]

    @model_validator(mode="after")
    def _uses_what_is_there(self) -> "Calls":
        for identity, places in self.uses.items():
            for used in places.values():
                for name in used:
                    if name not in self.methods:
                        raise ValueError(f"{identity} uses {name}, which is no method")
        return self


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One permission that somebody needs.

    Attributes:
        identity: as in ``Grant``.
        resource: as in ``Grant``.
        permission: of Google Cloud.
        prefix: of the objects; empty where it is the resource's, or of the whole bucket.
        beside: prefixes that are not meant.
        ending: how the objects' names end; empty where they end as they like.
    """

    identity: str
    resource: str
    permission: str
    prefix: str = ""
    beside: tuple[str, ...] = ()
    ending: str = ""

    def covers(self, other: "Need") -> bool:
        """Tell whether whoever has this has the other, too."""
        same = (self.identity, self.resource, self.permission)
        if same != (other.identity, other.resource, other.permission):
            return False
        if not (other.prefix.startswith(self.prefix) and other.ending.endswith(self.ending)):
            return False
        return all(
            one.startswith(other.beside) if other.beside else not one.startswith(other.prefix)
            for one in self.beside
        )


def load_calls(path: Path = CALLS_FILE) -> Calls:
    """Return what the file says.

    Raises:
        UserError: it cannot be read, or uses what it does not declare.
    """
    try:
        return Calls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as err:
        raise UserError(f"{path} cannot be read as YAML") from err
    except ValidationError as err:
        raise UserError(f"{path} is no table of calls: {err.errors()[0]['msg']}") from err


def needs_of(calls: Calls, matrix: Matrix) -> frozenset[Need]:
    """Return every permission that somebody's calls are checked for; none covers another."""
    return _least(
        need
        for identity, places in calls.uses.items()
        for place, used in places.items()
        for resource in _resources(place, matrix)
        for name, prefixes in used.items()
        for permissions in calls.methods[name].calls.values()
        for permission in permissions
        for need in _at(identity, resource, permission, prefixes)
    )


def given_by(grant: Grant, matrix: Matrix) -> frozenset[Need]:
    """Return the permissions that a grant gives, in the same form."""
    prefixes = (
        *grant.under,
        *(_EXCEPT + one for one in grant.except_),
        *(_ENDING + one for one in grant.ending),
    )
    return frozenset(
        need
        for permission in matrix.stated.permissions(grant.role)
        for need in _at(grant.identity, grant.resource, permission, prefixes)
    )


def _resources(place: str, matrix: Matrix) -> list[str]:
    if not place.startswith(EVERY):
        return [place]
    kind = place.removeprefix(EVERY)
    return [f"{kind}/{name}" for name in matrix.resources[kind]]


def _at(identity: str, resource: str, permission: str, prefixes: tuple[str, ...]) -> Iterator[Need]:
    if permission == LIST or not permission.startswith(OBJECTS):
        yield Need(identity, resource, permission)
        return
    within = [one for one in prefixes if not one.startswith(_EXCEPT)] or [""]
    beside = tuple(one.removeprefix(_EXCEPT) for one in prefixes if one.startswith(_EXCEPT))
    for prefix in within:
        ending = prefix.removeprefix(_ENDING) if prefix.startswith(_ENDING) else ""
        begins = "" if ending else prefix
        yield Need(identity, resource, permission, begins, beside, ending)


def _least(needs: Iterator[Need]) -> frozenset[Need]:
    found: dict[tuple[str, str, str], set[Need]] = {}
    for need in needs:
        found.setdefault((need.identity, need.resource, need.permission), set()).add(need)
    return frozenset(
        one
        for alike in found.values()
        for one in alike
        if not any(other != one and other.covers(one) for other in alike)
    )
