"""Every resource that is looked at: where it is read, what must hold there. Data; no I/O."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from deploy.doctor.installed import Installed
from deploy.doctor.lines import NOTHING, told
from deploy.doctor.reading import POLICY, VERSION, Call

STORAGE: Final = "storage.googleapis.com"
PUBSUB: Final = "pubsub.googleapis.com"
SECRETS: Final = "secretmanager.googleapis.com"
SQL: Final = "sqladmin.googleapis.com"
RUN: Final = "run.googleapis.com"
KMS: Final = "cloudkms.googleapis.com"
IAM: Final = "iam.googleapis.com"
PROJECTS: Final = "cloudresourcemanager.googleapis.com"
IMAGES: Final = "artifactregistry.googleapis.com"
LOGS: Final = "logging.googleapis.com"

BACKUPS_AT_MOST: Final = 30
"""Days, and backups, of which there is one a night: what was erased is in none after that."""

_BY_DIGEST: Final = re.compile(r"[^@]+@sha256:[0-9a-f]{64}\Z")
_WHOLE_DAYS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Must:
    """What must hold of a value, where it is not simply a value.

    Attributes:
        says: it, to a person.
        holds: whether it does.
    """

    says: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Hold:
    """One thing that must hold.

    Attributes:
        check: what it is called.
        at: where in the answer; ``a.b[].c`` is a list of every ``c``.
        want: a value, or a ``Must``.
    """

    check: str
    at: str
    want: Any

    @property
    def expected(self) -> str:
        """What must be there, as a person reads it."""
        return self.want.says if isinstance(self.want, Must) else told(self.want)

    def holds(self, value: Any) -> bool:  # noqa: ANN401 - whatever an API answers
        """Tell whether a value is what must be there; one of another type is not."""
        if not isinstance(self.want, Must):
            return type(value) is type(self.want) and bool(value == self.want)
        try:
            return self.want.holds(value)
        except (AttributeError, KeyError, TypeError, ValueError):
            return False


@dataclass(frozen=True, slots=True)
class Subject:
    """One resource.

    Attributes:
        resource: ``<kind>/<name>`` as in the matrix.
        call: reads it; None where nothing of it is compared but its policy.
        holds: what must hold; nothing else of it is asked for.
        policy: reads who may do what with it; None where it has none.
    """

    resource: str
    call: Call | None = None
    holds: tuple[Hold, ...] = ()
    policy: Call | None = None


OFF: Final = Must("off", lambda value: value in {None, False})


def subjects(its: Installed) -> Iterator[Subject]:
    """Yield every resource of the tables."""
    for kind in (_buckets, _topics, _subscriptions, _keys, _databases, _secrets, _services, _jobs):
        yield from kind(its)
    for kind in (_registries, _log_buckets, _accounts, _roles):
        yield from kind(its)
    yield Subject("project", policy=_policy(PROJECTS, f"/v3/projects/{its.project}"))


def signing_key(its: Installed, ring: str, name: str) -> Subject:
    """Return a tenant's key: who may sign is the ring's policy, and nobody besides."""
    path = f"/v1/{its.ring(ring)}/cryptoKeys/{name}"
    purpose = Hold("purpose", "purpose", "ASYMMETRIC_SIGN")
    return Subject(f"ring/{ring}/{name}", Call(KMS, path), (purpose,), _policy(KMS, path))


def _buckets(its: Installed) -> Iterator[Subject]:
    for name, bucket in its.stated.buckets.items():
        path = f"/storage/v1/b/{its.bucket(name)}"
        retained = bucket.retention_days
        kept = None if retained is None else str(retained * _WHOLE_DAYS)
        ends: set[tuple[int | None, str]]
        ends = {(bucket.delete_after_days, "")} if bucket.delete_after_days else set()
        ends |= {(1, "leases/")} if "leases/" in bucket.prefixes else set()
        holds = (
            Hold("key", "encryption.defaultKmsKeyName", its.key(bucket.key)),
            Hold("uniform access", "iamConfiguration.uniformBucketLevelAccess.enabled", True),  # noqa: FBT003 - the value
            Hold("public access", "iamConfiguration.publicAccessPrevention", "enforced"),
            Hold("versions", "versioning.enabled", OFF),
            Hold(
                "soft delete",
                "softDeletePolicy.retentionDurationSeconds",
                Must("off", lambda value: value in {None, "0"}),
            ),
            Hold("retention", "retentionPolicy.retentionPeriod", kept),
            Hold("holds", "defaultEventBasedHold", OFF),
            Hold("region", "location", its.region.upper()),
            Hold("ends by itself", "lifecycle.rule", _ends_exactly(ends)),
        )
        asked = {"optionsRequestedPolicyVersion": str(VERSION)}
        yield Subject(
            f"bucket/{name}", Call(STORAGE, path), holds, Call(STORAGE, f"{path}/iam", asked)
        )


def _ends_exactly(ends: set[tuple[int | None, str]]) -> Must:
    """Return that objects end after those days below those prefixes, and no others."""

    def holds(rules: Any) -> bool:  # noqa: ANN401 - whatever an API answers
        found = set()
        for rule in rules or ():
            condition = rule["condition"]
            if rule["action"]["type"] != "Delete":
                continue
            if condition.keys() - {"age", "matchesPrefix"}:
                return False
            found |= {(condition["age"], one) for one in condition.get("matchesPrefix") or [""]}
        return found == ends

    says = ", ".join(
        f"{prefix or 'all'} after {days} days" for days, prefix in sorted(ends, key=str)
    )
    return Must(says or NOTHING, holds)


def _topics(its: Installed) -> Iterator[Subject]:
    for name in its.matrix.topics:
        path = f"/v1/projects/{its.project}/topics/{name}"
        holds = (
            Hold("key", "kmsKeyName", its.key_of("pubsub")),
            Hold("region", "messageStoragePolicy.allowedPersistenceRegions", [its.region]),
        )
        yield Subject(f"topic/{name}", Call(PUBSUB, path), holds, _policy(PUBSUB, path))


def _subscriptions(its: Installed) -> Iterator[Subject]:
    for name in its.matrix.subscriptions:
        path = f"/v1/projects/{its.project}/subscriptions/{name}"
        yield Subject(f"subscription/{name}", policy=_policy(PUBSUB, path))


def _keys(its: Installed) -> Iterator[Subject]:
    for name, key in its.stated.keys.items():
        path = f"/v1/{its.key(name)}"
        seconds = key.rotation_days * _WHOLE_DAYS
        holds = (
            Hold("purpose", "purpose", "ENCRYPT_DECRYPT"),
            Hold("rotation", "rotationPeriod", f"{seconds}s"),
            Hold("next rotation", "nextRotationTime", Must("a date", bool)),
            Hold("version in use", "primary.state", "ENABLED"),
        )
        yield Subject(f"key/{name}", Call(KMS, path), holds, _policy(KMS, path))
    for name in its.stated.rings:
        yield Subject(f"ring/{name}", policy=_policy(KMS, f"/v1/{its.ring(name)}"))


def _databases(its: Installed) -> Iterator[Subject]:
    for name, base in its.stated.databases.items():
        path = f"/v1/projects/{its.project}/instances/{base.instance}"
        backups = "settings.backupConfiguration"
        holds = (
            Hold("key", "diskEncryptionConfiguration.kmsKeyName", its.key(base.key)),
            Hold("public address", "settings.ipConfiguration.ipv4Enabled", OFF),
            Hold(
                "TLS",
                "settings.ipConfiguration.sslMode",
                "TRUSTED_CLIENT_CERTIFICATE_REQUIRED",
            ),
            Hold("backups", f"{backups}.enabled", True),  # noqa: FBT003 - the value
            Hold("any point in time", f"{backups}.pointInTimeRecoveryEnabled", True),  # noqa: FBT003 - the value
            Hold(
                "backups kept",
                f"{backups}.backupRetentionSettings.retainedBackups",
                Must(f"at most {BACKUPS_AT_MOST}", lambda value: 0 < value <= BACKUPS_AT_MOST),
            ),
            Hold(
                "log-in by IAM",
                "settings.databaseFlags",
                Must(
                    "on",
                    lambda flags: {"name": "cloudsql.iam_authentication", "value": "on"} in flags,
                ),
            ),
        )
        yield Subject(f"database/{name}", Call(SQL, path), holds)


def _secrets(its: Installed) -> Iterator[Subject]:
    for name, secret in its.stated.secrets.items():
        path = f"/v1/projects/{its.project}/secrets/{secret.name}"
        replicas = "replication.userManaged.replicas[]"
        holds = (
            Hold("key", f"{replicas}.customerManagedEncryption.kmsKeyName", [its.key(secret.key)]),
            Hold("region", f"{replicas}.location", [its.region]),
        )
        yield Subject(f"secret/{name}", Call(SECRETS, path), holds, _policy(SECRETS, path))


def _services(its: Installed) -> Iterator[Subject]:
    for name, service in its.stated.services.items():
        path = f"/v2/projects/{its.project}/locations/{its.region}/services/{service.name}"
        calls = "ALL" if service.public else "INTERNAL_ONLY"
        always = Must("never taken away", lambda idle: bool(idle) and not idle[0])
        holds = (
            Hold("key", "template.encryptionKey", its.key(service.key)),
            Hold("runs as", "template.serviceAccount", its.account(name)),
            Hold("callers from", "ingress", f"INGRESS_TRAFFIC_{calls}"),
            Hold("callers unasked", "invokerIamDisabled", OFF),
            Hold("images", "template.containers[].image", _by_digest()),
            *(
                [Hold("processor", "template.containers[].resources.cpuIdle", always)]
                if service.always_on
                else []
            ),
        )
        yield Subject(f"service/{name}", Call(RUN, path), holds, _policy(RUN, path))


def serving(its: Installed, name: str, revision: str) -> Subject:
    """Return a revision that callers reach: a service's template need not be what serves."""
    service = its.stated.services[name]
    area = f"/v2/projects/{its.project}/locations/{its.region}"
    path = f"{area}/services/{service.name}/revisions/{revision}"
    holds = (
        Hold("key", "encryptionKey", its.key(service.key)),
        Hold("runs as", "serviceAccount", its.account(name)),
        Hold("images", "containers[].image", _by_digest()),
    )
    return Subject(f"service/{name}/{revision}", Call(RUN, path), holds)


