"""``docledger doctor``: a live project beside the tables, as a table, as lines, as evidence."""

import dataclasses
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from google.auth.exceptions import GoogleAuthError
from rich.table import Table

from deploy.cli.screen import safe, table, to_stderr, to_stdout
from deploy.doctor.examination import Wish, examine
from deploy.doctor.lines import Line, Status, code_of
from deploy.doctor.reading import Google
from deploy.iam.matrix import Matrix, load_matrix
from deploy.iam.stated import IAM_FILE
from shared.bus.topology import TOPOLOGY_FILE
from shared.clock import Clock, SystemClock
from shared.errors import UserError

_PROJECT: Final = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]\Z")
_REGION: Final = re.compile(r"[a-z]+-[a-z]+[0-9]{1,2}\Z")
_MEMBER: Final = re.compile(r"(user|group|serviceAccount|domain|principal|principalSet):\S+\Z")
_STYLES: Final = {Status.OK: "green", Status.DIFFERS: "red", Status.UNKNOWN: "yellow"}
_BESIDE: Final = ("buckets", "topics", "subscriptions", "secrets", "databases", "services", "sinks")
_OTHERS: Final = ("run_jobs", "processors", "project", "role", "database", "log_bucket", "sink")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person typed.

    Attributes:
        project: its id.
        region: where everything is.
        only: resources or kinds; all when empty.
        external: ``NAME=MEMBER`` each.
        accept: texts of lines.
        objects: how many below each prefix.
        output: where evidence goes.
        as_json: JSON Lines instead of a table.
    """

    project: str
    region: str
    only: Sequence[str] = ()
    external: Sequence[str] = ()
    accept: Sequence[str] = ()
    objects: int = 1_000
    output: Path | None = None
    as_json: bool = False


def doctor(asked: Asked, *, google: Google | None = None, clock: Clock | None = None) -> int:
    """Look, show, and return the exit code.

    Args:
        asked: what is wished.
        google: the APIs; as whoever is logged in here sees them when None.
        clock: dates the evidence, and tells how old a backup is.

    Raises:
        UserError: a wish cannot be, or nobody is logged in.
    """
    matrix = load_matrix()
    wish = _wish(asked, matrix)
    lines = examine(google or _google(), matrix, wish, clock=clock)
    if not lines:
        raise UserError(f"there is no {' nor '.join(asked.only)} in infra/: name what is there")
    code = code_of(lines)
    if asked.output is not None:
        _save(asked.output, _evidence(wish, lines, int(code), clock or SystemClock()))
    if asked.as_json:
        for line in lines:
            print(json.dumps(dataclasses.asdict(line)))  # noqa: T201 - this is the output
        return int(code)
    to_stdout().print(_table(lines, wish))
    counts = Counter(line.status for line in lines)
    said = " · ".join(f"{counts[status]} {status}" for status in Status if counts[status])
    to_stderr().print(safe(f"docledger: {said}"))
    return int(code)


def _google() -> Google:
    try:
        return Google.by_default()
    except GoogleAuthError as err:
        raise UserError(
            "nobody is logged in here: run 'gcloud auth application-default login'"
        ) from err


def _wish(asked: Asked, matrix: Matrix) -> Wish:
    if not _PROJECT.match(asked.project):
        raise UserError("--project is no project's id: it is 6 to 30 small letters, digits, -")
    if not _REGION.match(asked.region):
        raise UserError("--region is no region: it is like europe-west3")
    known = {*matrix.resources, *_BESIDE, *_OTHERS}
    for one in asked.only:
        if one.partition("/")[0] not in known:
            raise UserError(f"{one} is no kind of resource: name one of {', '.join(sorted(known))}")
    return Wish(
        project=asked.project,
        region=asked.region,
        external=_members(asked.external, matrix),
        accepted=frozenset(asked.accept),
        only=frozenset(asked.only),
        objects=asked.objects,
    )


def _members(pairs: Iterable[str], matrix: Matrix) -> dict[str, list[str]]:
    known = [name for name, one in matrix.stated.identities.items() if one.kind == "external"]
    found: dict[str, list[str]] = {}
    for pair in pairs:
        name, _, member = pair.partition("=")
        if name not in known or not _MEMBER.match(member):
            raise UserError(
                f"--external {pair}: give NAME=MEMBER, where NAME is {' or '.join(known)} "
                "and MEMBER is like group:them@example.com"
            )
        found.setdefault(name, []).append(member)
    return found


def _table(lines: Sequence[Line], wish: Wish) -> Table:
    """Return a row for each resource that is as it should be, and for each check that is not."""
    title = f"{wish.project} in {wish.region}"
    made = table(title, ("!status", "resource", "check", "expected", "found"), ())
    for row in _rows(lines):
        made.add_row(safe(row[0], style=_STYLES.get(Status(row[0]), "")), *map(safe, row[1:]))
    return made


def _rows(lines: Sequence[Line]) -> Iterator[tuple[str, str, str, str, str]]:
    ordered = sorted(lines, key=lambda line: line.resource)
    for resource, its in groupby(ordered, key=lambda line: line.resource):
        some = list(its)
        right = [line for line in some if line.status is Status.OK]
        if right:
            yield Status.OK, resource, f"{len(right)} check{'s' * (len(right) > 1)}", "", ""
        for line in some:
            if line.status is not Status.OK:
                yield line.status, resource, line.check, line.expected, line.found


def _evidence(wish: Wish, lines: Sequence[Line], code: int, clock: Clock) -> dict[str, Any]:
    """Return all that was looked at, and the digests of the tables that it was compared with."""
    tables = {path.name: hashlib.sha256(path.read_bytes()) for path in (IAM_FILE, TOPOLOGY_FILE)}
    return {
        "project": wish.project,
        "region": wish.region,
        "at": clock.now().isoformat(timespec="seconds"),
        "only": sorted(wish.only),
        "tables": {name: f"sha256:{digest.hexdigest()}" for name, digest in tables.items()},
        "exit_code": code,
        "counts": dict(Counter(line.status.value for line in lines)),
        "lines": [dataclasses.asdict(line) for line in lines],
    }


def _save(path: Path, evidence: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    except OSError as err:
        raise UserError(
            f"{path} cannot be written ({err.strerror}): name another file with -o"
        ) from err
