"""Rules that the table of grants keeps. Each is a function from a matrix to what breaks it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from deploy.cloudrun.deployables import NAMES
from deploy.iam.matrix import INVOKER, LIST, OBJECTS, Matrix, account_id, condition_of
from deploy.iam.stated import AGENT, PROJECT
from deploy.local.pubsub_site import APIS, JOBS
from shared.bus.topology import DEAD_SUFFIX

Rule = Callable[[Matrix], Iterator[str]]

EVERYBODY: Final = re.compile(r"allUsers|allAuthenticatedUsers|domain:")
ACCOUNT_ID: Final = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
MOST_OPERATORS: Final = 12
"""In one condition; IAM refuses more."""

AGENT_OF: Final = {
    "bucket": "storage",
    "topic": "pubsub",
    "database": "sql",
    "secret": "secrets",
    "repository": "artifacts",
    "log_bucket": "logging",
    "service": "run",
    "run_job": "run",
    "processor": "documentai",
}
"""Whose account encrypts each kind of resource for us."""

ERASERS: Final = {"ingest", "eraser", "keeper"}
"""Who destroys keys: the eraser, and ingest when a document was erased as it came in. Whoever wraps
a key again replaces it, which Google allows to those alone who may delete it."""

KEEPER: Final = "keeper"
"""Who wraps keys again, and exchanges those of logs."""

SIGNERS: Final = {"sequencer", KEEPER}
"""Who signs: checkpoints, and that a key joins a log's or ends."""

READERS: Final = {*SIGNERS, "ledger-api", "operator", "eraser"}
"""Who reads the log with an account of ours: besides, who audits it, and who proves an erasure."""

STARTERS: Final = {
    "operate": "operators",
    "erase": "custodians",
    "keys": "custodians",
    "migrate": "deployer",
}
"""Who starts each job. Whoever is on call at night starts nothing that cannot be undone."""

COMMANDS: Final = {
    "operate": "operator",
    "erase": "eraser",
    "keys": KEEPER,
    "migrate": "migrator",
}
"""Whom each job runs as; the eraser alone is a service's, too."""


def no_primitive_role(matrix: Matrix) -> Iterator[str]:
    """Owner, editor, viewer and every predefined role on a project say everything at once."""
    for grant in matrix.grants:
        name = grant.role.removeprefix("roles/")
        if name in {"owner", "editor", "viewer", "browser"} or name.endswith((".admin", "Admin")):
            yield f"{grant.identity} is {grant.role}"


def nothing_on_the_project(matrix: Matrix) -> Iterator[str]:
    """A role on the project reaches everything in it, and whatever will be in it."""
    for grant in matrix.grants:
        if grant.resource != PROJECT:
            continue
        if grant.role not in matrix.stated.roles:
            yield f"{grant.identity} is {grant.role} on the project"
        for one in matrix.stated.permissions(grant.role):
            if one not in matrix.stated.project_only:
                yield f"{grant.identity} has {one} on the project"
            if one.startswith("cloudsql.") and not (grant.bounded or grant.identity == "doctor"):
                yield f"{grant.identity} has {one} on every server of the project"


def no_public_access(matrix: Matrix) -> Iterator[str]:
    """Everybody is nobody that one could name."""
    stated = matrix.stated
    told = [*stated.agents.values(), *stated.identities, *stated.grants]
    told += [one.public or "" for one in stated.services.values()]
    for name in told:
        if EVERYBODY.search(name):
            yield f"{name} is everybody"
    external = {name for name, one in stated.identities.items() if one.kind == "external"}
    for grant in matrix.grants:
        if grant.identity in external and not grant.resource.startswith(("service/", "run_job/")):
            yield f"{grant.identity}, who is no account of ours, reaches {grant.resource}"


