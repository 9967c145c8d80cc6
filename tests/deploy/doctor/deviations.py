"""Every single deviation that must be found: where, in which check, how it comes about."""

from typing import Final

from tests.deploy.doctor.breaking import (
    OTHER,
    Break,
    bind,
    gone,
    new,
    other_key,
    put,
    rebind,
    unbind,
)
from tests.emulators.googleapis_site import (
    IAM_API,
    IMAGES,
    KMS,
    NUMBER,
    PROCESSORS,
    PROJECT,
    PUBSUB,
    REGION,
    RUN,
    SECRETS,
    SQL,
    STORAGE,
    bucket,
    email,
    key,
)

STRANGER: Final = "user:stranger@example.com"
READ: Final = f"projects/{PROJECT}/roles/docledger.readObjects"
DELETE: Final = f"projects/{PROJECT}/roles/docledger.deleteObjects"
SUBSCRIPTION: Final = "ocr.pages-read"
PUSHES: Final = f"subscription/{SUBSCRIPTION}"
TOPIC: Final = "docledger.document.read.v1"
PUBLISHER: Final = "roles/pubsub.publisher"

LOG: Final = f"{STORAGE}/{bucket('log')}"
WRAPPED: Final = f"{STORAGE}/{bucket('wrapped')}"
BOOKS: Final = f"{SQL}/docledger"
OCR: Final = f"{RUN}/services/docledger-ocr"
SERVING: Final = f"{OCR}/revisions/docledger-ocr-r1"
PULLED: Final = f"{PUBSUB}/subscriptions/{SUBSCRIPTION}"
OCR_MEMBER: Final = f"serviceAccount:{email('ocr')}"
LEDGER_API: Final = f"serviceAccount:{email('ledger-api')}"
SEQUENCER: Final = f"serviceAccount:{email('sequencer')}"
ANYTHING: Final = 'resource.name.startsWith("projects/_/buckets/")'


def _object_in(name: str, key_version: str | None) -> Break:
    """Return one object under another key, on the last page of its prefix."""
    return lambda apis: apis.objects[bucket("objects")].update({name: key_version})


