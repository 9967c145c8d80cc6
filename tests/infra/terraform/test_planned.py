"""What Terraform itself would make of our files, planned offline."""

import json
import re
from collections import Counter
from contextlib import ExitStack
from typing import Any

import pytest

from deploy.iam.matrix import Grant, Matrix, condition_of, load_matrix, member_of
from shared.bus.topology import DEAD_SUFFIX, TOPOLOGY_FILE, load_topology
from shared.errors import UserError
from tests.emulators.postgres import Postgres, postgres_folder
from tests.infra.terraform.administrator import administered, may_use, migrated, prepared
from tests.infra.terraform.breaking import BROKEN, edited
from tests.infra.terraform.planned import NUMBER, PROJECT, VARIABLES, Plan, Resource, plan
from tests.infra.terraform.rules import RULES, Rule

KINDS = {
    "google_artifact_registry_repository_iam_member": "repository",
    "google_cloud_run_v2_job_iam_member": "run_job",
    "google_cloud_run_v2_service_iam_member": "service",
    "google_kms_crypto_key_iam_member": "key",
    "google_kms_key_ring_iam_member": "ring",
    "google_project_iam_member": "project",
    "google_pubsub_subscription_iam_member": "subscription",
    "google_pubsub_topic_iam_member": "topic",
    "google_secret_manager_secret_iam_member": "secret",
    "google_service_account_iam_member": "account",
    "google_storage_bucket_iam_member": "bucket",
}


@pytest.fixture(scope="module")
def planned() -> Plan:
    return plan("prod")


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return load_matrix()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_plan_keeps_every_rule(planned: Plan, rule: Rule) -> None:
    """What a security team asks of every resource, whoever wrote it."""
    assert list(rule(planned)) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_plan_that_breaks_a_rule_is_found(planned: Plan, name: str) -> None:
    """Each rule, broken: a rule that finds nothing keeps nobody."""
    rule, address, path, value = BROKEN[name]
    assert any(address in problem for problem in rule(edited(planned, address, path, value)))


def test_every_rule_is_broken_by_something() -> None:
    """A rule without its attack is a hope."""
    assert {rule for rule, *_ in BROKEN.values()} == set(RULES)


def test_whoever_is_granted_something_is_in_the_matrix_and_nobody_else(
    planned: Plan, matrix: Matrix
) -> None:
    """A grant that iam.yaml does not say is a hole; one that Terraform leaves out, an outage."""
    made = Counter(_made(one) for one in planned.of(*KINDS))
    said = Counter(wanted for grant in matrix.grants for wanted in _wanted(grant, matrix))
    assert made == said
    assert set(made.values()) == {1}
    members = [one for one in planned.resources if one.type.endswith(("_member", "_binding"))]
    assert {one.type for one in members} == set(KINDS)


def test_every_identity_is_an_account_without_a_stranger(planned: Plan, matrix: Matrix) -> None:
    """An account that nobody wrote down would be one that nobody looks at."""
    accounts = {one.values["account_id"] for one in planned.of("google_service_account")}
    expected = {
        member_of(matrix, name, project=PROJECT, number=NUMBER).removeprefix("serviceAccount:")
        for name in matrix.resources["account"]
    }
    assert {f"{name}@{PROJECT}.iam.gserviceaccount.com" for name in accounts} == expected
    assert all(6 <= len(name) <= 30 for name in accounts)


def test_roles_have_exactly_the_permissions_that_are_written_down(
    planned: Plan, matrix: Matrix
) -> None:
    """What a role of ours holds is what its line says."""
    made = {
        one.key: one.values["permissions"] for one in planned.of("google_project_iam_custom_role")
    }
    said = {name: list(role.permissions) for name, role in matrix.stated.roles.items()}
    assert {name: sorted(held) for name, held in made.items()} == {
        name: sorted(held) for name, held in said.items()
    }