def no_wildcard(matrix: Matrix) -> Iterator[str]:
    """What is granted on everything is granted on what comes next month."""
    for grant in matrix.grants:
        names = (*grant.under, *grant.except_, *grant.ending)
        if "*" in "".join((grant.role, grant.resource, *names)):
            yield f"{grant.identity} is {grant.role} on {grant.resource}"
        if grant.resource == PROJECT:
            continue
        kind, _, name = grant.resource.partition("/")
        if name not in matrix.resources.get(kind, ()):
            yield f"{grant.resource} is nothing that there is"
    for name, role in matrix.stated.roles.items():
        if any("*" in one for one in role.permissions):
            yield f"{name} holds a wildcard"


def everything_has_its_key(matrix: Matrix) -> Iterator[str]:
    """A key is of use where the service that stores for us may use it, and nobody else."""
    stated = matrix.stated
    keyed = [("topic", "of the topology", "events"), ("processor", "of Document AI", "batches")]
    kinds: Mapping[str, Mapping[str, object]] = {
        "bucket": stated.buckets,
        "database": stated.databases,
        "secret": stated.secrets,
        "repository": stated.repositories,
        "log_bucket": stated.log_buckets,
        "service": stated.services,
        "run_job": stated.run_jobs,
    }
    for kind, named in kinds.items():
        keyed += [(kind, name, str(getattr(one, "key", ""))) for name, one in named.items()]
    for kind, name, key in keyed:
        if key not in stated.keys or AGENT_OF[kind] not in stated.keys[key].agents:
            yield f"{kind} {name} cannot be encrypted with {key}"
    for name, its in stated.keys.items():
        used = {AGENT_OF[kind] for kind, _, key in keyed if key == name}
        for agent in set(its.agents) - used:
            yield f"the {agent} agent may use {name} for nothing"


def conditions_fit(matrix: Matrix) -> Iterator[str]:
    """IAM refuses a longer condition, and a condition on what has no objects never holds."""
    for grant in matrix.grants:
        told = condition_of(grant, matrix, project="p") or ""
        if told.count("||") + told.count("&&") + told.count("!") > MOST_OPERATORS:
            yield f"{grant.identity} on {grant.resource}: too many prefixes for one condition"
        if not (grant.under or grant.ending):
            continue
        for one in matrix.stated.permissions(grant.role):
            if one == LIST or not one.startswith(OBJECTS):
                yield f"{grant.identity} on {grant.resource}: {one} is not bounded by names"
        known = matrix.stated.buckets[grant.resource.removeprefix("bucket/")].prefixes
        for prefix in (*grant.under, *grant.except_):
            if not prefix.startswith(tuple(known)):
                yield f"{grant.identity} on {grant.resource}: nothing lies at {prefix}"


def accounts_have_names(matrix: Matrix) -> Iterator[str]:
    """Google takes 6 to 30 characters, and two of one name would be one account."""
    ids = [account_id(matrix, name) for name in matrix.resources["account"]]
    for one in ids:
        if not ACCOUNT_ID.fullmatch(one):
            yield f"{one} is no id of an account"
    if len(set(ids)) < len(ids):
        yield "two identities are one account"


def one_identity_a_deployable(matrix: Matrix) -> Iterator[str]:
    """Two deployables of one identity can do each other's work."""
    runtime = {name for name, one in matrix.stated.identities.items() if one.kind == "runtime"}
    if not runtime == set(matrix.stated.services) == {*NAMES, *APIS}:
        yield "deployables, services and runtime identities are not the same"
    for grant in matrix.grants:
        if grant.role == "roles/run.invoker" and grant.identity in runtime:
            yield f"{grant.identity} calls {grant.resource}: workers only share events"


def jobs_are_started(matrix: Matrix) -> Iterator[str]:
    """A sweep that nobody starts loses what it would have found."""
    for name, job in JOBS:
        if job not in matrix.stated.services[name].jobs:
            yield f"nobody starts {job} of {name}"
    for name, its in matrix.stated.services.items():
        calls = matrix.allows("scheduler", "run.routes.invoke", f"service/{name}")
        if calls != bool(its.jobs):
            yield f"the scheduler and {name} do not fit"
        reads = matrix.allows(name, "secretmanager.versions.access", "secret/internal-event-token")
        if reads != bool(its.jobs):
            yield f"{name} and the scheduler's token do not fit"


