"""A project that is as ``infra/`` says, as the APIs tell it. Written down apart from the doctor."""

import hashlib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.iam.matrix import condition_of, load_matrix, member_of
from shared.events.payloads import EventType
from tests.emulators.googleapis import GoogleApis
from tests.emulators.googleapis_kept import backups, recorded, sinks

PROJECT: Final = "docledger-test"
REGION: Final = "europe-west3"
NUMBER: Final = "123456789012"
PARTNERS: Final = "group:partners@example.com"
AUDITORS: Final = "group:auditors@example.com"
EXTERNAL: Final = {
    "partners": PARTNERS,
    "auditors": AUDITORS,
    "operators": "group:on-call@example.com",
    "custodians": "group:custodians@example.com",
}

INFRA: Final = Path(__file__).resolve().parents[2] / "infra"
IAM: Final[dict[str, Any]] = yaml.safe_load((INFRA / "iam.yaml").read_text(encoding="utf-8"))
BUS: Final[dict[str, Any]] = yaml.safe_load((INFRA / "topology.yaml").read_text(encoding="utf-8"))

HERE: Final = f"projects/{PROJECT}/locations/{REGION}"
STORAGE: Final = "storage.googleapis.com/storage/v1/b"
PUBSUB: Final = f"pubsub.googleapis.com/v1/projects/{PROJECT}"
SECRETS: Final = f"secretmanager.googleapis.com/v1/projects/{PROJECT}/secrets"
SQL: Final = f"sqladmin.googleapis.com/v1/projects/{PROJECT}/instances"
RUN: Final = f"run.googleapis.com/v2/{HERE}"
KMS: Final = f"cloudkms.googleapis.com/v1/{HERE}/keyRings"
IAM_API: Final = f"iam.googleapis.com/v1/projects/{PROJECT}"
PROJECTS: Final = f"cloudresourcemanager.googleapis.com/v3/projects/{PROJECT}"
IMAGES: Final = f"artifactregistry.googleapis.com/v1/{HERE}/repositories"
LOGS: Final = f"logging.googleapis.com/v2/{HERE}/buckets"
SINKS: Final = f"logging.googleapis.com/v2/projects/{PROJECT}/sinks"
PROCESSORS: Final = f"{REGION}-documentai.googleapis.com/v1/{HERE}/processors"
IMAGE: Final = f"{REGION}-docker.pkg.dev/{PROJECT}/docledger/one@sha256:{'a' * 64}"


def email(name: str) -> str:
    """Return an account's address."""
    return f"docledger-{name}@{PROJECT}.iam.gserviceaccount.com"


def push(subscription: str, worker: str) -> str:
    """Return the name of a subscription's invoker."""
    return f"push-{worker[:8]}-{hashlib.sha256(subscription.encode()).hexdigest()[:6]}"


def key(name: str) -> str:
    """Return a key's full name."""
    its = IAM["keys"][name]
    return f"{HERE}/keyRings/{IAM['rings'][its['ring']]['name']}/cryptoKeys/{its['name']}"


def bucket(name: str) -> str:
    """Return a bucket's name."""
    return str(IAM["buckets"][name]["name"]).replace("{project}", PROJECT)


def right() -> GoogleApis:
    """Return a project that is as it should be."""
    apis = GoogleApis()
    apis.resources[PROJECTS] = {"name": f"projects/{NUMBER}", "projectId": PROJECT}
    for place, its in (*_stores(), *_bus(), *_keys(), *_runs(), *_others()):
        apis.resources[place] = its
    for name, its in IAM["buckets"].items():
        version = f"{key(its['key'])}/cryptoKeyVersions/3"
        apis.objects[bucket(name)] = {
            f"{prefix}{n:02}": version for prefix in its.get("prefixes", [""]) for n in range(5)
        }
    apis.recorded[PROJECTS] = recorded()
    _grant(apis)
    return apis


def place_of(resource: str) -> str:
    """Return where the policy of a resource of the matrix lies."""
    kind, _, name = resource.partition("/")
    its = IAM.get({"repository": "repositories"}.get(kind, f"{kind}s"), {}).get(name, {})
    return {
        "bucket": f"{STORAGE}/{str(its.get('name')).replace('{project}', PROJECT)}",
        "topic": f"{PUBSUB}/topics/{name}",
        "subscription": f"{PUBSUB}/subscriptions/{name}",
        "key": f"{KMS}/docledger{'-app' * (its.get('ring') == 'app')}/cryptoKeys/{name}",
        "ring": f"{KMS}/{its.get('name')}",
        "secret": f"{SECRETS}/{its.get('name')}",
        "service": f"{RUN}/services/{its.get('name')}",
        "run_job": f"{RUN}/jobs/{its.get('name')}",
        "repository": f"{IMAGES}/{its.get('name')}",
        "account": f"{IAM_API}/serviceAccounts/{_account(name) if kind == 'account' else ''}",
        "project": PROJECTS,
    }[kind]


