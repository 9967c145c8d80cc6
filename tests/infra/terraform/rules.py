"""What holds of every resource in a plan, whoever wrote it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from shared.bus.topology import DEAD_SUFFIX
from tests.infra.terraform.planned import Plan

Rule = Callable[[Plan], Iterator[str]]

KEYS: Final[Mapping[str, tuple[str | int, ...]]] = {
    "google_artifact_registry_repository": ("kms_key_name",),
    "google_cloud_run_v2_job": ("template", 0, "template", 0, "encryption_key"),
    "google_cloud_run_v2_service": ("template", 0, "encryption_key"),
    "google_document_ai_processor": ("kms_key_name",),
    "google_logging_project_bucket_config": ("cmek_settings", 0, "kms_key_name"),
    "google_pubsub_topic": ("kms_key_name",),
    "google_secret_manager_secret": (
        *("replication", 0, "user_managed", 0, "replicas", 0),
        *("customer_managed_encryption", 0, "kms_key_name"),
    ),
    "google_sql_database_instance": ("encryption_key_name",),
    "google_storage_bucket": ("encryption", 0, "default_kms_key_name"),
}
"""Where a resource of each type has its key: all types of ours that can have one."""

MOST_BACKUP_DAYS: Final = 30
EVERYBODY: Final = ("allUsers", "allAuthenticatedUsers")


def lies_under_a_key(plan: Plan) -> Iterator[str]:
    """Every byte lies under a key of the customer's."""
    for one in plan.of(*KEYS):
        if not (at(one.values, KEYS[one.type]) or at(one.unknown, KEYS[one.type])):
            yield f"{one.address} has no key"


def nobody_is_everybody(plan: Plan) -> Iterator[str]:
    """No right for all, no bucket that could be public, no service that asks nobody."""
    for one in plan.resources:
        if one.values.get("member") in EVERYBODY:
            yield f"{one.address} lets everybody in"
        if one.values.get("invoker_iam_disabled"):
            yield f"{one.address} asks nobody who calls"
    for one in plan.of("google_storage_bucket"):
        if one.values["public_access_prevention"] != "enforced":
            yield f"{one.address} may be made public"
        if one.values["uniform_bucket_level_access"] is not True:
            yield f"{one.address} has rights on single objects"


def workers_are_called_from_within(plan: Plan) -> Iterator[str]:
    """Only the two APIs are reached from outside."""
    for one in plan.of("google_cloud_run_v2_service"):
        outside = one.values["ingress"] != "INGRESS_TRAFFIC_INTERNAL_ONLY"
        if outside and not one.values["name"].endswith("-api"):
            yield f"{one.address} is reached from outside"


def images_are_pinned(plan: Plan) -> Iterator[str]:
    """A tag can be moved to somebody else's image."""
    for one in plan.of("google_cloud_run_v2_service", "google_cloud_run_v2_job"):
        (template,) = one.values["template"]
        for container in template.get("containers") or template["template"][0]["containers"]:
            if "@sha256:" not in container["image"]:
                yield f"{one.address} runs {container['name']} by a tag"


def dead_letters_are_consumed(plan: Plan) -> Iterator[str]:
    """Every subscription has a topic for letters, and that a subscription of its own, for ever."""
    subscriptions = {one.values["name"]: one for one in plan.of("google_pubsub_subscription")}
    for name, one in subscriptions.items():
        if one.values["expiration_policy"] != [{"ttl": ""}]:
            yield f"{one.address} vanishes when nothing happens"
        if not one.values["push_config"]:
            yield f"{one.address} pushes to nobody"
        if name.endswith(DEAD_SUFFIX):
            continue
        if len(one.values["dead_letter_policy"]) != 1:
            yield f"{one.address} has no place for dead letters"
        if name + DEAD_SUFFIX not in subscriptions:
            yield f"{one.address} has dead letters that nobody takes"


