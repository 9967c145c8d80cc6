"""Plans that break a rule: one value of one resource, changed."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

from tests.infra.terraform import rules
from tests.infra.terraform.planned import Plan
from tests.infra.terraform.rules import KEYS, Rule

Path = tuple[str | int, ...]

_KEYED: Final[Mapping[str, str]] = {
    "google_artifact_registry_repository": "google_artifact_registry_repository.this",
    "google_cloud_run_v2_job": 'command["erase"].google_cloud_run_v2_job.this',
    "google_cloud_run_v2_service": 'deployable["ocr"].google_cloud_run_v2_service.this',
    "google_document_ai_processor": 'google_document_ai_processor.this["invoice"]',
    "google_logging_project_bucket_config": 'google_logging_project_bucket_config.this["audit"]',
    "google_pubsub_topic": 'google_pubsub_topic.this["ocr.pages-read.dead"]',
    "google_secret_manager_secret": 'google_secret_manager_secret.this["internal-event-token"]',
    "google_sql_database_instance": "google_sql_database_instance.this",
    "google_storage_bucket": 'google_storage_bucket.this["wrapped"]',
}
_BUCKET: Final = 'google_storage_bucket.this["wrapped"]'
_OCR: Final = 'deployable["ocr"].google_cloud_run_v2_service.this'
_HEARD: Final = 'google_pubsub_subscription.this["ocr.pages-read"]'
_SERVER: Final = "google_sql_database_instance.this"
_BACKUPS: Final = ("settings", 0, "backup_configuration", 0)

BROKEN: Final[Mapping[str, tuple[Rule, str, Path, object]]] = {
    **{
        f"{type_} without its key": (rules.lies_under_a_key, _KEYED[type_], path, None)
        for type_, path in KEYS.items()
    },
    "a member that is everybody": (
        rules.nobody_is_everybody,
        'google_storage_bucket_iam_member.this["ocr readObjects bucket/objects"]',
        ("member",),
        "allUsers",
    ),
    "a bucket that may be public": (
        *(rules.nobody_is_everybody, _BUCKET, ("public_access_prevention",), "inherited"),
    ),
    "rights on single objects": (
        *(rules.nobody_is_everybody, _BUCKET, ("uniform_bucket_level_access",), False),
    ),
    "a service that asks nobody": (
        *(rules.nobody_is_everybody, _OCR, ("invoker_iam_disabled",), True),
    ),
    "a worker outside": (
        *(rules.workers_are_called_from_within, _OCR, ("ingress",), "INGRESS_TRAFFIC_ALL"),
    ),
    "an image by a tag": (
        *(rules.images_are_pinned, _OCR, ("template", 0, "containers", 0, "image"), "ocr:latest"),
    ),
    "no place for letters": (
        *(rules.dead_letters_are_consumed, _HEARD, ("dead_letter_policy",), []),
    ),
    "letters that nobody takes": (
        rules.dead_letters_are_consumed,
        'google_pubsub_subscription.this["ocr.pages-read.dead"]',
        ("name",),
        "ocr.pages-read.lost",
    ),
    "letters that vanish": (
        rules.dead_letters_are_consumed,
        'google_pubsub_subscription.this["ocr.pages-read.dead"]',
        ("expiration_policy",),
        [{"ttl": "2678400s"}],
    ),
    "a subscription that pushes to nobody": (
        *(rules.dead_letters_are_consumed, _HEARD, ("push_config",), []),
    ),
    "versions of keys": (
        *(rules.erased_means_erased, _BUCKET, ("versioning",), [{"enabled": True}]),
    ),
    "soft delete of keys": (
        rules.erased_means_erased,
        _BUCKET,
        ("soft_delete_policy",),
        [{"retention_duration_seconds": 604800}],
    ),
    "keys that are retained": (
        *(rules.erased_means_erased, _BUCKET, ("retention_policy",), [{"retention_period": 1}]),
    ),
    "backups that stay": (
        rules.erased_means_erased,
        _SERVER,
        (*_BACKUPS, "backup_retention_settings", 0, "retained_backups"),
        31,
    ),
    "backups of a server that is gone": (
        *(rules.erased_means_erased, _SERVER, ("settings", 0, "retain_backups_on_delete"), True),
    ),
    "a way out": (
        rules.everything_leaves_by_the_network,
        _OCR,
        ("template", 0, "vpc_access", 0, "egress"),
        "PRIVATE_RANGES_ONLY",
    ),
    "a command's way out": (
        rules.everything_leaves_by_the_network,
        'command["operate"].google_cloud_run_v2_job.this',
        ("template", 0, "template", 0, "vpc_access", 0, "egress"),
        "PRIVATE_RANGES_ONLY",
    ),
    "a proxy that asks for a password": (
        rules.the_database_is_reached_by_its_proxy,
        'deployable["ledger"].google_cloud_run_v2_service.this',
        ("template", 0, "containers", 1, "args"),
        ["--private-ip", "acme:europe-west3:docledger"],
    ),
    "a job's way to the database by a public address": (
        rules.the_database_is_reached_by_its_proxy,
        'command["erase"].google_cloud_run_v2_job.this',
        ("template", 0, "template", 0, "containers", 1, "args"),
        ["--auto-iam-authn", "acme:europe-west3:docledger"],
    ),
    "a sandbox in a sandbox": (
        rules.everything_has_a_kernel_of_its_own,
        _OCR,
        ("template", 0, "execution_environment"),
        "EXECUTION_ENVIRONMENT_GEN1",
    ),
    "routes to everywhere": (
        rules.everything_leaves_by_the_network,
        "google_compute_network.this",
        ("delete_default_routes_on_create",),
        False,
    ),
    "names that lead nowhere": (
        rules.everything_leaves_by_the_network,
        "google_dns_record_set.any",
        ("name",),
        "storage.googleapis.com.",
    ),
    "backups elsewhere": (
        *(rules.everything_stays_in_its_region, _SERVER, (*_BACKUPS, "location"), None),
    ),
    "messages elsewhere": (
        rules.everything_stays_in_its_region,
        _KEYED["google_pubsub_topic"],
        ("message_storage_policy",),
        [],
    ),
    "objects elsewhere": (*(rules.everything_stays_in_its_region, _BUCKET, ("location",), "US"),),
    "a wall with a gap": (
        rules.everything_leaves_by_the_network,
        "google_compute_firewall.nowhere",
        ("destination_ranges",),
        ["10.0.0.0/8"],
    ),
}
"""By name: the rule, whose value, which one, and what it becomes."""


def edited(plan: Plan, address: str, path: Path, value: object) -> Plan:
    """Return a plan in which one value of one resource is another, and known."""
    (found,) = (one for one in plan.resources if one.address.endswith(address))
    values, unknown = deepcopy(found.values), deepcopy(found.unknown)
    _set(values, path, value)
    _set(unknown, path, None)
    changed = replace(found, values=values, unknown=unknown)
    return Plan([changed if one is found else one for one in plan.resources], plan.outputs)


def _set(place: Any, path: Path, value: object) -> None:
    for step in path[:-1]:
        if isinstance(place, list) and not place:
            return
        if isinstance(place, dict) and step not in place:
            return
        place = place[step]
    if isinstance(place, (list, dict)):
        place[path[-1]] = value  # type: ignore[index]