def letters_are_taken(matrix: Matrix) -> Iterator[str]:
    """A dead letter whose subscription nobody may push for waits until it expires."""
    for name, its in matrix.topology.subscriptions.items():
        dead = name + DEAD_SUFFIX
        wanted = (
            ("agent/pubsub", "pubsub.topics.publish", f"topic/{dead}"),
            ("agent/pubsub", "pubsub.subscriptions.consume", f"subscription/{name}"),
            (INVOKER + dead, "run.routes.invoke", f"service/{its.worker}"),
            ("agent/pubsub", "iam.serviceAccounts.getOpenIdToken", f"account/{INVOKER}{dead}"),
            (INVOKER + name, "run.routes.invoke", f"service/{its.worker}"),
            ("agent/pubsub", "iam.serviceAccounts.getOpenIdToken", f"account/{INVOKER}{name}"),
        )
        for identity, permission, resource in wanted:
            if not matrix.allows(identity, permission, resource):
                yield f"{identity} lacks {permission} on {resource}"


def only_the_agent_mints(matrix: Matrix) -> Iterator[str]:
    """Whoever makes an invoker's tokens can push what they like."""
    for grant in matrix.grants:
        for one in matrix.stated.permissions(grant.role):
            ours = grant.identity in {"agent/pubsub", "agent/scheduler"}
            if one == "iam.serviceAccounts.getOpenIdToken" and not ours:
                yield f"{grant.identity} makes tokens of {grant.resource}"
            if one == "iam.serviceAccounts.actAs" and grant.identity != "deployer":
                yield f"{grant.identity} runs things as {grant.resource}"
            if one in {"iam.serviceAccounts.getAccessToken", "iam.serviceAccountKeys.create"}:
                yield f"{grant.identity} can be {grant.resource}"


def erasure_is_final(matrix: Matrix) -> Iterator[str]:
    """Nobody takes a tombstone away, and nobody but who erases destroys a key, or a tenant's."""
    for identity in matrix.stated.identities:
        may = (
            ("bucket/objects", "tombstones/d", False),
            ("bucket/wrapped", "keys/tenants/t.ids", identity == KEEPER),
            ("bucket/objects", "originals/d", identity in {"ingest", "register", "eraser"}),
            ("bucket/wrapped", "keys/0", identity in ERASERS),
        )
        for resource, name, expected in may:
            if matrix.allows(identity, "storage.objects.delete", resource, name) != expected:
                yield f"{identity} may delete {name}: {not expected}"


def each_stage_writes_its_own(matrix: Matrix) -> Iterator[str]:
    """A stage whose results another can write has no results."""
    for stage in ("ingest", "ocr", "summarize", "ledger"):
        for kind in ("results", "leases", "quarantine"):
            name = f"{kind}/{stage}/d/1"
            for identity in matrix.stated.identities:
                own = identity == stage and (kind, stage) != ("results", "ledger")
                # What the entrance and the register cannot decode is kept with ingest's.
                own |= (kind, stage) == ("quarantine", "ingest") and identity in {
                    "entrance",
                    "register",
                }
                made = matrix.allows(identity, "storage.objects.create", "bucket/objects", name)
                if made != own:
                    yield f"{identity} may create {name}: {made}"


def the_log_only_grows(matrix: Matrix) -> Iterator[str]:
    """What is published stays as it is; the sequencer adds, and moves a checkpoint on.

    A log's history of keys grows when a person exchanges them, and by nobody else's doing.
    """
    grows = {"t/checkpoint": SIGNERS, "t.keys": {KEEPER}}
    begins = {"t/checkpoint": SIGNERS, "t.keys": SIGNERS}
    stays = ("t.vkey", "t/tile/0/000", "t/tile/0/000.p/5", "t/tile/entries/000", "t/keys")
    for identity in (*matrix.stated.identities, *(AGENT + name for name in matrix.stated.agents)):
        for name in (*grows, *stays):
            created = identity in begins.get(name, {"sequencer"})
            for verb, may in (("create", created), ("delete", identity in grows.get(name, ()))):
                if matrix.allows(identity, f"{OBJECTS}{verb}", "bucket/log", name) != may:
                    yield f"{identity} may {verb} {name}: {not may}"
        reads = matrix.allows(identity, f"{OBJECTS}get", "bucket/log", "t/checkpoint")
        if reads != (identity in READERS):
            yield f"{identity} reads logs: {reads}"
    log = matrix.stated.buckets["log"]
    if log.retention_days is not None or log.delete_after_days is not None:
        yield "a checkpoint could not be replaced, or a tile would go by itself"


