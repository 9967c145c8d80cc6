"""``infra/iam.yaml`` as a checked model: what is written there, not what follows from it."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.errors import UserError

IAM_FILE: Final = Path(__file__).resolve().parents[2] / "infra" / "iam.yaml"

_MOST_TOLD: Final = 3

Strings = Annotated[tuple[str, ...], Field(strict=False)]
Days = Annotated[int, Field(ge=1)]
Permission = Annotated[str, Field(pattern=r"^[a-z]+(\.[a-zA-Z]+)+$")]
Permissions = Annotated[tuple[Permission, ...], Field(strict=False, min_length=1)]
Prefix = Annotated[str, Field(pattern=r"^[a-z]+(/[a-z-]+)*(/|[a-z.]+)$")]
Prefixes = Annotated[tuple[Prefix, ...], Field(strict=False)]
Ending = Annotated[str, Field(pattern=r"^[/.][a-z]+$")]
Reason = Annotated[str, Field(min_length=5)]
Kind = Literal["runtime", "command", "invoker", "release", "watch", "external"]
Listed = Literal[
    "bucket",
    "topic",
    "subscription",
    "key",
    "ring",
    "secret",
    "service",
    "run_job",
    "repository",
    "account",
]
"""What ``every`` may stand for."""

PROJECT: Final = "project"
AGENT: Final = "agent/"
"""Begins the name of an account of Google's."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Names(_Strict):
    """Templates of names."""

    account: str
    invoker: str
    key: str


class Ring(_Strict):
    """A key ring."""

    name: str


class Key(_Strict):
    """One data class and its key.

    Attributes:
        ring: that it is in.
        name: in Cloud KMS.
        rotation_days: between two versions.
        agents: of Google's services, who encrypt with it for us.
        holds: what is encrypted with it.
    """

    ring: str
    name: str
    rotation_days: Days
    agents: Strings
    holds: str


class Bucket(_Strict):
    """One bucket.

    Attributes:
        name: a template.
        key: its default key.
        setting: the variable that names it to deployables.
        notifies: the topic that hears of new objects.
        prefixes: what lies where, and who writes it.
        retention_days: nothing is deleted before.
        delete_after_days: everything is deleted then.
    """

    name: str
    key: str
    setting: str | None = None
    notifies: str | None = None
    prefixes: dict[Prefix, str] = {}
    retention_days: Days | None = None
    delete_after_days: Days | None = None


class Database(_Strict):
    """One PostgreSQL server.

    Attributes:
        instance: its name.
        database: in it.
        key: that it is encrypted with.
        settings: variables that lead to it.
        owner: the identity that owns the tables.
        roles: group roles, and the identities that are members.
    """

    instance: str
    database: str
    key: str
    settings: dict[str, str]
    owner: str
    roles: dict[str, Strings]


class Keyed(_Strict):
    """A secret, a repository, or a log bucket."""

    name: str
    key: str
    holds: str = ""
    retention_days: Days | None = None


class Service(_Strict):
    """One Cloud Run service; its identity has its name.

    Attributes:
        name: on Cloud Run.
        key: that its revisions are encrypted with.
        jobs: that the scheduler starts.
        public: who calls it from outside; internal ingress when None.
        always_on: its processor is not taken away between requests.
    """

    name: str
    key: str
    jobs: Strings = ()
    public: str | None = None
    always_on: bool = False


class RunJob(_Strict):
    """One Cloud Run job."""

    name: str
    key: str
    identity: str


class Role(_Strict):
    """A custom role."""

    title: str
    permissions: Permissions


class Identity(_Strict):
    """Who may be granted something."""

    kind: Kind
    does: Reason


class Line(_Strict):
    """One line of ``grants``.

    Attributes:
        at: the resource.
        every: each resource of a kind instead.
        role: custom, or ``roles/…``.
        under: prefixes that a condition bounds it to.
        except_: prefixes that it does not reach.
        ending: ends of names that a condition bounds it to instead.
        bounded: on the project, a condition names the database server.
        because: why.
    """

    at: str = ""
    every: Listed | None = None
    role: str
    under: Prefixes = ()
    except_: Annotated[Prefixes, Field(alias="except")] = ()
    ending: Annotated[tuple[Ending, ...], Field(strict=False)] = ()
    bounded: bool = False
    because: Reason

    @model_validator(mode="after")
    def _on_one_or_every(self) -> "Line":
        if bool(self.at) == (self.every is not None):
            raise ValueError("a grant is on one resource, or on every one of a kind")
        if self.bounded and self.at != PROJECT:
            raise ValueError("only what is granted on the project is bounded by a server's name")
        if self.ending and (self.under or self.except_):
            raise ValueError("a grant is bounded by how names begin, or by how they end")
        return self


class Stated(_Strict):
    """The file."""

    version: Literal[1]
    names: Names
    agents: dict[str, str]
    rings: dict[str, Ring]
    keys: dict[str, Key]
    buckets: dict[str, Bucket]
    databases: dict[str, Database]
    secrets: dict[str, Keyed]
    repositories: dict[str, Keyed]
    log_buckets: dict[str, Keyed]
    services: dict[str, Service]
    run_jobs: dict[str, RunJob]
    roles: dict[str, Role]
    predefined: dict[str, Permissions]
    project_only: dict[Permission, str]
    identities: dict[str, Identity]
    grants: dict[str, Annotated[tuple[Line, ...], Field(strict=False)]]

    @model_validator(mode="after")
    def _names_what_is_there(self) -> "Stated":
        keyed = (self.buckets, self.databases, self.secrets, self.repositories, self.log_buckets)
        used = [one.key for kind in (*keyed, self.services, self.run_jobs) for one in kind.values()]
        _known("key", used, self.keys)
        _known("ring", [key.ring for key in self.keys.values()], self.rings)
        _known("agent", [name for key in self.keys.values() for name in key.agents], self.agents)
        members = [
            one for its in self.databases.values() for of in its.roles.values() for one in of
        ]
        owners = [its.owner for its in self.databases.values()]
        _known("identity", [*members, *owners, *self.services], self.identities)
        named = {**self.identities, **{AGENT + name: None for name in self.agents}}
        _known("identity", self.grants, named)
        roles = [line.role for lines in self.grants.values() for line in lines]
        _known("role", roles, {**self.roles, **self.predefined})
        return self

    def permissions(self, role: str) -> tuple[str, ...]:
        """Return what a role holds."""
        custom = self.roles.get(role)
        return custom.permissions if custom is not None else self.predefined[role]


def _known(kind: str, names: Any, known: Any) -> None:  # noqa: ANN401 - any iterable, any container
    for name in names:
        if name not in known:
            raise ValueError(f"{name} is no {kind}")


def load_stated(path: Path = IAM_FILE) -> Stated:
    """Return what the file says.

    Raises:
        UserError: it cannot be read, or contradicts itself.
    """
    try:
        return Stated.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as err:
        raise UserError(f"{path} cannot be read as YAML") from err
    except ValidationError as err:
        told = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in err.errors()[:_MOST_TOLD]
        )
        raise UserError(f"{path} is no table of grants: {told}") from err
