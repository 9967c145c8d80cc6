"""The identity x resource matrix: every grant, written out, with its condition.

What ``infra/iam.yaml`` states, and what follows from it and from the topology by the rules at its
head. Pure: no I/O but reading the two files.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from deploy.iam.stated import AGENT, Line, Stated, load_stated
from shared.bus.topology import DEAD_SUFFIX, TOPOLOGY_FILE, Topology, load_topology
from shared.events.payloads import EventType

INVOKER: Final = "push/"
"""Begins the name of the identity that pushes for a subscription."""

OBJECTS: Final = "storage.objects."
"""Begins permissions that are checked against an object; listing alone is the bucket's."""

LIST: Final = "storage.objects.list"

_ENCRYPTS: Final = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
_INVOKES: Final = "roles/run.invoker"
_MINTS: Final = "roles/iam.serviceAccountOpenIdTokenCreator"
_PUBLISHES: Final = "roles/pubsub.publisher"
_TAKES: Final = "roles/pubsub.subscriber"


@dataclass(frozen=True, slots=True)
class Grant:
    """One role of one identity on one resource.

    Attributes:
        identity: of ``identities``; ``agent/…``; or ``push/<subscription>``.
        role: custom, or ``roles/…``.
        resource: ``<kind>/<name>``, or ``project``.
        because: why.
        under: prefixes of objects that it is bounded to; the whole bucket when empty.
        except_: prefixes that it does not reach.
        ending: ends of objects' names that it is bounded to.
        bounded: a condition names the database server.
        by_rule: it follows from others.
    """

    identity: str
    role: str
    resource: str
    because: str
    under: tuple[str, ...] = ()
    except_: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()
    bounded: bool = False
    by_rule: bool = False

    def reaches(self, name: str | None) -> bool:
        """Tell whether it reaches an object; ``None`` is the resource itself."""
        if name is None:
            return not self.under and not self.except_ and not self.ending
        if self.ending:
            return name.endswith(self.ending)
        if name.startswith(self.except_):
            return False
        return not self.under or name.startswith(self.under)


class Matrix:
    """Every grant.

    Args:
        stated: what is written down.
        topology: whose topics and subscriptions they are.
    """

    def __init__(self, stated: Stated, topology: Topology) -> None:
        self.stated = stated
        self.topology = topology

    def without(self, grant: Grant) -> "Matrix":
        """Return the matrix with one grant taken away."""
        less = Matrix(self.stated, self.topology)
        less.__dict__["grants"] = tuple(one for one in self.grants if one != grant)
        return less

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """Every topic, dead letters' included."""
        return (*EventType, *self.topology.foreign, *self._dead)

    @cached_property
    def subscriptions(self) -> Mapping[str, str]:
        """Every subscription, dead letters' included: its worker."""
        its = {name: one.worker for name, one in self.topology.subscriptions.items()}
        return {**its, **{name + DEAD_SUFFIX: worker for name, worker in its.items()}}

    @cached_property
    def resources(self) -> Mapping[str, tuple[str, ...]]:
        """By kind, the names of everything that something can be granted on."""
        stated = self.stated
        accounts = [name for name, one in stated.identities.items() if one.kind != "external"]
        return {
            "bucket": tuple(stated.buckets),
            "topic": tuple(map(str, self.topics)),
            "subscription": tuple(self.subscriptions),
            "key": tuple(stated.keys),
            "ring": tuple(stated.rings),
            "secret": tuple(stated.secrets),
            "repository": tuple(stated.repositories),
            "service": tuple(stated.services),
            "run_job": tuple(stated.run_jobs),
            "account": (*accounts, *(INVOKER + name for name in self.subscriptions)),
        }

    @cached_property
    def grants(self) -> tuple[Grant, ...]:
        """Every grant: first what is stated, in the order of the file, then what follows."""
        stated = [
            grant
            for identity, lines in self.stated.grants.items()
            for line in lines
            for grant in self._written_out(identity, line)
        ]
        return (*stated, *self._follow())

    def allows(
        self, identity: str, permission: str, resource: str, name: str | None = None
    ) -> bool:
        """Tell whether an identity may do something.

        Args:
            identity: as in ``Grant``.
            permission: of Google Cloud.
            resource: ``<kind>/<name>``, or ``project``.
            name: of the object, where the permission is checked against one.
        """
        if permission == LIST or not permission.startswith(OBJECTS):
            name = None
        return any(
            grant.reaches(name)
            for grant in self._by_place.get((identity, resource), ())
            if permission in self.stated.permissions(grant.role)
        )

    @cached_property
    def _by_place(self) -> Mapping[tuple[str, str], list[Grant]]:
        found: dict[tuple[str, str], list[Grant]] = {}
        for grant in self.grants:
            found.setdefault((grant.identity, grant.resource), []).append(grant)
        return found

    def _written_out(self, identity: str, line: Line) -> Iterator[Grant]:
        places = [line.at]
        if line.every is not None:
            places = [f"{line.every}/{name}" for name in self.resources[line.every]]
        for place in places:
            yield Grant(
                identity=identity,
                role=line.role,
                resource=place,
                because=line.because,
                under=line.under,
                except_=line.except_,
                ending=line.ending,
                bounded=line.bounded,
            )

    def _follow(self) -> Iterator[Grant]:
        pubsub, storage = f"{AGENT}pubsub", f"{AGENT}storage"
        for name, key in self.stated.keys.items():
            for agent in key.agents:
                yield _rule(
                    AGENT + agent, _ENCRYPTS, f"key/{name}", f"its service holds {key.holds}"
                )
        for name, worker in self.subscriptions.items():
            invoker = INVOKER + name
            yield _rule(invoker, _INVOKES, f"service/{worker}", "it pushes to this worker alone")
            yield _rule(pubsub, _MINTS, f"account/{invoker}", "pushes carry its token")
        for name, dead in zip(self.topology.subscriptions, self._dead, strict=True):
            yield _rule(pubsub, _PUBLISHES, f"topic/{dead}", "letters that nobody could take")
            yield _rule(pubsub, _TAKES, f"subscription/{name}", "letters are taken off it")
        for bucket in self.stated.buckets.values():
            if bucket.notifies is not None:
                yield _rule(storage, _PUBLISHES, f"topic/{bucket.notifies}", "it tells of uploads")

    @property
    def _dead(self) -> tuple[str, ...]:
        return tuple(name + DEAD_SUFFIX for name in self.topology.subscriptions)