def test_topics_and_subscriptions_are_the_topologys(planned: Plan, matrix: Matrix) -> None:
    """A topic that is missing refuses events; a clock that differs loses them."""
    topology = load_topology(TOPOLOGY_FILE)
    topics = list(planned.of("google_pubsub_topic"))
    assert {one.values["name"] for one in topics} == set(map(str, matrix.topics))
    subscriptions = {one.values["name"]: one for one in planned.of("google_pubsub_subscription")}
    assert subscriptions.keys() == matrix.subscriptions.keys()
    for name, its in topology.subscriptions.items():
        for one in (subscriptions[name], subscriptions[name + DEAD_SUFFIX]):
            values = one.values
            assert values["ack_deadline_seconds"] == max(10, its.lease_s)
            assert values["message_retention_duration"] == f"{int(its.retention_s)}s"
            (retry,) = values["retry_policy"]
            waits = tuple(float(retry[f"{which}_backoff"][:-1]) for which in ("minimum", "maximum"))
            assert waits == its.backoff_s
            (push,) = values["push_config"]
            assert push["push_endpoint"].endswith(f".run.app/push/{values['name']}")
            assert f"docledger-{its.worker}-{NUMBER}" in push["push_endpoint"]
        (letters,) = subscriptions[name].values["dead_letter_policy"]
        assert letters["max_delivery_attempts"] == its.attempts  # an outage is no poison


def test_every_push_carries_the_token_of_its_own_account(planned: Plan) -> None:
    """One account for two subscriptions could push to both."""
    accounts = []
    for one in planned.of("google_pubsub_subscription"):
        (push,) = one.values["push_config"]
        (token,) = push["oidc_token"]
        assert push["push_endpoint"].startswith(token["audience"] + "/push/")
        accounts.append(token["service_account_email"])
    assert len(set(accounts)) == len(accounts)


def test_keys_rotate_and_those_that_sign_do_not_by_the_calendar(
    planned: Plan, matrix: Matrix
) -> None:
    """A signing key that changes by itself is a fork to whoever pinned it."""
    signing = set()
    for one in planned.of("google_kms_crypto_key"):
        if one.values["purpose"] == "ENCRYPT_DECRYPT":
            days = matrix.stated.keys[one.key].rotation_days
            assert one.values["rotation_period"] == f"{days * 86_400}s"
        else:
            assert one.values["rotation_period"] is None
            signing.add(one.values["name"])
            assert one.values["version_template"][0]["algorithm"] == "EC_SIGN_ED25519"
    assert signing == {"log-default", "log-smoke"}  # a release hands its documents in as smoke


def test_leases_and_what_was_left_behind_go_by_themselves(planned: Plan) -> None:
    """Ended leases and broken uploads are nobody's to remove; results are nobody's to lose."""
    rules = {
        one.key: [
            (rule["action"][0]["type"], rule["condition"][0])
            for rule in one.values["lifecycle_rule"]
        ]
        for one in planned.of("google_storage_bucket")
    }
    expected: dict[str, list[Any]] = {"objects": [(1, ["leases/"])], "batches": [(1, None)]}
    for name, found in rules.items():
        assert found[0][0] == "AbortIncompleteMultipartUpload", name
        deleted = [
            (rule["age"], rule["matches_prefix"]) for action, rule in found if action == "Delete"
        ]
        assert deleted == expected.get(name, []), name


def test_the_database_is_reached_by_iam_and_from_within(planned: Plan, matrix: Matrix) -> None:
    """No public address, no password, a point in time to go back to."""
    (server,) = planned.of("google_sql_database_instance")
    (settings,) = server.values["settings"]
    assert settings["ip_configuration"][0]["ipv4_enabled"] is False
    assert settings["connector_enforcement"] == "REQUIRED"
    assert settings["backup_configuration"][0]["point_in_time_recovery_enabled"] is True
    assert {"name": "cloudsql.iam_authentication", "value": "on"} in settings["database_flags"]
    assert server.values["deletion_protection"] is True
    users = list(planned.of("google_sql_user"))
    assert {one.values["type"] for one in users} == {"CLOUD_IAM_SERVICE_ACCOUNT"}
    assert all(one.values["password"] is None for one in users)
    (database,) = matrix.stated.databases.values()
    logins = {database.owner, *(name for members in database.roles.values() for name in members)}
    assert {one.key for one in users} == logins


