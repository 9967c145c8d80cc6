"""What a project has, and the tables do not: every list of its resources. Data; no I/O."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from deploy.doctor.installed import Installed
from deploy.doctor.logs import SINKS
from deploy.doctor.reading import Call
from deploy.doctor.subjects import IAM, KMS, LOGS, PUBSUB, RUN, SECRETS, SQL, STORAGE


@dataclass(frozen=True, slots=True)
class Listing:
    """One list.

    Attributes:
        resource: what it is a list of.
        call: asks for it.
        items: where in the answer it is.
        known: names that may be there; what else is there is a finding.
        what: one of them, as a person calls it.
    """

    resource: str
    call: Call
    items: str
    known: Collection[str]
    what: str


def listings(its: Installed) -> Iterator[Listing]:
    """Yield the list of everything of which the tables say what there is."""
    stated, project = its.stated, f"projects/{its.project}"
    here = f"{project}/locations/{its.region}"
    for kind, host, path, items, known in (
        ("buckets", STORAGE, "/storage/v1/b", "items", map(its.bucket, stated.buckets)),
        ("topics", PUBSUB, f"/v1/{project}/topics", "topics", its.wanted.topics),
        (
            "subscriptions",
            PUBSUB,
            f"/v1/{project}/subscriptions",
            "subscriptions",
            its.wanted.subscriptions,
        ),
        (
            "secrets",
            SECRETS,
            f"/v1/{project}/secrets",
            "secrets",
            [one.name for one in stated.secrets.values()],
        ),
        (
            "databases",
            SQL,
            f"/v1/{project}/instances",
            "items",
            [one.instance for one in stated.databases.values()],
        ),
        (
            "services",
            RUN,
            f"/v2/{here}/services",
            "services",
            [one.name for one in stated.services.values()],
        ),
        (
            "run_jobs",
            RUN,
            f"/v2/{here}/jobs",
            "jobs",
            [one.name for one in stated.run_jobs.values()],
        ),
        ("sinks", LOGS, f"/v2/{project}/sinks", "sinks", SINKS),
    ):
        named = {"fields": f"{items}/name,nextPageToken"}
        if host == STORAGE:
            named["project"] = its.project
        yield Listing(kind, Call(host, path, named), items, frozenset(known), kind.rstrip("s"))
    for ring in sorted(stated.rings.keys() - signing_rings(its)):
        names = {key.name for key in stated.keys.values() if key.ring == ring}
        yield Listing(f"ring/{ring}", keys_of(its, ring), "cryptoKeys", names, "key")
    for name in its.matrix.topics:
        topic = f"{project}/topics/{name}"
        # Full names: another project's subscription may be called as ours.
        heard = {one.name for one in its.wanted.subscriptions.values() if one.topic == topic}
        call = Call(PUBSUB, f"/v1/{topic}/subscriptions")
        yield Listing(f"topic/{name}", call, "subscriptions", heard, "subscription")
    for name in its.matrix.resources["account"]:
        path = f"/v1/{project}/serviceAccounts/{its.account(name)}/keys"
        call = Call(IAM, path, {"keyTypes": "USER_MANAGED", "fields": "keys/name"})
        yield Listing(f"account/{name}", call, "keys", (), "key to carry away")


def signing_rings(its: Installed) -> frozenset[str]:
    """Return the rings whose keys the tables do not name: each tenant's log has one there."""
    return frozenset(its.stated.rings) - {key.ring for key in its.stated.keys.values()}


def keys_of(its: Installed, ring: str) -> Call:
    """Return the question for the keys in a ring."""
    named = {"fields": "cryptoKeys/name,nextPageToken"}
    return Call(KMS, f"/v1/{its.ring(ring)}/cryptoKeys", named)
