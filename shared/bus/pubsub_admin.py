"""Sets Pub/Sub up as the topology says, tells where it differs, and pauses pushes.

Whatever is applied twice is applied once, and drift is put right. Nothing is ever deleted: a topic
or subscription too many may hold somebody's messages, so ``diff`` names it and a person decides.
A paused subscription (its push configuration is cleared) keeps its messages and stays paused
until it is resumed: applying the topology does not wake what on-call put to sleep.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from google.pubsub_v1 import types

from shared.bus.pubsub_differences import Difference
from shared.bus.pubsub_project import PubsubProject
from shared.bus.pubsub_wanted import Accounts, Pushes, Wanted
from shared.bus.topology import DEAD_SUFFIX, Topology
from shared.errors import UserError


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying came to.

    Attributes:
        done: the differences that were put right.
        left: those that a person must decide.
    """

    done: list[Difference]
    left: list[Difference]


def apply(  # noqa: PLR0913 - one option a choice of the deployment
    topology: Topology,
    *,
    project: str,
    endpoints: Mapping[str, str],
    push_service_account: Accounts | None = None,
    audience: Mapping[str, str] | None = None,
    kms_key_name: str | None = None,
) -> Applied:
    """Create what is missing, change what differs.

    Args:
        topology: what should be.
        project: where.
        endpoints: by worker, its base URL; pushes go to ``<base URL>/push/<subscription>``.
        push_service_account: by subscription, the account whose OIDC token its pushes carry; may
            be None on the emulator alone, which sends no token anyway.
        audience: by worker, whom the token is for; its base URL where it is not named.
        kms_key_name: the key that topics are encrypted with; when None, topics are made without
            one and those that have one keep it.

    Raises:
        UserError: an endpoint or the accounts are missing, or Pub/Sub refuses what is asked.
        TransientError: Pub/Sub is unavailable.
    """
    pushes = Pushes(endpoints, push_service_account, audience or {})
    with PubsubProject(project) as there:
        pushes.require(topology, emulated=there.emulated)
        wanted = Wanted.of(topology, project, pushes, kms_key_name)
        found = there.differences(wanted)
        for difference in found:
            if difference.kind == "missing":
                there.make(wanted, difference.resource)
        for resource in dict.fromkeys(one.resource for one in found if one.kind == "differs"):
            fields = [one.field for one in found if one.resource == resource and one.fixable]
            there.change(wanted, resource, fields)
    left = [one for one in found if not one.fixable]
    return Applied([one for one in found if one.fixable], left)


def diff(  # noqa: PLR0913 - as apply
    topology: Topology,
    *,
    project: str,
    endpoints: Mapping[str, str] | None = None,
    push_service_account: Accounts | None = None,
    audience: Mapping[str, str] | None = None,
    kms_key_name: str | None = None,
) -> list[Difference]:
    """Return how Pub/Sub differs from the topology; arguments and errors are those of ``apply``.

    What is not given is not compared: the pushes of a worker without an endpoint, the accounts,
    the key.
    """
    pushes = Pushes(endpoints or {}, push_service_account, audience or {})
    pushes.check(topology)
    with PubsubProject(project) as there:
        return there.differences(Wanted.of(topology, project, pushes, kms_key_name))


def pause(
    topology: Topology, *, project: str, subscriptions: Sequence[str] | None = None
) -> list[str]:
    """Stop pushes; messages are kept, for as long as the topology says.

    Args:
        topology: whose subscriptions they are.
        project: where.
        subscriptions: which; all of them, dead letters too, when None.

    Returns:
        Those that are paused now.

    Raises:
        UserError: a subscription is not of the topology, or is not there; or Pub/Sub refuses.
        TransientError: Pub/Sub is unavailable.
    """
    names = _named(topology, subscriptions)
    with PubsubProject(project) as there:
        for name in names:
            there.push(name, types.PushConfig())
    return names


def resume(  # noqa: PLR0913 - as apply
    topology: Topology,
    *,
    project: str,
    endpoints: Mapping[str, str],
    subscriptions: Sequence[str] | None = None,
    push_service_account: Accounts | None = None,
    audience: Mapping[str, str] | None = None,
) -> list[str]:
    """Start pushes again; arguments and errors are those of ``pause`` and ``apply``."""
    names = _named(topology, subscriptions)
    pushes = Pushes(endpoints, push_service_account, audience or {})
    with PubsubProject(project) as there:
        pushes.require(topology, emulated=there.emulated)
        wanted = Wanted.of(topology, project, pushes)
        for name in names:
            there.push(name, wanted.subscriptions[name].push_config)
    return names


def _named(topology: Topology, subscriptions: Sequence[str] | None) -> list[str]:
    known = [name for one in topology.subscriptions for name in (one, one + DEAD_SUFFIX)]
    for name in subscriptions or ():
        if name not in known:
            raise UserError(f"{name} is no subscription of the topology")
    return known if subscriptions is None else [*subscriptions]
