"""``docledger topology``: set Pub/Sub up, compare it, pause its pushes."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deploy.cli.screen import safe, table, to_stderr, to_stdout
from shared.bus import pubsub_admin
from shared.bus.pubsub_differences import Difference
from shared.bus.topology import DEAD_SUFFIX, Topology, load_topology
from shared.errors import UserError


@dataclass(frozen=True, slots=True)
class Target:
    """Where a topology is applied.

    Attributes:
        topology: what should be.
        project: the Google Cloud project.
        endpoints: by worker, its base URL.
        accounts: by subscription, the service account of its pushes; None where none is named.
        audiences: by worker, whom the tokens of its pushes are for.
    """

    topology: Topology
    project: str
    endpoints: Mapping[str, str]
    accounts: Mapping[str, str] | None
    audiences: Mapping[str, str]

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - as typed
        cls,
        project: str,
        endpoint: Sequence[str] | None,
        endpoints_from: str | None,
        push_account: Sequence[str] | None,
        push_accounts_from: str | None,
        audience: Sequence[str] | None,
    ) -> "Target":
        """Return what a person's options mean.

        Raises:
            UserError: an option is not NAME=VALUE, or a template names something else.
        """
        topology = load_topology()
        workers = {
            one: its.worker
            for name, its in topology.subscriptions.items()
            for one in (name, name + DEAD_SUFFIX)
        }
        endpoints: dict[str, str] = {}
        if endpoints_from is not None:
            endpoints = {
                worker: _filled("--endpoints-from", endpoints_from, worker=worker)
                for worker in workers.values()
            }
        accounts: dict[str, str] = {}
        if push_accounts_from is not None:
            accounts = {
                name: _filled(
                    "--push-accounts-from",
                    push_accounts_from,
                    worker=worker,
                    subscription=name.replace(".", "-"),
                )
                for name, worker in workers.items()
            }
        endpoints |= _pairs("--endpoint", endpoint)
        accounts |= _pairs("--push-account", push_account)
        return cls(topology, project, endpoints, accounts or None, _pairs("--audience", audience))


def apply(target: Target, *, kms_key: str | None, as_json: bool) -> int:
    """Apply the topology; exit 1 where something differs that only a person can put right."""
    applied = pubsub_admin.apply(
        target.topology,
        project=target.project,
        endpoints=target.endpoints,
        push_service_account=target.accounts,
        audience=target.audiences,
        kms_key_name=kms_key,
    )
    _show(applied.done, "Put right", "nothing to put right", as_json=as_json)
    if applied.left:
        lines = "; ".join(_line(one) for one in applied.left)
        to_stderr().print(safe(f"docledger: left alone: {lines}"))
    return int(any(one.kind == "differs" for one in applied.left))


def diff(target: Target, *, kms_key: str | None, as_json: bool) -> int:
    """Compare; exit 1 where anything differs."""
    found = pubsub_admin.diff(
        target.topology,
        project=target.project,
        endpoints=target.endpoints,
        push_service_account=target.accounts,
        audience=target.audiences,
        kms_key_name=kms_key,
    )
    _show(found, "Differences", "no difference", as_json=as_json)
    return int(bool(found))


def pause(project: str, subscriptions: Sequence[str] | None, *, everything: bool) -> int:
    """Pause the named subscriptions, or every one."""
    names = _chosen(subscriptions, everything=everything)
    paused = pubsub_admin.pause(load_topology(), project=project, subscriptions=names)
    to_stdout().print(safe(f"paused: {', '.join(paused)}"))
    return 0


def resume(target: Target, subscriptions: Sequence[str] | None, *, everything: bool) -> int:
    """Resume the named subscriptions, or every one."""
    resumed = pubsub_admin.resume(
        target.topology,
        project=target.project,
        endpoints=target.endpoints,
        subscriptions=_chosen(subscriptions, everything=everything),
        push_service_account=target.accounts,
        audience=target.audiences,
    )
    to_stdout().print(safe(f"resumed: {', '.join(resumed)}"))
    return 0


def _chosen(subscriptions: Sequence[str] | None, *, everything: bool) -> Sequence[str] | None:
    if bool(subscriptions) == everything:
        raise UserError("name subscriptions, or give --all")
    return subscriptions or None


def _pairs(option: str, given: Iterable[str] | None) -> dict[str, str]:
    pairs = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        if not (name and equals and value):
            raise UserError(f"{option} {one}: give NAME=VALUE")
        pairs[name] = value
    return pairs


def _filled(option: str, template: str, **values: str) -> str:
    try:
        return template.format(**values)
    except (LookupError, ValueError, AttributeError):
        names = " or ".join(f"{{{name}}}" for name in values)
        raise UserError(
            f"{option}: a template may have {names} in it, and no other braces"
        ) from None


def _show(found: Sequence[Difference], title: str, nothing: str, *, as_json: bool) -> None:
    if as_json:
        for one in found:
            print(json.dumps(dataclasses.asdict(one)))  # noqa: T201 - this is the output
        return
    console = to_stdout()
    if not found:
        console.print(nothing)
        return
    rows = [dataclasses.astuple(one) for one in found]
    console.print(table(title, ("!what", "resource", "field", "?have", "?want"), rows))


def _line(one: Difference) -> str:
    return " ".join(
        part for part in (one.resource, "is" * (one.kind != "differs"), _what(one)) if part
    )


def _what(one: Difference) -> str:
    if one.kind == "differs":
        return f"{one.field} is {one.have or 'empty'}, not {one.want or 'empty'}"
    return {"paused": "paused", "extra": "not in the topology"}.get(one.kind, one.kind)