def _account(identity: str) -> str:
    if not identity.startswith("push/"):
        return email(identity)
    name = identity.removeprefix("push/")
    return email(push(name, BUS["subscriptions"][name.removesuffix(".dead")]["worker"]))


def _grant(apis: GoogleApis) -> None:
    """Give every resource the policy of the matrix, one binding a grant, as Terraform's are."""
    matrix = load_matrix()
    places = [f"{kind}/{name}" for kind, names in matrix.resources.items() for name in names]
    for place in (*places, "project"):
        apis.policies[place_of(place)] = []
    apis.policies[f"{KMS}/docledger-signers/cryptoKeys/log-acme"] = []
    for grant in matrix.grants:
        ours = f"projects/{PROJECT}/roles/docledger.{grant.role}"
        member = EXTERNAL.get(grant.identity) or member_of(
            matrix, grant.identity, project=PROJECT, number=NUMBER
        )
        binding: dict[str, Any] = {
            "role": ours if grant.role in IAM["roles"] else grant.role,
            "members": [member],
        }
        condition = condition_of(grant, matrix, project=PROJECT)
        if condition:
            binding["condition"] = {"title": "these-prefixes", "expression": condition}
        apis.policies[place_of(grant.resource)].append(binding)
    # What Google grants by itself.
    apis.policies[PROJECTS].append(
        {
            "role": "roles/pubsub.serviceAgent",
            "members": [f"serviceAccount:service-{NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com"],
        }
    )
    apis.policies[f"{STORAGE}/{bucket('log')}"].append(
        {"role": "roles/storage.legacyBucketReader", "members": [f"projectViewer:{PROJECT}"]}
    )


Placed = Iterator[tuple[str, dict[str, Any]]]


def _stores() -> Placed:
    for name, its in IAM["buckets"].items():
        rules: list[dict[str, Any]] = [
            {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 1}}
        ]
        if "leases/" in its.get("prefixes", {}):
            ends = {"age": 1, "matchesPrefix": ["leases/"]}
            rules.append({"action": {"type": "Delete"}, "condition": ends})
        if "delete_after_days" in its:
            ends = {"age": its["delete_after_days"]}
            rules.append({"action": {"type": "Delete"}, "condition": ends})
        said: dict[str, Any] = {
            "name": bucket(name),
            "location": REGION.upper(),
            "encryption": {"defaultKmsKeyName": key(its["key"])},
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": True},
                "publicAccessPrevention": "enforced",
            },
            "softDeletePolicy": {"retentionDurationSeconds": "0"},
            "lifecycle": {"rule": rules},
        }
        if "retention_days" in its:
            said["retentionPolicy"] = {"retentionPeriod": str(its["retention_days"] * 86_400)}
        yield f"{STORAGE}/{bucket(name)}", said
        topic = f"//pubsub.googleapis.com/projects/{PROJECT}/topics/{its.get('notifies')}"
        told = [{"id": "1", "topic": topic, "event_types": ["OBJECT_FINALIZE"]}]
        yield (
            f"{STORAGE}/{bucket(name)}/notificationConfigs",
            {"items": told} if "notifies" in its else {},
        )


def _bus() -> Placed:
    said = {name: {**BUS["defaults"], **its} for name, its in BUS["subscriptions"].items()}
    dead = {f"{name}.dead": {**its, "topic": f"{name}.dead"} for name, its in said.items()}
    for topic in (*map(str, EventType), *BUS["foreign"], *dead):
        yield (
            f"{PUBSUB}/topics/{topic}",
            {
                "name": f"projects/{PROJECT}/topics/{topic}",
                "kmsKeyName": key("events"),
                "messageStoragePolicy": {"allowedPersistenceRegions": [REGION]},
            },
        )
    for name, its in (said | dead).items():
        url = f"https://docledger-{its['worker']}-{NUMBER}.{REGION}.run.app"
        account = email(push(name, its["worker"]))
        one: dict[str, Any] = {
            "name": f"projects/{PROJECT}/subscriptions/{name}",
            "topic": f"projects/{PROJECT}/topics/{its['topic']}",
            "state": "ACTIVE",
            "pushConfig": {
                "pushEndpoint": f"{url}/push/{name}",
                "oidcToken": {"serviceAccountEmail": account, "audience": url},
            },
            "ackDeadlineSeconds": its["lease_s"],
            "messageRetentionDuration": f"{its['retention_s']}s",
            "expirationPolicy": {},
            "retryPolicy": {
                "minimumBackoff": f"{its['backoff_s'][0]}s",
                "maximumBackoff": f"{its['backoff_s'][1]}s",
            },
        }
        if name in said:
            one["deadLetterPolicy"] = {
                "deadLetterTopic": f"projects/{PROJECT}/topics/{name}.dead",
                "maxDeliveryAttempts": its["attempts"],
            }
        yield f"{PUBSUB}/subscriptions/{name}", one


