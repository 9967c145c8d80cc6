"""A whole examination: the project's number first, then everything that the tables name."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from deploy.doctor.examining import Examiner
from deploy.doctor.installed import Installed
from deploy.doctor.lines import NOTHING, Line, Status
from deploy.doctor.listings import listings, signing_rings
from deploy.doctor.logs import sinks
from deploy.doctor.policies import CHECK
from deploy.doctor.reading import IN_HAND, AbsentError, Call, Google, UnseenError
from deploy.doctor.subjects import PROJECTS, subjects
from deploy.iam.matrix import Matrix
from shared.clock import Clock, SystemClock

_NUMBER: Final = re.compile(r"projects/([0-9]+)\Z")

Look = Callable[[], Iterator[Line]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be looked at.

    Attributes:
        project: its id.
        region: where everything is.
        external: by external identity, its members.
        accepted: texts of lines that may be there beside the tables.
        only: resources, or kinds of them; everything when empty.
        objects: how many below each prefix of a bucket.
    """

    project: str
    region: str
    external: Mapping[str, Collection[str]] = field(default_factory=dict)
    accepted: Collection[str] = ()
    only: Collection[str] = ()
    objects: int = 1_000


def examine(
    google: Google, matrix: Matrix, wish: Wish, *, clock: Clock | None = None
) -> list[Line]:
    """Return a line for each check, in the order of the tables; the clock tells how old one is."""
    try:
        number = _number(google, wish.project)
    except AbsentError:
        return [Line(Status.UNKNOWN, "project", "number", "a project", "no such project")]
    except UnseenError as error:
        return [Line(Status.UNKNOWN, "project", "number", "a number", str(error))]
    its = Installed(
        matrix,
        project=wish.project,
        region=wish.region,
        number=number,
        external=wish.external,
    )
    now = (clock or SystemClock()).now()
    looks = [
        look
        for resource, look in _looks(Examiner(google, its, objects=wish.objects, now=now), its)
        if not wish.only or {resource, resource.partition("/")[0]} & {*wish.only}
    ]
    with ThreadPoolExecutor(IN_HAND) as pool:
        lines = [line for some in pool.map(lambda look: list(look()), looks) for line in some]
    return [_accepted(line, wish.accepted) for line in lines]


def _looks(examiner: Examiner, its: Installed) -> Iterator[tuple[str, Look]]:
    for subject in (*subjects(its), *sinks(its)):
        yield subject.resource, partial(examiner.subject, subject)
        kind, _, name = subject.resource.partition("/")
        if kind == "subscription":
            yield subject.resource, partial(examiner.subscription, name)
        if kind == "database":
            yield subject.resource, partial(examiner.backups, name)
        if kind == "service":
            yield subject.resource, partial(examiner.revisions, name)
        if kind == "bucket":
            yield subject.resource, partial(examiner.notifications, name)
            for prefix in its.stated.buckets[name].prefixes or ("",):
                yield subject.resource, partial(examiner.objects, name, prefix)
    for ring in sorted(signing_rings(its)):
        yield f"ring/{ring}", partial(examiner.signers, ring)
    yield "processors", examiner.processors
    for listing in listings(its):
        yield listing.resource, partial(examiner.listing, listing)


def _number(google: Google, project: str) -> str:
    said = google.ask(Call(PROJECTS, f"/v3/projects/{project}", {"fields": "name"}))
    match = _NUMBER.match(str(said.get("name")))
    if match is None:
        raise UnseenError("an API answers something else than a project")
    return match[1]


def _accepted(line: Line, accepted: Iterable[str]) -> Line:
    beyond = line.check == CHECK or line.check.startswith("no other ")
    more = beyond and line.status is Status.DIFFERS and line.expected == NOTHING
    return replace(line, status=Status.ACCEPTED) if more and line.text in accepted else line
