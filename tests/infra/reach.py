"""How far each identity reaches. Each rule is a function from a matrix to what breaks it."""

from collections.abc import Iterator, Mapping
from typing import Final

from deploy.iam.matrix import OBJECTS, Matrix
from deploy.iam.stated import PROJECT
from tests.infra.policies import STARTERS, Rule

CONTENT: Final = (
    *(f"{OBJECTS}{verb}" for verb in ("get", "create", "delete")),
    "pubsub.topics.publish",
    "cloudkms.cryptoKeyVersions.useToEncrypt",
    "cloudkms.cryptoKeyVersions.useToDecrypt",
    "cloudkms.cryptoKeyVersions.useToSign",
    "secretmanager.versions.access",
)
"""What touches a document, an event or what locks them."""

HANDS_OFF: Final = {"invoker", "release", "watch", "external"}
"""Kinds of identities that touch none: they start, release, look, or are not ours."""

OPENERS: Final = {"ingest", "ocr", "summarize", "ledger", "eraser", "keeper"}
"""Who may read documents' keys: four that open them, one that looks whether they are gone, and who
wraps them again."""

RELEASERS: Final[Mapping[str, set[str]]] = {
    "run.services.update": {"deployer"},
    "run.jobs.update": {"deployer"},
    "artifactregistry.repositories.uploadArtifacts": {"builder"},
    "artifactregistry.tags.update": {"builder", "deployer"},
}
"""Who decides what runs."""

TELLERS: Final[Mapping[str, set[str]]] = {
    "docledger.entry.posted.v1": {"sequencer"},
    "docledger.entry.held.v1": {"sequencer"},
    "docledger.document.erased.v1": {"eraser", "register", "operator"},
    "docledger.document.quarantined.v1": {"ingest", "ocr", "summarize", "ledger"},
}
"""Who tells how a document ended. The register's sweep and a replay tell of an erasure again."""

MEMBERS: Final[Mapping[str, set[str]]] = {
    "docledger_register_worker": {"ingest", "register"},
    "docledger_register_reader": {"ingest-api", "operator"},
    "docledger_register_eraser": {"eraser"},
    "docledger_ledger_worker": {"ledger"},
    "docledger_ledger_sequencer": {"sequencer"},
    "docledger_ledger_auditor": {"ledger-api"},
    "docledger_ledger_reader": {"eraser", "keeper", "operator"},
}
"""Who is a member of which role of the database. Nobody has two that write to one schema."""


def who_only_releases_or_looks_touches_nothing(matrix: Matrix) -> Iterator[str]:
    """A pipeline that can read documents is a way to them for whoever can change a build."""
    kinds = {name: its.kind for name, its in matrix.stated.identities.items()}
    for grant in matrix.grants:
        if kinds.get(grant.identity) not in HANDS_OFF:
            continue
        for one in matrix.stated.permissions(grant.role):
            if one in CONTENT:
                yield f"{grant.identity} has {one} on {grant.resource}"


def strangers_only_call_what_is_theirs(matrix: Matrix) -> Iterator[str]:
    """An account of others calls the API that is public to it, or starts jobs; nothing besides."""
    for grant in matrix.grants:
        its = matrix.stated.identities.get(grant.identity)
        if its is None or its.kind != "external":
            continue
        kind, _, name = grant.resource.partition("/")
        theirs = kind == "service" and matrix.stated.services[name].public == grant.identity
        starts = kind == "run_job" and STARTERS.get(name) == grant.identity
        if not (theirs or starts):
            yield f"{grant.identity} reaches {grant.resource}"
        for one in matrix.stated.permissions(grant.role):
            if one.endswith((".update", ".delete", ".create", ".setIamPolicy")):
                yield f"{grant.identity} has {one} on {grant.resource}"


def workers_are_called_by_their_callers(matrix: Matrix) -> Iterator[str]:
    """Whoever may call a worker's service may try what it makes of a request."""
    for grant in matrix.grants:
        kind, _, name = grant.resource.partition("/")
        if kind != "service" or grant.identity not in matrix.stated.identities:
            continue
        calls = "run.routes.invoke" in matrix.stated.permissions(grant.role)
        if calls and matrix.stated.services[name].public is None and grant.identity != "scheduler":
            yield f"{grant.identity} calls {name}"


def documents_are_opened_by_few(matrix: Matrix) -> Iterator[str]:
    """Who may read a document's key may read the document, its results and what it says."""
    for identity in matrix.stated.identities:
        reads = matrix.allows(identity, f"{OBJECTS}get", "bucket/wrapped", "keys/" + "0" * 40)
        if reads != (identity in OPENERS):
            yield f"{identity} reads documents' keys: {reads}"
        plain = matrix.allows(identity, f"{OBJECTS}get", "bucket/uploads", "f")
        if plain != (identity == "entrance"):
            yield f"{identity} reads what people dropped: {plain}"
        paged = matrix.allows(identity, f"{OBJECTS}get", "bucket/batches", "output/p")
        if paged != (identity == "ocr"):
            yield f"{identity} reads pages on their way: {paged}"


def documents_are_buried_by_the_eraser(matrix: Matrix) -> Iterator[str]:
    """Whoever puts a tombstone ends a document: nobody works on it any more."""
    for identity in matrix.stated.identities:
        for name in ("tombstones/d", "erasing/d"):
            may = matrix.allows(identity, f"{OBJECTS}create", "bucket/objects", name)
            if may != (identity == "eraser"):
                yield f"{identity} may create {name}: {may}"


def what_runs_is_decided_by_releases(matrix: Matrix) -> Iterator[str]:
    """Who replaces an image, or says which runs, is every identity that it runs as."""
    for grant in matrix.grants:
        for one in matrix.stated.permissions(grant.role):
            if one in RELEASERS and grant.identity not in RELEASERS[one]:
                yield f"{grant.identity} has {one} on {grant.resource}"


def ends_are_told_by_who_brought_them_about(matrix: Matrix) -> Iterator[str]:
    """The register believes who may publish: posted is what a checkpoint covers."""
    for topic, tellers in TELLERS.items():
        for identity in matrix.stated.identities:
            tells = matrix.allows(identity, "pubsub.topics.publish", f"topic/{topic}")
            if tells != (identity in tellers):
                yield f"{identity} tells of {topic}: {tells}"


def books_are_written_by_their_own(matrix: Matrix) -> Iterator[str]:
    """A login has its roles whatever else its account may do."""
    (database,) = matrix.stated.databases.values()
    for role in {**MEMBERS, **database.roles}:
        there, expected = set(database.roles.get(role, ())), MEMBERS.get(role, set())
        if there != expected:
            yield f"{role}: {', '.join(sorted(there ^ expected))}"
    working = {*database.owner.split(), *(one for its in MEMBERS.values() for one in its)}
    for identity in matrix.stated.identities:
        logs_in = matrix.allows(identity, "cloudsql.instances.login", PROJECT)
        if logs_in != (identity in working):
            yield f"{identity} logs in to the database: {logs_in}"


RULES: Final[tuple[Rule, ...]] = (
    who_only_releases_or_looks_touches_nothing,
    strangers_only_call_what_is_theirs,
    workers_are_called_by_their_callers,
    documents_are_opened_by_few,
    documents_are_buried_by_the_eraser,
    what_runs_is_decided_by_releases,
    ends_are_told_by_who_brought_them_about,
    books_are_written_by_their_own,
)
