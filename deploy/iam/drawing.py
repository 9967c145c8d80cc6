"""docs/iam/README.md, made of ``infra/iam.yaml``: ``python -m deploy.iam.drawing`` writes it."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Final

from deploy.iam.matrix import INVOKER, Grant, Matrix, account_id, load_matrix
from deploy.iam.stated import AGENT

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "iam"
PAGE: Final = "README.md"

_LETTERS: Final = {
    "createObjects": "c",
    "readObjects": "r",
    "deleteObjects": "d",
    "listObjects": "l",
    "wrapKeys": "w",
    "unwrapKeys": "u",
    "signCheckpoints": "s",
    "viewPublicKeys": "v",
    "renewKeys": "n",
    "roles/pubsub.publisher": "p",
}

_PAGE: Final = Template("""\
# Who may do what

Generated from `infra/iam.yaml` and `infra/topology.yaml` by `make docs`. Every grant is here, each
on one resource; nothing is granted on the project but what Google checks nowhere else. How to read
and change it: `infra/README.md`. What each method of an adapter needs: `infra/calls.yaml`.

## Identities

| identity | account | kind | does |
|---|---|---|---|
$identities

## Data classes and their keys

| key | holds | rotated every | used for us by |
|---|---|---|---|
$keys

## Where it lies

| resource | name | key |
|---|---|---|
$resources

## Custom roles

| role | permissions |
|---|---|
$roles

## What only the project can grant

| permission | because |
|---|---|
$project

## The database's roles

Members of group roles on PostgreSQL; what each may do with which table is in
`services/ingest/register_grants.py` and `services/ledger/adapters/grants.py`.

| role | members |
|---|---|
$database

## At a glance

What each deployable, and each job that runs a person's command, may do with objects (`c`reate,
`r`ead, `d`elete or replace, `l`ist), keys (`w`rap, `u`nwrap, `s`ign, `v`iew the public part,
re`n`ew) and topics (`p`ublish). Prefixes and everything else are below.

$glance

## The matrix

What stands in brackets is an IAM condition on objects' names: how they begin, or, after `…`, end.

$matrix
## What follows

### Invokers

One for each subscription, and for each dead letter's. The Pub/Sub agent alone mints their tokens.

| subscription | account | may call |
|---|---|---|
$invokers

### Google's service agents

| agent | may | on |
|---|---|---|
$agents
""")


def page(matrix: Matrix) -> str:
    """Return the page."""
    stated = matrix.stated
    return _PAGE.substitute(
        identities=_rows(
            (f"`{name}`", _account(matrix, name, one.kind), one.kind, one.does)
            for name, one in stated.identities.items()
        ),
        keys=_rows(
            (f"`{name}`", key.holds, f"{key.rotation_days} days", ", ".join(key.agents) or "nobody")
            for name, key in stated.keys.items()
        ),
        resources=_rows(_resources(matrix)),
        roles=_rows(
            (f"`{name}`: {role.title.lower()}", ", ".join(f"`{one}`" for one in role.permissions))
            for name, role in stated.roles.items()
        ),
        project=_rows((f"`{name}`", why) for name, why in stated.project_only.items()),
        database=_rows(
            (f"`{role}`", ", ".join(members) or "nobody: a person's own login")
            for database in stated.databases.values()
            for role, members in database.roles.items()
        ),
        glance=_rows(_glance(matrix)),
        matrix="".join(_sections(matrix)),
        invokers=_rows(
            (f"`{name}`", f"`{account_id(matrix, INVOKER + name)}`", f"`service/{worker}`")
            for name, worker in matrix.subscriptions.items()
        ),
        agents=_rows(_agents(matrix)),
    )


def _account(matrix: Matrix, name: str, kind: str) -> str:
    return "others' own" if kind == "external" else f"`{account_id(matrix, name)}`"


def _resources(matrix: Matrix) -> Iterator[tuple[str, str, str]]:
    stated = matrix.stated
    for name, bucket in stated.buckets.items():
        yield f"`bucket/{name}`", f"`{bucket.name}`", bucket.key
    for name, database in stated.databases.items():
        yield f"`database/{name}`", f"`{database.instance}`", database.key
    for kind, named in (
        ("secret", stated.secrets),
        ("repository", stated.repositories),
        ("log_bucket", stated.log_buckets),
        ("service", stated.services),
        ("run_job", stated.run_jobs),
    ):
        for name, one in named.items():
            yield f"`{kind}/{name}`", f"`{one.name}`", one.key
    yield "`topic/…`", "each topic of the topology", "events"


def _glance(matrix: Matrix) -> Iterator[list[str]]:
    kinds = {"runtime", "command"}
    names = [name for name, one in matrix.stated.identities.items() if one.kind in kinds]
    yield ["on", *(f"`{name}`" for name in names)]
    yield ["---" for _ in ("on", *names)]
    shown = {"bucket", "key", "ring", "topic"}
    grants = [one for one in matrix.grants if one.resource.partition("/")[0] in shown]
    for resource in dict.fromkeys(one.resource for one in grants if one.identity in names):
        cells = [
            "".join(
                letter
                for role, letter in _LETTERS.items()
                if any(
                    (one.identity, one.resource, one.role) == (name, resource, role)
                    for one in grants
                )
            )
            for name in names
        ]
        yield [f"`{resource}`", *cells]


def _sections(matrix: Matrix) -> Iterator[str]:
    stated = [grant for grant in matrix.grants if not grant.by_rule]
    for identity, grants in groupby(stated, lambda grant: grant.identity):
        if identity.startswith(AGENT):
            continue
        yield f"### `{identity}`\n\n| on | may | because |\n|---|---|---|\n"
        yield _rows((_place(one), f"`{one.role}`", one.because) for one in grants) + "\n\n"


def _place(grant: Grant) -> str:
    place = f"`{grant.resource}`"
    names = [*(f"`{one}`" for one in grant.under), *(f"not `{one}`" for one in grant.except_)]
    names += [f"`…{one}`" for one in grant.ending]
    if names:
        return f"{place} [{', '.join(names)}]"
    return f"{place} [the database server]" if grant.bounded else place


def _agents(matrix: Matrix) -> Iterator[tuple[str, str, str]]:
    theirs = [grant for grant in matrix.grants if grant.identity.startswith(AGENT)]
    for grant in sorted(theirs, key=lambda one: (one.identity, one.role)):
        yield grant.identity.removeprefix(AGENT), f"`{grant.role}`", _place(grant)


def _rows(rows: Iterable[Iterable[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write(folder: Path = FOLDER) -> None:
    """Write the page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).write_text(page(load_matrix()), encoding="utf-8")


if __name__ == "__main__":
    write()