def _rule(identity: str, role: str, resource: str, because: str) -> Grant:
    return Grant(identity, role, resource, because, by_rule=True)


def load_matrix() -> Matrix:
    """Return the matrix of the files in ``infra/``.

    Raises:
        UserError: one of them is wrong.
    """
    return Matrix(load_stated(), load_topology(TOPOLOGY_FILE))


def account_id(matrix: Matrix, identity: str) -> str:
    """Return the id of an identity's service account, 6 to 30 characters."""
    if not identity.startswith(INVOKER):
        return f"docledger-{identity}"
    subscription = identity.removeprefix(INVOKER)
    digest = hashlib.sha256(subscription.encode()).hexdigest()
    return f"docledger-push-{matrix.subscriptions[subscription][:8]}-{digest[:6]}"


def member_of(matrix: Matrix, identity: str, *, project: str, number: str) -> str:
    """Return an identity as IAM policies name it: ``serviceAccount:…``."""
    if identity.startswith(AGENT):
        template = matrix.stated.agents[identity.removeprefix(AGENT)]
        return f"serviceAccount:{template.format(number=number)}"
    address = f"{account_id(matrix, identity)}@{project}.iam.gserviceaccount.com"
    return f"serviceAccount:{address}"


def condition_of(
    grant: Grant, matrix: Matrix, *, project: str, bucket_name: Callable[[str], str] | None = None
) -> str | None:
    """Return the CEL expression that bounds a grant; None where nothing does.

    Args:
        grant: the grant.
        matrix: knows buckets and servers.
        project: of the names.
        bucket_name: of a bucket's entry; as its template says when None.
    """
    if grant.bounded:
        (server,) = matrix.stated.databases.values()
        return f'resource.name == "projects/{project}/instances/{server.instance}"'
    if grant.ending:
        return " || ".join(f'resource.name.endsWith("{one}")' for one in grant.ending)
    if not grant.under and not grant.except_:
        return None
    entry = grant.resource.removeprefix("bucket/")
    bucket = (
        bucket_name(entry)
        if bucket_name is not None
        else matrix.stated.buckets[entry].name.format(project=project)
    )

    def begins(prefix: str) -> str:
        return f'resource.name.startsWith("projects/_/buckets/{bucket}/objects/{prefix}")'

    within = " || ".join(map(begins, grant.under))
    without = " && ".join(f"!{begins(prefix)}" for prefix in grant.except_)
    if not without:
        return within
    return f"({within}) && {without}" if within else without
