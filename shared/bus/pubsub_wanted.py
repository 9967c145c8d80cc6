"""What the topology means on Pub/Sub: its topics and subscriptions. No I/O.

Topic and subscription ids are the topology's names. Every subscription pushes, wrapped, to
``<base URL of its worker>/push/<subscription>`` and has its dead letters in the topic
``<subscription>.dead``, whose subscription of the same name pushes to the same worker: without
limit, for a dead letter has nowhere else to go.

Only Terraform sets, and nobody compares here: who may do what (the Pub/Sub agent's grants on
dead-letter topics and their sources, the push identities), labels, storage regions.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from google.pubsub_v1 import types

from shared.bus.pubsub_channel import subscription_path, topic_path
from shared.bus.topology import DEAD_SUFFIX, Subscription, Topology
from shared.errors import UserError
from shared.events.payloads import EventType

Accounts = Mapping[str, str] | Callable[[str], str]
"""By subscription, the service account whose token its pushes carry."""

SHORTEST_LEASE_S: Final = 10
"""Pub/Sub's shortest acknowledgement deadline."""

OURS: Final = "docledger."
"""Every topic of ours begins so, or holds the dead letters of a worker of ours."""


@dataclass(frozen=True, slots=True)
class Pushes:
    """Where pushes go, and in whose name.

    Attributes:
        endpoints: by worker, its base URL.
        accounts: by subscription, the service account of its token; no token when None.
        audiences: by worker, whom the token is for; the worker's base URL where it has none.
    """

    endpoints: Mapping[str, str] = field(default_factory=dict)
    accounts: Accounts | None = None
    audiences: Mapping[str, str] = field(default_factory=dict)

    def require(self, topology: Topology, *, emulated: bool) -> None:
        """Insist on a usable URL for every worker, and on tokens where strangers may call it.

        Raises:
            UserError: something is missing, or what is given is not usable.
        """
        if self.accounts is None and not emulated:
            raise UserError("pushes without a token would be refused: name their service accounts")
        workers = {its.worker for its in topology.subscriptions.values()}
        missing = ", ".join(sorted(workers - self.endpoints.keys()))
        if missing:
            raise UserError(f"no endpoint for {missing}: give each one, WORKER=URL")
        self.check(topology)

    def check(self, topology: Topology) -> None:
        """Insist that what is given is usable.

        Raises:
            UserError: something is no worker of the topology, or a URL is no base URL.
        """
        workers = {its.worker for its in topology.subscriptions.values()}
        for worker in sorted(self.endpoints.keys() | self.audiences.keys()):
            if worker not in workers:
                known = ", ".join(sorted(workers))
                raise UserError(f"{worker} is no worker of the topology: give one of {known}")
        for worker, url in self.endpoints.items():
            scheme, _, rest = url.partition("://")
            if scheme not in {"https", "http"} or not rest or any(c in "?# \t\r\n" for c in rest):
                raise UserError(
                    f"the endpoint of {worker} is no base URL: give https://host[/path]"
                )

    def config(self, name: str, worker: str) -> types.PushConfig | None:
        """Return the push configuration of a subscription; None where its worker has no URL."""
        base = self.endpoints.get(worker)
        if base is None:
            return None
        base = base.rstrip("/")
        account = self._account(name)
        token = None
        if account is not None:
            token = types.PushConfig.OidcToken(
                service_account_email=account, audience=self.audiences.get(worker, base)
            )
        return types.PushConfig(push_endpoint=f"{base}/push/{name}", oidc_token=token)

    def _account(self, name: str) -> str | None:
        if self.accounts is None:
            return None
        if callable(self.accounts):
            return self.accounts(name)
        try:
            return self.accounts[name]
        except KeyError:
            raise UserError(f"no service account for the pushes of {name}: name one") from None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The resources of a topology in one project.

    Attributes:
        project: whose they are.
        topics: by id.
        subscriptions: by id; without a push configuration where no endpoint is known.
    """

    project: str
    topics: dict[str, types.Topic]
    subscriptions: dict[str, types.Subscription]

    @classmethod
    def of(
        cls, topology: Topology, project: str, pushes: Pushes, kms_key_name: str | None = None
    ) -> "Wanted":
        """Return what the topology means; dead-letter topics come before those who need them."""
        names = [*EventType, *topology.foreign]
        names += [name + DEAD_SUFFIX for name in topology.subscriptions]
        topics = {
            str(name): types.Topic(name=topic_path(project, name), kms_key_name=kms_key_name or "")
            for name in names
        }
        subscriptions = {}
        for name, its in topology.subscriptions.items():
            dead = name + DEAD_SUFFIX
            letters = types.DeadLetterPolicy(
                dead_letter_topic=topic_path(project, dead), max_delivery_attempts=its.attempts
            )
            for one, topic, policy in ((name, its.topic, letters), (dead, dead, None)):
                subscriptions[one] = types.Subscription(
                    name=subscription_path(project, one),
                    topic=topic_path(project, topic),
                    push_config=pushes.config(one, its.worker),
                    dead_letter_policy=policy,
                    **_clocks(its),
                )
        return cls(project, topics, subscriptions)

    def is_our_topic(self, name: str) -> bool:
        """Tell whether a topic is of this system, wanted or not."""
        dead = name.endswith(DEAD_SUFFIX) and self.is_our_subscription(name)
        return name.startswith(OURS) or dead

    def is_our_subscription(self, name: str) -> bool:
        """Tell whether a subscription is called like those of our workers."""
        worker, dot, _rest = name.partition(".")
        return bool(dot) and worker in {one.partition(".")[0] for one in self.subscriptions}


def _clocks(its: Subscription) -> dict[str, Any]:
    return {
        "ack_deadline_seconds": max(SHORTEST_LEASE_S, math.ceil(its.lease_s)),
        "retry_policy": types.RetryPolicy(
            minimum_backoff=timedelta(seconds=its.backoff_s[0]),
            maximum_backoff=timedelta(seconds=its.backoff_s[1]),
        ),
        "message_retention_duration": timedelta(seconds=its.retention_s),
        "expiration_policy": types.ExpirationPolicy(),  # one without a time to live: never
    }