DEVIATIONS: Final[dict[str, tuple[str, str, Break]]] = {
    # Keys: everything lies under its own.
    "bucket-key-other": ("bucket/log", "key", other_key(LOG, "encryption.defaultKmsKeyName")),
    "bucket-key-none": ("bucket/log", "key", put(LOG, "encryption", None)),
    "object-key-none": (
        "bucket/objects",
        "objects in originals/",
        _object_in("originals/99", None),
    ),
    "object-key-other": (
        "bucket/objects",
        "objects in results/",
        _object_in("results/zz", f"{OTHER}/cryptoKeyVersions/1"),
    ),
    "topic-key-none": (
        f"topic/{TOPIC}",
        "key",
        put(f"{PUBSUB}/topics/{TOPIC}", "kmsKeyName", None),
    ),
    "topic-key-other": (
        f"topic/{TOPIC}",
        "key",
        other_key(f"{PUBSUB}/topics/{TOPIC}", "kmsKeyName"),
    ),
    "secret-key-none": (
        "secret/internal-event-token",
        "key",
        put(
            f"{SECRETS}/docledger-internal-event-token",
            "replication.userManaged.replicas",
            [{"location": REGION}],
        ),
    ),
    "database-key": ("database/books", "key", put(BOOKS, "diskEncryptionConfiguration", None)),
    "service-key": ("service/ocr", "key", put(OCR, "template.encryptionKey", None)),
    "job-key": (
        "run_job/migrate",
        "key",
        other_key(f"{RUN}/jobs/docledger-migrate", "template.template.encryptionKey"),
    ),
    "processor-key": ("processor/ocr0123", "key", put(f"{PROCESSORS}/ocr0123", "kmsKeyName", None)),
    "repository-key": ("repository/images", "key", put(f"{IMAGES}/docledger", "kmsKeyName", None)),
    "key-not-rotated": (
        "key/kek",
        "rotation",
        put(f"cloudkms.googleapis.com/v1/{key('kek')}", "rotationPeriod", None),
    ),
    "key-disabled": (
        "key/kek",
        "version in use",
        put(f"cloudkms.googleapis.com/v1/{key('kek')}", "primary.state", "DISABLED"),
    ),
    # Buckets: nobody from outside, and nothing that was erased comes back.
    "bucket-not-uniform": (
        "bucket/log",
        "uniform access",
        put(LOG, "iamConfiguration.uniformBucketLevelAccess.enabled", False),  # noqa: FBT003 - the value
    ),
    "bucket-may-be-public": (
        "bucket/log",
        "public access",
        put(LOG, "iamConfiguration.publicAccessPrevention", "inherited"),
    ),
    "keys-versioned": ("bucket/wrapped", "versions", put(WRAPPED, "versioning.enabled", True)),  # noqa: FBT003 - the value
    "keys-softly-deleted": (
        "bucket/wrapped",
        "soft delete",
        put(WRAPPED, "softDeletePolicy.retentionDurationSeconds", "604800"),
    ),
    "keys-retained": (
        "bucket/wrapped",
        "retention",
        put(WRAPPED, "retentionPolicy.retentionPeriod", "86400"),
    ),
    "archive-not-retained": (
        "bucket/audit",
        "retention",
        put(f"{STORAGE}/{bucket('audit')}", "retentionPolicy", None),
    ),
    "bucket-elsewhere": ("bucket/log", "region", put(LOG, "location", "US")),
    "bucket-deletes": (
        "bucket/log",
        "ends by itself",
        put(LOG, "lifecycle.rule", [{"action": {"type": "Delete"}, "condition": {"age": 7}}]),
    ),
    "batches-kept": (
        "bucket/batches",
        "ends by itself",
        put(f"{STORAGE}/{bucket('batches')}", "lifecycle", None),
    ),
    "nobody-told": (
        "bucket/uploads",
        "tells",
        put(f"{STORAGE}/{bucket('uploads')}/notificationConfigs", "items", []),
    ),
    "somebody-told": (
        "bucket/log",
        "tells",
        put(
            f"{LOG}/notificationConfigs", "items", [{"topic": "//pubsub.googleapis.com/elsewhere"}]
        ),
    ),
    # Who may do what.
    "public-bucket": ("bucket/log", "may", bind("bucket/log", READ, "allUsers")),
    "public-service": ("service/ocr", "may", bind("service/ocr", "roles/run.invoker", "allUsers")),
    "one-member-more": (f"topic/{TOPIC}", "may", bind(f"topic/{TOPIC}", PUBLISHER, STRANGER)),
    "one-role-more": ("key/kek", "may", bind("key/kek", "roles/cloudkms.admin", OCR_MEMBER)),
    "one-grant-less": (f"topic/{TOPIC}", "may", unbind(f"topic/{TOPIC}", PUBLISHER, OCR_MEMBER)),
    "condition-gone": (
        "bucket/log",
        "may",
        rebind("bucket/log", DELETE, SEQUENCER, condition={"expression": ""}),
    ),
    "condition-wider": (
        "bucket/log",
        "may",
        rebind("bucket/log", DELETE, SEQUENCER, condition={"expression": ANYTHING}),
    ),
    "member-deleted": (
        "bucket/log",
        "may",
        rebind("bucket/log", READ, LEDGER_API, members=[f"deleted:{LEDGER_API}?uid=123"]),
    ),
    "deleted-member-more": (
        "secret/internal-event-token",
        "may",
        bind("secret/internal-event-token", READ, "deleted:user:gone@example.com?uid=1"),
    ),
    "owner-of-the-project": ("project", "may", bind("project", "roles/owner", STRANGER)),
    "service-agent-of-another-project": (
        "project",
        "may",
        bind(
            "project",
            "roles/pubsub.serviceAgent",
            f"serviceAccount:service-{NUMBER}@evil-project.iam.gserviceaccount.com",
        ),
    ),
    "convenience-of-another-project": (
        "bucket/log",
        "may",
        bind("bucket/log", "roles/storage.legacyBucketReader", "projectViewer:evil-project"),
    ),
    "partner-nobody-named": (
        "service/ingest-api",
        "may",
        bind("service/ingest-api", "roles/run.invoker", "group:others@example.com"),
    ),
    "tokens-for-anybody": (
        "account/ocr",
        "may",
        bind("account/ocr", "roles/iam.serviceAccountTokenCreator", STRANGER),
    ),
    "ring-signer-more": (
        "ring/signers",
        "may",
        bind("ring/signers", f"projects/{PROJECT}/roles/docledger.signCheckpoints", OCR_MEMBER),
    ),
    "one-log-signer-more": (
        "ring/signers/log-acme",
        "may",
        lambda apis: apis.policies[f"{KMS}/docledger-signers/cryptoKeys/log-acme"].append(
            {"role": "roles/cloudkms.signer", "members": [STRANGER]}
        ),
    ),
    "role-widened": (
        "role/readObjects",
        "permissions",
        put(
            f"{IAM_API}/roles/docledger.readObjects",
            "includedPermissions",
            ["storage.objects.get", "storage.objects.delete"],
        ),
    ),
    "account-disabled": (
        "account/ocr",
        "disabled",
        put(f"{IAM_API}/serviceAccounts/{email('ocr')}", "disabled", True),  # noqa: FBT003 - the value
    ),
    "account-with-a-key": (
        "account/ocr",
        "no other key to carry away",
        new(f"{IAM_API}/serviceAccounts/{email('ocr')}/keys/0123abcd"),
    ),
    # Subscriptions, as the topology says.
    "push-elsewhere": (
        PUSHES,
        "push_endpoint",
        put(PULLED, "pushConfig.pushEndpoint", "https://evil.example"),
    ),
    "push-as-another": (
        PUSHES,
        "push_account",
        put(PULLED, "pushConfig.oidcToken.serviceAccountEmail", email("ocr")),
    ),
    "push-paused": (PUSHES, "push_endpoint", put(PULLED, "pushConfig", {})),
    "no-dead-letters": (PUSHES, "attempts", put(PULLED, "deadLetterPolicy.maxDeliveryAttempts", 5)),
    "dead-letters-elsewhere": (
        PUSHES,
        "dead_letters",
        put(
            PULLED, "deadLetterPolicy.deadLetterTopic", f"projects/{PROJECT}/topics/_deleted-topic_"
        ),
    ),
    "expires": (PUSHES, "expires", put(PULLED, "expirationPolicy.ttl", "2678400s")),
    "expires-by-default": (PUSHES, "expires", put(PULLED, "expirationPolicy", None)),
    "no-backoff": (PUSHES, "backoff_s", put(PULLED, "retryPolicy", None)),
    "filtered": (PUSHES, "filter", put(PULLED, "filter", 'attributes.tenant = "a"')),
    # Databases and services.
    "database-public": (
        "database/books",
        "public address",
        put(BOOKS, "settings.ipConfiguration.ipv4Enabled", True),  # noqa: FBT003 - the value
    ),
    "passwords": ("database/books", "log-in by IAM", put(BOOKS, "settings.databaseFlags", [])),
    "worker-from-outside": (
        "service/ocr",
        "callers from",
        put(OCR, "ingress", "INGRESS_TRAFFIC_ALL"),
    ),
    "serving-key": ("service/ocr/docledger-ocr-r1", "key", put(SERVING, "encryptionKey", None)),
    "serving-account": (
        "service/ocr/docledger-ocr-r1",
        "runs as",
        put(SERVING, "serviceAccount", email("ledger")),
    ),
    "serving-by-tag": (
        "service/ocr/docledger-ocr-r2",
        "images",
        put(f"{OCR}/revisions/docledger-ocr-r2", "containers.0.image", "one:latest"),
    ),
    "serving-what-is-not-there": (
        "service/ocr/docledger-ocr-r3",
        "is",
        put(OCR, "trafficStatuses.0.revision", "docledger-ocr-r3"),
    ),
    "worker-unasked": ("service/ocr", "callers unasked", put(OCR, "invokerIamDisabled", True)),  # noqa: FBT003 - the value
    "runs-as-another": (
        "service/ocr",
        "runs as",
        put(OCR, "template.serviceAccount", email("ledger")),
    ),
    "image-by-tag": (
        "service/ocr",
        "images",
        put(OCR, "template.containers.0.image", "one:latest"),
    ),
    **{
        f"{job}-runs-as-another": (
            f"run_job/{job}",
            "runs as",
            put(
                f"{RUN}/jobs/docledger-{job}",
                "template.template.serviceAccount",
                email("migrator" if job != "migrate" else "keeper"),
            ),
        )
        for job in ("migrate", "operate", "erase", "keys")
    },
    "job-by-tag": (
        "run_job/keys",
        "images",
        put(f"{RUN}/jobs/docledger-keys", "template.template.containers.0.image", "one:latest"),
    ),
    "job-that-is-a-shell": (
        "run_job/operate",
        "command",
        put(f"{RUN}/jobs/docledger-operate", "template.template.containers.0.command", ["sh"]),
    ),
    "no-job": ("run_job/erase", "is", gone(f"{RUN}/jobs/docledger-erase")),
    "sequencer-sleeps": (
        "service/sequencer",
        "processor",
        put(
            f"{RUN}/services/docledger-sequencer",
            "template.containers.0.resources",
            {"cpuIdle": True},
        ),
    ),
    # What stands in no table.
    "unknown-bucket": ("buckets", "no other bucket", new(f"{STORAGE}/leak")),
    "unknown-topic": ("topics", "no other topic", new(f"{PUBSUB}/topics/leak")),
    "unknown-secret": ("secrets", "no other secret", new(f"{SECRETS}/leak")),
    "unknown-service": ("services", "no other service", new(f"{RUN}/services/leak")),
    "unknown-key": ("ring/app", "no other key", new(f"{KMS}/docledger-app/cryptoKeys/leak")),
    "another-projects-subscription": (
        f"topic/{TOPIC}",
        "no other subscription",
        new(
            "pubsub.googleapis.com/v1/projects/evil-project/subscriptions/summarize.document-read",
            topic=f"projects/{PROJECT}/topics/{TOPIC}",
        ),
    ),
    # What is missing.
    "no-bucket": ("bucket/log", "is", gone(LOG)),
    "no-service": ("service/ocr", "is", gone(OCR)),
    "no-database": ("database/books", "is", gone(BOOKS)),
}