@pytest.mark.integration
@pytest.mark.enable_socket
def test_what_the_administrator_is_told_lets_the_migrator_migrate(planned: Plan) -> None:
    """As the guide has it, on a real server: nobody is made more than its work takes."""
    told = planned.outputs["docledger"]["memberships"]
    logins = {login for line in told for login in re.findall('"(.+)"', line)}
    migrator = f"docledger-migrator@{PROJECT}.iam"
    with postgres_folder() as folder, ExitStack() as stack:
        server = Postgres(folder)
        stack.callback(server.stop)
        prepared(server, logins)
        administered(server, [f'GRANT cloudsqlsuperuser TO "{migrator}"'])
        with pytest.raises(UserError, match="is missing and this login may not create it"):
            migrated(server, migrator)  # a member inherits no attribute: it may make no roles
        administered(server, [f'REVOKE cloudsqlsuperuser FROM "{migrator}"', *told])
        migrated(server, migrator)
        assert may_use(server, f"docledger-register@{PROJECT}.iam") == {"register"}
        assert may_use(server, f"docledger-sequencer@{PROJECT}.iam") == {"ledger"}


def test_deployables_run_as_themselves_and_are_called_from_within(
    planned: Plan, matrix: Matrix
) -> None:
    """An identity, an image by digest, probes; only the two APIs are reached from outside."""
    for one in planned.of("google_cloud_run_v2_service"):
        (template,) = one.values["template"]
        name = one.values["name"].removeprefix("docledger-")
        assert template["service_account"] == f"docledger-{name}@{PROJECT}.iam.gserviceaccount.com"
        public = matrix.stated.services[name].public is not None
        ingress = "INGRESS_TRAFFIC_ALL" if public else "INGRESS_TRAFFIC_INTERNAL_ONLY"
        assert one.values["ingress"] == ingress
        assert one.values["invoker_iam_disabled"] is False
        assert template["vpc_access"][0]["egress"] == "ALL_TRAFFIC"
        first = template["containers"][0]
        assert first["startup_probe"][0]["http_get"][0]["path"] == "/ready"
        assert first["liveness_probe"][0]["http_get"][0]["path"] == "/health"
        assert first["resources"][0]["cpu_idle"] is not (name == "sequencer")
        assert template["scaling"][0]["max_instance_count"] >= 1
    (sequencer,) = (
        one
        for one in planned.of("google_cloud_run_v2_service")
        if one.values["name"] == "docledger-sequencer"
    )
    assert sequencer.values["template"][0]["scaling"] == [
        {"max_instance_count": 1, "min_instance_count": 1}
    ]


def test_the_retention_policy_reaches_whoever_erases(planned: Plan) -> None:
    """A policy that stops on its way keeps everything, and a hold that does is no hold."""
    services = {
        one.values["name"]: one.values["template"][0]["containers"]
        for one in planned.of("google_cloud_run_v2_service")
    }
    jobs = {
        one.values["name"]: one.values["template"][0]["template"][0]["containers"]
        for one in planned.of("google_cloud_run_v2_job")
    }
    told = {
        name: json.loads(variable["value"])
        for name, containers in {**services, **jobs}.items()
        for container in containers
        for variable in container["env"]
        if variable["name"] == "DOCLEDGER_ERASURE_POLICY"
    }
    said = VARIABLES["retention"]
    assert told == {"docledger-eraser": said, "docledger-erase": said}


def test_commands_run_as_whom_the_matrix_says_and_once(planned: Plan, matrix: Matrix) -> None:
    """As another it would have the other's rights; tried again, it would do everything twice."""
    jobs = {one.values["name"]: one.values for one in planned.of("google_cloud_run_v2_job")}
    assert jobs.keys() == {its.name for its in matrix.stated.run_jobs.values()}
    for its in matrix.stated.run_jobs.values():
        (template,) = jobs[its.name]["template"]
        (task,) = template["template"]
        account = f"docledger-{its.identity}@{PROJECT}.iam.gserviceaccount.com"
        assert task["service_account"] == account
        assert (template["task_count"], template["parallelism"], task["max_retries"]) == (1, 1, 0)
        assert task["vpc_access"][0]["egress"] == "ALL_TRAFFIC"
        command, proxy = task["containers"]
        assert command["command"] == ["python", "-m", "deploy.cloudrun.command"]
        assert command["depends_on"] == ["database"]
        assert "--quitquitquit" in proxy["args"]


