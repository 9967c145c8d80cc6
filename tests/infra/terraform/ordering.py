"""Whether what must be there first is waited for."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from tests.infra.terraform.configuration import Module, said


class Wait(NamedTuple):
    """One block that waits for another.

    Attributes:
        module: where it is.
        kind: of the block.
        label: of the block.
        awaited: what it depends on.
    """

    module: str
    kind: str
    label: str
    awaited: str


WAITS: Final = (
    Wait("services", "output", "project", "google_project_service.this"),
    Wait("identities", "output", "roles", "google_service_account.this"),
    Wait("identities", "output", "ready", "google_service_account_iam_member.this"),
    Wait("kms", "output", "keys", "google_kms_crypto_key_iam_member.this"),
    Wait("pubsub", "output", "topics", "google_pubsub_topic_iam_member.this"),
    Wait(
        "pubsub",
        "resource",
        "google_pubsub_subscription.this",
        "google_pubsub_topic_iam_member.this",
    ),
    Wait("storage", "output", "buckets", "google_storage_bucket_iam_member.this"),
    Wait("secrets", "output", "secrets", "google_secret_manager_secret_iam_member.this"),
    Wait("network", "output", "network", "google_service_networking_connection.peered"),
    Wait("deployable", "resource", "google_cloud_run_v2_service.this", "var.after"),
    Wait("command", "resource", "google_cloud_run_v2_job.this", "var.after"),
)
"""Who is only known, or made, when somebody's right is there."""

KEYS: Final = frozenset({"kms_key", "keys"})
"""Variables that take keys."""


def hasty(modules: Mapping[str, Module]) -> Iterator[str]:
    """Return what does not wait, in modules by their names.

    Whatever lies under a key takes it from the module that makes keys, whose output waits for the
    grants of Google's services: a topic, bucket or database that is made before is refused.
    """
    for wait in WAITS:
        block = modules[wait.module].of(wait.kind)[wait.label]
        if wait.awaited not in str(block.body.get("depends_on")):
            yield f"{block}: does not wait for {wait.awaited}"
    for name, call in modules["docledger"].of("module").items():
        for variable, value in said(call.body).items():
            if variable in KEYS and name != "kms" and "module.kms.keys" not in str(value):
                yield f"{call}: {variable} is not known to be usable"
        given = said(call.body).get("project", "${module.services.project}")
        if name not in {"services", "facts"} and given != "${module.services.project}":
            yield f"{call}: does not wait for the project's APIs"