def erased_means_erased(plan: Plan) -> Iterator[str]:
    """Versions, soft delete, retention and old backups would each bring an erased key back."""
    for one in plan.of("google_storage_bucket"):
        if one.values["versioning"] != [{"enabled": False}]:
            yield f"{one.address} keeps versions"
        if one.values["soft_delete_policy"] != [{"retention_duration_seconds": 0}]:
            yield f"{one.address} keeps what is deleted"
        if one.values["retention_policy"] and one.key != "audit":
            yield f"{one.address} refuses to delete"
    for one in plan.of("google_sql_database_instance"):
        (backups,) = one.values["settings"][0]["backup_configuration"]
        kept = backups["backup_retention_settings"][0]["retained_backups"]
        if max(kept, backups["transaction_log_retention_days"]) > MOST_BACKUP_DAYS:
            yield f"{one.address} can be restored for too long"
        if one.values["settings"][0]["retain_backups_on_delete"]:
            yield f"{one.address} leaves its backups behind"


def everything_leaves_by_the_network(plan: Plan) -> Iterator[str]:
    """Who parses foreign files must not be able to send them away."""
    runs = {
        "google_cloud_run_v2_service": ("template", 0),
        "google_cloud_run_v2_job": ("template", 0, "template", 0),
    }
    for one in plan.of(*runs):
        if at(one.values, (*runs[one.type], "vpc_access", 0, "egress")) != "ALL_TRAFFIC":
            yield f"{one.address} goes out by itself"
    if not any(
        one.values["direction"] == "EGRESS"
        and one.values["deny"]
        and one.values["destination_ranges"] == ["0.0.0.0/0"]
        for one in plan.of("google_compute_firewall")
    ):
        yield "google_compute_firewall.nowhere is not there"
    for one in plan.of("google_compute_network"):
        if not one.values["delete_default_routes_on_create"]:
            yield f"{one.address} has a way to everywhere"
    names = {one.values["name"] for one in plan.of("google_dns_record_set")}
    if not {"private.googleapis.com.", "*.googleapis.com."} <= names:
        yield "google_dns_record_set.any leads nobody to Google"


def everything_stays_in_its_region(plan: Plan) -> Iterator[str]:
    """A copy elsewhere lies under another key, or none, and outlives what is erased here."""
    (server,) = plan.of("google_sql_database_instance")
    region = server.values["region"]
    places: Mapping[str, tuple[tuple[str | int, ...], object]] = {
        "google_pubsub_topic": (
            ("message_storage_policy", 0, "allowed_persistence_regions"),
            [region],
        ),
        "google_sql_database_instance": (
            ("settings", 0, "backup_configuration", 0, "location"),
            region,
        ),
        "google_storage_bucket": (("location",), region),
    }
    for one in plan.of(*places):
        path, place = places[one.type]
        if at(one.values, path) != place:
            yield f"{one.address} keeps something elsewhere"


def the_database_is_reached_by_its_proxy(plan: Plan) -> Iterator[str]:
    """It logs in as the account and finds the server from within: there is no password to lose."""
    for one, template in _templates(plan):
        for container in template["containers"]:
            if container["name"] != "database":
                continue
            for needed in ("--private-ip", "--auto-iam-authn"):
                if needed not in (container["args"] or ()):
                    yield f"{one.address}: its proxy lacks {needed}"


def everything_has_a_kernel_of_its_own(plan: Plan) -> Iterator[str]:
    """The first generation's sandbox lacks what ours confines foreign files with."""
    for one, template in _templates(plan):
        if template["execution_environment"] != "EXECUTION_ENVIRONMENT_GEN2":
            yield f"{one.address} runs in another environment"


def _templates(plan: Plan) -> Iterator[tuple[Any, Any]]:
    for one in plan.of("google_cloud_run_v2_service", "google_cloud_run_v2_job"):
        (template,) = one.values["template"]
        yield one, template if "containers" in template else template["template"][0]


RULES: Final[tuple[Rule, ...]] = (
    lies_under_a_key,
    nobody_is_everybody,
    workers_are_called_from_within,
    images_are_pinned,
    dead_letters_are_consumed,
    erased_means_erased,
    everything_leaves_by_the_network,
    everything_stays_in_its_region,
    the_database_is_reached_by_its_proxy,
    everything_has_a_kernel_of_its_own,
)


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    """Return what is at a path; None where the way ends."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