def test_jobs_are_called_with_both_proofs(planned: Plan, matrix: Matrix) -> None:
    """The account says who calls, the token that the call was meant."""
    jobs = {one.key: one for one in planned.of("google_cloud_scheduler_job")}
    assert jobs.keys() == {
        f"{name}-{job}" for name, its in matrix.stated.services.items() for job in its.jobs
    }
    for one in jobs.values():
        (target,) = one.values["http_target"]
        (token,) = target["oidc_token"]
        assert (
            token["service_account_email"]
            == f"docledger-scheduler@{PROJECT}.iam.gserviceaccount.com"
        )
        assert target["uri"].startswith(token["audience"] + "/internal/jobs/")
        assert target["headers"] == {"X-Internal-Event-Token": "as Google has it"}


def test_uploads_are_told_of_and_nothing_else_is(planned: Plan) -> None:
    """Without a notification a file waits for the sweep; one for leases would be a storm."""
    (one,) = planned.of("google_storage_notification")
    assert one.key == "uploads"
    assert one.values["event_types"] == ["OBJECT_FINALIZE"]
    assert one.values["payload_format"] == "JSON_API_V1"


def test_who_did_what_is_recorded_where_no_deployable_writes(planned: Plan, matrix: Matrix) -> None:
    """An audit trail that its subject can change is none."""
    recorded = {one.key: one.values for one in planned.of("google_project_iam_audit_config")}
    for api in ("storage", "cloudkms", "secretmanager", "pubsub", "cloudsql", "run", "iam"):
        logged = recorded[f"{api}.googleapis.com"]["audit_log_config"]
        assert {one["log_type"] for one in logged} == {"ADMIN_READ", "DATA_READ", "DATA_WRITE"}
        assert not any(one["exempted_members"] for one in logged)
    sinks = {one.values["name"]: one.values for one in planned.of("google_logging_project_sink")}
    assert {name: sink["destination"].rpartition("/")[2] for name, sink in sinks.items()} == {
        "docledger-audit-archived": f"{PROJECT}-audit",
        "docledger-audit-searched": "docledger-audit",
        "_Default": "docledger-logs",  # Cloud Logging's own can have no key of ours
    }
    assert not any(one["disabled"] for one in sinks.values())
    told = {name: sink["filter"] for name, sink in sinks.items()}
    logs = re.findall(r"cloudaudit.googleapis.com/(\w+)", told["docledger-audit-archived"])
    assert set(logs) == {"activity", "data_access", "policy", "system_event"}
    assert told["docledger-audit-searched"] == told["docledger-audit-archived"]
    assert told["_Default"] == f"NOT ({told['docledger-audit-archived']})"
    writers = {grant.identity for grant in matrix.grants if grant.resource == "bucket/audit"}
    assert writers == {"agent/logging", "doctor"}


def test_somebody_is_told_of_spend_and_of_packets_that_wanted_to_leave(planned: Plan) -> None:
    """A reader that calls out, and a bill that grows, are both seen by nobody else."""
    (budget,) = planned.of("google_billing_budget")
    assert budget.values["budget_filter"][0]["projects"] == [f"projects/{NUMBER}"]
    (metric,) = planned.of("google_logging_metric")
    assert 'disposition="DENIED"' in metric.values["filter"]
    alerts = {one.key for one in planned.of("google_monitoring_alert_policy")}
    assert alerts == {"", "ingest", "ocr", "summarize"}


def _made(one: Resource) -> tuple[str, str, str, str | None]:
    """Return member, role, resource and condition of a grant in the plan."""
    _, role, resource, *_ = one.key.split(" ")
    assert resource.partition("/")[0] == KINDS[one.type], one.address
    assert one.values.get("role") in {role, None}  # a role of ours has its name from Google
    conditions = one.values.get("condition") or [{"expression": None}]
    return one.values["member"], role, resource, conditions[0]["expression"]


def _wanted(grant: Grant, matrix: Matrix) -> list[tuple[str, str, str, str | None]]:
    identity = matrix.stated.identities.get(grant.identity)
    if identity is not None and identity.kind == "external":
        members = VARIABLES["external"].get(grant.identity, [])
    else:
        members = [member_of(matrix, grant.identity, project=PROJECT, number=NUMBER)]
    resource = grant.resource
    if resource.startswith("account/push/"):
        account = member_of(
            matrix, resource.removeprefix("account/"), project=PROJECT, number=NUMBER
        )
        resource = "account/" + account.removeprefix("serviceAccount:docledger-").partition("@")[0]
    condition = condition_of(grant, matrix, project=PROJECT)
    return [(member, grant.role, resource, condition) for member in members]