def signing_is_the_sequencers(matrix: Matrix) -> Iterator[str]:
    """Who signs checkpoints can sign another history; who exchanges keys must have both sign."""
    for identity in matrix.stated.identities:
        signs = matrix.allows(identity, "cloudkms.cryptoKeyVersions.useToSign", "ring/signers")
        if signs != (identity in SIGNERS):
            yield f"{identity} signs: {signs}"


def commands_have_their_own_rights(matrix: Matrix) -> Iterator[str]:
    """A job runs what a person types: as whom it runs is all that bounds it."""
    stated = matrix.stated
    runs_as = {name: job.identity for name, job in stated.run_jobs.items()}
    if runs_as != COMMANDS:
        yield "jobs and whom they run as are not those that are known"
    commands = {name for name, one in stated.identities.items() if one.kind == "command"}
    if commands != set(runs_as.values()) - {"migrator", *stated.services}:
        yield "an account of commands is no job's, or a job has somebody else's"
    for identity in stated.identities:
        for job in runs_as:
            for permission in ("run.jobs.run", "run.jobs.runWithOverrides"):
                may = STARTERS.get(job) == identity
                may &= permission == "run.jobs.run" or identity != "deployer"
                if matrix.allows(identity, permission, f"run_job/{job}") != may:
                    yield f"{identity} has {permission} on {job}: {not may}"


def the_operator_opens_and_changes_nothing(matrix: Matrix) -> Iterator[str]:
    """Whoever is on call looks, and sends on again; content stays closed, and nothing goes."""
    for grant in matrix.grants:
        if grant.identity != "operator":
            continue
        for one in matrix.stated.permissions(grant.role):
            if one in {f"{OBJECTS}create", f"{OBJECTS}delete"} or one.endswith(
                (".useToSign", ".useToEncrypt")
            ):
                yield f"the operator has {one} on {grant.resource}"
    sealed = ("keys/" + "0" * 40, "keys/tenants/t.inbox")
    for name in sealed:
        if matrix.allows("operator", f"{OBJECTS}get", "bucket/wrapped", name):
            yield f"the operator reads {name}"
    for role, members in next(iter(matrix.stated.databases.values())).roles.items():
        if "operator" in members and not role.endswith("_reader"):
            yield f"the operator is {role}"


def renewing_is_the_keepers(matrix: Matrix) -> Iterator[str]:
    """Who makes or destroys versions of keys decides what can be opened, and what is signed."""
    for identity in matrix.stated.identities:
        for what, resource in (
            ("create", "key/kek"),
            ("destroy", "key/kek"),
            ("create", "ring/signers"),
        ):
            may = matrix.allows(identity, f"cloudkms.cryptoKeyVersions.{what}", resource)
            if may != (identity == KEEPER):
                yield f"{identity} may {what} versions at {resource}: {may}"
        if matrix.allows(identity, "cloudkms.cryptoKeyVersions.destroy", "ring/signers"):
            yield f"{identity} may destroy what signed: nobody could sign that it ends"


RULES: Final[tuple[Rule, ...]] = (
    no_primitive_role,
    nothing_on_the_project,
    no_public_access,
    no_wildcard,
    everything_has_its_key,
    conditions_fit,
    accounts_have_names,
    one_identity_a_deployable,
    jobs_are_started,
    letters_are_taken,
    only_the_agent_mints,
    erasure_is_final,
    each_stage_writes_its_own,
    the_log_only_grows,
    signing_is_the_sequencers,
    commands_have_their_own_rights,
    the_operator_opens_and_changes_nothing,
    renewing_is_the_keepers,
)
