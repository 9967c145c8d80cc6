"""What ``infra/`` means in one project: names, members and bindings as Google has them. No I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from deploy.iam.matrix import INVOKER, Grant, Matrix, condition_of, member_of
from deploy.iam.stated import AGENT
from shared.bus.pubsub_wanted import Pushes, Wanted


@dataclass(frozen=True, slots=True, order=True)
class Binding:
    """One member of one role.

    Attributes:
        role: by its full name.
        member: as policies name it.
        condition: its expression; empty without one.
    """

    role: str
    member: str
    condition: str = ""

    def __str__(self) -> str:
        return f"{self.role} {self.member}" + (f" if {self.condition}" if self.condition else "")


class Installed:
    """The tables, in one project.

    Args:
        matrix: who may do what.
        project: its id.
        region: where everything is.
        number: the project's; Google's own accounts are named by it.
        external: by external identity, its members.
    """

    def __init__(
        self,
        matrix: Matrix,
        *,
        project: str,
        region: str,
        number: str,
        external: Mapping[str, Iterable[str]],
    ) -> None:
        self.matrix = matrix
        self.stated = matrix.stated
        self.project = project
        self.region = region
        self.number = number
        self._external = {name: tuple(members) for name, members in external.items()}

    def filled(self, template: str) -> str:
        """Return a name that is a template over project, region and number."""
        return template.format(project=self.project, region=self.region, number=self.number)

    def bucket(self, name: str) -> str:
        """Return a bucket's name."""
        return self.filled(self.stated.buckets[name].name)

    def ring(self, name: str) -> str:
        """Return a key ring's full name."""
        ring = self.stated.rings[name].name
        return f"projects/{self.project}/locations/{self.region}/keyRings/{ring}"

    def key(self, name: str) -> str:
        """Return a key's full name."""
        key = self.stated.keys[name]
        return self.stated.names.key.format(
            project=self.project,
            region=self.region,
            ring=self.stated.rings[key.ring].name,
            name=key.name,
        )

    def key_of(self, agent: str) -> str:
        """Return the key of the one data class that an agent alone of its kind has."""
        return next(self.key(name) for name, key in self.stated.keys.items() if agent in key.agents)

    def role(self, name: str) -> str:
        """Return a role's full name."""
        if name in self.stated.roles:
            return f"projects/{self.project}/roles/docledger.{name}"
        return name

    def account(self, identity: str) -> str:
        """Return an identity's e-mail address."""
        member = member_of(self.matrix, identity, project=self.project, number=self.number)
        return member.partition(":")[2]

    def url(self, service: str) -> str:
        """Return the address of a service that is known before the service is."""
        return f"https://{self.stated.services[service].name}-{self.number}.{self.region}.run.app"

    @cached_property
    def wanted(self) -> Wanted:
        """Topics and subscriptions, with where their pushes go."""
        workers = set(self.matrix.subscriptions.values())
        pushes = Pushes(
            endpoints={worker: self.url(worker) for worker in workers},
            accounts=lambda name: self.account(INVOKER + name),
        )
        key = self.key_of("pubsub")
        return Wanted.of(self.matrix.topology, self.project, pushes, key)

    def bindings(self, resource: str) -> frozenset[Binding]:
        """Return who may do what with a resource, and nothing more."""
        return frozenset(self._by_resource.get(resource, ()))

    @cached_property
    def _by_resource(self) -> dict[str, list[Binding]]:
        found: dict[str, list[Binding]] = {}
        for grant in self.matrix.grants:
            for member in self._members(grant):
                condition = condition_of(grant, self.matrix, project=self.project) or ""
                binding = Binding(self.role(grant.role), member, condition)
                found.setdefault(grant.resource, []).append(binding)
        return found

    def _members(self, grant: Grant) -> tuple[str, ...]:
        identity = grant.identity
        ours = identity.startswith((INVOKER, AGENT))
        if not ours and self.stated.identities[identity].kind == "external":
            return self._external.get(identity, ())
        return (member_of(self.matrix, identity, project=self.project, number=self.number),)