def _jobs(its: Installed) -> Iterator[Subject]:
    for name, job in its.stated.run_jobs.items():
        path = f"/v2/projects/{its.project}/locations/{its.region}/jobs/{job.name}"
        holds = (
            Hold("key", "template.template.encryptionKey", its.key(job.key)),
            Hold("runs as", "template.template.serviceAccount", its.account(job.identity)),
            Hold("images", "template.template.containers[].image", _by_digest()),
            Hold("command", "template.template.containers[].command", _our_command()),
        )
        yield Subject(f"run_job/{name}", Call(RUN, path), holds, _policy(RUN, path))


def _our_command() -> Must:
    """Arguments are whoever's who starts it; a shell would do anything else with its rights."""
    ours = ["python", "-m", "deploy.cloudrun.command"]
    return Must("docledger's, once", lambda every: [one for one in every if one] == [ours])


def _by_digest() -> Must:
    return Must("by digest", lambda images: bool(images) and all(map(_BY_DIGEST.match, images)))


def _registries(its: Installed) -> Iterator[Subject]:
    for name, one in its.stated.repositories.items():
        path = f"/v1/projects/{its.project}/locations/{its.region}/repositories/{one.name}"
        key = Hold("key", "kmsKeyName", its.key(one.key))
        yield Subject(f"repository/{name}", Call(IMAGES, path), (key,), _policy(IMAGES, path))