def _keys() -> Placed:
    for name, its in IAM["keys"].items():
        yield (
            f"cloudkms.googleapis.com/v1/{key(name)}",
            {
                "name": key(name),
                "purpose": "ENCRYPT_DECRYPT",
                "rotationPeriod": f"{its['rotation_days'] * 86_400}s",
                "nextRotationTime": "2027-01-01T00:00:00Z",
                "primary": {"name": f"{key(name)}/cryptoKeyVersions/3", "state": "ENABLED"},
            },
        )
    log = f"{HERE}/keyRings/docledger-signers/cryptoKeys/log-acme"
    yield f"cloudkms.googleapis.com/v1/{log}", {"name": log, "purpose": "ASYMMETRIC_SIGN"}


def _runs() -> Placed:
    for name, its in IAM["services"].items():
        public = "ALL" if "public" in its else "INTERNAL_ONLY"
        resources = {} if its.get("always_on") else {"cpuIdle": True}
        told = [{"name": "DOCLEDGER_SECRETS", "value": "SECRET variable"}]
        runs = {
            "encryptionKey": key(its["key"]),
            "serviceAccount": email(name),
            "containers": [{"image": IMAGE, "env": told, "resources": resources}],
        }
        place, older = f"{RUN}/services/{its['name']}", f"{its['name']}-r1"
        newest = f"{HERE}/services/{its['name']}/revisions/{its['name']}-r2"
        yield (
            place,
            {
                "name": f"{HERE}/services/{its['name']}",
                "ingress": f"INGRESS_TRAFFIC_{public}",
                "template": runs,
                "latestReadyRevision": newest,
                # A release names what serves; the newest is reached by its tag.
                "trafficStatuses": [{"revision": older, "percent": 100}, {"tag": "next"}],
            },
        )
        yield f"{place}/revisions/{older}", deepcopy(runs)
        yield f"{place}/revisions/{newest.rpartition('/')[2]}", deepcopy(runs)
    for its in IAM["run_jobs"].values():
        task = {
            "encryptionKey": key(its["key"]),
            "serviceAccount": email(its["identity"]),
            "containers": [
                {"image": IMAGE, "command": ["python", "-m", "deploy.cloudrun.command"]},
                {"image": IMAGE},
            ],
        }
        yield (
            f"{RUN}/jobs/{its['name']}",
            {"name": f"{HERE}/jobs/{its['name']}", "template": {"template": task}},
        )


def _others() -> Placed:
    for its in IAM["secrets"].values():
        encrypted = {"kmsKeyName": key(its["key"])}
        replica = {"location": REGION, "customerManagedEncryption": encrypted}
        yield (
            f"{SECRETS}/{its['name']}",
            {
                "name": f"projects/{NUMBER}/secrets/{its['name']}",
                "replication": {"userManaged": {"replicas": [replica]}},
            },
        )
    for its in IAM["databases"].values():
        settings = {
            "ipConfiguration": {
                "ipv4Enabled": False,
                "sslMode": "TRUSTED_CLIENT_CERTIFICATE_REQUIRED",
            },
            "backupConfiguration": {
                "enabled": True,
                "pointInTimeRecoveryEnabled": True,
                "backupRetentionSettings": {"retainedBackups": 14},
            },
            "databaseFlags": [{"name": "cloudsql.iam_authentication", "value": "on"}],
        }
        encrypted = {"kmsKeyName": key(its["key"])}
        yield (
            f"{SQL}/{its['instance']}",
            {
                "name": its["instance"],
                "diskEncryptionConfiguration": encrypted,
                "settings": settings,
            },
        )
        yield from backups(f"{SQL}/{its['instance']}/backupRuns")
    for its in IAM["repositories"].values():
        yield f"{IMAGES}/{its['name']}", {"name": its["name"], "kmsKeyName": key(its["key"])}
    for its in IAM["log_buckets"].values():
        said = {"retentionDays": its["retention_days"]}
        yield f"{LOGS}/{its['name']}", {**said, "cmekSettings": {"kmsKeyName": key(its["key"])}}
    agent = str(IAM["agents"]["logging"]).replace("{number}", NUMBER)
    yield from sinks(SINKS, HERE, bucket("audit"), f"serviceAccount:{agent}")
    for identity in load_matrix().resources["account"]:
        account = _account(identity)
        yield f"{IAM_API}/serviceAccounts/{account}", {"email": account}
    for name, its in IAM["roles"].items():
        yield (
            f"{IAM_API}/roles/docledger.{name}",
            {"title": its["title"], "includedPermissions": its["permissions"]},
        )
    for kind in ("ocr", "invoice"):
        name = f"{HERE}/processors/{kind}0123"
        yield f"{PROCESSORS}/{kind}0123", {"name": name, "kmsKeyName": key("batches")}