def _log_buckets(its: Installed) -> Iterator[Subject]:
    for name, one in its.stated.log_buckets.items():
        path = f"/v2/projects/{its.project}/locations/{its.region}/buckets/{one.name}"
        holds = (
            Hold("key", "cmekSettings.kmsKeyName", its.key(one.key)),
            Hold("days kept", "retentionDays", one.retention_days),
        )
        yield Subject(f"log_bucket/{name}", Call(LOGS, path), holds)


def _accounts(its: Installed) -> Iterator[Subject]:
    for name in its.matrix.resources["account"]:
        path = f"/v1/projects/{its.project}/serviceAccounts/{its.account(name)}"
        disabled = Hold("disabled", "disabled", OFF)
        yield Subject(
            f"account/{name}", Call(IAM, path), (disabled,), _policy(IAM, path, post=True)
        )


def _roles(its: Installed) -> Iterator[Subject]:
    for name, role in its.stated.roles.items():
        exactly = _exactly(role.permissions)
        holds = (
            Hold("permissions", "includedPermissions", exactly),
            Hold("deleted", "deleted", OFF),
        )
        yield Subject(f"role/{name}", Call(IAM, f"/v1/{its.role(name)}"), holds)


def _exactly(wanted: Iterable[str]) -> Must:
    names = sorted(wanted)
    return Must(told(names), lambda found: sorted(found) == names)


def _policy(host: str, path: str, *, post: bool = False) -> Call:
    """Return the question for a policy; the APIs differ in how they are told which version."""
    if host == PROJECTS:
        body = {"options": {"requestedPolicyVersion": VERSION}}
        return Call(host, path + POLICY, post=True, body=body)
    asked = {"options.requestedPolicyVersion": str(VERSION)}
    return Call(host, path + POLICY, asked, post=post)
